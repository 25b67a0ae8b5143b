
#variable_conflict use_column
DECLARE
    told_by text := left(nullif(current_setting('meterbook.actor', true), ''), 255);
    told_why text := left(nullif(current_setting('meterbook.cause', true), ''), 1000);
    told_payers text[];
    told_from bigint;
    told_to bigint;
BEGIN
    -- Whose seats does the statement touch?
    IF TG_OP = 'INSERT' THEN
        told_payers := ARRAY(SELECT DISTINCT s.customer FROM (
        {new_seats}
        ) s);
    ELSIF TG_OP = 'UPDATE' THEN
        told_payers := ARRAY(SELECT DISTINCT s.customer FROM (
        {updated}
        ) s);
    ELSIF TG_OP = 'DELETE' THEN
        told_payers := ARRAY(SELECT DISTINCT s.customer FROM (
        {old_seats}
        ) s);
    ELSE
        IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
            RAISE EXCEPTION 'meterbook: a captured table is truncated under READ COMMITTED only'
                USING ERRCODE = 'object_not_in_prerequisite_state',
                HINT = 'An older snapshot does not show who was added since, and TRUNCATE removes them all the same.';
        END IF;
        EXECUTE {truncated_payers_before} || TG_RELID::regclass::text || {truncated_payers_after} INTO told_payers;
    END IF;
    IF told_payers IS NULL OR told_payers = '{}' THEN
        RETURN NULL;
    END IF;

    -- The lock comes first. What is looked up is looked up by a statement after it.
    SELECT min(l.occurred_at), max(l.occurred_at) INTO told_from, told_to
    FROM {schema}.lock_many_seats({type}, told_payers) l;

    -- What is told is what the table says now, not what the statement did to it: another
    -- trigger may have changed a row since, and whoever looks last finds what is true.
    IF TG_OP = 'INSERT' THEN
        {tell_inserts}
    ELSIF TG_OP = 'UPDATE' THEN
        {tell_updates}
    ELSIF TG_OP = 'DELETE' THEN
        {tell_deletes}
    ELSE
        EXECUTE {truncated_before} || TG_RELID::regclass::text || {truncated_after} USING told_by, told_why;
    END IF;
    RETURN NULL;
END
