SELECT {customer} FROM {table}
