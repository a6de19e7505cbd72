-- title:   Cost by route and service
-- answers: Which services does each route's cost come from? Rows without a route are what something else started, or nothing, with
--          the reason.
-- param:   from timestamp required inclusive, UTC
-- param:   to   timestamp required exclusive, UTC
-- column:  api            text    name of the API; null for what no route caused
-- column:  stage          text    stage
-- column:  route          text    METHOD /template
-- column:  trigger        text    what else started it: kind/name, for example sqs/mails (see `trace_triggers`)
-- column:  service        text    Cost Explorer's SERVICE
-- column:  place          text    route, trigger, not split, or unexplained
-- column:  basis          text    how the cost came to the route, or why it is in neither
-- column:  cost_usd       decimal unblended cost
-- column:  cost_estimated double  share of it that is not from a settled bill: 0 to 1
with cut as (
    select
        api, stage, route, trigger, service, place, split_part(basis, ', price of', 1) as basis, estimated, cost_usd,
        (extract(epoch from least(hour_end, $to::timestamptz)) - extract(epoch from greatest(hour, $from::timestamptz)))
            / (extract(epoch from hour_end) - extract(epoch from hour)) as part
    from hourly_costs
    where hour < $to and hour_end > $from
)
select
    api, stage, route, trigger, service, place, string_agg(distinct basis, '; ' order by basis) as basis,
    cast(sum(usd) as decimal(38, 12)) as cost_usd,
    coalesce(cast(sum(case when estimated then usd end) as double), 0.0) / nullif(cast(sum(usd) as double), 0) as cost_estimated
from (
    select
        *,
        case when part >= 1 then cost_usd else cast(cast(cost_usd as double) * part as decimal(38, 12)) end as usd
    from cut
)
group by api, stage, route, trigger, service, place
order by cost_usd desc, api, stage, route, trigger, service, place
