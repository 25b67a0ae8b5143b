-- Seats that are recorded live, and the queue that they wait in. {schema} is the book's schema.

-- has_changes: Whether a change waits to become an entry.
SELECT EXISTS (SELECT FROM {schema}.seat_changes);

-- waiting_changes: The first changes (of a customer) that wait, in order.
SELECT change_id, type, customer, change, member, way, state, units, path, scale, actor, cause, definition, occurred_at
FROM {schema}.seat_changes
WHERE %(customer)s::text IS NULL OR customer = %(customer)s::text
ORDER BY change_id
LIMIT %(limit)s::bigint;

-- count_changes: How many changes wait, counting to a limit.
SELECT count(*) FROM (SELECT FROM {schema}.seat_changes LIMIT %(limit)s::bigint) c;

-- take_changes: Remove the first changes. Locked in order: of two who take, one waits for the other, and never each for the other.
WITH taken AS (
    DELETE FROM {schema}.seat_changes c
    USING (SELECT change_id FROM {schema}.seat_changes ORDER BY change_id LIMIT %(limit)s::bigint FOR UPDATE) o
    WHERE c.change_id = o.change_id
    RETURNING c.*
)
SELECT change_id, type, customer, change, member, way, state, units, path, scale, actor, cause, definition, occurred_at
FROM taken
ORDER BY change_id;

-- set_session: Say to triggers who acts and why until the end of the transaction; what they were told before. What is null stays.
WITH before AS MATERIALIZED (
    SELECT
        coalesce(current_setting('meterbook.actor', true), '') AS actor,
        coalesce(current_setting('meterbook.cause', true), '') AS cause
)
SELECT
    actor,
    cause,
    set_config('meterbook.actor', coalesce(%(actor)s::text, actor), true),
    set_config('meterbook.cause', coalesce(%(cause)s::text, cause), true)
FROM before;

-- change_member: Record that somebody joins or leaves, if the meter is of the kind; its latest version.
SELECT
    m.version,
    m.definition,
    CASE WHEN d.aggregation = ANY (%(aggregations)s::text[]) AND coalesce(d.group_by::text, '{}') = '{}' THEN
        {schema}.record_member(
            d.event_type, %(customer)s::text, %(change)s::text, %(member)s::text, %(way)s::text, %(state)s::text,
            %(actor)s::text, %(cause)s::text, coalesce(%(definition)s::integer, m.version)
        )
    END
FROM (
    SELECT version, definition FROM {schema}.meters
    WHERE meter_key = %(meter_key)s::text ORDER BY version DESC LIMIT 1
) m
CROSS JOIN LATERAL json_to_record(m.definition::json) AS d (event_type text, aggregation text, group_by json);

-- change_level: Record a level, likewise.
SELECT
    m.version,
    m.definition,
    CASE WHEN d.aggregation = ANY (%(aggregations)s::text[]) AND coalesce(d.group_by::text, '{}') = '{}' THEN
        {schema}.record_level(
            d.event_type, %(customer)s::text, %(units)s::bigint, %(actor)s::text, %(cause)s::text,
            coalesce(%(definition)s::integer, m.version), d.value, d.scale
        )
    END
FROM (
    SELECT version, definition FROM {schema}.meters
    WHERE meter_key = %(meter_key)s::text ORDER BY version DESC LIMIT 1
) m
CROSS JOIN LATERAL json_to_record(m.definition::json)
    AS d (event_type text, aggregation text, group_by json, value text, scale integer);

-- count_level: Count a level under the lock and record it, likewise; how many there are.
SELECT m.version, m.definition, c.occurred_at, c.units
FROM (
    SELECT version, definition FROM {schema}.meters
    WHERE meter_key = %(meter_key)s::text ORDER BY version DESC LIMIT 1
) m
CROSS JOIN LATERAL json_to_record(m.definition::json)
    AS d (event_type text, aggregation text, group_by json, value text)
-- The count takes its type from g, so that it cannot run before that has let it pass.
LEFT JOIN LATERAL (
    SELECT s.* FROM (
        SELECT d.event_type AS type
        WHERE d.aggregation = ANY (%(aggregations)s::text[]) AND coalesce(d.group_by::text, '{}') = '{}'
        OFFSET 0
    ) g
    CROSS JOIN LATERAL {schema}.count_seats(
        g.type, %(customer)s::text, %(query)s::text, %(actor)s::text, %(cause)s::text,
        coalesce(%(definition)s::integer, m.version), d.value
    ) s
) c ON true;

-- use_test_clock: Have the book's own clock be the one that its settings say.
CREATE OR REPLACE FUNCTION {schema}.book_now() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT pg_catalog.substr(b.value, 6)::pg_catalog.int8
    FROM {schema}.book b WHERE b.name OPERATOR(pg_catalog.=) 'clock'
$$;
