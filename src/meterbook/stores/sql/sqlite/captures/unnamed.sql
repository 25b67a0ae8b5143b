SELECT (SELECT count(*) FROM {table} WHERE ({when})) - (SELECT count(*) FROM ({seats}))
