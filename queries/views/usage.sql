-- title:   Usage by meter, route and hour
-- answers: How much of what is billed did each route use, and how is that known?
-- stored:  per state
-- column:  date       date      UTC day
-- column:  account_id text      account
-- column:  region     text      region
-- column:  meter      text      see `meters`
-- column:  hour       timestamp start of the hour
-- column:  resource   text      function, API/stage, table or bucket
-- column:  api        text      API; null where it is no route's
-- column:  stage      text      stage
-- column:  route      text      route
-- column:  quantity   double    usage, in the meter's unit
-- column:  certain    boolean   the amount is known; else only its share is
-- column:  basis      text      how the route's part is known
select
    date, account_id, region, 'lambda-gb-seconds-' || architecture as meter, hour,
    function as resource, api, stage, route, gb_seconds * share as quantity, certain, basis
from function_routes
where gb_seconds * share > 0
union all
select
    date, account_id, region, 'lambda-requests-' || architecture, hour,
    function, api, stage, route, invocations * call_share, true,
    replace(basis, 'time', 'calls')
from function_routes
where invocations * call_share > 0
union all
select
    date, account_id, region, 'apigateway-rest-requests', date_bin(interval '1 hour', ts),
    api || '/' || stage, api, stage, route, sum(requests), true, 'requests ' || basis
from route_requests
where requests > 0
group by date, account_id, region, date_bin(interval '1 hour', ts), api, stage, route, basis
union all
select
    date, account_id, region, meter, hour, resource, api, stage, route, sum(calls * weight), true,
    'traced calls'
from traced_calls
join operations
    on traced_calls.service = operations.service and traced_calls.operation = operations.operation
group by date, account_id, region, meter, hour, resource, api, stage, route
union all
-- X-Ray's default rule records the first request of a second and 5% of the others. The traces found
-- say which stages are traced, but not how many there are: only a share of them is fetched, and
-- that share changes.
select
    date, account_id, region, 'xray-traces', date_bin(interval '1 hour', ts),
    api || '/' || stage, api, stage, route,
    sum(requests * (0.05 + 0.95 * (1 - exp(-all_requests / period_s)) * period_s / all_requests)), true,
    'requests, as X-Ray samples them'
from (
    select
        route_requests.*,
        sum(requests) over (
            partition by route_requests.account_id, route_requests.region, ts, period_s
        ) as all_requests
    from route_requests
    join (select distinct account_id, region, api, stage from request_traces) as traced
        on route_requests.account_id = traced.account_id and route_requests.region = traced.region
            and route_requests.api = traced.api and route_requests.stage = traced.stage
) as sampled
where requests > 0
group by date, account_id, region, date_bin(interval '1 hour', ts), api, stage, route
union all
select
    date, account_id, region, 'log-bytes', hour, function, api, stage, route, invocations * call_share, true,
    'invocations, each taken to log as much'
from function_routes
where invocations * call_share > 0
