SELECT * FROM ({query}
) AS p LIMIT 0
