SELECT customer, member, way, min(state) FROM ({seats})
WHERE ?1 IS NULL OR customer IN (SELECT value FROM json_each(?1))
GROUP BY customer, member, way ORDER BY customer
