-- What contradicts itself in a book. {schema} is the book's schema.
-- Whole tables are joined: this is asked when somebody verifies the book, not in daily use.

-- gaps: Places that nobody has, first and last of each gap; up to the mark.
SELECT g.previous + 1, g.seq - 1
FROM (
    SELECT l.seq, lag(l.seq, 1, 0::bigint) OVER (ORDER BY l.seq) AS previous
    FROM (
        SELECT seq FROM {schema}.log
        UNION ALL
        SELECT numbered + 1 FROM {schema}.worker
    ) l
) g
WHERE g.seq > g.previous + 1
ORDER BY g.seq
LIMIT %(limit)s;

-- lost: Places whose entry is not there.
SELECT l.seq, l.entry_id
FROM {schema}.log l
WHERE NOT EXISTS (
    SELECT FROM {schema}.entries e
    WHERE (e.generation, e.xid, e.entry_id) = (l.generation, l.xid, l.entry_id)
)
ORDER BY l.seq
LIMIT %(limit)s;

-- passed_over: Entries without a place that no tick will find: the last one saw their transaction.
SELECT e.entry_id, e.source, e.event_id
FROM {schema}.entries e, {schema}.worker w, pg_control_system() c
WHERE NOT w.backlog AND w.system_identifier = c.system_identifier
    AND (e.generation <> w.generation OR pg_visible_in_snapshot(e.xid, w.snapshot))
    AND NOT EXISTS (SELECT FROM {schema}.log l WHERE l.entry_id = e.entry_id)
ORDER BY e.entry_id
LIMIT %(limit)s;

-- not_posted: Events up to the mark without a posting of their own, unless void before they had a place.
SELECT l.seq
FROM {schema}.log l
JOIN {schema}.entries e ON (e.generation, e.xid, e.entry_id) = (l.generation, l.xid, l.entry_id)
WHERE e.kind = 0 AND l.seq <= (SELECT posted FROM {schema}.worker)
    AND NOT EXISTS (SELECT FROM {schema}.postings p WHERE p.place = l.seq AND p.seq = l.seq)
    AND NOT EXISTS (SELECT FROM {schema}.voids v WHERE v.entry_id = l.entry_id AND v.seq < l.seq)
ORDER BY l.seq
LIMIT %(limit)s;

-- wrongly_posted: Own postings that do not say what their event says, or have none, or are above the mark.
SELECT p.place, p.customer
FROM {schema}.postings p
LEFT JOIN {schema}.log l ON l.seq = p.place
LEFT JOIN {schema}.entries e ON (e.generation, e.xid, e.entry_id) = (l.generation, l.xid, l.entry_id)
WHERE p.seq = p.place
    AND (
        e.kind IS DISTINCT FROM 0 OR p.sign <> 1 OR p.type <> e.type
        OR p.occurred_at <> e.occurred_at OR p.customer <> e.customer
        OR (
            e.customer IS NULL AND p.customer <> '' AND NOT EXISTS (
                SELECT FROM {schema}.attributions a
                WHERE a.subject_id = e.subject_id AND a.customer = p.customer
            )
        )
        OR p.place > (SELECT posted FROM {schema}.worker)
    )
ORDER BY p.place
LIMIT %(limit)s;

-- posted_twice: Events with several postings of their own.
SELECT p.place
FROM {schema}.postings p
WHERE p.seq = p.place
GROUP BY p.place HAVING count(*) > 1
ORDER BY p.place
LIMIT %(limit)s;

-- unmarked: Places beyond the last one that was given out.
SELECT l.seq
FROM {schema}.log l
WHERE l.seq > (SELECT numbered FROM {schema}.worker)
ORDER BY l.seq
LIMIT %(limit)s;

-- wrongly_attributed: Attribution entries without a row that says what they say.
SELECT e.entry_id
FROM {schema}.entries e
LEFT JOIN {schema}.attributions a ON (a.subject_id, a.entry_id) = (e.subject_id, e.entry_id)
WHERE e.kind = 2
    AND (a.entry_id IS NULL OR a.effective_at <> e.occurred_at OR a.customer IS DISTINCT FROM e.customer)
ORDER BY e.entry_id
LIMIT %(limit)s;

-- stray_attributions: Rows of attributions that no entry says.
SELECT a.entry_id
FROM {schema}.attributions a
WHERE NOT EXISTS (
    SELECT FROM {schema}.entries e
    WHERE e.kind = 2 AND (e.subject_id, e.entry_id) = (a.subject_id, a.entry_id)
)
ORDER BY a.entry_id
LIMIT %(limit)s;

-- wrongly_void: What void entries up to the mark take back, and is not void since then.
SELECT e.event_id, l.seq
FROM {schema}.entries e
JOIN {schema}.log l ON (l.generation, l.xid, l.entry_id) = (e.generation, e.xid, e.entry_id)
LEFT JOIN {schema}.voids v ON v.entry_id::text = e.event_id
WHERE e.kind = 1 AND l.seq <= (SELECT posted FROM {schema}.worker) AND v.seq IS DISTINCT FROM l.seq
ORDER BY l.seq
LIMIT %(limit)s;

-- stray_voids: What is said to be void, and no void entry up to the mark takes back.
SELECT v.entry_id
FROM {schema}.voids v
LEFT JOIN {schema}.entries e ON e.source = 'meterbook:void' AND e.event_id = v.entry_id::text AND e.kind = 1
LEFT JOIN {schema}.log l ON (l.generation, l.xid, l.entry_id) = (e.generation, e.xid, e.entry_id)
WHERE l.seq IS NULL OR l.seq > (SELECT posted FROM {schema}.worker)
ORDER BY v.entry_id
LIMIT %(limit)s;

-- stray_corrections: Corrections that no void or attribution up to the mark made.
SELECT p.place, p.seq
FROM {schema}.postings p
LEFT JOIN {schema}.log l ON l.seq = p.seq
LEFT JOIN {schema}.entries e ON (e.generation, e.xid, e.entry_id) = (l.generation, l.xid, l.entry_id)
WHERE p.seq <> p.place
    AND (coalesce(e.kind, 0) = 0 OR p.seq > (SELECT posted FROM {schema}.worker))
ORDER BY p.place, p.seq
LIMIT %(limit)s;

-- lost_meters: Meters that were rolled up, and have no definition.
SELECT r.meter_id
FROM {schema}.rolled r
WHERE NOT EXISTS (SELECT FROM {schema}.meters m WHERE m.meter_id = r.meter_id)
ORDER BY r.meter_id
LIMIT %(limit)s;
