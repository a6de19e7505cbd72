-- title:   Traced invocations with their weights
-- answers: For how many invocations does each traced one stand, was it cold, and which route's request was it part of?
--          Weighted as `request_traces`, by the function's own Invocations.
-- stored:  by day
-- column:  date           date      UTC day of the trace's start
-- column:  account_id     text      account
-- column:  region         text      region
-- column:  trace_id       text      X-Ray's id
-- column:  span_id        text      of the function's segment
-- column:  ts             timestamp when the function began
-- column:  bin            timestamp start of the five minutes in which it is counted
-- column:  function       text      name
-- column:  duration_ms    double    milliseconds
-- column:  cold_start     boolean   the request waited for an initialisation
-- column:  init_ms        double    length of the initialisation, or of a snapshot's restoration, milliseconds
-- column:  billed_init_ms double    what of it is billed: of a restoration a quarter, as published reports have 8% to 59%; 0 if it was not cold
-- column:  api            text      API of the request that began the trace; null if none did
-- column:  stage          text      its stage
-- column:  route          text      its route
-- column:  trigger        text      what else began it (see `trace_triggers`); null if a route did, or where it isn't known
-- column:  request_weight double    requests that the trace stands for; null without a route
-- column:  weight         double    invocations that it stands for
with segments as (
    select
        date, account_id, region, trace_id, span_id, ts, resource as function, duration_ms,
        coalesce(cold_start, false) as cold_start, init_ms,
        -- What began after midnight counts where its trace does.
        date_bin(interval '5 minutes', case when cast(ts as date) = date then ts else trace_ts end) as bin
    from spans
    where kind = 'segment' and origin = 'AWS::Lambda::Function' and resource is not null
),
restores as (
    select distinct date, account_id, region, trace_id, parent_id as span_id
    from spans
    where kind = 'subsegment' and name = 'Restore'
),
counted as (
    select
        date, account_id, region, resource as function, date_bin(interval '5 minutes', ts) as bin,
        sum(sum) as invocations
    from metrics
    where service = 'lambda' and metric = 'Invocations'
    group by date, account_id, region, resource, date_bin(interval '5 minutes', ts)
),
traced as (
    select date, account_id, region, function, bin, cast(count(*) as double) as traces
    from segments
    group by date, account_id, region, function, bin
),
strata as (
    select
        date, account_id, region, function, bin, date_bin(interval '1 hour', bin) as hour,
        sum(invocations) as invocations, sum(traces) as traces
    from (
        select date, account_id, region, function, bin, invocations, 0.0 as traces from counted
        union all
        select date, account_id, region, function, bin, 0.0 as invocations, traces from traced
    )
    group by date, account_id, region, function, bin
),
hours as (
    select
        *,
        sum(traces) over (
            partition by date, account_id, region, function, hour
        ) as hour_traces,
        sum(case when traces = 0 then invocations else 0.0 end) over (
            partition by date, account_id, region, function, hour
        ) as hour_rest
    from strata
),
days as (
    select
        *,
        sum(traces) over (partition by date, account_id, region, function) as day_traces,
        sum(case when hour_traces = 0 then invocations else 0.0 end) over (
            partition by date, account_id, region, function
        ) as day_rest
    from hours
),
weights as (
    select
        date, account_id, region, function, bin,
        case when invocations > 0 then invocations / traces else 1.0 end
            + hour_rest / hour_traces + day_rest / day_traces as weight
    from days
    where traces > 0
)
select
    segments.date, segments.account_id, segments.region, segments.trace_id, segments.span_id,
    segments.ts, segments.bin, segments.function, segments.duration_ms, segments.cold_start, segments.init_ms,
    case when segments.cold_start then coalesce(segments.init_ms, 0.0) else 0.0 end
        * case when restores.span_id is null then 1.0 else 0.25 end as billed_init_ms,
    requests.api, requests.stage, requests.route, triggers.trigger, requests.weight as request_weight,
    weights.weight
from segments
join weights using (date, account_id, region, function, bin)
left join restores
    on segments.date = restores.date and segments.account_id = restores.account_id and segments.region = restores.region
        and segments.trace_id = restores.trace_id and segments.span_id = restores.span_id
left join (select * from request_traces where nth = 1) as requests
    on segments.account_id = requests.account_id and segments.region = requests.region
        and segments.trace_id = requests.trace_id
left join trace_triggers as triggers
    on segments.account_id = triggers.account_id and segments.region = triggers.region
        and segments.trace_id = triggers.trace_id
