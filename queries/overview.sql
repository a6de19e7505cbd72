-- title:   Overview
-- answers: How many requests, how slow, how many errors and cold starts, at what cost, and how was it in the period before?
-- param:   from timestamp required inclusive, UTC
-- param:   to   timestamp required exclusive, UTC
-- column:  period               text    current, or previous: of the same length, ending at `from`
-- column:  requests             double  requests of all APIs, counted by API Gateway; null where nothing was counted
-- column:  errors               double  of which answered with 5xx
-- column:  client_errors        double  of which answered with 4xx
-- column:  error_rate           double  errors ÷ requests
-- column:  p95_ms               double  95th percentile of what clients waited, milliseconds
-- column:  traces               integer traces of requests
-- column:  invocations          double  invocations of all functions
-- column:  cold_starts          double  invocations that waited for an initialisation, estimated from traces
-- column:  cold_start_rate      double  share of invocations that waited for an initialisation
-- column:  cold_start_rate_low  double  lower end of its 95% interval
-- column:  cold_start_rate_high double  upper end
-- column:  cost_usd             decimal unblended cost of everything in the account
-- column:  routes_cost_usd      decimal of which routes caused
-- column:  cost_per_1000_usd    double  cost of routes ÷ requests × 1,000
-- column:  cost_estimated       double  share of the cost that is not from a settled bill: 0 to 1
-- column:  latency_basis        text    histograms or weighted traces, see `latency-by-route`
with periods as (
    select column1 as period from (values ('current'), ('previous'))
),
counted as (
    select
        case when ts >= $from then 'current' else 'previous' end as period,
        sum(requests) as requests, sum(server_errors) as errors, sum(client_errors) as client_errors
    from route_requests
    where ts >= $from::timestamptz - ($to::timestamptz - $from::timestamptz) and ts < $to
    group by 1
),
-- Histograms of whole hours or else traces, as in `latency-by-route`.
filled as (
    select period, lower_ms, upper_ms, sum(requests) as requests
    from (
        select case when hour >= $from then 'current' else 'previous' end as period, lower_ms, upper_ms, requests
        from latency_buckets
        where hour >= $from::timestamptz - ($to::timestamptz - $from::timestamptz) and hour_end <= $to
            and (hour >= $from or hour_end <= $from)
    )
    group by period, lower_ms, upper_ms
),
timed as (
    select period, duration_ms, sum(weight) as weight, count(*) as traces
    from (
        select case when ts >= $from then 'current' else 'previous' end as period, duration_ms, weight
        from request_traces
        where ts >= $from::timestamptz - ($to::timestamptz - $from::timestamptz) and ts < $to and duration_ms is not null
    )
    group by period, duration_ms
),
chosen as (
    select
        coalesce(filled.period, timed.period) as period,
        case
            when filled >= 0.9 * coalesce(requests, filled) or timed.period is null then 'histograms'
            else 'weighted traces'
        end as latency_basis
    from (select period, sum(requests) as filled from filled group by period) as filled
    full join (select distinct period from timed) as timed on filled.period = timed.period
    left join counted on filled.period = counted.period
),
buckets as (
    select filled.period, latency_basis, lower_ms, upper_ms, requests as weight
    from filled
    join chosen on filled.period = chosen.period and latency_basis = 'histograms'
    union all
    select timed.period, latency_basis, duration_ms, duration_ms as upper_ms, weight
    from timed
    join chosen on timed.period = chosen.period and latency_basis = 'weighted traces'
),
latency as (
    select
        period, max(latency_basis) as latency_basis, percentile_of_buckets(0.95, lower_ms, upper_ms, weight) as p95_ms
    from buckets
    group by period
),
traced as (
    select period, sum(traces) as traces from timed group by period
),
cold as (
    select
        case when bin >= $from then 'current' else 'previous' end as period,
        sampled_rate(cold_start, weight, account_id || '/' || region || '/' || function, bin) as cold
    from function_traces
    where bin >= $from::timestamptz - ($to::timestamptz - $from::timestamptz) and bin < $to
    group by 1
),
invoked as (
    select case when ts >= $from then 'current' else 'previous' end as period, sum(invocations) as invocations
    from function_usage
    where ts >= $from::timestamptz - ($to::timestamptz - $from::timestamptz) and ts < $to
    group by 1
),
cut as (
    select
        'current' as period, place, estimated, cost_usd,
        (extract(epoch from least(hour_end, $to::timestamptz)) - extract(epoch from greatest(hour, $from::timestamptz)))
            / (extract(epoch from hour_end) - extract(epoch from hour)) as part
    from hourly_costs
    where hour < $to and hour_end > $from
    union all
    select
        'previous' as period, place, estimated, cost_usd,
        (extract(epoch from least(hour_end, $from::timestamptz))
            - extract(epoch from greatest(hour, $from::timestamptz - ($to::timestamptz - $from::timestamptz))))
            / (extract(epoch from hour_end) - extract(epoch from hour)) as part
    from hourly_costs
    where hour < $from and hour_end > $from::timestamptz - ($to::timestamptz - $from::timestamptz)
),
costs as (
    select
        period, sum(usd) as cost_usd,
        sum(case when place = 'route' then usd end) as routes_cost_usd,
        sum(case when estimated then usd end) as estimated_usd
    from (
        select
            period, place, estimated,
            case when part >= 1 then cost_usd else cast(cast(cost_usd as double) * part as decimal(38, 12)) end as usd
        from cut
    )
    group by period
)
select
    periods.period, requests, errors, client_errors, errors / nullif(requests, 0) as error_rate,
    p95_ms, coalesce(traces, 0) as traces,
    invocations, invocations * cold['rate'] as cold_starts, cold['rate'] as cold_start_rate, cold['low'] as cold_start_rate_low,
    cold['high'] as cold_start_rate_high,
    cast(cost_usd as decimal(38, 12)) as cost_usd,
    cast(routes_cost_usd as decimal(38, 12)) as routes_cost_usd,
    cast(routes_cost_usd as double) / nullif(requests, 0) * 1000 as cost_per_1000_usd,
    coalesce(cast(estimated_usd as double), 0.0) / nullif(cast(cost_usd as double), 0) as cost_estimated,
    latency_basis
from periods
left join counted on periods.period = counted.period
left join latency on periods.period = latency.period
left join traced on periods.period = traced.period
left join cold on periods.period = cold.period
left join invoked on periods.period = invoked.period
left join costs on periods.period = costs.period
order by periods.period
