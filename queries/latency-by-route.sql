-- title:   Latency by route
-- answers: Which routes are slow, and is it cold starts?
--          From histograms of all requests where they were collected for at least 90% of them, interpolated inside a bucket; else from
--          traces, each weighted by the requests that it stands for; a route that leaves no trace has what histograms there are.
--          No average of percentiles. The interval is the bucket that the percentile lies in, or that of a sample.
-- param:   from  timestamp required inclusive, UTC
-- param:   to    timestamp required exclusive, UTC
-- param:   api   text      optional only this API
-- param:   route text      optional only this route, METHOD /template
-- column:  api             text    name of the API
-- column:  stage           text    stage
-- column:  route           text    METHOD /template, or a WebSocket API's route key
-- column:  p50_ms          double  median of what clients waited, milliseconds
-- column:  p50_low_ms      double  lower end of its interval: of the bucket, or 95% of a sample
-- column:  p50_high_ms     double  upper end; null where too few traces bound it, or nothing bounds the bucket
-- column:  p95_ms          double  95th percentile
-- column:  p95_low_ms      double  lower end of its interval
-- column:  p95_high_ms     double  upper end; null where nothing bounds it
-- column:  p99_ms          double  99th percentile
-- column:  p99_low_ms      double  lower end of its interval
-- column:  p99_high_ms     double  upper end; null where nothing bounds it
-- column:  p95_warm_ms     double  95th percentile without the requests that waited for an initialisation, from traces
-- column:  cold_start_rate double  share of requests that waited for one, from traces
-- column:  traces          integer traces of it
-- column:  effective_size  double  number of equally weighted traces that would tell as much
-- column:  basis           text    histograms or weighted traces: where the percentiles are from
-- column:  requests        double  requests that were counted; null where nothing was counted
-- column:  covered         double  of which, 0 to 1, the histograms of whole hours have; null without histograms
with counted as (
    select api, stage, route, sum(requests) as requests
    from route_requests
    where ts >= $from and ts < $to and ($api is null or api = $api) and ($route is null or route = $route)
    group by api, stage, route
),
filled as (
    select
        api, stage, route, lower_ms, upper_ms, min(low_ms) as low_ms, max(high_ms) as high_ms, sum(requests) as requests
    from latency_buckets
    where hour >= $from and hour_end <= $to
        and ($api is null or api = $api) and ($route is null or route = $route)
    group by api, stage, route, lower_ms, upper_ms
),
ranked as (
    select
        api, stage, route, duration_ms, weight, cold_start,
        sum(case when cold_start then 0.0 else weight end) over (
            partition by api, stage, route order by duration_ms rows unbounded preceding
        ) as warm_below,
        sum(case when cold_start then 0.0 else weight end) over (partition by api, stage, route) as warm_total
    from request_traces
    where ts >= $from and ts < $to and duration_ms is not null
        and ($api is null or api = $api) and ($route is null or route = $route)
),
traced as (
    select
        api, stage, route,
        min(case when not coalesce(cold_start, false) and warm_below >= 0.95 * warm_total then duration_ms end) as p95_warm_ms,
        sum(case when cold_start then weight else 0.0 end)
            / nullif(sum(case when cold_start is not null then weight end), 0) as cold_start_rate,
        count(*) as traces,
        sum(weight) * sum(weight) / sum(weight * weight) as effective_size
    from ranked
    group by api, stage, route
),
chosen as (
    select
        api, stage, route,
        case when filled >= 0.9 * requests or traces is null then 'histograms' else 'weighted traces' end as basis,
        -- `least` passes over what is null.
        case when filled is not null then least(1.0, filled / requests) end as covered
    from (
        select
            coalesce(of_route.api, traced.api) as api, coalesce(of_route.stage, traced.stage) as stage,
            coalesce(of_route.route, traced.route) as route, filled, coalesce(counted.requests, filled) as requests, traces
        from (
            select api, stage, route, sum(requests) as filled from filled group by api, stage, route
        ) as of_route
        full join traced
            on of_route.api = traced.api and of_route.stage = traced.stage and of_route.route = traced.route
        left join counted
            on of_route.api = counted.api and of_route.stage = counted.stage and of_route.route = counted.route
    )
),
-- API Gateway's times in traces are in whole milliseconds, so that they are certain to half a one.
buckets as (
    select
        filled.api, filled.stage, filled.route, lower_ms, upper_ms, low_ms, high_ms, requests as weight, 0.0 as square
    from filled
    join chosen on filled.api = chosen.api and filled.stage = chosen.stage and filled.route = chosen.route
    where basis = 'histograms'
    union all
    select
        ranked.api, ranked.stage, ranked.route, duration_ms, duration_ms as upper_ms, duration_ms - 0.5, duration_ms + 0.5,
        sum(weight), sum(weight * weight)
    from ranked
    join chosen on ranked.api = chosen.api and ranked.stage = chosen.stage and ranked.route = chosen.route
    where basis = 'weighted traces'
    group by ranked.api, ranked.stage, ranked.route, duration_ms
),
-- How far the share below a value may be off, for the square root of q(1 - q) of one.
reached as (
    select
        *,
        1.96 * sqrt(sum(square) over (partition by api, stage, route)) / sum(weight) over (partition by api, stage, route) as reach
    from buckets
),
quantiles as (
    select
        api, stage, route,
        percentile_of_buckets(0.5, lower_ms, upper_ms, weight) as p50_ms,
        percentile_of_buckets(0.5 - sqrt(0.5 * 0.5) * reach, low_ms, low_ms, weight) as p50_low_ms,
        percentile_of_buckets(0.5 + sqrt(0.5 * 0.5) * reach, high_ms, high_ms, weight) as p50_high_ms,
        percentile_of_buckets(0.95, lower_ms, upper_ms, weight) as p95_ms,
        percentile_of_buckets(0.95 - sqrt(0.95 * 0.05) * reach, low_ms, low_ms, weight) as p95_low_ms,
        percentile_of_buckets(0.95 + sqrt(0.95 * 0.05) * reach, high_ms, high_ms, weight) as p95_high_ms,
        percentile_of_buckets(0.99, lower_ms, upper_ms, weight) as p99_ms,
        percentile_of_buckets(0.99 - sqrt(0.99 * 0.01) * reach, low_ms, low_ms, weight) as p99_low_ms,
        percentile_of_buckets(0.99 + sqrt(0.99 * 0.01) * reach, high_ms, high_ms, weight) as p99_high_ms
    from reached
    group by api, stage, route
)
select
    quantiles.api, quantiles.stage, quantiles.route, p50_ms, p50_low_ms, p50_high_ms, p95_ms, p95_low_ms, p95_high_ms,
    p99_ms, p99_low_ms, p99_high_ms, p95_warm_ms, cold_start_rate, coalesce(traces, 0) as traces, effective_size, basis,
    counted.requests as requests, covered
from quantiles
join chosen
    on quantiles.api = chosen.api and quantiles.stage = chosen.stage and quantiles.route = chosen.route
left join traced
    on quantiles.api = traced.api and quantiles.stage = traced.stage and quantiles.route = traced.route
left join counted
    on quantiles.api = counted.api and quantiles.stage = counted.stage and quantiles.route = counted.route
order by p95_ms desc, api, stage, route
