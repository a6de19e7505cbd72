-- title:   What started traces that no route began
-- answers: Which queue, stream, bucket or state machine started the work of each trace?
--          A trace that a state machine began is its. One that begins with a function was started by the only configured source of the
--          function that leaves no trace of its own; by something that the configuration does not show (a schedule, another service, or
--          somebody by hand) where it has none. Where it has several the trace does not tell which it was.
-- stored:  by day
-- column:  date       date UTC day of the trace's start
-- column:  account_id text account
-- column:  region     text region
-- column:  trace_id   text X-Ray's id
-- column:  trigger    text kind/name as in `entry_points`, for example sqs/mails; direct/function where nothing is configured
with begun as (
    select date, account_id, region, trace_id, origin, coalesce(resource, name) as started
    from (
        select
            *, row_number() over (partition by account_id, region, trace_id order by ts, span_id) as nth
        from spans
        where kind = 'segment' and parent_id is null and not inferred
    )
    where nth = 1 and origin in ('AWS::Lambda', 'AWS::Lambda::Function', 'AWS::StepFunctions::StateMachine')
),
unrouted as (
    select begun.*
    from begun
    left anti join request_traces
        on begun.account_id = request_traces.account_id and begun.region = request_traces.region
            and begun.trace_id = request_traces.trace_id
),
-- What leaves a trace of its own would have begun it.
traced as (
    select distinct date, account_id, region, 'route' as kind, resource || '/' || stage as owner
    from spans
    where kind = 'segment' and origin = 'AWS::ApiGateway::Stage'
    union all
    select distinct date, account_id, region, 'state-machine', coalesce(resource, name)
    from spans
    where kind = 'segment' and origin = 'AWS::StepFunctions::StateMachine'
),
sources as (
    select account_id, region, function, 'route' as kind, api || '/' || stage as owner
    from known_routes
    where function is not null
    union all
    select account_id, region, function, kind, name
    from entry_points
    where kind <> 'route'
),
functions as (
    select
        days.date, days.account_id, days.region, days.started,
        sum(case when sources.kind is not null and traced.kind is null then 1 else 0 end) as untraced,
        min(case when sources.kind <> 'route' and traced.kind is null then sources.kind || '/' || sources.owner end) as source
    from (
        select distinct date, account_id, region, started from unrouted where origin <> 'AWS::StepFunctions::StateMachine'
    ) as days
    left join sources
        on days.account_id = sources.account_id and days.region = sources.region and days.started = sources.function
    left join traced
        on days.date = traced.date and sources.account_id = traced.account_id and sources.region = traced.region
            and sources.kind = traced.kind and sources.owner = traced.owner
    group by days.date, days.account_id, days.region, days.started
)
select
    unrouted.date, unrouted.account_id, unrouted.region, trace_id,
    case
        when origin = 'AWS::StepFunctions::StateMachine' then 'state-machine/' || unrouted.started
        when untraced = 0 then 'direct/' || unrouted.started
        when untraced = 1 then source
    end as trigger
from unrouted
left join functions
    on unrouted.date = functions.date and unrouted.account_id = functions.account_id and unrouted.region = functions.region
        and unrouted.started = functions.started
