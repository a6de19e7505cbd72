-- title:   Traces recorded by X-Ray, by entry point and hour
-- answers: How many traces did the requests of each route, or of what else starts work, leave?
--          X-Ray's default rule records the first request of a second and 5% of the others. The traces found do not say how many there are,
--          as only a share of them is fetched, and that share changes; but they say who begins more of them than the rule makes one expect, as
--          what polls a queue does, whose batches are spaced evenly. So what is expected of a route, a function or a state machine is corrected
--          by how many of its traces were found beside the others', wholly where all were fetched, and else the more of them the more.
-- stored:  per state
-- column:  date       date      UTC day
-- column:  account_id text      account
-- column:  region     text      region
-- column:  hour       timestamp start of the hour
-- column:  resource   text      API/stage, function or state machine that samples
-- column:  api        text      API; null where it is no route's
-- column:  stage      text      stage
-- column:  route      text      route
-- column:  trigger    text      what else caused it (see `trace_triggers`)
-- column:  traces     double    traces, of which only the shares are known
-- column:  error      double    standard error of the day's traces of the route, function or state machine, relative to them
-- column:  basis      text      how the entry point's part is known
with expected as (
    select
        date, account_id, region, date_bin(interval '1 hour', ts) as hour, 'stage' as kind,
        api || '/' || stage as resource, api, stage, route, cast(null as varchar) as trigger,
        sum(requests * (0.05 + 0.95 * (1 - exp(-all_requests / period_s)) * period_s / all_requests)) as traces,
        'requests, as X-Ray samples them' as basis
    from (
        select
            route_requests.*,
            sum(requests) over (
                partition by route_requests.account_id, route_requests.region, ts, period_s
            ) as all_requests
        from route_requests
        join (select distinct account_id, region, api, stage from request_traces where root = 'gateway') as traced
            on route_requests.account_id = traced.account_id and route_requests.region = traced.region
                and route_requests.api = traced.api and route_requests.stage = traced.stage
    ) as sampled
    where requests > 0
    group by date, account_id, region, date_bin(interval '1 hour', ts), api, stage, route
    union all
    -- A function samples likewise what no API has sampled for it.
    select
        date, account_id, region, hour, 'function', function, api, stage, route, trigger, traces * call_share,
        'invocations, as a function samples them'
    from (
        select
            function_usage.date, function_usage.account_id, function_usage.region, function_usage.function,
            date_bin(interval '1 hour', ts) as hour,
            sum(invocations * (0.05 + 0.95 * (1 - exp(-invocations / 300)) * 300 / invocations)) as traces
        from function_usage
        join (
            select account_id, region, resource as function
            from spans
            where kind = 'segment' and origin = 'AWS::Lambda' and not inferred
            group by account_id, region, resource
            having bool_and(parent_id is null)
        ) as roots
            on function_usage.account_id = roots.account_id and function_usage.region = roots.region
                and function_usage.function = roots.function
        where invocations > 0
        group by
            function_usage.date, function_usage.account_id, function_usage.region, function_usage.function,
            date_bin(interval '1 hour', ts)
    ) as sampled
    join function_routes using (date, account_id, region, function, hour)
    union all
    select
        executions.date, executions.account_id, executions.region, hour, 'state-machine', executions.resource, null, null, null,
        'state-machine/' || executions.resource,
        sum(started * (0.05 + 0.95 * (1 - exp(-started / 3600)) * 3600 / started)),
        'executions, as a state machine samples them'
    from executions
    join (
        select distinct account_id, region, name
        from spans
        where kind = 'segment' and origin = 'AWS::StepFunctions::StateMachine' and parent_id is null
    ) as roots
        on executions.account_id = roots.account_id and executions.region = roots.region and executions.resource = roots.name
    where started > 0
    group by executions.date, executions.account_id, executions.region, hour, executions.resource
),
found as (
    select
        date, account_id, region, date_bin(interval '1 hour', ts) as hour, 'stage' as kind, api || '/' || stage as resource,
        route as own, cast(count(*) as double) as found
    from request_traces
    where root = 'gateway' and nth = 1
    group by date, account_id, region, date_bin(interval '1 hour', ts), api, stage, route
    union all
    select
        date, account_id, region, date_bin(interval '1 hour', ts),
        case when origin = 'AWS::Lambda' then 'function' else 'state-machine' end,
        case when origin = 'AWS::Lambda' then resource else name end, '', cast(count(*) as double)
    from spans
    where kind = 'segment' and origin in ('AWS::Lambda', 'AWS::StepFunctions::StateMachine')
        and not inferred and parent_id is null
    group by
        date, account_id, region, date_bin(interval '1 hour', ts), origin, case when origin = 'AWS::Lambda' then resource else name end
),
hours as (
    select expected.*, coalesce(found, 0.0) as found
    from (
        select date, account_id, region, hour, kind, resource, own, sum(traces) as traces
        from (select *, case when kind = 'stage' then route else '' end as own from expected)
        group by date, account_id, region, hour, kind, resource, own
    ) as expected
    left join found using (date, account_id, region, hour, kind, resource, own)
),
days as (
    select
        date, account_id, region, kind, resource, own, sum(found) as found, sum(likely) as likely,
        least(1.0, sum(sum(found)) over days / sum(sum(traces)) over days) as fetched
    from (
        select
            *,
            coalesce(traces * sum(found) over (partition by date, account_id, region, hour)
                / nullif(sum(traces) over (partition by date, account_id, region, hour), 0.0), 0.0) as likely
        from hours
    )
    group by date, account_id, region, kind, resource, own
    window days as (partition by date, account_id, region)
),
-- What is expected is off by 3%, of functions, which what polls for them starts more evenly than by chance, by 5%; and by what is left to
-- chance. What was found is off by the chance of being fetched. As if so many more had been found as expected that both count by their variance.
unsure as (
    select
        *, case when kind = 'function' then 0.0025 else 0.0009 end + fetched / nullif(likely, 0.0) as variance
    from days
),
corrected as (
    select
        *, (found + more) / nullif(likely + more, 0.0) as factor,
        sqrt(power(more, 2) * variance + greatest(found, 1.0) * (1 - fetched)) / greatest(1.0, found + more) as error
    from (select *, coalesce((1 - fetched) / variance, 0.0) as more from unsure)
)
select
    expected.date, expected.account_id, expected.region, hour, expected.resource, api, stage, route, trigger,
    -- Where no trace at all was found, as many as expected.
    traces * coalesce(factor, 1.0) as traces, coalesce(error, 1.0) as error, basis
from expected
join corrected
    on expected.date = corrected.date and expected.account_id = corrected.account_id and expected.region = corrected.region
        and expected.kind = corrected.kind and expected.resource = corrected.resource
        and case when expected.kind = 'stage' then route else '' end = own
