SELECT s.customer, s.member, s.way, min(s.state) FROM ({seats}) s
WHERE {asked}
GROUP BY s.customer, s.member, s.way ORDER BY s.customer
