-- title:   Routes over time
-- answers: How did requests, errors, cost and latency of every route go?
-- param:   from       timestamp required     inclusive, UTC
-- param:   to         timestamp required     exclusive, UTC
-- param:   interval_s integer   default=3600 length of a step, seconds
-- param:   api        text      optional     only this API
-- param:   stage      text      optional     only this stage
-- param:   route      text      optional     only this route, METHOD /template
-- column:  api              text      name of the API
-- column:  stage            text      stage
-- column:  route            text      METHOD /template
-- column:  ts               timestamp start of the step
-- column:  requests         double    requests; null where nothing was counted
-- column:  errors           double    of which answered with 5xx
-- column:  client_errors    double    of which answered with 4xx
-- column:  cost_usd         decimal   unblended cost; steps shorter than an hour share its cost evenly
-- column:  p95_ms           double    95th percentile of what clients waited, milliseconds
-- column:  cold_starts      double    requests whose function had to be initialised first, estimated from the step's traces; null without any
-- column:  cold_starts_low  double    lower end of its 95% interval (Wilson)
-- column:  cold_starts_high double    upper end: what the traces leave possible, also where none of them was cold
-- column:  latency_basis    text      CloudWatch's percentile where it has one of the very step; else histograms or weighted traces
with counted as (
    select
        api, stage, route, date_bin(cast($interval_s || ' seconds' as interval), ts) as step,
        sum(requests) as requests, sum(server_errors) as errors, sum(client_errors) as client_errors
    from route_requests
    where ts >= $from and ts < $to
        and ($api is null or api = $api) and ($stage is null or stage = $stage)
        and ($route is null or route = $route)
    group by 1, 2, 3, 4
),
-- What CloudWatch measured for the very step; it knows no percentile of several.
measured as (
    select api, stage, route, ts as step, max(p95_ms) as p95_ms
    from measured_latency
    where ts >= $from and ts < $to and period_s = $interval_s
        and ($api is null or api = $api) and ($stage is null or stage = $stage)
        and ($route is null or route = $route)
    group by api, stage, route, ts
    having count(*) = 1
),
-- Else histograms of whole hours or traces, as in `latency-by-route`.
filled as (
    select
        api, stage, route, date_bin(cast($interval_s || ' seconds' as interval), hour) as step, lower_ms, upper_ms,
        sum(requests) as requests
    from latency_buckets
    where hour >= $from and hour_end <= $to and $interval_s >= 3600
        and ($api is null or api = $api) and ($stage is null or stage = $stage)
        and ($route is null or route = $route)
    group by 1, 2, 3, 4, 5, 6
),
timed as (
    select
        api, stage, route, date_bin(cast($interval_s || ' seconds' as interval), ts) as step, duration_ms,
        sum(weight) as weight
    from request_traces
    where ts >= $from and ts < $to and duration_ms is not null
        and ($api is null or api = $api) and ($stage is null or stage = $stage)
        and ($route is null or route = $route)
    group by 1, 2, 3, 4, 5
),
timed_steps as (
    select distinct api, stage, route, step from timed
),
starts as (
    select
        api, stage, route, date_bin(cast($interval_s || ' seconds' as interval), ts) as step,
        sampled_rate(cold_start, weight, account_id || '/' || region, ts) as cold
    from request_traces
    where ts >= $from and ts < $to and cold_start is not null
        and ($api is null or api = $api) and ($stage is null or stage = $stage)
        and ($route is null or route = $route)
    group by 1, 2, 3, 4
),
chosen as (
    select
        coalesce(of_step.api, timed_steps.api) as api, coalesce(of_step.stage, timed_steps.stage) as stage,
        coalesce(of_step.route, timed_steps.route) as route, coalesce(of_step.step, timed_steps.step) as step,
        case
            when filled >= 0.9 * coalesce(counted.requests, filled) or timed_steps.api is null then 'histograms'
            else 'weighted traces'
        end as latency_basis
    from (select api, stage, route, step, sum(requests) as filled from filled group by api, stage, route, step) as of_step
    full join timed_steps
        on of_step.api = timed_steps.api and of_step.stage = timed_steps.stage and of_step.route = timed_steps.route
            and of_step.step = timed_steps.step
    left join counted
        on of_step.api = counted.api and of_step.stage = counted.stage and of_step.route = counted.route
            and of_step.step = counted.step
),
buckets as (
    select filled.api, filled.stage, filled.route, filled.step, latency_basis, lower_ms, upper_ms, requests as weight
    from filled
    join chosen
        on filled.api = chosen.api and filled.stage = chosen.stage and filled.route = chosen.route
            and filled.step = chosen.step
    where latency_basis = 'histograms'
    union all
    select
        timed.api, timed.stage, timed.route, timed.step, latency_basis, duration_ms, duration_ms as upper_ms, weight
    from timed
    join chosen
        on timed.api = chosen.api and timed.stage = chosen.stage and timed.route = chosen.route
            and timed.step = chosen.step
    where latency_basis = 'weighted traces'
),
latency as (
    select
        api, stage, route, step, max(latency_basis) as latency_basis,
        percentile_of_buckets(0.95, lower_ms, upper_ms, weight) as p95_ms
    from buckets
    group by api, stage, route, step
),
hours as (
    select api, stage, route, hour, hour_end, sum(cost_usd) as cost_usd
    from hourly_costs
    where hour < $to and hour_end > $from and route is not null
        and ($api is null or api = $api) and ($stage is null or stage = $stage)
        and ($route is null or route = $route)
    group by api, stage, route, hour, hour_end
),
costs as (
    select api, stage, route, date_bin(cast($interval_s || ' seconds' as interval), part) as step, sum(usd) as cost_usd
    from (
        select
            api, stage, route, part,
            case
                when count(*) over (partition by api, stage, route, hour) = 1 then cost_usd
                else cast(
                    cast(cost_usd as double) / count(*) over (partition by api, stage, route, hour) as decimal(38, 12)
                )
            end as usd
        from (
            select
                api, stage, route, hour, cost_usd,
                unnest(generate_series(
                    hour, hour_end - interval '1 microsecond',
                    cast(least($interval_s, 3600) || ' seconds' as interval)
                )) as part
            from hours
        )
    )
    where part >= date_bin(cast(least($interval_s, 3600) || ' seconds' as interval), $from::timestamptz) and part < $to
    group by 1, 2, 3, 4
)
select
    coalesce(counted.api, costs.api) as api, coalesce(counted.stage, costs.stage) as stage,
    coalesce(counted.route, costs.route) as route, coalesce(counted.step, costs.step) as ts,
    requests, errors, client_errors, cast(cost_usd as decimal(38, 12)) as cost_usd,
    coalesce(measured.p95_ms, latency.p95_ms) as p95_ms,
    requests * cold['rate'] as cold_starts, requests * cold['low'] as cold_starts_low, requests * cold['high'] as cold_starts_high,
    case when measured.p95_ms is not null then 'CloudWatch''s percentile' else latency_basis end as latency_basis
from counted
full join costs
    on counted.api = costs.api and counted.stage = costs.stage and counted.route = costs.route
        and counted.step = costs.step
left join measured
    on coalesce(counted.api, costs.api) = measured.api and coalesce(counted.stage, costs.stage) = measured.stage
        and coalesce(counted.route, costs.route) = measured.route
        and coalesce(counted.step, costs.step) = measured.step
left join latency
    on coalesce(counted.api, costs.api) = latency.api and coalesce(counted.stage, costs.stage) = latency.stage
        and coalesce(counted.route, costs.route) = latency.route
        and coalesce(counted.step, costs.step) = latency.step
left join starts
    on coalesce(counted.api, costs.api) = starts.api and coalesce(counted.stage, costs.stage) = starts.stage
        and coalesce(counted.route, costs.route) = starts.route
        and coalesce(counted.step, costs.step) = starts.step
order by api, stage, route, ts
