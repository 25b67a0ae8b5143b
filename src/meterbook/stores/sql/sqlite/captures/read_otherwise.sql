SELECT count(*) FROM (
    SELECT * FROM (SELECT * FROM ({table_seats}) EXCEPT SELECT * FROM ({bare_seats}))
    UNION ALL
    SELECT * FROM (SELECT * FROM ({bare_seats}) EXCEPT SELECT * FROM ({table_seats}))
)
