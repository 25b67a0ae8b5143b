INSERT INTO meterbook_seat_changes (type, customer, change, member, way, actor, cause, definition, occurred_at)
    SELECT {type}, k.customer, 'leave', k.member, nullif(k.way, ''),
        substr(s.actor, 1, 255), substr(s.cause, 1, 1000), {version}, l.last_at
    FROM ({touched}) AS k
    JOIN meterbook_seat_locks AS l ON l.customer = k.customer AND l.type = {type}
    LEFT JOIN meterbook_seat_session AS s ON true
    WHERE NOT EXISTS (
        SELECT 1 FROM ({seats}) AS t
        WHERE t.raw_customer = k.raw_customer AND t.raw_member = k.raw_member
            AND t.customer = k.customer AND t.member = k.member
            AND t.way = k.way
    );
