-- title:   One route over time
-- answers: How did a route's latency go, as CloudWatch measured it, period by period? Never averaged over periods.
-- param:   from  timestamp required inclusive, UTC
-- param:   to    timestamp required exclusive, UTC
-- param:   api   text      required name of the API
-- param:   stage text      required stage
-- param:   route text      required METHOD /template
-- column:  ts            timestamp start of the period
-- column:  period_s      integer   its length, seconds
-- column:  p50_ms        double    median of what clients waited, milliseconds
-- column:  p95_ms        double    95th percentile
-- column:  p99_ms        double    99th percentile
-- column:  requests      double    requests
-- column:  errors        double    of which answered with 5xx
-- column:  client_errors double    of which answered with 4xx
with counted as (
    select
        ts, period_s, sum(requests) as requests, sum(server_errors) as errors, sum(client_errors) as client_errors
    from route_requests
    where ts >= $from and ts < $to and api = $api and stage = $stage and route = $route
    group by ts, period_s
),
latency as (
    -- One account has the route; of two that have one of its name, no percentile is that of both.
    select ts, period_s, max(p50_ms) as p50_ms, max(p95_ms) as p95_ms, max(p99_ms) as p99_ms
    from measured_latency
    where ts >= $from and ts < $to and api = $api and stage = $stage and route = $route
    group by ts, period_s
    having count(*) = 1
)
select
    counted.ts, counted.period_s, p50_ms, p95_ms, p99_ms, requests, errors, client_errors
from counted
left join latency on counted.ts = latency.ts and counted.period_s = latency.period_s
order by ts
