(SELECT {columns})
