SELECT DISTINCT p.payer::text COLLATE "C" AS name FROM ({query}
) AS p (payer) WHERE {named} ORDER BY name
