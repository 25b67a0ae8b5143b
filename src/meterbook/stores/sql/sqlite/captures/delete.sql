CREATE TRIGGER {trigger} AFTER DELETE ON {table}
BEGIN
    {lock}
    {leave}
    {join}
END
