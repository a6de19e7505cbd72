-- title:   Traced calls to tables and buckets by route and hour
-- answers: How often did each route's requests call each table and bucket, estimated from traces?
-- stored:  by day
-- column:  date       date      UTC day
-- column:  account_id text      account
-- column:  region     text      region
-- column:  hour       timestamp start of the hour
-- column:  service    text      DynamoDB or S3
-- column:  resource   text      table or bucket; null if the trace does not name it
-- column:  operation  text      for example GetItem
-- column:  function   text      function that calls; null if no invocation of one did
-- column:  api        text      API of the request that began the trace; null if none did
-- column:  stage      text      its stage
-- column:  route      text      its route
-- column:  trigger    text      what else started it (see `trace_triggers`); null where it isn't known
-- column:  calls      double    calls, weighted
-- column:  traced     integer   calls seen
-- column:  traces     integer   traces that they were seen in
-- column:  squares    double    sum of the squares of the calls seen in each trace
with calls as (
    select
        date, account_id, region, trace_id, segment_id,
        date_bin(interval '1 hour', case when cast(ts as date) = date then ts else trace_ts end) as hour,
        case when name like '%DynamoDB%' then 'DynamoDB' else 'S3' end as service, resource, operation
    from spans
    where kind = 'subsegment' and not inferred and namespace = 'aws'
        -- Bytes and units are used, and requests counted, by what succeeds.
        and not (name like '%DynamoDB%' and (error or fault or throttle))
        and name in ('DynamoDB', 'DynamoDBv2', 'Amazon DynamoDB', 'S3', 'Amazon S3')
),
by_trace as (
    select
        calls.date, calls.account_id, calls.region, hour, service, resource, operation, function, api, stage, route, trigger,
        sum(coalesce(request_weight, weight, 1.0)) as calls, count(*) as traced
    from calls
    left join function_traces as callers
        on calls.account_id = callers.account_id and calls.region = callers.region
            and calls.trace_id = callers.trace_id and calls.segment_id = callers.span_id
    group by
        calls.date, calls.account_id, calls.region, hour, service, resource, operation, function, api, stage, route, trigger,
        calls.trace_id
)
select
    date, account_id, region, hour, service, resource, operation, function, api, stage, route, trigger,
    sum(calls) as calls, sum(traced) as traced, count(*) as traces,
    cast(sum(traced * traced) as double) as squares
from by_trace
group by date, account_id, region, hour, service, resource, operation, function, api, stage, route, trigger
