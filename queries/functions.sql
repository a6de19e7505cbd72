-- title:   Functions
-- answers: What does every function do and cost, with which memory, and for how many routes does it work?
-- param:   from timestamp required inclusive, UTC
-- param:   to   timestamp required exclusive, UTC
-- column:  function        text    name
-- column:  memory_mb       double  configured memory now, MB
-- column:  architecture    text    x86_64 or arm64
-- column:  invocations     double  invocations, counted by Lambda; null where nothing was counted
-- column:  errors          double  failed ones
-- column:  error_rate      double  errors ÷ invocations
-- column:  throttles       double  invocations that were refused
-- column:  mean_ms         double  mean duration of the handler, milliseconds
-- column:  cold_start_rate double  share that waited for an initialisation, estimated from traces
-- column:  traces          integer traced invocations behind it
-- column:  routes          integer routes that it works for
-- column:  cost_usd        decimal unblended cost of its invocations, without the tables and buckets that it calls
-- column:  cost_estimated  double  share of the cost that is not from a settled bill: 0 to 1
-- column:  p50_ms          double  median duration of the handler, milliseconds
-- column:  p95_ms          double  95th percentile
-- column:  p99_ms          double  99th percentile
-- column:  duration_basis  text    histograms, or weighted traces: a little longer, they have the runtime's overhead in them
with used as (
    select
        function, sum(invocations) as invocations, sum(errors) as errors, sum(throttles) as throttles,
        sum(duration_ms) as duration_ms
    from function_usage
    where ts >= $from and ts < $to
    group by function
),
traced as (
    select
        function, count(*) as traces, sum(case when cold_start then weight else 0.0 end) / sum(weight) as cold_start_rate
    from function_traces
    where bin >= $from and bin < $to
    group by function
),
-- Histograms of whole hours or else traces, as in `latency-by-route`.
filled as (
    select resource as function, lower_ms, upper_ms, sum(requests) as invocations
    from histogram_buckets
    where service = 'lambda' and hour >= $from and hour_end <= $to
    group by resource, lower_ms, upper_ms
),
timed as (
    select function, duration_ms, sum(weight) as weight
    from function_traces
    where bin >= $from and bin < $to and duration_ms is not null
    group by function, duration_ms
),
chosen as (
    select
        coalesce(filled.function, timed.function) as function,
        case
            when filled >= 0.9 * coalesce(invocations, filled) or timed.function is null then 'histograms'
            else 'weighted traces'
        end as duration_basis
    from (select function, sum(invocations) as filled from filled group by function) as filled
    full join (select distinct function from timed) as timed on filled.function = timed.function
    left join used on filled.function = used.function
),
buckets as (
    select filled.function, duration_basis, lower_ms, upper_ms, invocations as weight
    from filled
    join chosen on filled.function = chosen.function and duration_basis = 'histograms'
    union all
    select timed.function, duration_basis, duration_ms, duration_ms as upper_ms, weight
    from timed
    join chosen on timed.function = chosen.function and duration_basis = 'weighted traces'
),
durations as (
    select
        function, max(duration_basis) as duration_basis,
        percentile_of_buckets(0.5, lower_ms, upper_ms, weight) as p50_ms,
        percentile_of_buckets(0.95, lower_ms, upper_ms, weight) as p95_ms,
        percentile_of_buckets(0.99, lower_ms, upper_ms, weight) as p99_ms
    from buckets
    group by function
),
now as (
    select function, memory_mb, architecture
    from (
        select *, row_number() over (partition by function order by valid_from desc) as newest
        from function_memory
    )
    where newest = 1
),
cut as (
    select
        resource as function, route, estimated, cost_usd,
        (extract(epoch from least(hour_end, $to::timestamptz)) - extract(epoch from greatest(hour, $from::timestamptz)))
            / (extract(epoch from hour_end) - extract(epoch from hour)) as part
    from hourly_costs
    where hour < $to and hour_end > $from and service = 'AWS Lambda' and resource is not null
),
costs as (
    select
        function, count(distinct route) as routes, sum(usd) as cost_usd,
        sum(case when estimated then usd end) as estimated_usd
    from (
        select
            *,
            case when part >= 1 then cost_usd else cast(cast(cost_usd as double) * part as decimal(38, 12)) end as usd
        from cut
    )
    group by function
)
select
    used.function, memory_mb, architecture, invocations, errors,
    errors / nullif(invocations, 0) as error_rate, throttles,
    duration_ms / nullif(invocations, 0) as mean_ms, cold_start_rate, coalesce(traces, 0) as traces,
    coalesce(routes, 0) as routes, cast(cost_usd as decimal(38, 12)) as cost_usd,
    coalesce(cast(estimated_usd as double), 0.0) / nullif(cast(cost_usd as double), 0) as cost_estimated,
    p50_ms, p95_ms, p99_ms, duration_basis
from used
left join traced on used.function = traced.function
left join durations on used.function = durations.function
left join now on used.function = now.function
left join costs on used.function = costs.function
order by cost_usd desc nulls last, function
