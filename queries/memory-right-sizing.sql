-- title:   Memory right-sizing candidates
-- answers: Which functions would cost less with another memory size, as far as the data can tell?
--          Lambda bills memory × time, and more memory is more processor. How a function's time depends on its memory is only known where
--          it ran with two sizes: then time goes with memory to the power of `elasticity` (0: more memory makes it no faster; -1: twice
--          the memory halves the time, at the same cost), and half of today's memory costs 0.5^(1 + elasticity) of today's. With one
--          size all that is known is that half the memory saves at most half. Neither says whether half the memory is enough: look
--          at `Max Memory Used` of the function's log first.
-- param:   from timestamp required inclusive, UTC
-- param:   to   timestamp required exclusive, UTC
-- column:  function       text    name
-- column:  memory_mb      double  memory in the range, MB; the latest where it changed
-- column:  architecture   text    x86_64 or arm64
-- column:  invocations    double  invocations in the range with this memory
-- column:  mean_ms        double  mean duration of the handler in them, milliseconds
-- column:  duration_usd   double  what its GB-seconds cost in the range
-- column:  other_mb       double  another size that it ran with before; null where none was seen
-- column:  other_mean_ms  double  mean duration with that, milliseconds
-- column:  elasticity     double  of time to memory; null where only one size was seen
-- column:  half_saves_usd double  saving of half the memory in such a range by that elasticity (negative: it would cost more)
-- column:  at_most_usd    double  the most that half the memory can save: as if it made nothing slower
-- column:  verdict        text    what follows
with sized as (
    select
        function_usage.account_id, function_usage.region, function_usage.function, memory_mb, architecture,
        max(case when ts >= $from then ts end) as last_in_range, max(ts) as last_ts,
        sum(invocations) as all_invocations, sum(duration_ms) as all_ms,
        sum(case when ts >= $from then invocations end) as invocations,
        sum(case when ts >= $from then duration_ms end) as duration_ms
    from function_usage
    join function_memory as memory
        on function_usage.account_id = memory.account_id and function_usage.region = memory.region
            and function_usage.function = memory.function
            and ts >= valid_from and ts < valid_to
    -- Before its last deploy, what the first inventory found may not have been so.
    where ts < $to and memory_mb is not null and not (assumed and modified is not null and modified > ts)
    group by
        function_usage.account_id, function_usage.region, function_usage.function, memory_mb, architecture
    having sum(invocations) > 0
),
now as (
    select *
    from (
        select
            *, row_number() over (partition by account_id, region, function order by last_in_range desc) as newest
        from sized
        where invocations > 0
    )
    where newest = 1
),
others as (
    select *
    from (
        select
            sized.account_id, sized.region, sized.function, sized.memory_mb as other_mb,
            sized.all_ms / sized.all_invocations as other_mean_ms,
            row_number() over (
                partition by sized.account_id, sized.region, sized.function order by sized.last_ts desc
            ) as nearest
        from sized
        join now
            on sized.account_id = now.account_id and sized.region = now.region and sized.function = now.function
                and sized.architecture = now.architecture
        -- Of a handful of invocations a mean says little.
        where sized.memory_mb <> now.memory_mb and sized.all_invocations >= 100
    )
    where nearest = 1
),
costs as (
    select account_id, region, resource as function, cast(sum(cost_usd) as double) as duration_usd
    from hourly_costs
    where hour >= $from and hour < $to and service = 'AWS Lambda' and usage_type like '%GB-Second%'
    group by account_id, region, resource
),
judged as (
    select
        now.function, now.memory_mb, now.architecture, now.invocations, now.duration_ms / now.invocations as mean_ms,
        duration_usd, other_mb, other_mean_ms,
        ln((now.duration_ms / now.invocations) / other_mean_ms) / ln(now.memory_mb / other_mb) as elasticity
    from now
    left join others
        on now.account_id = others.account_id and now.region = others.region and now.function = others.function
    left join costs
        on now.account_id = costs.account_id and now.region = costs.region and now.function = costs.function
)
select
    function, memory_mb, architecture, invocations, mean_ms, duration_usd, other_mb, other_mean_ms, elasticity,
    case when memory_mb > 128 then duration_usd * (1 - power(0.5, 1 + elasticity)) end as half_saves_usd,
    case when memory_mb > 128 then duration_usd * 0.5 end as at_most_usd,
    case
        when memory_mb <= 128 then 'has the least memory there is'
        when elasticity is null then 'ran with one size only: try half on a copy or an alias'
        when elasticity > -0.5 then 'less memory is cheaper and little slower'
        when elasticity > -0.9 then 'less memory is cheaper, and slower'
        else 'more memory costs about the same, and is faster'
    end as verdict
from judged
order by coalesce(duration_usd * (1 - power(0.5, 1 + elasticity)), duration_usd * 0.5) desc nulls last, function
