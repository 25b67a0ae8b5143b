(SELECT {columns} FROM {table})
