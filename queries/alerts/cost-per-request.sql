-- title:   Cost per request
-- answers: Does a request of a route cost more than in the route's own last week? Only complete hours are judged, and the
--          rise must be worth something in dollars as well as in percent.
-- alert:   warning api, stage, route
-- param:   to           timestamp required     end of the newest complete data
-- param:   hours        integer   default=3    complete hours that are judged together
-- param:   percent      double    default=30   rise over the week before, percent
-- param:   floor_usd    double    default=0.05 what the rise costs at least, USD a day at the judged hours' requests
-- param:   min_requests integer   default=50   requests in the judged hours, below which nothing is judged
-- column:  api               text      name of the API
-- column:  stage             text      stage
-- column:  route             text      METHOD /template
-- column:  value             decimal   cost of 1,000 requests in the judged hours, USD
-- column:  threshold         decimal   that it may cost, USD
-- column:  since             timestamp start of the first hour of the rise, as far back as it lasts without a break
-- column:  before_usd        double    cost of 1,000 requests in the week before, USD
-- column:  rise_percent      double    rise over it
-- column:  extra_usd         double    what the rise costs in a day at the judged hours' requests, USD
-- column:  driver            text      the service with the largest part of the rise
-- column:  requests          double    requests in the judged hours
-- column:  estimated_share   double    share of the cost that is an estimate
with bounds as (
    select
        date_bin(interval '1 hour', $to::timestamptz) as stop,
        date_bin(interval '1 hour', $to::timestamptz) - cast($hours || ' hours' as interval) as start
),
counted as (
    select api, stage, route, date_bin(interval '1 hour', ts) as hour, sum(requests) as requests
    from route_requests
    where ts >= $to::timestamptz - interval '9 days' and ts < $to
    group by 1, 2, 3, 4
),
costs as (
    select
        api, stage, route, service, hour, sum(cast(cost_usd as double)) as usd,
        sum(case when estimated then cast(cost_usd as double) else 0.0 end) as estimated_usd
    from hourly_costs
    where hour >= $to::timestamptz - interval '9 days' and hour < $to and route is not null
    group by api, stage, route, service, hour
),
hourly as (
    select counted.api, counted.stage, counted.route, counted.hour, requests, coalesce(usd, 0.0) as usd, coalesce(estimated_usd, 0.0) as estimated_usd
    from counted
    left join (
        select api, stage, route, hour, sum(usd) as usd, sum(estimated_usd) as estimated_usd
        from costs group by api, stage, route, hour
    ) as costs
        on counted.api = costs.api and counted.stage = costs.stage and counted.route = costs.route
            and counted.hour = costs.hour
),
judged as (
    select
        api, stage, route,
        sum(case when hour >= start then requests else 0.0 end) as requests,
        sum(case when hour >= start then usd else 0.0 end) as usd,
        sum(case when hour >= start then estimated_usd else 0.0 end) as estimated_usd,
        sum(case when hour < start - interval '1 day' then requests else 0.0 end) as old_requests,
        sum(case when hour < start - interval '1 day' then usd else 0.0 end) as old_usd,
        count(distinct case when hour < start - interval '1 day' then hour end) as old_hours
    from hourly
    cross join bounds
    where hour >= start - interval '8 days' and hour < stop
    group by api, stage, route
),
risen as (
    select
        *, usd / requests * 1000 as now_usd, old_usd / old_requests * 1000 as before_usd,
        (usd / requests - old_usd / old_requests) * requests * 24 / $hours as extra_usd
    from judged
    where requests >= $min_requests and requests > 0 and old_requests > 0 and old_usd > 0 and old_hours >= 24
),
fired as (
    select *
    from risen
    where now_usd > before_usd * (1 + $percent / 100) and extra_usd >= $floor_usd
),
-- The last hour that was not dearer: the rise lasts since the hour after it.
quiet as (
    select fired.api, fired.stage, fired.route, max(hour) as last_quiet
    from fired
    join hourly
        on fired.api = hourly.api and fired.stage = hourly.stage and fired.route = hourly.route
    cross join bounds
    where hour < stop and hourly.requests > 0
        and hourly.usd / hourly.requests * 1000 <= before_usd * (1 + $percent / 100)
        and hour < start
    group by fired.api, fired.stage, fired.route
),
by_service as (
    select
        fired.api, fired.stage, fired.route, service,
        sum(case when hour >= start then costs.usd else 0.0 end) / max(fired.requests)
            - sum(case when hour < start - interval '1 day' then costs.usd else 0.0 end) / max(fired.old_requests) as rise
    from fired
    join costs on fired.api = costs.api and fired.stage = costs.stage and fired.route = costs.route
    cross join bounds
    where hour >= start - interval '8 days' and hour < stop
    group by fired.api, fired.stage, fired.route, service
),
drivers as (
    select
        api, stage, route,
        service || ': ' || cast(round(100 * rise / nullif(sum(rise) over (partition by api, stage, route), 0)) as bigint) || '% of the rise' as driver,
        row_number() over (partition by api, stage, route order by rise desc, service) as place
    from by_service
)
select
    fired.api, fired.stage, fired.route,
    cast(now_usd as decimal(38, 12)) as value,
    cast(before_usd * (1 + $percent / 100) as decimal(38, 12)) as threshold,
    coalesce(last_quiet + interval '1 hour', start) as since,
    before_usd, (now_usd / before_usd - 1) * 100 as rise_percent, extra_usd, driver, fired.requests,
    estimated_usd / nullif(usd, 0) as estimated_share
from fired
cross join bounds
left join quiet
    on fired.api = quiet.api and fired.stage = quiet.stage and fired.route = quiet.route
left join (select * from drivers where place = 1) as drivers
    on fired.api = drivers.api and fired.stage = drivers.stage and fired.route = drivers.route
order by extra_usd desc, fired.api, fired.stage, fired.route
