-- What is told to the book.

-- append: An entry, unless its identity is there. In the order of NewEntry.
INSERT INTO meterbook_entries (kind, source, event_id, type, subject_id, actor_id, customer,
    occurred_at, time_given, data, extensions, fingerprint, recorded_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (source, event_id) DO NOTHING;

-- last_inserted: The id of the last row that this connection inserted.
SELECT last_insert_rowid();

-- erasures: How many people were erased.
SELECT coalesce((SELECT value FROM meterbook_book WHERE name = 'erasures'), '0');

-- known: What an identity has, source first.
SELECT entry_id, fingerprint, subject_id, actor_id FROM meterbook_entries
WHERE source = ? AND event_id = ?;

-- name_people: Ids for new names, given as a JSON array.
INSERT INTO meterbook_people (name) SELECT value FROM json_each(:names);

-- erase_person: A name that nobody can read any more.
DELETE FROM meterbook_people WHERE person_id = :person_id;

-- add_attribution: From when on a subject belongs to a customer.
INSERT INTO meterbook_attributions (subject_id, effective_at, customer, entry_id)
VALUES (:subject_id, :effective_at, :customer, :entry_id);

-- lock_seats: Later instants for customers and types, given as JSON arrays. They belong to no session.
INSERT INTO meterbook_seat_locks (customer, type, last_at, token)
SELECT c.value, t.value, :now, NULL
FROM json_each(:customers) AS c CROSS JOIN json_each(:types) AS t WHERE true
ON CONFLICT (customer, type) DO UPDATE SET
    last_at = max(excluded.last_at, last_at + 1), token = NULL;

-- level_locks: The same instant for all of them: the latest.
UPDATE meterbook_seat_locks
SET last_at = (
    SELECT max(l.last_at) FROM meterbook_seat_locks AS l
    WHERE l.customer IN (SELECT value FROM json_each(:customers))
        AND l.type IN (SELECT value FROM json_each(:types))
)
WHERE customer IN (SELECT value FROM json_each(:customers))
    AND type IN (SELECT value FROM json_each(:types))
RETURNING last_at;

-- add_meter: A version of a meter.
INSERT INTO meterbook_meters (meter_key, version, definition, defined_at)
VALUES (:meter_key, :version, :definition, :at);

-- set_setting: One of the book's own settings.
INSERT INTO meterbook_book (name, value) VALUES (:name, :value)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- quarantine: A document that was refused.
INSERT INTO meterbook_quarantine
    (received_at, code, field, reason, document, state, resolved_at)
VALUES (:received_at, :code, :field, :reason, :document, :state, :resolved_at);

-- resolve_quarantined: What became of a held document; its bytes go.
UPDATE meterbook_quarantine SET state = :state, resolved_at = :at, document = x''
WHERE quarantine_id = :quarantine_id;
