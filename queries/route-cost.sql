-- title:   Cost of one route
-- answers: Which services does a route's cost come from, and how is that known?
-- param:   from  timestamp required inclusive, UTC
-- param:   to    timestamp required exclusive, UTC
-- param:   api   text      required name of the API
-- param:   stage text      required stage
-- param:   route text      required METHOD /template
-- column:  service        text    Cost Explorer's SERVICE
-- column:  cost_usd       decimal unblended cost
-- column:  basis          text    how the cost came to the route
-- column:  estimated      boolean some of it is not from a settled bill
-- column:  cost_estimated double  share of it that is not
with cut as (
    select
        service, basis, estimated, cost_usd,
        (extract(epoch from least(hour_end, $to::timestamptz)) - extract(epoch from greatest(hour, $from::timestamptz)))
            / (extract(epoch from hour_end) - extract(epoch from hour)) as part
    from hourly_costs
    where hour < $to and hour_end > $from and api = $api and stage = $stage and route = $route
)
select
    service, cast(sum(usd) as decimal(38, 12)) as cost_usd,
    string_agg(distinct basis, '; ' order by basis) as basis,
    max(case when estimated then 1 else 0 end) = 1 as estimated,
    coalesce(cast(sum(case when estimated then usd end) as double), 0.0) / nullif(cast(sum(usd) as double), 0) as cost_estimated
from (
    select
        service, estimated,
        -- That it is an estimate is told by `estimated`.
        split_part(split_part(basis, ', price of', 1), ', list price', 1) as basis,
        case when part >= 1 then cost_usd else cast(cast(cost_usd as double) * part as decimal(38, 12)) end as usd
    from cut
)
group by service
order by cost_usd desc, service
