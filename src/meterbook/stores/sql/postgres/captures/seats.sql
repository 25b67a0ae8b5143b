SELECT {customer} AS raw_customer, {member} AS raw_member,
            ({customer})::text COLLATE "C" AS customer, ({member})::text COLLATE "C" AS member,
            left(coalesce(({way})::text, ''), 255) COLLATE "C" AS way,
            left(coalesce(({state})::text, 'active'), 255) COLLATE "C" AS state
        FROM {source} AS {alias}
        WHERE ({when}) AND {named}
