-- title:   Requests of APIs on every level
-- answers: What does API Gateway count of each stage, and where detailed metrics are on of each method? The two levels count the same
--          requests: take one of them, as `route_requests` does.
-- stored:  by day
-- column:  date          date      UTC day
-- column:  account_id    text      account
-- column:  region        text      region
-- column:  api           text      name of the API
-- column:  stage         text      stage
-- column:  route         text      METHOD /template; null on the level of the stage
-- column:  ts            timestamp start of the period
-- column:  period_s      integer   its length, seconds
-- column:  requests      double    requests
-- column:  client_errors double    of which answered with 4xx
-- column:  server_errors double    of which answered with 5xx
select
    date, account_id, region, resource as api, stage, route, ts, cast(period_s as bigint) as period_s,
    sum(case when metric = 'Count' then sum else 0 end) as requests,
    sum(case when metric = '4XXError' then sum else 0 end) as client_errors,
    sum(case when metric = '5XXError' then sum else 0 end) as server_errors
from metrics
where service = 'apigateway' and stage is not null
    and metric in ('Count', '4XXError', '5XXError')
group by date, account_id, region, resource, stage, route, ts, period_s
