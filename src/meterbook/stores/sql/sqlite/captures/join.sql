INSERT INTO meterbook_seat_changes (type, customer, change, member, way, state, actor, cause, definition, occurred_at)
    SELECT {type}, k.customer, 'join', k.member, nullif(k.way, ''), nullif({joined_state}, 'active'),
        substr(s.actor, 1, 255), substr(s.cause, 1, 1000), {version}, l.last_at
    FROM ({touched}) AS k
    CROSS JOIN ({seats}) AS t
        ON t.raw_customer = k.raw_customer AND t.raw_member = k.raw_member
            AND t.customer = k.customer AND t.member = k.member
            AND t.way = k.way
    JOIN meterbook_seat_locks AS l ON l.customer = k.customer AND l.type = {type}
    LEFT JOIN meterbook_seat_session AS s ON true{grouped};
