SELECT array_agg(DISTINCT s.customer) FROM ({touched}) s
