IF NOT EXISTS (
            SELECT FROM pg_trigger t
            WHERE t.tgrelid = TG_RELID AND NOT t.tgisinternal AND t.tgenabled <> 'D'
                AND t.tgtype & 2 = 0 AND t.tgtype & 20 <> 0 AND t.tgname NOT LIKE 'meterbook\_%'
        ) AND NOT EXISTS (SELECT FROM pg_inherits i WHERE TG_RELID IN (i.inhparent, i.inhrelid)) THEN
            -- Nobody else can have changed what was inserted.
            {tell_inserted};
        ELSE
            {tell}
        END IF;
