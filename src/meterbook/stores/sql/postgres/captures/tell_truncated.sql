INSERT INTO {schema}.seat_changes (type, customer, change, member, way, actor, cause, definition, occurred_at)
    SELECT
        {type}, k.customer, 'leave', k.member, nullif(k.way, ''), {actor}, {cause}, {version},
        (SELECT l.last_at FROM {schema}.seat_locks l WHERE l.type = {type} AND l.customer = k.customer)
    FROM (SELECT DISTINCT customer, member, way FROM ({touched}) d) k
