-- title:   Usage of functions by five minutes
-- answers: How often and how long did each function run, how long did its initialisations take, and what of that is billed?
--          Invocations and durations are CloudWatch's. Initialisations and billed time are those that Lambda reported of each invocation,
--          for hours of which the reports were read. Else initialisations are what API Gateway's Latency has over the function's Duration and
--          over what warm traces have between the two, where routes of a REST API cause all invocations; else they are those of weighted traces.
-- stored:  by day
-- column:  date        date      UTC day
-- column:  account_id  text      account
-- column:  region      text      region
-- column:  function    text      name
-- column:  ts          timestamp start of the five minutes
-- column:  invocations double    invocations
-- column:  errors      double    failed ones
-- column:  throttles   double    those refused
-- column:  duration_ms double    handlers' time together, milliseconds
-- column:  cold_starts double    number of invocations that waited for an initialisation
-- column:  init_ms     double    length of their initialisations and restorations together, milliseconds
-- column:  billed_init_ms double what of it is billed: of restorations a quarter, as published reports have 8% to 59%, milliseconds
-- column:  billed_ms   double    billed time, each invocation rounded up to the millisecond, milliseconds
-- column:  day_error_ms double   standard error of what is billed of the whole day's initialisations, milliseconds
-- column:  basis       text      where the initialisations are from: reports, latency, or traces
with counted as (
    select
        date, account_id, region, resource as function, date_bin(interval '5 minutes', ts) as ts,
        sum(case when metric = 'Invocations' then sum else 0.0 end) as invocations,
        sum(case when metric = 'Errors' then sum else 0.0 end) as errors,
        sum(case when metric = 'Throttles' then sum else 0.0 end) as throttles,
        sum(case when metric = 'Duration' then sum else 0.0 end) as duration_ms
    from metrics
    where service = 'lambda' and metric in ('Invocations', 'Errors', 'Throttles', 'Duration')
    group by date, account_id, region, resource, date_bin(interval '5 minutes', ts)
),
reported as (
    select
        date, account_id, region, resource as function, date_bin(interval '5 minutes', ts) as ts,
        sum(case when metric = 'ColdStarts' then sample_count else 0.0 end) as reports,
        sum(case when metric = 'ColdStarts' then sum else 0.0 end) as report_cold_starts,
        sum(case when metric in ('InitDuration', 'RestoreDuration') then sum else 0.0 end) as report_init_ms,
        sum(case when metric = 'BilledDuration' then sum else 0.0 end) as report_billed_ms
    from metrics
    where service = 'lambda-reports'
    group by date, account_id, region, resource, date_bin(interval '5 minutes', ts)
),
traced as (
    select
        date, account_id, region, function, bin as ts,
        sum(weight) as traced_cold_starts, sum(weight * coalesce(init_ms, 0.0)) as traced_init_ms
    from function_traces
    where cold_start
    group by date, account_id, region, function, bin
),
traced_days as (
    select
        date, account_id, region, function, avg(weight) as mean_weight,
        sum(power(case when cold_start then init_ms end, 2)) as init_squares,
        avg(case when cold_start then init_ms end) as one_init_ms,
        sum(billed_init_ms) / nullif(sum(case when cold_start then init_ms end), 0.0) as billed_part
    from function_traces
    group by date, account_id, region, function
),
callers as (
    select
        account_id, region, function, api, stage, route,
        -- An API with one route may have metrics of its stage only.
        count(*) over (partition by account_id, region, api, stage) = 1 as alone
    from known_routes
    where function is not null and protocol = 'REST'
),
waited as (
    select date, account_id, region, function, ts, sum(requests) as requests, sum(latency_ms) as latency_ms
    from (
        select
            date, metrics.account_id, metrics.region, function, date_bin(interval '5 minutes', ts) as ts,
            -- Methods and their stage count the same requests.
            case
                when sum(case when metrics.route is null then 0.0 else sample_count end) > 0
                    then sum(case when metrics.route is null then 0.0 else sample_count end)
                else sum(sample_count)
            end as requests,
            case
                when sum(case when metrics.route is null then 0.0 else sample_count end) > 0
                    then sum(case when metrics.route is null then 0.0 else sum end)
                else sum(sum)
            end as latency_ms
        from metrics
        join callers
            on metrics.account_id = callers.account_id and metrics.region = callers.region
                and metrics.resource = callers.api and metrics.stage = callers.stage
        where service = 'apigateway' and metric = 'Latency'
            and (metrics.route = callers.route or (metrics.route is null and alone))
        group by
            date, metrics.account_id, metrics.region, function, callers.api, callers.stage, callers.route,
            date_bin(interval '5 minutes', ts)
    )
    group by date, account_id, region, function, ts
),
-- What traced requests waited over their function's handler: gateway, placement, initialisation.
pairs as (
    select
        f.date, f.account_id, f.region, f.function, f.weight, f.cold_start, f.init_ms,
        r.duration_ms - f.duration_ms as over_ms
    from function_traces as f
    join request_traces as r
        on f.date = r.date and f.account_id = r.account_id and f.region = r.region and f.trace_id = r.trace_id
            and f.function = r.function and r.nth = 1 and r.root = 'gateway'
    where r.duration_ms > f.duration_ms
),
warm as (
    select
        date, account_id, region, function, cast(count(*) as double) as warm_traces,
        sum(weight * over_ms) / sum(weight) as warm_ms, stddev(over_ms) as warm_scatter_ms
    from pairs
    where not cold_start
    group by date, account_id, region, function
    having count(*) >= 5
),
cold as (
    select
        date, account_id, region, function,
        cast(count(*) as double) as colds, sum(init_ms) as cold_init_ms, sum(over_ms - warm_ms - init_ms) as cold_place_ms
    from pairs
    join warm using (date, account_id, region, function)
    where cold_start and over_ms > warm_ms and init_ms is not null
    group by date, account_id, region, function
),
placed as (
    select date, account_id, region, sum(cold_place_ms) / sum(colds) as place_ms
    from cold
    group by date, account_id, region
),
bins as (
    select
        date, account_id, region, function, ts,
        sum(invocations) as invocations, sum(errors) as errors, sum(throttles) as throttles, sum(duration_ms) as duration_ms,
        sum(requests) as requests, sum(latency_ms) as latency_ms,
        sum(reports) as reports, sum(report_cold_starts) as report_cold_starts, sum(report_init_ms) as report_init_ms,
        sum(report_billed_ms) as report_billed_ms,
        sum(traced_cold_starts) as traced_cold_starts, sum(traced_init_ms) as traced_init_ms
    from (
        select
            date, account_id, region, function, ts, invocations, errors, throttles, duration_ms,
            0.0 as requests, 0.0 as latency_ms,
            0.0 as reports, 0.0 as report_cold_starts, 0.0 as report_init_ms, 0.0 as report_billed_ms,
            0.0 as traced_cold_starts, 0.0 as traced_init_ms
        from counted
        union all
        select date, account_id, region, function, ts, 0.0, 0.0, 0.0, 0.0, requests, latency_ms, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        from waited
        union all
        select
            date, account_id, region, function, ts, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
            reports, report_cold_starts, report_init_ms, report_billed_ms, 0.0, 0.0
        from reported
        union all
        select
            date, account_id, region, function, ts, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
            traced_cold_starts, traced_init_ms
        from traced
    )
    group by date, account_id, region, function, ts
),
waits as (
    select
        bins.*, warm_ms, warm_scatter_ms, warm_traces,
        latency_ms - duration_ms - requests * warm_ms as bin_over_ms,
        sum(latency_ms - duration_ms - requests * warm_ms) over (
            partition by bins.date, bins.account_id, bins.region, bins.function
        ) as day_over_ms,
        sum(greatest(0.0, latency_ms - duration_ms - requests * warm_ms)) over (
            partition by bins.date, bins.account_id, bins.region, bins.function
        ) as bins_over_ms
    from bins
    left join warm
        on bins.date = warm.date and bins.account_id = warm.account_id and bins.region = warm.region
            and bins.function = warm.function
),
-- Of a function that no trace shows cold: most five minutes that had a cold start had one.
single as (
    select date, account_id, region, function, median(bin_over_ms) as single_ms
    from waits
    where bin_over_ms > 100
    group by date, account_id, region, function
),
starts as (
    select
        date, account_id, region, function, colds, place_each_ms, init_each_ms,
        place_each_ms + init_each_ms as over_each_ms,
        -- Lengths of a function's initialisations scatter by about a fifth, placements by two fifths.
        place_each_ms / (place_each_ms + init_each_ms)
            * sqrt(0.04 / greatest(colds, 0.5) + 0.16 / (colds + 3)) as part_error
    from (
        select
            warm.date, warm.account_id, warm.region, warm.function, coalesce(colds, 0.0) as colds,
            -- Placement is much alike everywhere: as if each function had three more of the mean.
            (coalesce(cold_place_ms, 0.0) + 3 * place_ms) / (coalesce(colds, 0.0) + 3) as place_each_ms,
            coalesce(cold_init_ms / colds, greatest(0.0, single_ms - place_ms)) as init_each_ms
        from warm
        join placed on warm.date = placed.date and warm.account_id = placed.account_id and warm.region = placed.region
        left join cold
            on warm.date = cold.date and warm.account_id = cold.account_id and warm.region = cold.region
                and warm.function = cold.function
        left join single
            on warm.date = single.date and warm.account_id = single.account_id and warm.region = single.region
                and warm.function = single.function
    )
    where place_each_ms > 0 and init_each_ms is not null
),
totals as (
    select
        waits.*, over_each_ms, init_each_ms, part_error,
        abs(sum(requests - invocations) over days) <= 2 + 0.02 * sum(invocations) over days as only_requests,
        sum(reports) over hours >= 0.95 * sum(invocations) over hours and sum(reports) over hours > 0 as is_reported,
        -- X-Ray and CloudWatch do not end a request at the same instant: a few tenths of a millisecond.
        sum(invocations) over days * sqrt(power(warm_scatter_ms, 2) / warm_traces + 0.09) as warm_error_ms,
        -- Of w invocations the one that was traced is known. As if one more had been seen: that none was seen does not make it
        -- certain that there was none.
        sqrt(
            coalesce(mean_weight, sum(invocations) over days)
            * greatest(coalesce(mean_weight, sum(invocations) over days) - 1, 0.01)
            * (coalesce(init_squares, 0.0) + power(coalesce(one_init_ms, 500.0), 2))
        ) as traced_error_ms,
        coalesce(billed_part, case when snap_start then 0.25 end, 1.0) as billed_part
    from waits
    left join starts
        on waits.date = starts.date and waits.account_id = starts.account_id and waits.region = starts.region
            and waits.function = starts.function
    left join traced_days
        on waits.date = traced_days.date and waits.account_id = traced_days.account_id and waits.region = traced_days.region
            and waits.function = traced_days.function
    left join function_memory as configured
        on waits.account_id = configured.account_id and waits.region = configured.region
            and waits.function = configured.function and ts >= valid_from and ts < valid_to
    window
        days as (partition by waits.date, waits.account_id, waits.region, waits.function),
        hours as (partition by waits.date, waits.account_id, waits.region, waits.function, date_bin(interval '1 hour', ts))
),
chosen as (
    select
        *,
        case
            when is_reported then 'reports'
            when only_requests and over_each_ms is not null then 'latency'
            else 'traces'
        end as basis,
        -- The day's wait, where it was.
        coalesce(greatest(0.0, day_over_ms) * greatest(0.0, bin_over_ms) / nullif(bins_over_ms, 0.0), 0.0) as over_ms
    from totals
),
initialised as (
    select
        *,
        case basis
            when 'reports' then report_cold_starts when 'latency' then over_ms / over_each_ms else traced_cold_starts
        end as cold_starts,
        case basis
            when 'reports' then report_init_ms when 'latency' then over_ms / over_each_ms * init_each_ms else traced_init_ms
        end as init_ms,
        case basis
            when 'reports' then 0.0
            when 'latency'
                then sqrt(power(warm_error_ms, 2) + power(part_error * day_over_ms, 2)) * init_each_ms / over_each_ms
            else traced_error_ms
        end as error_ms
    from chosen
)
select
    date, account_id, region, function, ts, invocations, errors, throttles, duration_ms, cold_starts, init_ms,
    init_ms * billed_part as billed_init_ms,
    -- Each invocation is rounded up to the millisecond: half of one on average.
    case basis when 'reports' then report_billed_ms else duration_ms + init_ms * billed_part + 0.5 * invocations end as billed_ms,
    sqrt(
        power(max(error_ms * billed_part) over days, 2)
        + power(sum(case when basis = 'reports' or billed_part = 1 then 0.0 else 0.15 * init_ms end) over days, 2)
    ) as day_error_ms,
    basis
from initialised
window days as (partition by date, account_id, region, function)
