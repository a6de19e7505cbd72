-- title:   Cost by day and service
-- answers: What does each service cost, day by day, and what of that can still change?
-- param:   from timestamp required inclusive, UTC
-- param:   to   timestamp required exclusive, UTC
-- column:  date          date    UTC day
-- column:  service       text    Cost Explorer's SERVICE
-- column:  cost_usd      decimal unblended cost: the settled bill, else the estimate
-- column:  billed_usd    decimal as billed so far for the whole day; null where nothing is
-- column:  estimated     boolean the day's bill is not settled
with cut as (
    select
        date, service, estimated, cost_usd,
        (extract(epoch from least(hour_end, $to::timestamptz)) - extract(epoch from greatest(hour, $from::timestamptz)))
            / (extract(epoch from hour_end) - extract(epoch from hour)) as part
    from hourly_costs
    where hour < $to and hour_end > $from
),
costs as (
    select
        date, service, max(case when estimated then 1 else 0 end) = 1 as estimated,
        sum(case when part >= 1 then cost_usd else cast(cast(cost_usd as double) * part as decimal(38, 12)) end) as cost_usd
    from cut
    group by date, service
),
billed as (
    select date, service, sum(cost_usd) as billed_usd
    from bill
    group by date, service
)
select
    costs.date, costs.service, cast(cost_usd as decimal(38, 12)) as cost_usd,
    cast(billed_usd as decimal(38, 12)) as billed_usd, estimated
from costs
left join billed on costs.date = billed.date and costs.service = billed.service
order by date, cost_usd desc, service
