-- title:   Log bytes by route and hour
-- answers: How much of what a function logged did each route cause it to log?
--          The bytes of an hour are CloudWatch's, exactly. Where several share a function, a route's part is its invocations × the bytes
--          that one of it logs (`unit_rates`), and what these do not add up to goes to them by their variance; until that is learnt, and of
--          other functions, by invocations.
-- stored:  per state
-- column:  date       date      UTC day
-- column:  account_id text      account
-- column:  region     text      region
-- column:  log_group  text      name
-- column:  hour       timestamp start of the hour
-- column:  api        text      API; null where no route's request caused it
-- column:  stage      text      stage
-- column:  route      text      route
-- column:  trigger    text      what else caused it (see `trace_triggers`)
-- column:  bytes      double    bytes taken in, uncompressed
-- column:  basis      text      how the route's part is known
with rated as (
    select
        logs.date, logs.account_id, logs.region, logs.log_group, logs.hour, bytes, made.api, made.stage, made.route, made.trigger,
        calls * coalesce(own.rate, others.rate) as expected, calls * power(coalesce(own.rate, others.rate), 2) as variance
    from log_bytes as logs
    join hourly_calls as made
        on made.service = 'Lambda' and logs.date = made.date and logs.account_id = made.account_id
            and logs.region = made.region and logs.function = made.resource and logs.hour = made.hour
    left join unit_rates as own
        on own.meter = 'log-bytes' and logs.account_id = own.account_id and logs.region = own.region
            and logs.log_group = own.resource
            and date_bin(interval '7 days', arrow_cast(logs.date, 'Timestamp(Microsecond, Some("UTC"))')) = own.week
            and 'Invoke' || coalesce(' ' || made.api || '/' || made.stage || ' ' || made.route, ' ' || made.trigger, '')
                = own.caller
    left join unit_rates as others
        on others.meter = 'log-bytes' and others.caller = 'others' and logs.account_id = others.account_id
            and logs.region = others.region and logs.log_group = others.resource
            and date_bin(interval '7 days', arrow_cast(logs.date, 'Timestamp(Microsecond, Some("UTC"))')) = others.week
    where calls > 0 and coalesce(own.rate, others.rate) is not null
),
adjusted as (
    select
        *,
        greatest(expected / 4, expected + (bytes - sum(expected) over hours) * variance / sum(variance) over hours) as part
    from rated
    window hours as (partition by date, account_id, region, log_group, hour)
)
select
    date, account_id, region, log_group, hour, api, stage, route, trigger,
    bytes * part / sum(part) over (partition by date, account_id, region, log_group, hour) as bytes,
    'bytes counted by CloudWatch, split by traced calls and the bytes learnt of each' as basis
from adjusted
union all
select
    logs.date, logs.account_id, logs.region, logs.log_group, logs.hour, api, stage, route, trigger,
    bytes * coalesce(call_share, 1.0),
    case
        when logs.function is null then 'bytes counted by CloudWatch, of no function'
        else 'bytes counted by CloudWatch, of ' || coalesce(replace(basis, 'time', 'calls'), 'a function that did not run')
    end
from (
    select log_bytes.*
    from log_bytes
    left anti join rated
        on log_bytes.date = rated.date and log_bytes.account_id = rated.account_id and log_bytes.region = rated.region
            and log_bytes.log_group = rated.log_group and log_bytes.hour = rated.hour
) as logs
left join function_routes
    on logs.date = function_routes.date and logs.account_id = function_routes.account_id
        and logs.region = function_routes.region and logs.function = function_routes.function
        and logs.hour = function_routes.hour
