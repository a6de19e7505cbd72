-- title:   Cold-start storms after deploys
-- answers: Which deploys made requests wait for new environments, for how long, and at what cost?
--          A deploy replaces all environments of a function at once. An hour after one is a storm if the lower end of its cold-start
--          rate's 95% interval is above the upper end of the function's own rate in the week before. From traces; what is more
--          than the own rate is the deploy's, and its cost that of the initialisations, which Lambda bills.
-- param:   from  timestamp required     deploys from this time on, UTC
-- param:   to    timestamp required     deploys before this time, UTC
-- param:   hours integer   default=6    how many hours after each deploy to look at
-- column:  ts                        timestamp when it was deployed
-- column:  function                  text      name
-- column:  change                    text      what changed
-- column:  hour                      integer   hours after the deploy: 0 is the first
-- column:  starts                    timestamp start of the hour
-- column:  ends                      timestamp its end
-- column:  invocations               double    invocations in it; null where nothing was counted
-- column:  cold_start_rate           double    share of them that waited for an initialisation
-- column:  cold_start_rate_low       double    lower end of its 95% interval (Wilson)
-- column:  cold_start_rate_high      double    upper end
-- column:  usual_rate                double    the function's own rate, in the week before
-- column:  usual_rate_high           double    upper end of its 95% interval
-- column:  excess_cold_starts        double    cold starts that there would not have been at that rate
-- column:  excess_low                double    lower end of its 95% interval
-- column:  excess_high               double    upper end
-- column:  init_ms                   double    mean initialisation in the hour, milliseconds
-- column:  cost_usd                  double    what the excess cost, at the price of a GB-second in force; null where the price or memory is not known
-- column:  traces                    integer   traced invocations in the hour
with deployed as (
    select
        account_id, region, name as function, ts, change, date_bin(interval '5 minutes', ts) as began,
        row_number() over (order by ts, account_id, region, name) as nth
    from changes
    where kind = 'function' and ts >= $from and ts < $to and change <> 'deleted'
),
hours as (
    select
        deployed.*, value as hour,
        began + arrow_cast(value * 3600000, 'Duration(Millisecond)') as starts,
        -- Until the next change, whose hours are its own.
        least(
            began + arrow_cast((value + 1) * 3600000, 'Duration(Millisecond)'),
            coalesce(next_began, began + arrow_cast((value + 1) * 3600000, 'Duration(Millisecond)'))
        ) as ends
    from (
        select *, lead(began) over (partition by account_id, region, function order by ts) as next_began from deployed
    ) as deployed
    cross join (select value from generate_series(0, 47)) as hours
    where value < $hours
),
-- Hours after any change are not the function's own.
changed as (
    select account_id as c_account, region as c_region, name as c_function, ts as c_ts
    from changes
    where kind = 'function' and ts is not null
),
quiet as (
    select function_traces.*
    from function_traces
    left anti join changed
        on account_id = c_account and region = c_region and function = c_function
            and bin >= date_bin(interval '5 minutes', c_ts)
            and bin < c_ts + arrow_cast($hours * 3600000, 'Duration(Millisecond)')
    where bin >= $from::timestamptz - interval '7 days' and bin < $to
),
-- What a function does by chance is no storm: these intervals are of its rate, not only of what was not traced.
usual as (
    select
        nth, sum(case when cold_start then weight else 0.0 end) / sum(weight) as p,
        sum(weight) * sum(weight) / sum(weight * weight) as n
    from deployed
    join quiet
        on deployed.account_id = quiet.account_id and deployed.region = quiet.region
            and deployed.function = quiet.function
            and bin >= began - interval '7 days' and bin < began
    group by nth
),
traced as (
    select
        hours.nth, hour, sum(case when cold_start then weight else 0.0 end) / sum(weight) as p,
        sum(weight) * sum(weight) / sum(weight * weight) as n, count(*) as traces,
        sum(case when cold_start then weight * init_ms end) / sum(case when cold_start then weight end) as init_ms,
        sum(weight * billed_init_ms) / sum(case when cold_start then weight end) as billed_init_ms
    from hours
    join function_traces as traces
        on hours.account_id = traces.account_id and hours.region = traces.region and hours.function = traces.function
            and bin >= starts and bin < ends
    group by hours.nth, hour
),
used as (
    select nth, hour, sum(invocations) as invocations
    from hours
    join function_usage
        on hours.account_id = function_usage.account_id and hours.region = function_usage.region
            and hours.function = function_usage.function
            and function_usage.ts >= starts and function_usage.ts < ends
    group by nth, hour
),
intervals as (
    select
        traced.nth, traced.hour, traced.p, traces, init_ms, billed_init_ms, usual.p as usual,
        greatest(0.0, (traced.p + 1.9208 / traced.n
            - 1.96 * sqrt((traced.p * (1 - traced.p) + 0.9604 / traced.n) / traced.n)) / (1 + 3.8416 / traced.n)) as low,
        least(1.0, (traced.p + 1.9208 / traced.n
            + 1.96 * sqrt((traced.p * (1 - traced.p) + 0.9604 / traced.n) / traced.n)) / (1 + 3.8416 / traced.n)) as high,
        least(1.0, (usual.p + 1.9208 / usual.n
            + 1.96 * sqrt((usual.p * (1 - usual.p) + 0.9604 / usual.n) / usual.n)) / (1 + 3.8416 / usual.n)) as usual_high
    from traced
    join usual on traced.nth = usual.nth
),
priced as (
    select
        memory.account_id, memory.region, function, valid_from, valid_to, memory_mb / 1024.0 * price_usd as second_usd
    from function_memory as memory
    left join prices
        on memory.account_id = prices.account_id and memory.region = prices.region
            and prices.meter = 'lambda-gb-seconds-' || architecture
)
select
    hours.ts, hours.function, change, hours.hour, starts, ends, invocations, p as cold_start_rate,
    low as cold_start_rate_low, high as cold_start_rate_high, usual as usual_rate, usual_high as usual_rate_high,
    invocations * (p - usual) as excess_cold_starts, invocations * greatest(0.0, low - usual) as excess_low,
    invocations * (high - usual) as excess_high, init_ms,
    invocations * (p - usual) * billed_init_ms / 1000 * second_usd as cost_usd, traces
from intervals
join hours on intervals.nth = hours.nth and intervals.hour = hours.hour
left join used on hours.nth = used.nth and hours.hour = used.hour
left join priced
    on hours.account_id = priced.account_id and hours.region = priced.region and hours.function = priced.function
        and starts >= valid_from and starts < valid_to
where low > usual_high
order by ts desc, function, hour
