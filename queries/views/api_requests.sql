-- title:   Requests of APIs on every level
-- answers: What does API Gateway count of each stage, and where detailed metrics are on of each route? The two levels count the same
--          requests: take one of them, as `route_requests` does.
-- stored:  by day
-- column:  date          date      UTC day
-- column:  account_id    text      account
-- column:  region        text      region
-- column:  api           text      name of the API
-- column:  stage         text      stage
-- column:  route         text      METHOD /template, or a WebSocket API's route key; null on the level of the stage
-- column:  ts            timestamp start of the period
-- column:  period_s      integer   its length, seconds
-- column:  protocol      text      REST, HTTP or WEBSOCKET, as its metrics tell
-- column:  requests      double    requests; of a WebSocket API its connects and messages; null where nothing counts them, as of $disconnect
-- column:  client_errors double    of which answered with 4xx
-- column:  server_errors double    of which answered with 5xx
-- column:  units         double    of what is billed: requests; of an HTTP API those of 512 KB; of a WebSocket API messages
-- column:  connects      double    connections made to a WebSocket API
-- column:  bytes         double    bytes of requests and answers, of an HTTP API
with counted as (
    select
        date, account_id, region, resource as api, stage, route, ts, cast(period_s as bigint) as period_s,
        sum(case when metric in ('Count', 'ConnectCount', 'MessageCount') then sum end) as requests,
        sum(case when metric in ('4XXError', '4xx', 'ClientError') then sum else 0 end) as client_errors,
        sum(case when metric in ('5XXError', '5xx', 'IntegrationError', 'ExecutionError') then sum else 0 end) as server_errors,
        sum(case when metric = 'DataProcessed' then sum else 0 end) as bytes,
        sum(case when metric = 'ConnectCount' then sum else 0 end) as connects,
        sum(case when metric = 'MessageCount' then sum else 0 end) as messages,
        max(case
            when metric in ('ConnectCount', 'MessageCount', 'ClientError', 'IntegrationError', 'ExecutionError') then 3
            when metric in ('4xx', '5xx', 'DataProcessed') then 2
            else 1
        end) as kind
    from metrics
    where service = 'apigateway' and stage is not null
        and metric in (
            'Count', '4XXError', '5XXError', '4xx', '5xx', 'DataProcessed',
            'ConnectCount', 'MessageCount', 'ClientError', 'IntegrationError', 'ExecutionError'
        )
    group by date, account_id, region, resource, stage, route, ts, period_s
)
select
    date, account_id, region, api, stage, route, ts, period_s,
    case max(kind) over (partition by date, account_id, region, api, stage)
        when 3 then 'WEBSOCKET' when 2 then 'HTTP' else 'REST'
    end as protocol,
    requests, client_errors, server_errors,
    case kind when 3 then messages else greatest(coalesce(requests, 0), bytes / 524288) end as units, connects, bytes
from counted
