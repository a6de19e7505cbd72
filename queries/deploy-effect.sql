-- title:   Before and after each deploy
-- answers: Did a deploy or a change of configuration make a function dearer, slower, colder or more faulty?
--          Whole hours before the change are held against whole hours after it, as many as `hours` says, but never past
--          another change of the function; the hour of the change itself is left out. Traffic at another time of the day may differ:
--          so figures are per invocation.
-- param:   from  timestamp required changes from this time on, UTC
-- param:   to    timestamp required changes before this time, UTC
-- param:   hours integer   optional hours on each side, 24 unless told
-- column:  ts                        timestamp when it changed
-- column:  function                  text      name
-- column:  change                    text      what changed
-- column:  hours_before              double    hours that were compared before it
-- column:  hours_after               double    hours after it
-- column:  invocations_before        double    invocations in them
-- column:  invocations_after         double    invocations in them
-- column:  mean_ms_before            double    mean duration of the handler, milliseconds
-- column:  mean_ms_after             double    mean duration of the handler, milliseconds
-- column:  error_rate_before         double    errors ÷ invocations
-- column:  error_rate_after          double    errors ÷ invocations
-- column:  cold_start_rate_before    double    share that waited for an initialisation, estimated from traces
-- column:  cold_start_rate_after     double    share that waited for an initialisation, estimated from traces
-- column:  cost_per_1000_before_usd  double    Lambda's cost of 1,000 invocations
-- column:  cost_per_1000_after_usd   double    Lambda's cost of 1,000 invocations
-- column:  estimated                 boolean   a part of the cost is not from a settled bill
with bounded as (
    select
        account_id, region, name as function, ts, change,
        greatest(
            date_bin(interval '1 hour', ts) - arrow_cast(coalesce($hours, 24) * 3600000, 'Duration(Millisecond)'),
            coalesce(
                date_bin(interval '1 hour', lag(ts) over (partition by account_id, region, arn order by ts))
                    + interval '1 hour',
                date_bin(interval '1 hour', ts) - arrow_cast(coalesce($hours, 24) * 3600000, 'Duration(Millisecond)')
            )
        ) as before_from,
        date_bin(interval '1 hour', ts) as before_to,
        date_bin(interval '1 hour', ts) + interval '1 hour' as after_from,
        least(
            date_bin(interval '1 hour', ts) + arrow_cast((1 + coalesce($hours, 24)) * 3600000, 'Duration(Millisecond)'),
            coalesce(
                date_bin(interval '1 hour', lead(ts) over (partition by account_id, region, arn order by ts)),
                date_bin(interval '1 hour', ts) + arrow_cast((1 + coalesce($hours, 24)) * 3600000, 'Duration(Millisecond)')
            )
        ) as after_to
    from changes
    where kind = 'function' and ts is not null
),
wanted as (
    select *, row_number() over (order by ts, account_id, region, function) as nth
    from bounded
    where ts >= $from and ts < $to
),
sides as (
    select nth, account_id, region, function, false as is_after, before_from as side_from, before_to as side_to
    from wanted
    union all
    select nth, account_id, region, function, true, after_from, after_to
    from wanted
),
used as (
    select
        nth, is_after,
        count(distinct date_bin(interval '1 hour', function_usage.ts)) as hours,
        sum(invocations) as invocations, sum(errors) as errors, sum(duration_ms) as duration_ms
    from sides
    join function_usage
        on sides.account_id = function_usage.account_id and sides.region = function_usage.region
            and sides.function = function_usage.function
            and function_usage.ts >= side_from and function_usage.ts < side_to
    group by nth, is_after
),
traced as (
    select
        nth, is_after,
        sum(case when cold_start then weight else 0.0 end) / sum(weight) as cold_start_rate
    from sides
    join function_traces
        on sides.account_id = function_traces.account_id and sides.region = function_traces.region
            and sides.function = function_traces.function
            and bin >= side_from and bin < side_to
    group by nth, is_after
),
costs as (
    select
        nth, is_after,
        cast(sum(cost_usd) as double) as usd, max(case when estimated then 1 else 0 end) as estimated
    from sides
    join hourly_costs
        on sides.account_id = hourly_costs.account_id and sides.region = hourly_costs.region
            and sides.function = hourly_costs.resource and service = 'AWS Lambda'
            and hour >= side_from and hour < side_to
    group by nth, is_after
),
figures as (
    select
        sides.nth, sides.is_after, hours, invocations,
        duration_ms / nullif(invocations, 0) as mean_ms, errors / nullif(invocations, 0) as error_rate,
        cold_start_rate, usd / nullif(invocations, 0) * 1000 as cost_per_1000_usd, estimated
    from sides
    left join used on sides.nth = used.nth and sides.is_after = used.is_after
    left join traced on sides.nth = traced.nth and sides.is_after = traced.is_after
    left join costs on sides.nth = costs.nth and sides.is_after = costs.is_after
)
select
    ts, function, change,
    cast(max(case when not is_after then hours end) as double) as hours_before,
    cast(max(case when is_after then hours end) as double) as hours_after,
    max(case when not is_after then invocations end) as invocations_before,
    max(case when is_after then invocations end) as invocations_after,
    max(case when not is_after then mean_ms end) as mean_ms_before,
    max(case when is_after then mean_ms end) as mean_ms_after,
    max(case when not is_after then error_rate end) as error_rate_before,
    max(case when is_after then error_rate end) as error_rate_after,
    max(case when not is_after then cold_start_rate end) as cold_start_rate_before,
    max(case when is_after then cold_start_rate end) as cold_start_rate_after,
    max(case when not is_after then cost_per_1000_usd end) as cost_per_1000_before_usd,
    max(case when is_after then cost_per_1000_usd end) as cost_per_1000_after_usd,
    coalesce(max(estimated), 0) = 1 as estimated
from figures
join wanted on figures.nth = wanted.nth
group by wanted.nth, ts, function, change
-- A deploy before everything that is known has nothing to be held against.
having max(case when not is_after then invocations end) is not null
order by ts desc, function
