-- title:   Freshness of the lake
-- answers: Until when is there anything in the lake, and when was the bill read last?
-- stored:  per state
-- column:  as_of      timestamp when anything was collected last; the running hour ends here
-- column:  bill_as_of timestamp when the bill was read last; null if it never was
select
    coalesce(max(collected_at), (select max(ts) + interval '1 minute' from metrics)) as as_of,
    max(case when source = 'cost' and outcome in ('complete', 'partial') then collected_at end) as bill_as_of
from collections
