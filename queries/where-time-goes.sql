-- title:   Where time goes
-- answers: What do the requests of each route wait for: API Gateway, a place for the function, its initialisation, its handler, each
--          service that it calls? On the critical path only: of what runs at once, what is waited for; asynchronous work is not
--          waited for. The parts of a request add up to what its client waited. Each trace counts for the requests that it stands for.
-- param:   from  timestamp required inclusive, UTC
-- param:   to    timestamp required exclusive, UTC
-- param:   api   text      optional only this API
-- param:   stage text      optional only this stage
-- param:   route text      optional only this route, METHOD /template
-- column:  api          text    name of the API
-- column:  stage        text    stage
-- column:  route        text    METHOD /template
-- column:  kind         text    gateway, placement, init, handler, call, overhead, waiting, state machine, other; function where its segment is missing
-- column:  part         text    API, function, or what was called: DynamoDB orders GetItem
-- column:  mean_ms      double  mean of all requests, milliseconds
-- column:  mean_low_ms  double  lower end of its 95% interval
-- column:  mean_high_ms double  upper end
-- column:  share        double  share of the time of all requests
-- column:  slow_mean_ms double  mean of the slowest 5% of requests, milliseconds
-- column:  slow_share   double  share of their time
-- column:  seen_in      integer traces with the part on their path
-- column:  traces       integer traces of the route
-- column:  slow_traces  integer of which among the slowest 5%
with ranked as (
    select
        account_id, region, trace_id, api, stage, route, weight,
        sum(weight) over (
            partition by api, stage, route order by duration_ms, trace_id rows unbounded preceding
        ) > 0.95 * sum(weight) over (partition by api, stage, route) as slow
    from request_traces
    where ts >= $from and ts < $to and nth = 1 and duration_ms is not null
        and ($api is null or api = $api) and ($stage is null or stage = $stage) and ($route is null or route = $route)
),
totals as (
    select
        api, stage, route, count(*) as traces, sum(weight) as requests,
        sum(weight * weight) as squares,
        sum(case when slow then 1 else 0 end) as slow_traces, sum(case when slow then weight end) as slow_requests
    from ranked
    group by api, stage, route
),
-- A trace is found by its own start, which is not later than its request's.
steps as (
    select account_id, region, trace_id, kind, part, sum(own_us) / 1000.0 as ms
    from critical_paths
    where path = 'root' and trace_ts >= $from::timestamptz - interval '1 hour' and trace_ts < $to::timestamptz + interval '1 second'
    group by account_id, region, trace_id, kind, part
),
parts as (
    select
        api, stage, route, kind, part, count(*) as seen_in,
        sum(weight * ms) as ms, sum(weight * weight * ms * ms) as squared, sum(weight * weight * ms) as crossed,
        sum(case when slow then weight * ms end) as slow_ms
    from ranked
    join steps
        on ranked.account_id = steps.account_id and ranked.region = steps.region and ranked.trace_id = steps.trace_id
    group by api, stage, route, kind, part
),
means as (
    select
        parts.api, parts.stage, parts.route, kind, part, seen_in, traces, slow_traces,
        ms / requests as mean_ms,
        -- A request without the part waited 0 ms for it.
        1.96 * sqrt(greatest(
            0.0, squared - 2 * ms / requests * crossed + power(ms / requests, 2) * squares
        )) / requests as reach_ms,
        ms / sum(ms) over (partition by parts.api, parts.stage, parts.route) as share,
        coalesce(slow_ms, 0.0) / slow_requests as slow_mean_ms,
        coalesce(slow_ms, 0.0) / sum(slow_ms) over (partition by parts.api, parts.stage, parts.route) as slow_share
    from parts
    join totals on parts.api = totals.api and parts.stage = totals.stage and parts.route = totals.route
)
select
    api, stage, route, kind, part, mean_ms, greatest(0.0, mean_ms - reach_ms) as mean_low_ms,
    mean_ms + reach_ms as mean_high_ms, share, slow_mean_ms, slow_share, seen_in, traces, slow_traces
from means
order by api, stage, route, mean_ms desc, kind, part
