CREATE TRIGGER {trigger} AFTER INSERT ON {table}
BEGIN
    {lock}
    {join}
END
