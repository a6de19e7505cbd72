-- title:   Errors of entry points' costs
-- answers: How far may a day's cost of a route, or of what else starts work, be off, service by service, because only some of its
--          requests were traced? Standard errors, relative to the cost. Of a traced sum they are what its traces' scatter tells (delta
--          method): of calls, of time, of initialisations; of tables and logs also what is not known of a call's units or bytes. What is
--          shared out must add up to what was counted, so one that has all of it has no error. What traces cannot show is taken as:
--          transitions of an execution, 25% between state machines.
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
    select date, account_id, region, api, stage, route, cast(null as varchar) as trigger, cast(count(*) as double) as traces
    from request_traces
    where nth = 1
    group by date, account_id, region, api, stage, route
    union all
    select date, account_id, region, null, null, null, trigger, count(*)
    from trace_triggers
    where trigger is not null
    group by date, account_id, region, trigger
),
calls as (
    select
        calls.date, calls.account_id, calls.region, service, resource, operation, calls.api, calls.stage, calls.route,
        calls.trigger, calls, greatest(0.0, squares / (traced * traced) - 1 / coalesce(traces, traced)) as error
    from (
        select
            date, account_id, region, service, resource, operation, api, stage, route, trigger,
            sum(calls) as calls, cast(sum(traced) as double) as traced, sum(squares) as squares
        from traced_calls
        group by date, account_id, region, service, resource, operation, api, stage, route, trigger
    ) as calls
    left join requests
        on calls.date = requests.date and calls.account_id = requests.account_id and calls.region = requests.region
            and coalesce(calls.api || '/' || calls.stage || ' ' || calls.route, calls.trigger)
                = coalesce(requests.api || '/' || requests.stage || ' ' || requests.route, requests.trigger)
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
-- Tables and log groups: the units of a call, which may be off together, how far a day's calls take others, and the calls.
made as (
    select
        date, day_calls.account_id, day_calls.region, day_calls.resource, day_calls.meter, api, stage, route, trigger, entry,
        day_calls.week, coalesce(unit_rates.caller, 'others') as caller,
        sum(calls * weight) as amount, sum(calls * weight * coalesce(rate, 1.0)) as units,
        sum(calls * power(weight * coalesce(rate, 1.0), 2) * coalesce(noise, 0.4)) as scatter,
        -- All calls are counted: what one of them made more, another made less.
        sum(power(weight * coalesce(rate, 1.0), 2) * unsure * (1 - coalesce(unsure / nullif(all_unsure, 0.0), 0.0))) as calls_variance
    from (
        select
            made.date, made.account_id, made.region, made.service, coalesce(log_group, made.resource) as resource,
            coalesce(meter, 'log-bytes') as meter, made.api, made.stage, made.route, made.trigger, coalesce(weight, 1.0) as weight,
            coalesce(made.api || '/' || made.stage || ' ' || made.route, made.trigger, '') as entry,
            date_bin(interval '7 days', arrow_cast(made.date, 'Timestamp(Microsecond, Some("UTC"))')) as week,
            made.operation || case when repeated then ' repeated' else '' end
                || coalesce(' ' || made.api || '/' || made.stage || ' ' || made.route, ' ' || made.trigger, '') as own,
            sum(made.calls) as calls, power(sum(made.calls), 2) * max(coalesce(calls.error, 0.0)) as unsure,
            sum(power(sum(made.calls), 2) * max(coalesce(calls.error, 0.0))) over (
                partition by made.date, made.account_id, made.region, made.service, coalesce(log_group, made.resource), made.operation
            ) as all_unsure
        from hourly_calls as made
        left join operations on made.service = operations.service and made.operation = operations.operation
        left join (
            select distinct date, account_id, region, function, log_group from log_bytes where function is not null
        ) as groups
            on made.service = 'Lambda' and made.date = groups.date and made.account_id = groups.account_id
                and made.region = groups.region and made.resource = function
        left join calls
            on made.date = calls.date and made.account_id = calls.account_id and made.region = calls.region
                and made.service = calls.service and made.resource = calls.resource and made.operation = calls.operation
                and coalesce(made.api || '/' || made.stage || ' ' || made.route, made.trigger, '')
                    = coalesce(calls.api || '/' || calls.stage || ' ' || calls.route, calls.trigger, '')
        where made.calls > 0 and (meter is not null or log_group is not null)
        group by
            made.date, made.account_id, made.region, made.service, coalesce(log_group, made.resource), meter, made.api, made.stage,
            made.route, made.trigger, weight, made.operation, repeated
    ) as day_calls
    left join unit_rates
        on day_calls.account_id = unit_rates.account_id and day_calls.region = unit_rates.region
            and day_calls.resource = unit_rates.resource and day_calls.meter = unit_rates.meter
            and day_calls.week = unit_rates.week and day_calls.own = unit_rates.caller
    group by
        date, day_calls.account_id, day_calls.region, day_calls.resource, day_calls.meter, api, stage, route, trigger, entry,
        day_calls.week, coalesce(unit_rates.caller, 'others')
),
units as (
    select
        made.date, made.account_id, made.region, made.resource, made.meter, api, stage, route, trigger,
        sum(units) as units, sum(scatter) as scatter,
        sum(calls_variance) + coalesce(max(learnt), power(0.5 * sum(units), 2)) as variance
    from made
    left join (
        select
            one.date, one.account_id, one.region, one.resource, one.meter, one.entry,
            sum(one.amount * two.amount * value) as learnt
        from made as one
        join made as two using (date, account_id, region, resource, meter, week, entry)
        join unit_solutions
            on one.account_id = unit_solutions.account_id and one.region = unit_solutions.region
                and one.resource = unit_solutions.resource and one.meter = unit_solutions.meter
                and one.week = unit_solutions.week and one.caller = unit_solutions.caller and two.caller = unit_solutions.other
        group by one.date, one.account_id, one.region, one.resource, one.meter, one.entry
    ) as together
        on made.date = together.date and made.account_id = together.account_id and made.region = together.region
            and made.resource = together.resource and made.meter = together.meter and made.entry = together.entry
    group by made.date, made.account_id, made.region, made.resource, made.meter, api, stage, route, trigger
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
        date, account_id, region, api, stage, route, trigger,
        case when meter = 'log-bytes' then 'AmazonCloudWatch' else 'Amazon DynamoDB' end, true,
        units * case when meter = 'dynamodb-writes' then 5.0 else 1.0 end,
        (
            variance
            + scatter * (1 - scatter / nullif(sum(scatter) over (partition by date, account_id, region, resource, meter), 0.0))
        ) * case when meter = 'dynamodb-writes' then 25.0 else 1.0 end
    from units
    union all
    select
        date, account_id, region, api, stage, route, trigger, 'Amazon Simple Storage Service', false,
        units * case when meter = 's3-tier1-requests' then 12.5 else 1.0 end,
        variance * case when meter = 's3-tier1-requests' then 156.25 else 1.0 end
            * (1 - units / nullif(sum(units) over (partition by date, account_id, region, meter), 0.0))
    from objects
    union all
    -- Beside what is left to chance, traces begin before midnight that end after it.
    select
        date, account_id, region, api, stage, route, trigger, 'AWS X-Ray', false, sum(traces),
        sum(power(traces, 2) * (power(error, 2) + power(0.001, 2)))
    from (
        select date, account_id, region, resource, api, stage, route, trigger, sum(traces) as traces, max(error) as error
        from xray_traces
        group by date, account_id, region, resource, api, stage, route, trigger
    )
    group by date, account_id, region, api, stage, route, trigger
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
