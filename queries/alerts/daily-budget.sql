-- title:   Daily budget
-- answers: Does the account cost more today than it may? Counted up to the newest data, what is not billed yet as an estimate.
-- alert:   critical
-- param:   from       timestamp required midnight UTC of the day that is judged
-- param:   to         timestamp required end of the newest complete data
-- param:   budget_usd double    required what the account may cost in a UTC day, USD
-- column:  value           decimal   cost of the day so far, USD
-- column:  threshold       decimal   the budget, USD
-- column:  since           timestamp end of the hour in which the budget was used up
-- column:  projected_usd   double    cost at the end of the day, if it goes on as in its last complete hours
-- column:  estimated_share double    share of the cost that is an estimate
-- column:  driver          text      the route, what else starts work, or the service with the largest cost
with cut as (
    select
        hour, service, route, trigger, estimated, cost_usd,
        (extract(epoch from least(hour_end, $to::timestamptz)) - extract(epoch from greatest(hour, $from::timestamptz)))
            / (extract(epoch from hour_end) - extract(epoch from hour)) as part
    from hourly_costs
    where hour < $to and hour_end > $from
),
costs as (
    select
        *,
        case when part >= 1 then cost_usd else cast(cast(cost_usd as double) * part as decimal(38, 12)) end as usd
    from cut
),
running as (
    select hour, sum(cast(usd as double)) as hour_usd, sum(sum(cast(usd as double))) over (order by hour) as so_far
    from costs
    group by hour
),
day as (
    select
        cast(sum(usd) as decimal(38, 12)) as spent, sum(case when estimated then cast(usd as double) else 0.0 end) as estimated_usd,
        greatest(extract(epoch from $to::timestamptz) - extract(epoch from $from::timestamptz), 1) as elapsed_s
    from costs
),
drivers as (
    select
        coalesce(route, trigger, service) || ': ' || round(100 * usd / nullif(sum(usd) over (), 0)) || '% of it' as driver,
        row_number() over (order by usd desc, coalesce(route, trigger, service)) as place
    from (
        select
            route, trigger, case when route is null and trigger is null then service end as service,
            sum(cast(usd as double)) as usd
        from costs
        group by 1, 2, 3
    )
)
select
    spent as value, cast($budget_usd as decimal(38, 12)) as threshold,
    (select min(hour) + interval '1 hour' from running where so_far > $budget_usd) as since,
    cast(spent as double) + coalesce((
        select avg(hour_usd) from running
        where hour >= $to::timestamptz - interval '3 hours' and hour <= $to::timestamptz - interval '1 hour'
    ), cast(spent as double) / elapsed_s * 3600) * greatest(0.0, 86400 - elapsed_s) / 3600 as projected_usd,
    estimated_usd / nullif(cast(spent as double), 0) as estimated_share,
    (select driver from drivers where place = 1) as driver
from day
where cast(spent as double) > $budget_usd
