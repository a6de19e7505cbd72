-- title:   What changed since the week before, and why
-- answers: Which routes became dearer or cheaper, and is it traffic, duration, calls or price?
--          Whole hours of the range are held against the same hours as many whole weeks before as the range is long. A route's
--          cost of each meter is requests × usage per request × price; the change is shared among the three by their logarithms
--          (logarithmic mean Divisia index), so the parts add up to it without a rest.
-- param:   from timestamp required inclusive, UTC
-- param:   to   timestamp required exclusive, UTC
-- column:  api          text    name of the API
-- column:  stage        text    stage
-- column:  route        text    METHOD /template; null for what no route caused
-- column:  before_usd   double  cost in the hours before
-- column:  after_usd    double  cost in the hours of the range
-- column:  change_usd   double  the one less the other
-- column:  traffic_usd  double  because of more or fewer requests
-- column:  duration_usd double  because functions ran longer or with more memory for a request
-- column:  calls_usd    double  because a request calls functions, tables and buckets more or less, or takes more units
-- column:  other_usd    double  because a request is logged, traced or transferred more or less
-- column:  price_usd    double  because a unit costs more or less
-- column:  new_usd      double  of a meter that one of the two had no usage or no requests of; or that no usage explains
-- column:  driver       text    the largest of these parts
-- column:  estimated    boolean a part of the cost is not from a settled bill
with bounds as (
    select
        date_bin(interval '1 hour', $from::timestamptz + interval '59 minutes 59 seconds') as from_hour,
        date_bin(interval '1 hour', $to::timestamptz) as to_hour,
        arrow_cast(
            cast(ceil((extract(epoch from $to::timestamptz) - extract(epoch from $from::timestamptz)) / 604800.0) as bigint) * 604800000,
            'Duration(Millisecond)'
        ) as shift
),
spans as (
    select true as is_after, from_hour, to_hour from bounds
    union all
    select false, from_hour - shift, to_hour - shift from bounds
),
requested as (
    select is_after, api, stage, route, sum(requests) as requests
    from route_requests
    join spans on ts >= from_hour and ts < to_hour
    group by is_after, api, stage, route
),
metered as (
    select account_id, region, service, usage_type, max(meter) as meter
    from prices
    group by account_id, region, service, usage_type
),
costs as (
    select
        is_after, hourly_costs.api, hourly_costs.stage, hourly_costs.route,
        coalesce(meter, hourly_costs.service || ' ' || coalesce(hourly_costs.usage_type, '')) as meter,
        cast(sum(cost_usd) as double) as usd, max(case when estimated then 1 else 0 end) as estimated
    from hourly_costs
    join spans on hour >= from_hour and hour_end <= to_hour
    left join metered
        on hourly_costs.account_id = metered.account_id and hourly_costs.region = metered.region
            and hourly_costs.service = metered.service and hourly_costs.usage_type = metered.usage_type
    group by
        is_after, hourly_costs.api, hourly_costs.stage, hourly_costs.route,
        coalesce(meter, hourly_costs.service || ' ' || coalesce(hourly_costs.usage_type, ''))
),
used as (
    select is_after, api, stage, route, meter, sum(quantity) as quantity
    from usage
    join spans on hour >= from_hour and hour < to_hour
    group by is_after, api, stage, route, meter
),
figures as (
    select
        costs.is_after, costs.api, costs.stage, costs.route, costs.meter, usd, estimated, quantity, requests
    from costs
    left join used
        on costs.is_after = used.is_after and costs.meter = used.meter
            and (costs.api is not distinct from used.api) and (costs.stage is not distinct from used.stage)
            and (costs.route is not distinct from used.route)
    left join requested
        on costs.is_after = requested.is_after and costs.api = requested.api and costs.stage = requested.stage
            and costs.route = requested.route
),
pairs as (
    select
        api, stage, route, meter,
        coalesce(sum(case when is_after then usd end), 0.0) as after_usd,
        coalesce(sum(case when not is_after then usd end), 0.0) as before_usd,
        max(case when is_after then quantity end) as after_quantity,
        max(case when not is_after then quantity end) as before_quantity,
        max(case when is_after then requests end) as after_requests,
        max(case when not is_after then requests end) as before_requests,
        max(estimated) as estimated
    from figures
    group by api, stage, route, meter
),
-- What is positive on both sides can be told apart; all else is new, gone, or of no usage.
parts as (
    select
        *,
        case
            when before_usd > 0 and after_usd > 0 and before_quantity > 0 and after_quantity > 0
                and before_requests > 0 and after_requests > 0
                then case
                    when abs(after_usd / before_usd - 1) < 1e-9 then before_usd
                    else (after_usd - before_usd) / ln(after_usd / before_usd)
                end
        end as mean_usd
    from pairs
),
effects as (
    select
        *,
        coalesce(mean_usd * ln(after_requests / before_requests), 0.0) as traffic,
        coalesce(
            mean_usd * ln((after_quantity / after_requests) / (before_quantity / before_requests)), 0.0
        ) as per_request,
        coalesce(mean_usd * ln((after_usd / after_quantity) / (before_usd / before_quantity)), 0.0) as price,
        case when mean_usd is null then after_usd - before_usd else 0.0 end as new
    from parts
),
sums as (
    select
        api, stage, route, sum(before_usd) as before_usd, sum(after_usd) as after_usd,
        sum(after_usd) - sum(before_usd) as change_usd, sum(traffic) as traffic_usd,
        sum(case when meter like 'lambda-gb-seconds%' then per_request else 0.0 end) as duration_usd,
        sum(case
            when meter like 'lambda-requests%' or meter like 'dynamodb%' or meter like 's3%' or meter like 'apigateway%'
                or meter like 'states%' then per_request
            else 0.0
        end) as calls_usd,
        sum(case
            when meter like 'lambda%' or meter like 'dynamodb%' or meter like 's3%' or meter like 'apigateway%'
                or meter like 'states%' then 0.0
            else per_request
        end) as other_usd,
        sum(price) as price_usd, sum(new) as new_usd, max(estimated) = 1 as estimated
    from effects
    group by api, stage, route
)
select
    api, stage, route, before_usd, after_usd, change_usd, traffic_usd, duration_usd, calls_usd, other_usd, price_usd,
    new_usd,
    case greatest(
        abs(traffic_usd), abs(duration_usd), abs(calls_usd), abs(other_usd), abs(price_usd), abs(new_usd)
    )
        when 0.0 then 'nothing'
        when abs(traffic_usd) then 'traffic'
        when abs(duration_usd) then 'duration'
        when abs(calls_usd) then 'calls'
        when abs(price_usd) then 'price'
        when abs(other_usd) then 'logs, traces and transfer'
        else 'new, gone, or without usage'
    end as driver,
    estimated
from sums
order by abs(change_usd) desc, api, stage, route
