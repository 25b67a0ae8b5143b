SELECT DISTINCT raw_customer, raw_member, customer, member, way FROM (
        SELECT * FROM (SELECT * FROM ({old}) EXCEPT SELECT * FROM ({new}))
        UNION ALL
        SELECT * FROM (SELECT * FROM ({new}) EXCEPT SELECT * FROM ({old}))
    )
