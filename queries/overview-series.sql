-- title:   Overview over time
-- answers: How did requests, errors, cost, latency and cold starts of the whole account go?
-- param:   from       timestamp required     inclusive, UTC
-- param:   to         timestamp required     exclusive, UTC
-- param:   interval_s integer   default=3600 length of a step, seconds
-- column:  ts               timestamp start of the step
-- column:  requests         double    requests of all APIs; null where nothing was counted
-- column:  errors           double    of which answered with 5xx
-- column:  client_errors    double    of which answered with 4xx
-- column:  cost_usd         decimal   unblended cost of everything; steps shorter than an hour share its cost evenly
-- column:  p95_ms           double    95th percentile of what clients waited, milliseconds
-- column:  cold_starts      double    invocations that waited for an initialisation, estimated from the step's traces; null without any
-- column:  cold_starts_low  double    lower end of its 95% interval (Wilson)
-- column:  cold_starts_high double    upper end: what the traces leave possible, also where none of them was cold
-- column:  latency_basis    text      histograms or weighted traces, see `latency-by-route`
with steps as (
    select unnest(generate_series(
        date_bin(cast($interval_s || ' seconds' as interval), $from::timestamptz),
        $to::timestamptz - interval '1 microsecond',
        cast($interval_s || ' seconds' as interval)
    )) as step
),
counted as (
    select
        date_bin(cast($interval_s || ' seconds' as interval), ts) as step,
        sum(requests) as requests, sum(server_errors) as errors, sum(client_errors) as client_errors
    from route_requests
    where ts >= $from and ts < $to
    group by 1
),
-- As `overview`, of every step.
filled as (
    select date_bin(cast($interval_s || ' seconds' as interval), hour) as step, lower_ms, upper_ms, sum(requests) as requests
    from latency_buckets
    where hour >= $from and hour_end <= $to and $interval_s >= 3600
    group by 1, 2, 3
),
timed as (
    select date_bin(cast($interval_s || ' seconds' as interval), ts) as step, duration_ms, sum(weight) as weight
    from request_traces
    where ts >= $from and ts < $to and duration_ms is not null
    group by 1, 2
),
chosen as (
    select
        coalesce(filled.step, timed.step) as step,
        case
            when filled >= 0.9 * coalesce(requests, filled) or timed.step is null then 'histograms'
            else 'weighted traces'
        end as latency_basis
    from (select step, sum(requests) as filled from filled group by step) as filled
    full join (select distinct step from timed) as timed on filled.step = timed.step
    left join counted on filled.step = counted.step
),
buckets as (
    select filled.step, latency_basis, lower_ms, upper_ms, requests as weight
    from filled
    join chosen on filled.step = chosen.step and latency_basis = 'histograms'
    union all
    select timed.step, latency_basis, duration_ms, duration_ms as upper_ms, weight
    from timed
    join chosen on timed.step = chosen.step and latency_basis = 'weighted traces'
),
latency as (
    select
        step, max(latency_basis) as latency_basis, percentile_of_buckets(0.95, lower_ms, upper_ms, weight) as p95_ms
    from buckets
    group by step
),
invoked as (
    select date_bin(cast($interval_s || ' seconds' as interval), ts) as step, sum(invocations) as invocations
    from function_usage
    where ts >= $from and ts < $to
    group by 1
),
started as (
    select
        date_bin(cast($interval_s || ' seconds' as interval), bin) as step,
        sampled_rate(cold_start, weight, account_id || '/' || region || '/' || function, bin) as cold
    from function_traces
    where bin >= $from and bin < $to
    group by 1
),
cold as (
    select
        invoked.step, invocations * cold['rate'] as cold_starts, invocations * cold['low'] as cold_starts_low,
        invocations * cold['high'] as cold_starts_high
    from invoked
    join started on invoked.step = started.step
),
hours as (
    select hour, hour_end, sum(cost_usd) as cost_usd
    from hourly_costs
    where hour < $to and hour_end > $from
    group by hour, hour_end
),
costs as (
    select step, sum(usd) as cost_usd
    from (
        select
            date_bin(cast($interval_s || ' seconds' as interval), part) as step,
            case
                when count(*) over (partition by hour) = 1 then cost_usd
                else cast(cast(cost_usd as double) / count(*) over (partition by hour) as decimal(38, 12))
            end as usd, part
        from (
            select
                hour, cost_usd,
                unnest(generate_series(
                    hour, hour_end - interval '1 microsecond',
                    cast(least($interval_s, 3600) || ' seconds' as interval)
                )) as part
            from hours
        )
    )
    where part >= date_bin(cast(least($interval_s, 3600) || ' seconds' as interval), $from::timestamptz) and part < $to
    group by step
)
select
    steps.step as ts, requests, errors, client_errors, cast(cost_usd as decimal(38, 12)) as cost_usd,
    p95_ms, cold_starts, cold_starts_low, cold_starts_high, latency_basis
from steps
left join counted on steps.step = counted.step
left join latency on steps.step = latency.step
left join cold on steps.step = cold.step
left join costs on steps.step = costs.step
order by ts
