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
-- column:  p95_ms           double    95th percentile of what clients waited, milliseconds, weighted from traces
-- column:  cold_starts      double    requests whose function had to be initialised first, estimated from the step's traces; null without any
-- column:  cold_starts_low  double    lower end of its 95% interval (Wilson)
-- column:  cold_starts_high double    upper end: what the traces leave possible, also where none of them was cold
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
traced as (
    select
        api, stage, route, step,
        min(case when below >= 0.95 * total then duration_ms end) as p95_ms,
        sum(case when cold_start then weight else 0.0 end)
            / nullif(sum(case when cold_start is not null then weight end), 0) as p,
        power(sum(case when cold_start is not null then weight end), 2)
            / nullif(sum(case when cold_start is not null then weight * weight end), 0) as n
    from (
        select
            api, stage, route, step, duration_ms, weight, cold_start,
            sum(case when duration_ms is not null then weight end) over (
                partition by api, stage, route, step order by duration_ms rows unbounded preceding
            ) as below,
            sum(case when duration_ms is not null then weight end) over (partition by api, stage, route, step) as total
        from (
            select
                api, stage, route, duration_ms, weight, cold_start,
                date_bin(cast($interval_s || ' seconds' as interval), ts) as step
            from request_traces
            where ts >= $from and ts < $to
                and ($api is null or api = $api) and ($stage is null or stage = $stage)
                and ($route is null or route = $route)
        )
    )
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
    requests, errors, client_errors, cast(cost_usd as decimal(38, 12)) as cost_usd, p95_ms,
    requests * p as cold_starts,
    requests * greatest(0.0, (p + 1.9208 / n - 1.96 * sqrt((p * (1 - p) + 0.9604 / n) / n)) / (1 + 3.8416 / n)) as cold_starts_low,
    requests * least(1.0, (p + 1.9208 / n + 1.96 * sqrt((p * (1 - p) + 0.9604 / n) / n)) / (1 + 3.8416 / n)) as cold_starts_high
from counted
full join costs
    on counted.api = costs.api and counted.stage = costs.stage and counted.route = costs.route
        and counted.step = costs.step
left join traced
    on coalesce(counted.api, costs.api) = traced.api and coalesce(counted.stage, costs.stage) = traced.stage
        and coalesce(counted.route, costs.route) = traced.route
        and coalesce(counted.step, costs.step) = traced.step
order by api, stage, route, ts
