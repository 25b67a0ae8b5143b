INSERT INTO {schema}.seat_changes (type, customer, change, member, way, state, actor, cause, definition, occurred_at)
    SELECT
        {type}, k.customer, CASE WHEN k.state IS NULL THEN 'leave' ELSE 'join' END, k.member,
        nullif(k.way, ''), nullif(k.state, 'active'), {actor}, {cause}, {version},
        CASE WHEN {from_at} = {to_at} THEN {to_at} ELSE
            (SELECT l.last_at FROM {schema}.seat_locks l WHERE l.type = {type} AND l.customer = k.customer)
        END
    FROM (
        SELECT a.customer, a.member, a.way, min(t.state) AS state
        FROM (SELECT DISTINCT raw_customer, raw_member, customer, member, way FROM ({touched}) d) a
        LEFT JOIN ({table_seats}) t
            ON t.raw_customer = a.raw_customer AND t.raw_member = a.raw_member
            AND t.customer = a.customer AND t.member = a.member AND t.way = a.way
        GROUP BY a.customer, a.member, a.way
    ) k
