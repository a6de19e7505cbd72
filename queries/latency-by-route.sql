-- title:   Latency by route
-- answers: Which routes are slow, and is it cold starts?
-- param:   from  timestamp required inclusive, UTC
-- param:   to    timestamp required exclusive, UTC
-- param:   api   text      optional only this API
-- param:   route text      optional only this route, METHOD /template
-- column:  api             text    name of the API
-- column:  stage           text    stage
-- column:  route           text    METHOD /template
-- column:  p50_ms          double  median of what clients waited, milliseconds, weighted from traces
-- column:  p50_low_ms      double  lower end of its 95% interval
-- column:  p50_high_ms     double  upper end; null where too few traces bound it
-- column:  p95_ms          double  95th percentile
-- column:  p95_low_ms      double  lower end of its 95% interval
-- column:  p95_high_ms     double  upper end; null where too few traces bound it
-- column:  p99_ms          double  99th percentile
-- column:  p99_low_ms      double  lower end of its 95% interval
-- column:  p99_high_ms     double  upper end; null where too few traces bound it
-- column:  p95_warm_ms     double  95th percentile without the requests that waited for an initialisation
-- column:  cold_start_rate double  share of requests that waited for one
-- column:  traces          integer traces behind it
-- column:  effective_size  double  number of equally weighted traces that would tell as much
with ranked as (
    select
        api, stage, route, duration_ms, weight, cold_start,
        sum(weight) over (partition by api, stage, route order by duration_ms rows unbounded preceding) as below,
        sum(weight) over (partition by api, stage, route) as total,
        1.96 * sqrt(sum(weight * weight) over (partition by api, stage, route)) as reach,
        sum(case when cold_start then 0.0 else weight end) over (
            partition by api, stage, route order by duration_ms rows unbounded preceding
        ) as warm_below,
        sum(case when cold_start then 0.0 else weight end) over (partition by api, stage, route) as warm_total
    from request_traces
    where ts >= $from and ts < $to and duration_ms is not null
        and ($api is null or api = $api) and ($route is null or route = $route)
)
select
    api, stage, route,
    min(case when below >= 0.5 * total then duration_ms end) as p50_ms,
    -- API Gateway's times are in whole milliseconds, so an interval is half a one wider.
    min(case when below >= 0.5 * total - 0.5 * reach then duration_ms end) - 0.5 as p50_low_ms,
    min(case when below >= 0.5 * total + 0.5 * reach then duration_ms end) + 0.5 as p50_high_ms,
    min(case when below >= 0.95 * total then duration_ms end) as p95_ms,
    min(case when below >= 0.95 * total - sqrt(0.0475) * reach then duration_ms end) - 0.5 as p95_low_ms,
    min(case when below >= 0.95 * total + sqrt(0.0475) * reach then duration_ms end) + 0.5 as p95_high_ms,
    min(case when below >= 0.99 * total then duration_ms end) as p99_ms,
    min(case when below >= 0.99 * total - sqrt(0.0099) * reach then duration_ms end) - 0.5 as p99_low_ms,
    min(case when below >= 0.99 * total + sqrt(0.0099) * reach then duration_ms end) + 0.5 as p99_high_ms,
    min(case when not coalesce(cold_start, false) and warm_below >= 0.95 * warm_total then duration_ms end) as p95_warm_ms,
    sum(case when cold_start then weight else 0.0 end) / nullif(sum(case when cold_start is not null then weight end), 0) as cold_start_rate,
    count(*) as traces,
    sum(weight) * sum(weight) / sum(weight * weight) as effective_size
from ranked
group by api, stage, route
order by p95_ms desc, api, stage, route
