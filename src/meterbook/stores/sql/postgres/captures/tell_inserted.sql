INSERT INTO {schema}.seat_changes (type, customer, change, member, way, state, actor, cause, definition, occurred_at)
    SELECT
        {type}, k.customer, 'join', k.member, nullif(k.way, ''), nullif(k.state, 'active'), {actor}, {cause}, {version},
        CASE WHEN {from_at} = {to_at} THEN {to_at} ELSE
            (SELECT l.last_at FROM {schema}.seat_locks l WHERE l.type = {type} AND l.customer = k.customer)
        END
    FROM ({touched}) k
