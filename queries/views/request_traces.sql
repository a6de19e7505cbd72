-- title:   Traced requests with their weights
-- answers: For how many requests does each trace stand, how long did its client wait, and did it wait for a cold start?
--          X-Ray samples quiet minutes more than busy ones, so a trace stands for requests ÷ traces of its route and its five
--          minutes. Requests of five minutes without a trace go to the route's traces of the same hour, or else of the same day;
--          those of a day without any are stood for by none. Where nothing counts requests a trace stands for itself.
--          HTTP and WebSocket APIs leave no trace of their own: one that begins with a function that a single route of such an API
--          calls, and nothing else, is that route's.
-- stored:  by day
-- column:  date        date      UTC day of the trace's start
-- column:  account_id  text      account
-- column:  region      text      region
-- column:  trace_id    text      X-Ray's id
-- column:  ts          timestamp when API Gateway got the request
-- column:  api         text      name of the API
-- column:  stage       text      stage
-- column:  route       text      METHOD /template
-- column:  root        text      gateway, or function where the API leaves no trace
-- column:  duration_ms double    milliseconds, as the client waited; null where the API leaves no trace
-- column:  status      integer   HTTP status
-- column:  fault       boolean   server error
-- column:  function    text      function that served it; null if none was traced
-- column:  cold_start  boolean   the function had to be initialised first; null without a traced function
-- column:  init_ms     double    length of that initialisation, milliseconds
-- column:  nth         integer   1 for the request that began the trace
-- column:  weight      double    requests that it stands for
with only_routes as (
    select account_id, region, function, min(api) as api, min(stage) as stage, min(route) as route
    from known_routes
    where function is not null
    group by account_id, region, function
    having count(*) = 1 and min(protocol) <> 'REST'
),
event_sources as (
    select distinct account_id as s_account, region as s_region, function as s_function
    from entry_points
    where kind not in ('route', 'state-machine')
),
roots as (
    select
        date, spans.account_id, spans.region, trace_id, ts, span_id, only_routes.api, only_routes.stage, only_routes.route,
        'function' as root, cast(null as double) as duration_ms, http_status, fault
    from spans
    join only_routes
        on spans.account_id = only_routes.account_id and spans.region = only_routes.region
            and spans.resource = only_routes.function
    left anti join event_sources
        on spans.account_id = s_account and spans.region = s_region and spans.resource = s_function
    where kind = 'segment' and origin = 'AWS::Lambda' and parent_id is null and not inferred
    union all
    select
        date, account_id, region, trace_id, ts, span_id, resource, stage, route,
        'gateway', duration_ms, http_status, fault
    from spans
    where kind = 'segment' and origin = 'AWS::ApiGateway::Stage' and not inferred
        and resource is not null and stage is not null and route is not null
),
gateway as (
    select
        date, account_id, region, trace_id, ts, date_bin(interval '5 minutes', ts) as bin,
        api, stage, route, root, duration_ms, http_status, fault,
        row_number() over (partition by account_id, region, trace_id order by ts, span_id) as nth
    from roots
),
counted as (
    select
        date, account_id, region, api, stage, route, date_bin(interval '5 minutes', ts) as bin,
        sum(requests) as requests
    from route_requests
    group by date, account_id, region, api, stage, route, date_bin(interval '5 minutes', ts)
),
traced as (
    select date, account_id, region, api, stage, route, bin, cast(count(*) as double) as traces
    from gateway
    group by date, account_id, region, api, stage, route, bin
),
strata as (
    select
        date, account_id, region, api, stage, route, bin, date_bin(interval '1 hour', bin) as hour,
        sum(requests) as requests, sum(traces) as traces
    from (
        select date, account_id, region, api, stage, route, bin, requests, 0.0 as traces from counted
        union all
        select date, account_id, region, api, stage, route, bin, 0.0 as requests, traces from traced
    )
    group by date, account_id, region, api, stage, route, bin
),
hours as (
    select
        *,
        sum(traces) over (
            partition by date, account_id, region, api, stage, route, hour
        ) as hour_traces,
        sum(case when traces = 0 then requests else 0.0 end) over (
            partition by date, account_id, region, api, stage, route, hour
        ) as hour_rest
    from strata
),
days as (
    select
        *,
        sum(traces) over (partition by date, account_id, region, api, stage, route) as day_traces,
        sum(case when hour_traces = 0 then requests else 0.0 end) over (
            partition by date, account_id, region, api, stage, route
        ) as day_rest
    from hours
),
weights as (
    select
        date, account_id, region, api, stage, route, bin,
        case when requests > 0 then requests / traces else 1.0 end
            + hour_rest / hour_traces + day_rest / day_traces as weight
    from days
    where traces > 0
),
served as (
    select account_id, region, trace_id, resource as function, cold_start, init_ms
    from (
        select
            account_id, region, trace_id, resource, cold_start, init_ms,
            row_number() over (partition by account_id, region, trace_id order by ts, span_id) as first
        from spans
        where kind = 'segment' and origin = 'AWS::Lambda::Function'
    )
    where first = 1
)
select
    gateway.date, gateway.account_id, gateway.region, gateway.trace_id, gateway.ts, gateway.api,
    gateway.stage, gateway.route, root, duration_ms,
    cast(http_status as bigint) as status, fault, function, cold_start, init_ms,
    cast(nth as bigint) as nth, weight
from gateway
join weights using (date, account_id, region, api, stage, route, bin)
left join served
    on gateway.account_id = served.account_id and gateway.region = served.region
        and gateway.trace_id = served.trace_id
