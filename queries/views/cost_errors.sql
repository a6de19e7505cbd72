-- title:   Errors of entry points' costs
-- answers: How far may a day's cost of a route, or of what else starts work, be off, service by service, because only some of its
--          requests were traced? Standard errors, relative to the cost. Of a traced sum they are what its traces' scatter tells (delta
--          method): of calls, of time, of initialisations; of a table also what is not known of its calls' units. What is shared out must
--          add up to what was counted, so one that has all of it has no error. The error of what is learnt of a call's units is taken
--          half as large again as the regression says. What traces cannot show is taken as: bytes that an invocation logs, 15% between
--          those that start a function; X-Ray's sampling, 2%, and 4% of queues and streams; transitions of an execution, 25% between
--          state machines.
-- stored:  per state
-- column:  date           date    UTC day
-- column:  account_id     text    account
-- column:  region         text    region
-- column:  api            text    API
-- column:  stage          text    stage
-- column:  route          text    route
-- column:  trigger        text    what else starts work (see `trace_triggers`)
-- column:  service        text    Cost Explorer's SERVICE
-- column:  relative_error double  standard error ÷ cost
-- column:  repeats        boolean another day has the same error, and not one of its own
with requests as (
    select date, account_id, region, api, stage, route, cast(count(*) as double) as traces
    from request_traces
    where nth = 1
    group by date, account_id, region, api, stage, route
),
calls as (
    select
        date, account_id, region, service, resource, operation, api, stage, route, trigger, calls,
        greatest(0.0, squares / (traced * traced) - 1 / coalesce(traces, traced)) as error
    from (
        select
            date, account_id, region, service, resource, operation, api, stage, route, trigger,
            sum(calls) as calls, cast(sum(traced) as double) as traced, sum(squares) as squares
        from traced_calls
        group by date, account_id, region, service, resource, operation, api, stage, route, trigger
    )
    left join requests using (date, account_id, region, api, stage, route)
),
-- Functions: what was initialised, and whose time it was.
runs as (
    select
        date, account_id, region, function, api, stage, route, trigger, cast(count(*) as double) as traces,
        sum(duration_ms + billed_init_ms) as ms, sum(power(duration_ms + billed_init_ms, 2)) as squares
    from function_traces
    group by date, account_id, region, function, api, stage, route, trigger
),
initialised as (
    select date, account_id, region, function, max(day_error_ms) / nullif(sum(billed_ms), 0.0) as error
    from function_usage
    group by date, account_id, region, function
),
worked as (
    select
        date, account_id, region, function, architecture, api, stage, route, trigger,
        sum(gb_seconds * share) as gb_seconds, bool_and(certain) as certain,
        sum(gb_seconds * share) / nullif(sum(sum(gb_seconds * share)) over (
            partition by date, account_id, region, function
        ), 0.0) as part
    from function_routes
    group by date, account_id, region, function, architecture, api, stage, route, trigger
),
times as (
    select
        worked.date, worked.account_id, worked.region, architecture, worked.api, worked.stage, worked.route, worked.trigger,
        gb_seconds, certain, part,
        power(gb_seconds, 2) * (
            power(coalesce(initialised.error, 0.0), 2)
            + (1 - part) * coalesce(greatest(0.0, squares / (ms * ms) - 1 / (4 * traces)), 1.0)
        ) as variance
    from worked
    left join initialised
        on worked.date = initialised.date and worked.account_id = initialised.account_id
            and worked.region = initialised.region and worked.function = initialised.function
    left join runs
        on worked.date = runs.date and worked.account_id = runs.account_id and worked.region = runs.region
            and worked.function = runs.function
            and (worked.api is not distinct from runs.api) and (worked.stage is not distinct from runs.stage)
            and (worked.route is not distinct from runs.route) and (worked.trigger is not distinct from runs.trigger)
),
-- What a function used before its last deploy is the rest of the bill, so it has the others' errors.
rests as (
    select
        *,
        case when certain then 0.0 else
            sum(case when certain then variance else 0.0 end) over architectures
            * power(gb_seconds / nullif(sum(case when certain then 0.0 else gb_seconds end) over architectures, 0.0), 2)
        end as rest_variance
    from times
    window architectures as (partition by date, account_id, region, architecture)
),
-- Tables: calls, and the units of a call.
units as (
    select
        calls.date, calls.account_id, calls.region, calls.resource, operations.meter, calls.api, calls.stage, calls.route,
        calls.trigger, sum(calls.calls * weight * coalesce(rate, 1.0)) as units,
        sum(power(calls.calls * weight * coalesce(rate, 1.0), 2)
            * (calls.error + power(coalesce(1.5 * unit_rates.error / rate, 0.5), 2))) as variance
    from calls
    join operations on calls.service = operations.service and calls.operation = operations.operation
    left join unit_rates
        on calls.account_id = unit_rates.account_id and calls.region = unit_rates.region
            and calls.resource = unit_rates.resource and operations.meter = unit_rates.meter
            and date_bin(interval '7 days', arrow_cast(calls.date, 'Timestamp(Microsecond, Some("UTC"))')) = unit_rates.week
            and calls.operation || coalesce(' ' || api || '/' || stage || ' ' || route, ' ' || trigger, '') = unit_rates.caller
    where calls.service = 'DynamoDB'
    group by
        calls.date, calls.account_id, calls.region, calls.resource, operations.meter, calls.api, calls.stage, calls.route,
        calls.trigger
),
objects as (
    select
        calls.date, calls.account_id, calls.region, meter, api, stage, route, trigger,
        sum(calls.calls * weight) as units, sum(power(calls.calls * weight, 2) * error) as variance
    from calls
    join operations on calls.service = operations.service and calls.operation = operations.operation
    where calls.service = 'S3'
    group by calls.date, calls.account_id, calls.region, meter, api, stage, route, trigger
),
parts as (
    select
        date, account_id, region, api, stage, route, trigger, 'AWS Lambda' as service, false as repeats,
        gb_seconds as amount, variance + rest_variance as variance
    from rests
    union all
    select
        date, account_id, region, api, stage, route, trigger, 'Amazon DynamoDB', true,
        units * case when meter = 'dynamodb-writes' then 5.0 else 1.0 end,
        variance * case when meter = 'dynamodb-writes' then 25.0 else 1.0 end
            * (1 - units / nullif(sum(units) over (partition by date, account_id, region, resource, meter), 0.0))
    from units
    union all
    select
        date, account_id, region, api, stage, route, trigger, 'Amazon Simple Storage Service', false,
        units * case when meter = 's3-tier1-requests' then 12.5 else 1.0 end,
        variance * case when meter = 's3-tier1-requests' then 156.25 else 1.0 end
            * (1 - units / nullif(sum(units) over (partition by date, account_id, region, meter), 0.0))
    from objects
    union all
    select
        date, account_id, region, api, stage, route, trigger, 'AmazonCloudWatch', true, gb_seconds,
        power(gb_seconds * 0.15 * (1 - part), 2)
    from times
    union all
    select date, account_id, region, api, stage, route, null, 'AWS X-Ray', false, traces, power(traces * 0.02, 2)
    from requests
    union all
    -- What polls a queue or stream spaces its batches more evenly than chance, so more of them are a second's first; `xray_traces`
    -- corrects that, the more traces there are the more.
    select
        date, account_id, region, null, null, null, trigger, 'AWS X-Ray', true, traces,
        power(traces * (0.02 + case
            when split_part(trigger, '/', 1) in ('state-machine', 's3-event', 'direct') then 0.0 else 0.03 * 1000 / (1000 + traces)
        end), 2)
    from (
        select date, account_id, region, trigger, cast(count(*) as double) as traces
        from trace_triggers
        group by date, account_id, region, trigger
    )
    union all
    select
        date, account_id, region, null, null, null, 'state-machine/' || resource, 'AWS Step Functions', true, started,
        power(case when express then 0.0 else 0.25 * (1 - started / all_started) * started end, 2)
    from (
        select
            date, account_id, region, resource, express, sum(started) as started,
            sum(sum(started)) over (partition by date, account_id, region, express) as all_started
        from executions
        group by date, account_id, region, resource, express
    )
    where started > 0
    union all
    select
        route_requests.date, route_requests.account_id, route_requests.region, route_requests.api, route_requests.stage,
        route_requests.route, null, 'Amazon API Gateway', false, sum(requests),
        power(sum(case when basis = 'stage split by traces' then requests else 0.0 end), 2) / coalesce(max(traces), 1.0)
    from route_requests
    left join requests using (date, account_id, region, api, stage, route)
    group by
        route_requests.date, route_requests.account_id, route_requests.region, route_requests.api, route_requests.stage,
        route_requests.route
)
select
    date, account_id, region, api, stage, route, trigger, service,
    coalesce(sqrt(sum(variance)) / nullif(sum(amount), 0.0), 0.0) as relative_error, bool_or(repeats) as repeats
from parts
where route is not null or trigger is not null
group by date, account_id, region, api, stage, route, trigger, service
