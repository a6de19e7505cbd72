-- title:   Functions to entry points, by hour
-- answers: Which share of a function's work in an hour was for which route, or for what else started it?
--          A function that only one of them calls needs no trace. Else the share is its part of the traced time in the hour; of the day
--          where the hour has no trace; of all time where the day has none.
-- stored:  per state
-- column:  date         date      UTC day
-- column:  account_id   text      account
-- column:  region       text      region
-- column:  function     text      name
-- column:  hour         timestamp start of the hour
-- column:  architecture text      x86_64 or arm64
-- column:  gb_seconds   double    billed time × memory of the whole function, in GB-seconds
-- column:  init_gb_seconds double what of it are initialisations
-- column:  invocations  double    invocations of the whole function
-- column:  certain      boolean   its memory is known for this time: it was not deployed since
-- column:  api          text      API; null where no route's request caused the work
-- column:  stage        text      stage
-- column:  route        text      route
-- column:  trigger      text      what else caused it (see `trace_triggers`)
-- column:  share        double    the share of the work
-- column:  call_share   double    the share of the invocations
-- column:  basis        text      where the shares are from
with worked as (
    select
        date, function_usage.account_id, function_usage.region, function_usage.function,
        date_bin(interval '1 hour', ts) as hour,
        coalesce(architecture, 'x86_64') as architecture,
        sum(billed_ms / 1000.0 * coalesce(memory_mb, 128.0) / 1024.0) as gb_seconds,
        sum(billed_init_ms / 1000.0 * coalesce(memory_mb, 128.0) / 1024.0) as init_gb_seconds,
        sum(invocations) as invocations,
        max(case when memory_mb is null or (modified > ts and assumed) then 1 else 0 end) = 0 as certain
    from function_usage
    left join function_memory as memory
        on function_usage.account_id = memory.account_id and function_usage.region = memory.region
            and function_usage.function = memory.function
            and ts >= valid_from and ts < valid_to
    group by
        date, function_usage.account_id, function_usage.region, function_usage.function,
        date_bin(interval '1 hour', ts), coalesce(architecture, 'x86_64')
),
callers as (
    select account_id, region, function, api, stage, route, cast(null as varchar) as trigger
    from known_routes
    where function is not null
    union
    select account_id, region, function, null, null, null, kind || '/' || name
    from entry_points
    where kind <> 'route'
    union
    select account_id, region, function, api, stage, route, trigger
    from function_time
),
only_callers as (
    select
        account_id, region, function,
        min(api) as only_api, min(stage) as only_stage, min(route) as only_route, min(trigger) as only_trigger
    from callers
    group by account_id, region, function
    having count(*) = 1 and count(coalesce(route, trigger)) = 1
),
of_hour as (
    select
        account_id, region, function, hour, api, stage, route, trigger, work_ms, calls,
        sum(work_ms) over (partition by account_id, region, function, hour) as all_ms,
        sum(calls) over (partition by account_id, region, function, hour) as all_calls
    from function_time
),
of_day as (
    select
        account_id, region, function, date, api, stage, route, trigger, work_ms, calls,
        sum(work_ms) over (partition by account_id, region, function, date) as all_ms,
        sum(calls) over (partition by account_id, region, function, date) as all_calls
    from (
        select
            account_id, region, function, date, api, stage, route, trigger,
            sum(work_ms) as work_ms, sum(calls) as calls
        from function_time
        group by account_id, region, function, date, api, stage, route, trigger
    )
),
of_all as (
    select
        account_id, region, function, api, stage, route, trigger, work_ms, calls,
        sum(work_ms) over (partition by account_id, region, function) as all_ms,
        sum(calls) over (partition by account_id, region, function) as all_calls
    from (
        select
            account_id, region, function, api, stage, route, trigger,
            sum(work_ms) as work_ms, sum(calls) as calls
        from function_time
        group by account_id, region, function, api, stage, route, trigger
    )
),
levels as (
    select
        worked.*, only_api, only_stage, only_route, only_trigger,
        case
            when only_route is not null or only_trigger is not null then 'only caller'
            when hour_ms > 0 then 'hour'
            when day_ms > 0 then 'day'
            when all_ms > 0 then 'all'
            else 'none'
        end as level
    from worked
    left join only_callers
        on worked.account_id = only_callers.account_id and worked.region = only_callers.region
            and worked.function = only_callers.function
    left join (
        select account_id, region, function, hour, max(all_ms) as hour_ms
        from of_hour group by account_id, region, function, hour
    ) as hours
        on worked.account_id = hours.account_id and worked.region = hours.region
            and worked.function = hours.function and worked.hour = hours.hour
    left join (
        select account_id, region, function, date, max(all_ms) as day_ms
        from of_day group by account_id, region, function, date
    ) as days
        on worked.account_id = days.account_id and worked.region = days.region
            and worked.function = days.function and worked.date = days.date
    left join (
        select account_id, region, function, max(all_ms) as all_ms
        from of_all group by account_id, region, function
    ) as total
        on worked.account_id = total.account_id and worked.region = total.region
            and worked.function = total.function
)
select
    date, account_id, region, function, hour, architecture, gb_seconds, init_gb_seconds, invocations, certain,
    only_api as api, only_stage as stage, only_route as route, only_trigger as trigger, 1.0 as share, 1.0 as call_share,
    case
        when level = 'only caller' and only_route is not null then 'the only route that calls it'
        when level = 'only caller' then 'the only one that starts it'
        else 'no traced call of it'
    end as basis
from levels
where level in ('only caller', 'none')
union all
select
    date, account_id, region, function, hour, architecture, gb_seconds, init_gb_seconds, invocations, certain,
    api, stage, route, trigger, work_ms / all_ms, calls / all_calls, 'traced time of the hour'
from levels
join of_hour using (account_id, region, function, hour)
where level = 'hour'
union all
select
    levels.date, account_id, region, function, hour, architecture, gb_seconds, init_gb_seconds, invocations, certain,
    api, stage, route, trigger, work_ms / all_ms, calls / all_calls, 'traced time of the day'
from levels
join of_day using (account_id, region, function, date)
where level = 'day'
union all
select
    date, account_id, region, function, hour, architecture, gb_seconds, init_gb_seconds, invocations, certain,
    api, stage, route, trigger, work_ms / all_ms, calls / all_calls, 'traced time of all days'
from levels
join of_all using (account_id, region, function)
where level = 'all'
