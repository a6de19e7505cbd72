-- title:   Calls to tables and shared functions by route and five minutes
-- answers: Which routes made the calls that DynamoDB and Lambda counted in every five minutes?
--          The number of calls is AWS's. Of each route in each calling function are expected: the function's invocations, if the day's traces
--          show no other route in it, else the route's requests, × the calls that a traced one makes: of the hour, steadied by ten of the
--          day. Both are counted too. What was called more or less than expected goes to routes by how much their calls vary: one
--          that always calls once is not told to have called twice because another did. What traces fall short of the count by more
--          than their sampling can explain was called by something that is not traced. Of functions, only those that
--          traces show to serve several.
-- column:  date       date      UTC day
-- column:  account_id text      account
-- column:  region     text      region
-- column:  service    text      DynamoDB or Lambda
-- column:  resource   text      table or function
-- column:  operation  text      for example GetItem; Invoke
-- column:  bin        timestamp start of the five minutes
-- column:  api        text      API; null where no route's request caused the call
-- column:  stage      text      stage
-- column:  route      text      route
-- column:  trigger    text      what else caused it (see `trace_triggers`)
-- column:  traced     boolean   traces show who calls
-- column:  repeated   boolean   the route's requests made the call eight times each or more: a loop, whose calls are seldom like those
--                               that the route makes else
-- column:  calls      double    calls
with shared as (
    select date, account_id, region, function
    from (
        select distinct date, account_id, region, function, api, stage, route, trigger
        from function_traces
    )
    group by date, account_id, region, function
    having count(*) > 1
),
counted as (
    select date, account_id, region, 'DynamoDB' as service, resource, operation, ts as bin, requests as calls
    from table_requests
    where requests > 0
    union all
    select date, account_id, region, 'Lambda', function, 'Invoke', ts, invocations
    from (
        select function_usage.*
        from function_usage
        left semi join shared
            on function_usage.date = shared.date and function_usage.account_id = shared.account_id
                and function_usage.region = shared.region and function_usage.function = shared.function
    )
    where invocations > 0
),
hourly as (
    select
        *, coalesce(api || '/' || stage || ' ' || route, trigger, '') as entry
    from (
        select
            date, account_id, region, service, resource, operation, hour, coalesce(function, '') as function,
            api, stage, route, trigger, calls, traced, traces, squares
        from traced_calls
        where service = 'DynamoDB' and resource is not null
        union all
        select
            date, account_id, region, 'Lambda', resource, 'Invoke', hour, '', api, stage, route, trigger,
            sum(calls), sum(traced), count(*), cast(sum(traced * traced) as double)
        from (
            select
                date, account_id, region, function as resource, date_bin(interval '1 hour', bin) as hour, api, stage, route, trigger,
                sum(coalesce(request_weight, weight)) as calls, count(*) as traced
            from function_traces
            group by
                date, account_id, region, function, date_bin(interval '1 hour', bin), api, stage, route, trigger, trace_id
        )
        group by date, account_id, region, resource, hour, api, stage, route, trigger
    )
),
callers as (
    select
        date, account_id, region, service, resource, operation, function, api, stage, route, trigger, entry,
        sum(calls) as day_calls, cast(sum(traced) as double) as day_traced, cast(sum(traces) as double) as day_traces,
        sum(squares) as squares
    from hourly
    group by date, account_id, region, service, resource, operation, function, api, stage, route, trigger, entry
),
-- What a traced call is one of: an invocation of its function, or a request of its route.
run_hours as (
    select
        date, account_id, region, function, coalesce(api || '/' || stage || ' ' || route, trigger, '') as entry,
        date_bin(interval '1 hour', bin) as hour,
        sum(coalesce(request_weight, weight)) as weight, cast(count(*) as double) as runs
    from function_traces
    group by
        date, account_id, region, function, coalesce(api || '/' || stage || ' ' || route, trigger, ''),
        date_bin(interval '1 hour', bin)
    union all
    select
        date, account_id, region, '', api || '/' || stage || ' ' || route, date_bin(interval '1 hour', ts),
        sum(weight), count(*)
    from request_traces
    where nth = 1
    group by date, account_id, region, api || '/' || stage || ' ' || route, date_bin(interval '1 hour', ts)
),
run_days as (
    select
        date, account_id, region, function, entry, sum(weight) as day_weight, sum(runs) as day_runs,
        function <> '' and count(*) over (partition by date, account_id, region, function) = 1 as alone
    from run_hours
    group by date, account_id, region, function, entry
),
run_bins as (
    select date, account_id, region, function, '' as entry, ts as bin, invocations as runs
    from function_usage
    union all
    select
        date, account_id, region, '', api || '/' || stage || ' ' || route, date_bin(interval '5 minutes', ts),
        sum(requests)
    from route_requests
    where requests > 0
    group by date, account_id, region, api || '/' || stage || ' ' || route, date_bin(interval '5 minutes', ts)
),
known as (
    select
        callers.*, coalesce(alone.day_weight, routed.day_weight) as day_weight,
        coalesce(alone.day_runs, routed.day_runs) as day_runs,
        case when alone.function is not null then callers.function else '' end as run_function,
        case when alone.function is not null then '' else callers.entry end as bin_entry
    from callers
    left join (select * from run_days where alone) as alone
        on callers.date = alone.date and callers.account_id = alone.account_id and callers.region = alone.region
            and callers.function = alone.function and callers.entry = alone.entry
    left join (select * from run_days where function = '') as routed
        on callers.date = routed.date and callers.account_id = routed.account_id and callers.region = routed.region
            and callers.entry = routed.entry
),
rates as (
    select
        counted.date, counted.account_id, counted.region, counted.service, counted.resource, counted.operation, counted.bin,
        known.function, known.api, known.stage, known.route, known.trigger, counted.calls, day_calls, day_traced,
        known.squares, day_runs, requests.runs as requests,
        case when day_runs > 0 then coalesce(run_bins.runs, 0.0) end as runs,
        case
            when day_runs > 0 then (coalesce(hourly.calls, 0.0) + 10 * day_calls / day_runs)
                / (coalesce(run_hours.weight, 0.0) + 10 * day_weight / day_runs)
            else coalesce(hourly.calls, 0.0) / 12
        end as rate
    from counted
    join known
        on counted.date = known.date and counted.account_id = known.account_id and counted.region = known.region
            and counted.service = known.service and counted.resource = known.resource and counted.operation = known.operation
    left join hourly
        on known.date = hourly.date and known.account_id = hourly.account_id and known.region = hourly.region
            and known.service = hourly.service and known.resource = hourly.resource and known.operation = hourly.operation
            and known.function = hourly.function and known.entry = hourly.entry
            and date_bin(interval '1 hour', counted.bin) = hourly.hour
    left join run_hours
        on known.date = run_hours.date and known.account_id = run_hours.account_id and known.region = run_hours.region
            and known.run_function = run_hours.function and known.entry = run_hours.entry
            and date_bin(interval '1 hour', counted.bin) = run_hours.hour
    left join run_bins
        on known.date = run_bins.date and known.account_id = run_bins.account_id and known.region = run_bins.region
            and known.run_function = run_bins.function and known.bin_entry = run_bins.entry and counted.bin = run_bins.bin
    left join run_bins as requests
        on known.date = requests.date and known.account_id = requests.account_id and known.region = requests.region
            and requests.function = '' and known.entry = requests.entry and counted.bin = requests.bin
),
-- The variance of as many runs, each of its own, and of what is not known of their mean. A run may differ from all that were traced.
expected as (
    select
        date, account_id, region, service, resource, operation, bin, api, stage, route, trigger, calls, requests,
        -- Where nothing ran in the five minutes the day's callers share what was called.
        1e-9 * day_calls + coalesce(runs, 1.0) * rate as expected,
        1e-9 * day_calls + case
            when runs is null then rate * squares / day_traced
            else runs * (1 + runs / day_runs) * (
                greatest(0.0, squares / day_runs - power(day_traced / day_runs, 2))
                + (0.001 + 1 / day_runs) * squares / day_runs
            )
        end as variance
    from rates
),
-- The share of a day's calls that traces show.
shown as (
    select
        date, account_id, region, service, resource, operation,
        case
            when sum(calls) > 0 and traced_calls < sum(calls) * (1 - greatest(0.1, 3 / sqrt(traces)))
                then traced_calls / sum(calls)
            else 1.0
        end as shown
    from counted
    join (
        select
            date, account_id, region, service, resource, operation, sum(day_calls) as traced_calls, sum(day_traces) as traces
        from callers
        group by date, account_id, region, service, resource, operation
    ) as traced using (date, account_id, region, service, resource, operation)
    group by date, account_id, region, service, resource, operation, traced_calls, traces
),
adjusted as (
    select
        date, account_id, region, service, resource, operation, bin, api, stage, route, trigger, requests, calls * shown as calls,
        greatest(1e-9 * expected, expected + (calls * shown - sum(expected) over bins) * variance / sum(variance) over bins) as part
    from expected
    join shown using (date, account_id, region, service, resource, operation)
    window bins as (partition by date, account_id, region, service, resource, operation, bin)
),
split as (
    select
        *, calls * part / sum(part) over (partition by date, account_id, region, service, resource, operation, bin) as made
    from adjusted
)
select
    date, account_id, region, service, resource, operation, bin, api, stage, route, trigger, true as traced,
    sum(made) >= 8 * max(requests) as repeated, sum(made) as calls
from split
group by date, account_id, region, service, resource, operation, bin, api, stage, route, trigger
union all
select
    date, account_id, region, service, resource, operation, bin, null, null, null, null, false, null, calls * (1 - coalesce(shown, 0.0))
from counted
left join shown using (date, account_id, region, service, resource, operation)
where coalesce(shown, 0.0) < 1
