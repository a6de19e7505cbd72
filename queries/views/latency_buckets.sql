-- title:   Latency histograms by route
-- answers: How many requests of each route took how long, in every hour whose histogram was collected?
--          Counts of the same bucket add up over hours and routes, as percentiles never do. As in `route_requests`, an hour of a
--          stage takes one of its two levels: its methods where detailed metrics are on; else the stage, which is its only
--          route's, or "(all routes)" where nothing tells them apart.
-- column:  date       date      UTC day
-- column:  account_id text      account
-- column:  region     text      region
-- column:  api        text      name of the API
-- column:  stage      text      stage
-- column:  route      text      METHOD /template, or a WebSocket API's route key
-- column:  hour       timestamp start of the period
-- column:  hour_end   timestamp its end
-- column:  lower_ms   double    lower bound of the bucket, exclusive, milliseconds
-- column:  upper_ms   double    upper bound, inclusive; null where there is none
-- column:  low_ms     double    lower bound that is certain, see `histogram_buckets`
-- column:  high_ms    double    upper bound that is certain
-- column:  requests   double    requests in the bucket
with detailed as (
    select distinct account_id as d_account, region as d_region, resource as d_api, stage as d_stage, ts as d_hour
    from latency_histograms
    where service = 'apigateway' and route is not null
),
only_routes as (
    select account_id, region, api, stage, min(route) as only_route
    from known_routes
    group by account_id, region, api, stage
    having count(distinct route) = 1
)
select
    date, account_id, region, resource as api, stage, route, hour, hour_end, lower_ms, upper_ms, low_ms, high_ms, requests
from histogram_buckets
where service = 'apigateway' and route is not null
union all
select
    date, buckets.account_id, buckets.region, resource, buckets.stage, coalesce(only_route, '(all routes)'), hour, hour_end,
    lower_ms, upper_ms, low_ms, high_ms, requests
from histogram_buckets as buckets
left anti join detailed
    on buckets.account_id = d_account and buckets.region = d_region and resource = d_api and buckets.stage = d_stage
        and hour = d_hour
left join only_routes
    on buckets.account_id = only_routes.account_id and buckets.region = only_routes.region
        and resource = only_routes.api and buckets.stage = only_routes.stage
where service = 'apigateway' and route is null
