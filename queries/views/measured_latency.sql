-- title:   Latency as CloudWatch measured it
-- answers: Which percentiles does CloudWatch have of each route, period by period? They hold for that period alone: no average of them,
--          over time or routes, is a percentile.
--          Latency is what API Gateway took from the request to the answer; of WebSocket APIs there is IntegrationLatency only.
-- column:  account_id text      account
-- column:  region     text      region
-- column:  api        text      name of the API
-- column:  stage      text      stage
-- column:  route      text      METHOD /template, or a WebSocket API's route key
-- column:  ts         timestamp start of the period
-- column:  period_s   integer   its length, seconds
-- column:  requests   double    requests that were measured
-- column:  p50_ms     double    median, milliseconds
-- column:  p95_ms     double    95th percentile
-- column:  p99_ms     double    99th percentile
-- Which level an hour of a stage takes, and whose it is, is told by `route_requests`.
select
    metrics.account_id, metrics.region, counted.api, counted.stage, counted.route, metrics.ts,
    cast(metrics.period_s as bigint) as period_s, sample_count as requests, p50 as p50_ms, p95 as p95_ms, p99 as p99_ms
from metrics
join route_requests as counted
    on metrics.account_id = counted.account_id and metrics.region = counted.region and metrics.resource = counted.api
        and metrics.stage = counted.stage and metrics.ts = counted.ts and metrics.period_s = counted.period_s
where service = 'apigateway' and metric = case when protocol = 'WEBSOCKET' then 'IntegrationLatency' else 'Latency' end
    and (
        basis = 'counted by method' and metrics.route = counted.route
        or basis = 'counted by stage' and metrics.route is null
    )
