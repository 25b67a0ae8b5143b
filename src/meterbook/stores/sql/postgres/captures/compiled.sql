EXPLAIN SELECT * FROM ({updated}) u JOIN ({table_seats}) t
    ON t.raw_customer = u.raw_customer AND t.raw_member = u.raw_member
