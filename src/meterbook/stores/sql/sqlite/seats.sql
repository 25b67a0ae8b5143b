-- Seats that are recorded live, and the queue that they wait in.

-- waiting: The first changes (of a customer) that wait, in order.
SELECT change_id, type, customer, change, member, way, state, units, path, scale, actor,
    cause, definition, occurred_at
FROM meterbook_seat_changes
WHERE :customer IS NULL OR customer = :customer
ORDER BY change_id LIMIT :limit;

-- count: How many changes wait, counting to a limit.
SELECT count(*) FROM (SELECT 1 FROM meterbook_seat_changes LIMIT :limit);

-- forget: Remove the changes up to one: they are entries now.
DELETE FROM meterbook_seat_changes WHERE change_id <= :upto;

-- begin: What a block of `within` must know: whether triggers are there to be told.
SELECT EXISTS (SELECT 1 FROM meterbook_captures WHERE removed_at IS NULL);

-- set_session: Say to triggers who acts, why, since when, and in which session.
INSERT OR REPLACE INTO meterbook_seat_session (only_row, actor, cause, occurred_at, token)
VALUES (1, :actor, :cause, :occurred_at, :token);

-- session: What was said to them in this session.
SELECT actor, cause FROM meterbook_seat_session WHERE token = :token;

-- end_session: Say nothing to them any more.
DELETE FROM meterbook_seat_session WHERE token = :token;

-- meter: The latest version of a meter.
SELECT version, definition FROM meterbook_meters
WHERE meter_key = ? ORDER BY version DESC LIMIT 1;

-- lock: The instant of the changes of a customer and type in a session: later than that of whoever changed them before.
INSERT INTO meterbook_seat_locks (customer, type, last_at, token)
VALUES (?, ?, ?, ?)
ON CONFLICT (customer, type) DO UPDATE SET
    last_at = CASE WHEN token IS excluded.token THEN last_at
        ELSE max(excluded.last_at, last_at + 1) END,
    token = excluded.token
RETURNING last_at;

-- add: A change that waits.
INSERT INTO meterbook_seat_changes (type, customer, change, member, way, state, units,
    path, scale, actor, cause, definition, occurred_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- secure: Whether deleted bytes are overwritten.
PRAGMA secure_delete;
