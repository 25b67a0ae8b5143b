SELECT * FROM (
        SELECT {customer} AS raw_customer, {member} AS raw_member,
            {customer_text} COLLATE BINARY AS customer, {member_text} COLLATE BINARY AS member,
            substr(coalesce(CAST(({way}) AS TEXT), ''), 1, 255) COLLATE BINARY AS way,
            substr(coalesce(CAST(({state}) AS TEXT), 'active'), 1, 255) COLLATE BINARY AS state
        FROM {source} AS {alias} WHERE ({when})
    ) WHERE {customer_is_name} AND {member_is_name}
