-- title:   Requests by route and period
-- answers: How many requests did each route get, and how many failed, in every period that CloudWatch has?
--          An API's metrics have two levels that overlap, so each hour of a stage takes one of them: its methods where
--          detailed metrics are on; else the stage, which is its only route's; else the stage split by traces.
-- stored:  by day
-- column:  date          date      UTC day
-- column:  account_id    text      account
-- column:  region        text      region
-- column:  api           text      name of the API
-- column:  stage         text      stage
-- column:  route         text      METHOD /template, or a WebSocket API's route key; "(all routes)" where nothing tells them apart
-- column:  ts            timestamp start of the period
-- column:  period_s      integer   its length, seconds
-- column:  protocol      text      REST, HTTP or WEBSOCKET
-- column:  requests      double    requests; of a WebSocket API its connects and messages
-- column:  client_errors double    of which answered with 4xx
-- column:  server_errors double    of which answered with 5xx
-- column:  units         double    of what is billed, see `api_requests`
-- column:  connects      double    connections made to a WebSocket API
-- column:  bytes         double    bytes of requests and answers, of an HTTP API
-- column:  basis         text      counted by method, counted by stage, or stage split by traces
with detailed as (
    select distinct
        account_id as d_account, region as d_region, api as d_api, stage as d_stage,
        date_bin(interval '1 hour', ts) as d_hour
    from api_requests
    where route is not null
),
by_stage as (
    select api_requests.*, date_bin(interval '1 hour', ts) as hour
    from api_requests
    left anti join detailed
        on account_id = d_account and region = d_region and api = d_api and stage = d_stage
            and date_bin(interval '1 hour', ts) = d_hour
    where route is null
),
only_routes as (
    select account_id, region, api, stage, min(route) as only_route
    from known_routes
    group by account_id, region, api, stage
    having count(distinct route) = 1
),
gateway as (
    select
        date, account_id, region, resource as api, stage, route,
        date_bin(interval '1 hour', ts) as hour, count(*) as traces
    from spans
    where kind = 'segment' and origin = 'AWS::ApiGateway::Stage' and route is not null
    group by date, account_id, region, resource, stage, route, date_bin(interval '1 hour', ts)
),
undecided as (
    select distinct by_stage.date, by_stage.account_id, by_stage.region, by_stage.api, by_stage.stage, hour
    from by_stage
    left join only_routes using (account_id, region, api, stage)
    where only_route is null
),
of_hour as (
    select
        undecided.date, undecided.account_id, undecided.region, undecided.api, undecided.stage,
        undecided.hour, route, cast(traces as double) as traces
    from undecided
    join gateway
        on undecided.account_id = gateway.account_id and undecided.region = gateway.region
            and undecided.api = gateway.api and undecided.stage = gateway.stage
            and undecided.hour = gateway.hour
),
of_day as (
    select
        undecided.date, undecided.account_id, undecided.region, undecided.api, undecided.stage,
        undecided.hour, gateway.route, cast(sum(gateway.traces) as double) as traces
    from undecided
    join gateway
        on undecided.account_id = gateway.account_id and undecided.region = gateway.region
            and undecided.api = gateway.api and undecided.stage = gateway.stage
            and undecided.date = gateway.date
    left join (select distinct account_id, region, api, stage, hour from of_hour) as has_hour
        on undecided.account_id = has_hour.account_id and undecided.region = has_hour.region
            and undecided.api = has_hour.api and undecided.stage = has_hour.stage
            and undecided.hour = has_hour.hour
    where has_hour.api is null
    group by
        undecided.date, undecided.account_id, undecided.region, undecided.api, undecided.stage,
        undecided.hour, gateway.route
),
shares as (
    select
        account_id, region, api, stage, hour, route as shared_route,
        traces / sum(traces) over (partition by account_id, region, api, stage, hour) as share
    from (select * from of_hour union all select * from of_day)
)
select
    date, account_id, region, api, stage, route, ts, period_s, protocol,
    requests, client_errors, server_errors, units, connects, bytes, 'counted by method' as basis
from api_requests
where route is not null
union all
select
    date, by_stage.account_id, by_stage.region, by_stage.api, by_stage.stage,
    coalesce(only_route, shared_route, '(all routes)') as route, ts, period_s, protocol,
    requests * coalesce(share, 1.0) as requests,
    client_errors * coalesce(share, 1.0) as client_errors,
    server_errors * coalesce(share, 1.0) as server_errors,
    units * coalesce(share, 1.0) as units,
    connects * coalesce(share, 1.0) as connects,
    bytes * coalesce(share, 1.0) as bytes,
    case
        when only_route is not null then 'counted by stage'
        when shared_route is not null then 'stage split by traces'
        else 'stage not split'
    end as basis
from by_stage
left join only_routes using (account_id, region, api, stage)
left join shares using (account_id, region, api, stage, hour)
