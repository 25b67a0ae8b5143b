INSERT INTO meterbook_seat_locks (customer, type, last_at, token)
    SELECT k.customer, {type}, coalesce(
        (SELECT occurred_at FROM meterbook_seat_session),
        (SELECT CAST(substr(value, 6) AS INTEGER) FROM meterbook_book WHERE name = 'clock' AND value LIKE 'test:%'),
        CAST(strftime('%s', 'now') AS INTEGER) * 1000000 + CAST(substr(strftime('%f', 'now'), 4) AS INTEGER) * 1000
    ), (SELECT token FROM meterbook_seat_session)
    FROM ({touched}) AS k WHERE true
    ON CONFLICT (customer, type) DO UPDATE SET
        last_at = CASE
            WHEN token IS NOT excluded.token THEN max(excluded.last_at, last_at + 1)
            WHEN token IS NULL THEN max(excluded.last_at, last_at)
            ELSE last_at
        END,
        token = excluded.token;
