SELECT count(*) FROM {table} AS {alias} WHERE ({when}) AND ({named}) IS NOT true
