-- title:   Where a route's cost comes from
-- answers: Which lines of the bill is a route's cost a part of, at which price, how much of the usage was the route's, and how is that known?
--          A row is one line of the bill and one resource behind it. Cost = the route's usage × the price of the line; before the bill
--          comes, × the price of the last settled week.
-- param:   from  timestamp required inclusive, UTC
-- param:   to    timestamp required exclusive, UTC
-- param:   route text      required METHOD /template
-- param:   api   text      optional name of the API; null means every API with such a route
-- param:   stage text      optional stage; null means every stage
-- column:  api             text    name of the API
-- column:  stage           text    stage
-- column:  route           text    METHOD /template
-- column:  service         text    Cost Explorer's SERVICE
-- column:  usage_type      text    usage type as billed
-- column:  line_usd        decimal the whole line in this time: what all routes and no route cost of it
-- column:  resource        text    function, API/stage, table or bucket that was used
-- column:  meter           text    what is counted; see `meters`
-- column:  used            double  the route's usage of it, in the meter's unit; null where nothing counted it
-- column:  used_by_all     double  everybody's usage of the meter, of all resources
-- column:  price_usd       double  cost ÷ usage: what a unit cost
-- column:  cost_usd        decimal the route's part
-- column:  share_of_line   double  of the line: 0 to 1
-- column:  basis           text    how it is known which part is the route's, and which price it is
-- column:  estimated       boolean a part is not from a settled bill
with costs as (
    select
        account_id, region, service, usage_type, resource, api, stage, route, basis, estimated, cost_usd
    from hourly_costs
    where hour >= $from and hour < $to
),
lines as (
    select account_id, region, service, usage_type, sum(cost_usd) as line_usd
    from costs
    group by account_id, region, service, usage_type
),
parts as (
    select
        account_id, region, service, usage_type, resource, api, stage, route, basis,
        sum(cost_usd) as part_usd, max(case when estimated then 1 else 0 end) = 1 as estimated
    from costs
    where route = $route and (api = $api or $api is null) and (stage = $stage or $stage is null)
    group by account_id, region, service, usage_type, resource, api, stage, route, basis
),
metered as (
    select account_id, region, service, usage_type, max(meter) as meter
    from prices
    group by account_id, region, service, usage_type
),
counted as (
    select account_id, region, meter, resource, api, stage, route, sum(quantity) as quantity
    from usage
    where hour >= $from and hour < $to
    group by account_id, region, meter, resource, api, stage, route
),
-- One resource's usage may be known in more than one way: its parts of the cost share it.
of_route as (
    select
        parts.*, meter,
        sum(part_usd) over (partition by api, stage, route, parts.service) as service_usd,
        sum(part_usd) over (partition by api, stage, route, parts.service, parts.usage_type) as type_usd,
        cast(part_usd as double) / nullif(sum(cast(part_usd as double)) over (
            partition by parts.account_id, parts.region, parts.service, parts.usage_type, resource, api, stage, route
        ), 0) as part
    from parts
    left join metered
        on parts.account_id = metered.account_id and parts.region = metered.region
            and parts.service = metered.service and parts.usage_type = metered.usage_type
)
select
    of_route.api, of_route.stage, of_route.route, of_route.service, of_route.usage_type,
    cast(line_usd as decimal(38, 12)) as line_usd, of_route.resource, of_route.meter,
    counted.quantity * part as used, everybody.quantity as used_by_all,
    cast(part_usd as double) / nullif(counted.quantity * part, 0) as price_usd,
    cast(part_usd as decimal(38, 12)) as cost_usd,
    cast(part_usd as double) / nullif(cast(line_usd as double), 0) as share_of_line,
    of_route.basis, of_route.estimated
from of_route
join lines
    on of_route.account_id = lines.account_id and (of_route.region is not distinct from lines.region)
        and of_route.service = lines.service and (of_route.usage_type is not distinct from lines.usage_type)
left join counted
    on of_route.account_id = counted.account_id and of_route.region = counted.region and of_route.meter = counted.meter
        and of_route.resource = counted.resource and of_route.api = counted.api and of_route.stage = counted.stage
        and of_route.route = counted.route
left join (
    select account_id, region, meter, sum(quantity) as quantity from counted group by account_id, region, meter
) as everybody
    on of_route.account_id = everybody.account_id and of_route.region = everybody.region
        and of_route.meter = everybody.meter
order by api, stage, service_usd desc, service, type_usd desc, usage_type, part_usd desc, resource
