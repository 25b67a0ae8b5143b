SELECT 1 FROM (SELECT {columns} FROM {table}) AS {table} WHERE ({expression}) IS NULL LIMIT 0
