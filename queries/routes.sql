-- title:   Routes
-- answers: What does every route cost, how fast is it, how often does it fail, how often does it start cold?
-- param:   from timestamp required inclusive, UTC
-- param:   to   timestamp required exclusive, UTC
-- column:  api                  text    name of the API
-- column:  stage                text    stage
-- column:  route                text    METHOD /template
-- column:  requests             double  requests, counted by API Gateway; null where nothing was counted
-- column:  errors               double  of which answered with 5xx
-- column:  client_errors        double  of which answered with 4xx
-- column:  error_rate           double  errors ÷ requests
-- column:  p50_ms               double  median of what clients waited, milliseconds
-- column:  p95_ms               double  95th percentile
-- column:  p95_low_ms           double  lower end of its interval: of the histogram's bucket, or 95% of a sample
-- column:  p95_high_ms          double  upper end; null where nothing bounds it
-- column:  p99_ms               double  99th percentile
-- column:  traces               integer traces of it
-- column:  cold_start_rate      double  share of requests whose function had to be initialised first
-- column:  cold_start_rate_low  double  lower end of its 95% interval
-- column:  cold_start_rate_high double  upper end
-- column:  cost_usd             decimal unblended cost of everything that its requests caused
-- column:  cost_low_usd         decimal lower end of its 95% interval: how far the traced requests decide it (see `cost_errors`)
-- column:  cost_high_usd        decimal upper end
-- column:  cost_per_1000_usd    double  cost ÷ requests × 1,000
-- column:  share_of_cost        double  cost ÷ cost of everything in the account
-- column:  cost_estimated       double  share of the cost that is not from a settled bill: 0 to 1
-- column:  latency_basis        text    histograms or weighted traces, see `latency-by-route`
with counted as (
    select
        api, stage, route, sum(requests) as requests, sum(server_errors) as errors,
        sum(client_errors) as client_errors
    from route_requests
    where ts >= $from and ts < $to
    group by api, stage, route
),
-- Histograms of whole hours or else traces, as in `latency-by-route`.
filled as (
    select
        api, stage, route, lower_ms, upper_ms, min(low_ms) as low_ms, max(high_ms) as high_ms, sum(requests) as requests
    from latency_buckets
    where hour >= $from and hour_end <= $to
    group by api, stage, route, lower_ms, upper_ms
),
timed as (
    select api, stage, route, duration_ms, sum(weight) as weight, sum(weight * weight) as square
    from request_traces
    where ts >= $from and ts < $to and duration_ms is not null
    group by api, stage, route, duration_ms
),
chosen as (
    select
        coalesce(of_route.api, timed.api) as api, coalesce(of_route.stage, timed.stage) as stage,
        coalesce(of_route.route, timed.route) as route,
        case
            when filled >= 0.9 * coalesce(counted.requests, filled) or timed.api is null then 'histograms'
            else 'weighted traces'
        end as latency_basis
    from (select api, stage, route, sum(requests) as filled from filled group by api, stage, route) as of_route
    full join (select distinct api, stage, route from timed) as timed
        on of_route.api = timed.api and of_route.stage = timed.stage and of_route.route = timed.route
    left join counted
        on of_route.api = counted.api and of_route.stage = counted.stage and of_route.route = counted.route
),
buckets as (
    select filled.api, filled.stage, filled.route, lower_ms, upper_ms, low_ms, high_ms, requests as weight, 0.0 as square
    from filled
    join chosen on filled.api = chosen.api and filled.stage = chosen.stage and filled.route = chosen.route
    where latency_basis = 'histograms'
    union all
    -- API Gateway's times in traces are in whole milliseconds, so that they are certain to half a one.
    select
        timed.api, timed.stage, timed.route, duration_ms, duration_ms as upper_ms, duration_ms - 0.5, duration_ms + 0.5,
        weight, square
    from timed
    join chosen on timed.api = chosen.api and timed.stage = chosen.stage and timed.route = chosen.route
    where latency_basis = 'weighted traces'
),
-- How far the share below a value may be off, for the square root of q(1 - q) of one.
reached as (
    select
        *,
        1.96 * sqrt(sum(square) over (partition by api, stage, route)) / sum(weight) over (partition by api, stage, route) as reach
    from buckets
),
latency as (
    select
        api, stage, route,
        percentile_of_buckets(0.5, lower_ms, upper_ms, weight) as p50_ms,
        percentile_of_buckets(0.95, lower_ms, upper_ms, weight) as p95_ms,
        percentile_of_buckets(0.95 - sqrt(0.95 * 0.05) * reach, low_ms, low_ms, weight) as p95_low_ms,
        percentile_of_buckets(0.95 + sqrt(0.95 * 0.05) * reach, high_ms, high_ms, weight) as p95_high_ms,
        percentile_of_buckets(0.99, lower_ms, upper_ms, weight) as p99_ms
    from reached
    group by api, stage, route
),
started as (
    select
        traced.api, traced.stage, traced.route, count(*) as traces,
        -- Where nothing counts the requests, they may be ever so many.
        sampled_rate(
            cold_start, case when counted.requests > 0 then weight else 1e6 * weight end, account_id || '/' || region, ts
        ) as cold
    from request_traces as traced
    left join counted on traced.api = counted.api and traced.stage = counted.stage and traced.route = counted.route
    where ts >= $from and ts < $to
    group by traced.api, traced.stage, traced.route
),
cut as (
    select
        date, account_id, region, api, stage, route, service, estimated, cost_usd,
        (extract(epoch from least(hour_end, $to::timestamptz)) - extract(epoch from greatest(hour, $from::timestamptz)))
            / (extract(epoch from hour_end) - extract(epoch from hour)) as part
    from hourly_costs
    where hour < $to and hour_end > $from
),
costs as (
    select
        api, stage, route, sum(usd) as cost_usd, sum(case when estimated then usd end) as estimated_usd,
        sum(sum(usd)) over () as total_usd
    from (
        select
            api, stage, route, estimated,
            case when part >= 1 then cost_usd else cast(cast(cost_usd as double) * part as decimal(38, 12)) end as usd
        from cut
    )
    group by api, stage, route
),
errors as (
    select api, stage, route, 1.96 * sqrt(sum(variance)) as error_usd
    from (
        -- An error that every day has adds up; errors of their own partly cancel out.
        select api, stage, route, case when repeats then power(sum(error_usd), 2) else sum(power(error_usd, 2)) end as variance
        from (
            select
                cut.date, cut.api, cut.stage, cut.route, cut.service, repeats,
                sum(cast(cost_usd as double) * part) * relative_error as error_usd
            from cut
            join cost_errors
                on cut.date = cost_errors.date and cut.account_id = cost_errors.account_id
                    and cut.region = cost_errors.region and cut.api = cost_errors.api and cut.stage = cost_errors.stage
                    and cut.route = cost_errors.route and cut.service = cost_errors.service
            group by cut.date, cut.account_id, cut.region, cut.api, cut.stage, cut.route, cut.service, repeats, relative_error
        )
        group by api, stage, route, service, repeats
    )
    group by api, stage, route
)
select
    coalesce(counted.api, costs.api) as api, coalesce(counted.stage, costs.stage) as stage,
    coalesce(counted.route, costs.route) as route,
    requests, errors, client_errors, errors / nullif(requests, 0) as error_rate,
    p50_ms, p95_ms, p95_low_ms, p95_high_ms, p99_ms, coalesce(traces, 0) as traces,
    cold['rate'] as cold_start_rate, cold['low'] as cold_start_rate_low, cold['high'] as cold_start_rate_high,
    cast(cost_usd as decimal(38, 12)) as cost_usd,
    cast(greatest(0.0, cast(cost_usd as double) - coalesce(error_usd, 0.0)) as decimal(38, 12)) as cost_low_usd,
    cast(cast(cost_usd as double) + coalesce(error_usd, 0.0) as decimal(38, 12)) as cost_high_usd,
    cast(cost_usd as double) / nullif(requests, 0) * 1000 as cost_per_1000_usd,
    cast(cost_usd as double) / nullif(cast(total_usd as double), 0) as share_of_cost,
    coalesce(cast(estimated_usd as double), 0.0) / nullif(cast(cost_usd as double), 0) as cost_estimated,
    latency_basis
from counted
full join (select * from costs where route is not null) as costs
    on counted.api = costs.api and counted.stage = costs.stage and counted.route = costs.route
left join latency
    on coalesce(counted.api, costs.api) = latency.api and coalesce(counted.stage, costs.stage) = latency.stage
        and coalesce(counted.route, costs.route) = latency.route
left join chosen
    on latency.api = chosen.api and latency.stage = chosen.stage and latency.route = chosen.route
left join started
    on coalesce(counted.api, costs.api) = started.api and coalesce(counted.stage, costs.stage) = started.stage
        and coalesce(counted.route, costs.route) = started.route
left join errors
    on costs.api = errors.api and costs.stage = errors.stage and costs.route = errors.route
order by cost_usd desc nulls last, api, stage, route
