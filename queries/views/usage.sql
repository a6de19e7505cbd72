-- title:   Usage by meter, entry point and hour
-- answers: How much of what is billed did each route use, or what else started work, and how is that known?
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
-- column:  trigger    text      what else caused it (see `trace_triggers`); null where nothing did or it isn't known
-- column:  quantity   double    usage, in the meter's unit
-- column:  certain    boolean   the amount is known; else only its share is
-- column:  measured   boolean   it is counted in the unit that is billed; else it only tells shares of what is
-- column:  basis      text      how the route's part is known
-- What runs in environments that were provisioned has a price of its own; they were initialised before.
with provisioned as (
    select
        account_id, region, resource as function, date_bin(interval '1 hour', ts) as hour,
        least(1.0, coalesce(sum(case when metric = 'ProvisionedConcurrencyInvocations' then sum end)
            / nullif(sum(case when metric = 'Invocations' then sum end), 0), 0.0)) as ahead
    from metrics
    where service = 'lambda' and metric in ('Invocations', 'ProvisionedConcurrencyInvocations')
    group by account_id, region, resource, date_bin(interval '1 hour', ts)
)
select
    date, account_id, region, kind || architecture as meter, hour,
    function as resource, api, stage, route, trigger, part * share as quantity, certain, true as measured, basis
from (
    select
        function_routes.*, kind,
        case
            when kind = 'lambda-gb-seconds-' then gb_seconds - (gb_seconds - init_gb_seconds) * coalesce(ahead, 0.0)
            else (gb_seconds - init_gb_seconds) * coalesce(ahead, 0.0)
        end as part
    from function_routes
    left join provisioned
        on function_routes.account_id = provisioned.account_id and function_routes.region = provisioned.region
            and function_routes.function = provisioned.function and function_routes.hour = provisioned.hour
    cross join (values ('lambda-gb-seconds-'), ('lambda-provisioned-gb-seconds-')) as kinds (kind)
)
where part * share > 0
union all
select
    date, account_id, region, 'lambda-provisioned-concurrency-' || architecture, hour, function, null, null, null, null,
    gb_seconds, true, false, 'provisioned concurrency is paid by the hour, used or not'
from provisioned_environments
union all
select
    date, account_id, region, 'lambda-requests-' || architecture, hour,
    function, api, stage, route, trigger, invocations * call_share, true, true,
    replace(basis, 'time', 'calls')
from function_routes
where invocations * call_share > 0
union all
select
    date, account_id, region,
    case protocol
        when 'HTTP' then 'apigateway-http-requests' when 'WEBSOCKET' then 'apigateway-messages'
        else 'apigateway-rest-requests'
    end, date_bin(interval '1 hour', ts),
    api || '/' || stage, api, stage, route, null, sum(units), true, true, 'requests ' || basis
from route_requests
where units > 0
group by date, account_id, region, protocol, date_bin(interval '1 hour', ts), api, stage, route, basis
union all
-- Nothing counts the minutes of a WebSocket API's connections.
select
    date, account_id, region, 'apigateway-connection-minutes', date_bin(interval '1 hour', ts),
    api || '/' || stage, api, stage, '$connect', null, sum(connects), true, false, 'connections, each taken to last as long'
from route_requests
where connects > 0
group by date, account_id, region, date_bin(interval '1 hour', ts), api, stage
union all
-- Where REST or WebSocket APIs, which count no bytes, sent some too, nobody can tell whose what part is.
select
    date, account_id, region, 'apigateway-bytes', date_bin(interval '1 hour', ts),
    api || '/' || stage, api, stage, route, null, sum(bytes), true, false, 'bytes of requests and answers, counted by the API'
from route_requests
left anti join (
    select distinct date as o_date, account_id as o_account, region as o_region
    from route_requests
    where protocol <> 'HTTP' and requests > 0
) as others
    on date = o_date and account_id = o_account and region = o_region
where bytes > 0
group by date, account_id, region, date_bin(interval '1 hour', ts), api, stage, route
union all
select
    date, table_usage.account_id, table_usage.region,
    case
        when provisioned then replace(meter, 'dynamodb-', 'dynamodb-provisioned-')
        when rarely_used then replace(meter, 'dynamodb-', 'dynamodb-ia-')
        else meter
    end, hour, table_usage.resource, api, stage, route, trigger,
    -- Capacity is paid by the unit and hour.
    case when provisioned then units / 3600 else units end, true, true, basis
from table_usage
left join known_tables
    on table_usage.account_id = known_tables.account_id and table_usage.region = known_tables.region
        and table_usage.resource = known_tables.resource
where units > 0
union all
select
    date, account_id, region, meter, hour, resource, null, null, null, null, greatest(0.0, capacity - coalesce(used, 0.0)), true, true,
    'capacity that was provisioned and not used'
from (
    select
        hours.date, hours.account_id, hours.region, hours.meter, hours.hour, hours.resource,
        case when hours.meter = 'dynamodb-provisioned-reads' then read_capacity else write_capacity end as capacity,
        units / 3600 as used
    from (
        select distinct
            date, account_id, region, hour, resource,
            unnest(['dynamodb-provisioned-reads', 'dynamodb-provisioned-writes']) as meter
        from stored_bytes
        where meter in ('dynamodb-storage', 'dynamodb-ia-storage')
    ) as hours
    join known_tables
        on hours.account_id = known_tables.account_id and hours.region = known_tables.region
            and hours.resource = known_tables.resource and provisioned
    left join (
        select
            date, account_id, region, resource, replace(meter, 'dynamodb-', 'dynamodb-provisioned-') as meter, hour,
            sum(units) as units
        from table_usage
        group by date, account_id, region, resource, meter, hour
    ) as used
        on hours.account_id = used.account_id and hours.region = used.region and hours.resource = used.resource
            and hours.meter = used.meter and hours.hour = used.hour
) as reserved
where capacity > coalesce(used, 0.0)
union all
select
    date, account_id, region, meter, hour, resource, null, null, null, null, gb, true, false,
    'storage is not caused by a request'
from stored_bytes
union all
select
    date, account_id, region, 'states-transitions', hour, resource, null, null, null, 'state-machine/' || resource, started, true, false,
    'executions, each taken to have as many transitions'
from executions
where not express and started > 0
union all
select
    date, account_id, region, 'states-express-requests', hour, resource, null, null, null, 'state-machine/' || resource, started, true, true,
    'executions counted by Step Functions'
from executions
where express and started > 0
union all
select
    date, account_id, region, 'states-express-gb-seconds', hour, resource, null, null, null, 'state-machine/' || resource, billed_gb_s, true, false,
    'billed time counted by Step Functions'
from executions
where billed_gb_s > 0
union all
-- Where DynamoDB's own metrics are not collected, and for buckets.
select
    traced_calls.date, traced_calls.account_id, traced_calls.region, meter, hour, traced_calls.resource, api, stage, route,
    trigger, sum(calls * weight), true, false, 'traced calls, of the units assumed of each'
from traced_calls
join operations
    on traced_calls.service = operations.service and traced_calls.operation = operations.operation
left anti join (select distinct date, account_id, region, resource from table_units) as measured
    on traced_calls.service = 'DynamoDB' and traced_calls.date = measured.date
        and traced_calls.account_id = measured.account_id and traced_calls.region = measured.region
        and traced_calls.resource = measured.resource
group by
    traced_calls.date, traced_calls.account_id, traced_calls.region, meter, hour, traced_calls.resource, api, stage, route, trigger
union all
select date, account_id, region, 'xray-traces', hour, resource, api, stage, route, trigger, traces, true, false, basis
from xray_traces
where traces > 0
union all
select
    date, account_id, region, 'log-bytes', hour, log_group, api, stage, route, trigger, bytes, true, true, basis
from log_usage
where bytes > 0
union all
-- Where no log group's bytes are collected.
select
    date, account_id, region, 'log-bytes', hour, '/aws/lambda/' || function, api, stage, route, trigger, invocations * call_share,
    true, false, 'invocations, each taken to log as much'
from function_routes
left anti join (select distinct date as l_date, account_id as l_account, region as l_region from log_bytes) as measured
    on date = l_date and account_id = l_account and region = l_region
where invocations * call_share > 0
