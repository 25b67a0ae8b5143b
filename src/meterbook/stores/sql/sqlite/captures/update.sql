CREATE TRIGGER {trigger} AFTER UPDATE ON {table}
WHEN {changed}
BEGIN
    {lock}
    {leave}
    {join}
END
