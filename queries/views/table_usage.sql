-- title:   Units of tables by route and hour
-- answers: How many of the units that a table used did each route use?
--          The units of an hour are DynamoDB's, exactly. A route's part is its calls × the units of such a call (`unit_rates`); what
--          the calls of the hour do not add up to goes to them by their variance, so that a large call that was larger than usual does not
--          make small ones dearer.
-- stored:  per state
-- column:  date       date      UTC day
-- column:  account_id text      account
-- column:  region     text      region
-- column:  resource   text      table
-- column:  meter      text      dynamodb-reads or dynamodb-writes
-- column:  hour       timestamp start of the hour
-- column:  api        text      API; null where no route's request caused it
-- column:  stage      text      stage
-- column:  route      text      route
-- column:  trigger    text      what else caused it (see `trace_triggers`)
-- column:  units      double    request units
-- column:  basis      text      how the route's part is known
with units as (
    select
        date, account_id, region, resource, 'dynamodb-reads' as meter, date_bin(interval '1 hour', ts) as hour,
        sum(read_units) as units
    from table_units
    group by date, account_id, region, resource, date_bin(interval '1 hour', ts)
    union all
    select
        date, account_id, region, resource, 'dynamodb-writes', date_bin(interval '1 hour', ts),
        sum(write_units)
    from table_units
    group by date, account_id, region, resource, date_bin(interval '1 hour', ts)
),
table_calls as (
    select * from hourly_calls where service = 'DynamoDB'
),
-- Who calls where a day has no traced call of the operation: as on the other days, by requests.
usual_calls as (
    select account_id, region, resource, operation, api, stage, route, sum(calls) as calls
    from table_calls
    where traced
    group by account_id, region, resource, operation, api, stage, route
),
hourly_requests as (
    select
        date, account_id, region, api, stage, route, date_bin(interval '1 hour', ts) as hour, sum(requests) as requests
    from route_requests
    group by date, account_id, region, api, stage, route, date_bin(interval '1 hour', ts)
),
usual as (
    select
        hourly_requests.date, hourly_requests.account_id, hourly_requests.region, resource, operation, hour,
        hourly_requests.api, hourly_requests.stage, hourly_requests.route,
        usual_calls.calls / all_requests * requests as calls
    from usual_calls
    join (
        select account_id, region, api, stage, route, sum(requests) as all_requests
        from hourly_requests
        group by account_id, region, api, stage, route
    ) as totals
        on usual_calls.account_id = totals.account_id and usual_calls.region = totals.region
            and usual_calls.api = totals.api and usual_calls.stage = totals.stage and usual_calls.route = totals.route
    join hourly_requests
        on usual_calls.account_id = hourly_requests.account_id and usual_calls.region = hourly_requests.region
            and usual_calls.api = hourly_requests.api and usual_calls.stage = hourly_requests.stage
            and usual_calls.route = hourly_requests.route
    where all_requests > 0 and requests > 0
),
shown as (
    select distinct date, account_id, region, resource, operation from table_calls where traced
),
unshown as (
    select table_calls.*
    from table_calls
    left anti join shown
        on table_calls.date = shown.date and table_calls.account_id = shown.account_id
            and table_calls.region = shown.region and table_calls.resource = shown.resource
            and table_calls.operation = shown.operation
),
split as (
    select
        unshown.date, unshown.account_id, unshown.region, unshown.resource, unshown.operation, unshown.hour,
        usual.api, usual.stage, usual.route, cast(null as varchar) as trigger, usual.route is not null as traced,
        cast(null as boolean) as repeated,
        unshown.calls * coalesce(usual.calls / sum(usual.calls) over (
            partition by unshown.date, unshown.account_id, unshown.region, unshown.resource, unshown.operation, unshown.hour
        ), 1.0) as calls
    from unshown
    left join usual using (date, account_id, region, resource, operation, hour)
    union all
    select
        table_calls.date, table_calls.account_id, table_calls.region, table_calls.resource, table_calls.operation, hour,
        api, stage, route, trigger, traced, repeated, calls
    from table_calls
    left semi join shown
        on table_calls.date = shown.date and table_calls.account_id = shown.account_id
            and table_calls.region = shown.region and table_calls.resource = shown.resource
            and table_calls.operation = shown.operation
),
called as (
    select
        date, account_id, region, resource, meter, hour, api, stage, route, trigger, traced, calls, weight,
        date_bin(interval '7 days', arrow_cast(date, 'Timestamp(Microsecond, Some("UTC"))')) as week,
        split.operation || case when repeated then ' repeated' else '' end
            || coalesce(' ' || api || '/' || stage || ' ' || route, ' ' || trigger, '') as caller
    from split
    join operations on operations.service = 'DynamoDB' and split.operation = operations.operation
    where calls > 0
),
rated as (
    select
        called.date, called.account_id, called.region, called.resource, called.meter, called.hour,
        api, stage, route, trigger, traced,
        coalesce(own.learnt, others.learnt, false) as learnt,
        calls * weight * coalesce(own.rate, others.rate, 1.0) as expected,
        calls * weight * weight * power(coalesce(own.rate, others.rate, 1.0), 2) as variance
    from called
    left join unit_rates as own
        on called.account_id = own.account_id and called.region = own.region and called.resource = own.resource
            and called.meter = own.meter and called.week = own.week and called.caller = own.caller
    left join unit_rates as others
        on called.account_id = others.account_id and called.region = others.region
            and called.resource = others.resource and called.meter = others.meter and called.week = others.week
            and others.caller = 'others'
),
adjusted as (
    select
        date, account_id, region, resource, meter, hour, api, stage, route, trigger, traced, learnt, units,
        case
            when expected is null then 1.0
            else greatest(expected / 4, expected + (units - sum(expected) over hours) * variance / sum(variance) over hours)
        end as part
    from units
    left join rated using (date, account_id, region, resource, meter, hour)
    where units > 0
    window hours as (partition by date, account_id, region, resource, meter, hour)
)
select
    date, account_id, region, resource, meter, hour, api, stage, route, trigger,
    units * part / sum(part) over (partition by date, account_id, region, resource, meter, hour) as units,
    case
        when traced is null or not traced then 'units counted by DynamoDB, of calls that no trace shows'
        when learnt then 'units counted by DynamoDB, split by traced calls and the units learnt of each'
        else 'units counted by DynamoDB, split by traced calls and the units assumed of each'
    end as basis
from adjusted
