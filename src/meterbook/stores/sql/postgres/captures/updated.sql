WITH old_seats AS (
        {old_seats}
        ), new_seats AS (
        {new_seats}
        )
        SELECT DISTINCT c.raw_customer, c.raw_member, c.customer, c.member, c.way FROM (
            (TABLE old_seats EXCEPT TABLE new_seats) UNION ALL (TABLE new_seats EXCEPT TABLE old_seats)
        ) c
