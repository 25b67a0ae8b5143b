-- The application's tables beside the book, and what watches them.

-- captures: Every version of every capture.
SELECT capture_key, version, definition, made, installed_at, removed_at
FROM meterbook_captures ORDER BY capture_key, version;

-- keep_capture: A version of a capture, as it is now.
INSERT INTO meterbook_captures (capture_key, version, definition, made, installed_at, removed_at)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (capture_key, version) DO UPDATE SET
    definition = excluded.definition, made = excluded.made,
    installed_at = excluded.installed_at, removed_at = excluded.removed_at;

-- named_objects: What has this name, in whatever letters.
SELECT type, name, sql FROM sqlite_master
WHERE type IN ('table', 'view') AND name = ? COLLATE NOCASE;

-- columns: The columns of a table, generated ones too.
SELECT name, "notnull", pk FROM pragma_table_xinfo(?) WHERE hidden <> 1;

-- unique_indexes: The columns of each index that lets no two rows be the same.
SELECT i.name, c.name FROM pragma_index_list(?) AS i, pragma_index_info(i.name) AS c
WHERE i."unique" AND NOT i.partial ORDER BY i.name;

-- triggers: The triggers of a table.
SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE;

-- seats_told: Changes of members that wait to become entries.
SELECT change_id, customer, change, member, way, state, occurred_at FROM meterbook_seat_changes
WHERE type = ? AND change <> 'level' ORDER BY change_id;

-- lock_payers: One instant for many customers, later than any that one of them had. The
-- token is nobody's: whoever comes next gets a later one.
INSERT INTO meterbook_seat_locks (customer, type, last_at, token)
SELECT c.value, :type, max(
    coalesce(
        (SELECT CAST(substr(value, 6) AS INTEGER) FROM meterbook_book WHERE name = 'clock' AND value LIKE 'test:%'),
        CAST(strftime('%s', 'now') AS INTEGER) * 1000000 + CAST(substr(strftime('%f', 'now'), 4) AS INTEGER) * 1000
    ),
    coalesce((
        SELECT max(l.last_at) + 1 FROM meterbook_seat_locks AS l
        WHERE l.type = :type AND l.customer IN (SELECT value FROM json_each(:customers))
    ), 0)
), -1
FROM json_each(:customers) AS c WHERE true
ON CONFLICT (customer, type) DO UPDATE SET last_at = excluded.last_at, token = excluded.token;

-- locked_at: The instant that a customer's lock yielded.
SELECT max(last_at) FROM meterbook_seat_locks
WHERE type = :type AND customer IN (SELECT value FROM json_each(:customers));

-- tell_seat: A change for the worker to make an entry of.
INSERT INTO meterbook_seat_changes (type, customer, change, member, way, state, actor, cause, definition, occurred_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
