-- title:   Units of tables by five minutes
-- answers: How many request units did each table use, its indexes included, and how often was it throttled?
--          Counted by DynamoDB, exactly. A table that nobody uses has no row.
-- stored:  by day
-- column:  date            date      UTC day
-- column:  account_id      text      account
-- column:  region          text      region
-- column:  resource        text      table
-- column:  ts              timestamp start of the five minutes
-- column:  read_units      double    read request units
-- column:  write_units     double    write request units
-- column:  read_throttles  double    reads refused
-- column:  write_throttles double    writes refused
select
    date, account_id, region, split_part(resource, '/index/', 1) as resource, date_bin(interval '5 minutes', ts) as ts,
    sum(case when metric = 'ConsumedReadCapacityUnits' then sum else 0.0 end) as read_units,
    sum(case when metric = 'ConsumedWriteCapacityUnits' then sum else 0.0 end) as write_units,
    sum(case when metric = 'ReadThrottleEvents' then sum else 0.0 end) as read_throttles,
    sum(case when metric = 'WriteThrottleEvents' then sum else 0.0 end) as write_throttles
from metrics
where service = 'dynamodb' and operation is null
    and metric in ('ConsumedReadCapacityUnits', 'ConsumedWriteCapacityUnits', 'ReadThrottleEvents', 'WriteThrottleEvents')
group by date, account_id, region, split_part(resource, '/index/', 1), date_bin(interval '5 minutes', ts)
