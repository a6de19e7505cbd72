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
-- column:  measured   boolean   it is counted in the unit that is billed; else it only tells shares of what is
-- column:  basis      text      how the route's part is known
select
    date, account_id, region, 'lambda-gb-seconds-' || architecture as meter, hour,
    function as resource, api, stage, route, gb_seconds * share as quantity, certain, true as measured, basis
from function_routes
where gb_seconds * share > 0
union all
select
    date, account_id, region, 'lambda-requests-' || architecture, hour,
    function, api, stage, route, invocations * call_share, true, true,
    replace(basis, 'time', 'calls')
from function_routes
where invocations * call_share > 0
union all
select
    date, account_id, region, 'apigateway-rest-requests', date_bin(interval '1 hour', ts),
    api || '/' || stage, api, stage, route, sum(requests), true, true, 'requests ' || basis
from route_requests
where requests > 0
group by date, account_id, region, date_bin(interval '1 hour', ts), api, stage, route, basis
union all
select
    date, account_id, region, meter, hour, resource, api, stage, route, units, true, true, basis
from table_usage
where units > 0
union all
-- Where DynamoDB's own metrics are not collected, and for buckets.
select
    traced_calls.date, traced_calls.account_id, traced_calls.region, meter, hour, traced_calls.resource, api, stage, route,
    sum(calls * weight), true, false, 'traced calls, of the units assumed of each'
from traced_calls
join operations
    on traced_calls.service = operations.service and traced_calls.operation = operations.operation
left anti join (select distinct date, account_id, region, resource from table_units) as measured
    on traced_calls.service = 'DynamoDB' and traced_calls.date = measured.date
        and traced_calls.account_id = measured.account_id and traced_calls.region = measured.region
        and traced_calls.resource = measured.resource
group by
    traced_calls.date, traced_calls.account_id, traced_calls.region, meter, hour, traced_calls.resource, api, stage, route
union all
-- X-Ray's default rule records the first request of a second and 5% of the others. The traces found
-- say which stages are traced, but not how many there are: only a share of them is fetched, and
-- that share changes.
select
    date, account_id, region, 'xray-traces', date_bin(interval '1 hour', ts),
    api || '/' || stage, api, stage, route,
    sum(requests * (0.05 + 0.95 * (1 - exp(-all_requests / period_s)) * period_s / all_requests)), true, false,
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
    logs.date, logs.account_id, logs.region, 'log-bytes', logs.hour, log_group, api, stage, route,
    bytes * coalesce(call_share, 1.0), true, true,
    case
        when logs.function is null then 'bytes counted by CloudWatch, of no function'
        else 'bytes counted by CloudWatch, of ' || coalesce(replace(basis, 'time', 'calls'), 'a function that did not run')
    end
from log_bytes as logs
left join function_routes
    on logs.date = function_routes.date and logs.account_id = function_routes.account_id
        and logs.region = function_routes.region and logs.function = function_routes.function
        and logs.hour = function_routes.hour
where bytes * coalesce(call_share, 1.0) > 0
union all
-- Where no log group's bytes are collected.
select
    date, account_id, region, 'log-bytes', hour, '/aws/lambda/' || function, api, stage, route, invocations * call_share,
    true, false, 'invocations, each taken to log as much'
from function_routes
left anti join (select distinct date as l_date, account_id as l_account, region as l_region from log_bytes) as measured
    on date = l_date and account_id = l_account and region = l_region
where invocations * call_share > 0
