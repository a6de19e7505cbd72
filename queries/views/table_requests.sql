-- title:   Requests to tables by operation and five minutes
-- answers: How many calls of each operation did each table serve, and how long did they take?
--          Counted by DynamoDB, exactly: calls that succeeded, whoever made them.
-- stored:  by day
-- column:  date          date      UTC day
-- column:  account_id    text      account
-- column:  region        text      region
-- column:  resource      text      table
-- column:  operation     text      for example GetItem
-- column:  ts            timestamp start of the five minutes
-- column:  requests      double    calls that succeeded
-- column:  latency_ms    double    their latency at DynamoDB together, milliseconds
-- column:  throttled     double    calls refused
-- column:  system_errors double    calls that DynamoDB failed
select
    date, account_id, region, resource, operation, date_bin(interval '5 minutes', ts) as ts,
    sum(case when metric = 'SuccessfulRequestLatency' then coalesce(sample_count, 0.0) else 0.0 end) as requests,
    sum(case when metric = 'SuccessfulRequestLatency' then coalesce(sum, 0.0) else 0.0 end) as latency_ms,
    sum(case when metric = 'ThrottledRequests' then coalesce(sum, 0.0) else 0.0 end) as throttled,
    sum(case when metric = 'SystemErrors' then coalesce(sum, 0.0) else 0.0 end) as system_errors
from metrics
where service = 'dynamodb' and operation is not null
    and metric in ('SuccessfulRequestLatency', 'ThrottledRequests', 'SystemErrors')
group by date, account_id, region, resource, operation, date_bin(interval '5 minutes', ts)
