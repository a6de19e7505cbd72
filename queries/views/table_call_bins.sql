-- title:   Calls to tables by route and five minutes
-- answers: Which routes made the calls that DynamoDB counted in every five minutes?
--          The number of calls is DynamoDB's. They go to routes by what is expected of each: its requests, counted by the API, × the
--          calls that a traced request makes: of the hour, steadied by ten requests of the day. What traces fall short of the count by
--          more than their sampling can explain was called by something that is not traced.
-- column:  date       date      UTC day
-- column:  account_id text      account
-- column:  region     text      region
-- column:  resource   text      table
-- column:  operation  text      for example GetItem
-- column:  bin        timestamp start of the five minutes
-- column:  api        text      API; null where no route's request caused the call
-- column:  stage      text      stage
-- column:  route      text      route
-- column:  trigger    text      what else caused it (see `trace_triggers`)
-- column:  traced     boolean   traces show who calls
-- column:  repeated   boolean   the route's requests made the call eight times each or more: a loop, whose calls are seldom like those
--                               that the route makes else
-- column:  calls      double    calls
with counted as (
    select date, account_id, region, resource, operation, ts as bin, requests as calls
    from table_requests
    where requests > 0
),
hourly as (
    select
        date, account_id, region, resource, operation, hour, api, stage, route, trigger,
        sum(calls) as calls, sum(traces) as traces
    from traced_calls
    where service = 'DynamoDB' and resource is not null
    group by date, account_id, region, resource, operation, hour, api, stage, route, trigger
),
callers as (
    select
        date, account_id, region, resource, operation, api, stage, route, trigger,
        sum(calls) as day_calls, sum(traces) as day_traces
    from hourly
    group by date, account_id, region, resource, operation, api, stage, route, trigger
),
traced_hours as (
    select
        date, account_id, region, api, stage, route, date_bin(interval '1 hour', ts) as hour,
        sum(weight) as weight, cast(count(*) as double) as traces
    from request_traces
    where nth = 1
    group by date, account_id, region, api, stage, route, date_bin(interval '1 hour', ts)
),
traced_days as (
    select
        date, account_id, region, api, stage, route, sum(weight) as day_weight, sum(traces) as day_requests
    from traced_hours
    group by date, account_id, region, api, stage, route
),
requests as (
    select
        date, account_id, region, api, stage, route, date_bin(interval '5 minutes', ts) as bin, sum(requests) as requests
    from route_requests
    group by date, account_id, region, api, stage, route, date_bin(interval '5 minutes', ts)
),
expected as (
    select
        counted.date, counted.account_id, counted.region, counted.resource, counted.operation, counted.bin,
        callers.api, callers.stage, callers.route, callers.trigger, counted.calls, requests,
        -- Where nothing was requested in the five minutes the day's callers share what was called.
        1e-9 * day_calls + case
            when callers.route is null then coalesce(hourly.calls, 0.0) / 12
            when day_requests > 0 then coalesce(requests, 0.0)
                * (coalesce(hourly.calls, 0.0) + 10 * day_calls / day_requests)
                / (coalesce(traced_hours.weight, 0.0) + 10 * day_weight / day_requests)
            else 0.0
        end as expected
    from counted
    join callers
        on counted.date = callers.date and counted.account_id = callers.account_id and counted.region = callers.region
            and counted.resource = callers.resource and counted.operation = callers.operation
    left join hourly
        on callers.date = hourly.date and callers.account_id = hourly.account_id and callers.region = hourly.region
            and callers.resource = hourly.resource and callers.operation = hourly.operation
            and (callers.api is not distinct from hourly.api) and (callers.stage is not distinct from hourly.stage)
            and (callers.route is not distinct from hourly.route) and (callers.trigger is not distinct from hourly.trigger)
            and date_bin(interval '1 hour', counted.bin) = hourly.hour
    left join traced_days
        on callers.date = traced_days.date and callers.account_id = traced_days.account_id
            and callers.region = traced_days.region and callers.api = traced_days.api
            and callers.stage = traced_days.stage and callers.route = traced_days.route
    left join traced_hours
        on callers.date = traced_hours.date and callers.account_id = traced_hours.account_id
            and callers.region = traced_hours.region and callers.api = traced_hours.api
            and callers.stage = traced_hours.stage and callers.route = traced_hours.route
            and date_bin(interval '1 hour', counted.bin) = traced_hours.hour
    left join requests
        on callers.date = requests.date and callers.account_id = requests.account_id
            and callers.region = requests.region and callers.api = requests.api
            and callers.stage = requests.stage and callers.route = requests.route
            and counted.bin = requests.bin
),
-- The share of a day's calls that traces show.
shown as (
    select
        date, account_id, region, resource, operation,
        case
            when sum(calls) > 0 and traced_calls < sum(calls) * (1 - greatest(0.1, 3 / sqrt(traces)))
                then traced_calls / sum(calls)
            else 1.0
        end as shown
    from counted
    join (
        select
            date, account_id, region, resource, operation,
            sum(day_calls) as traced_calls, cast(sum(day_traces) as double) as traces
        from callers
        group by date, account_id, region, resource, operation
    ) as traced using (date, account_id, region, resource, operation)
    group by date, account_id, region, resource, operation, traced_calls, traces
)
select
    date, account_id, region, resource, operation, bin, api, stage, route, trigger, true as traced,
    calls >= 8 * nullif(requests, 0) as repeated, calls
from (
    select
        date, account_id, region, resource, operation, bin, api, stage, route, trigger, requests,
        calls * shown * expected / sum(expected) over (
            partition by date, account_id, region, resource, operation, bin
        ) as calls
    from expected
    join shown using (date, account_id, region, resource, operation)
)
union all
select
    date, account_id, region, resource, operation, bin, null, null, null, null, false, null, calls * (1 - coalesce(shown, 0.0))
from counted
left join shown using (date, account_id, region, resource, operation)
where coalesce(shown, 0.0) < 1
