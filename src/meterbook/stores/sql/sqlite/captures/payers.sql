WITH payers (payer) AS ({query}
), named (raw_name, name) AS (SELECT payer, {payer_text} FROM payers)
SELECT DISTINCT name FROM named WHERE {is_name} ORDER BY name
