-- title:   Cost per request by route
-- answers: What does a request of each route cost, and which service makes it so?
-- param:   from timestamp required inclusive, UTC
-- param:   to   timestamp required exclusive, UTC
-- column:  api               text    name of the API
-- column:  stage             text    stage
-- column:  route             text    METHOD /template
-- column:  requests          double  requests, counted by API Gateway; null where nothing was counted
-- column:  cost_usd          decimal unblended cost of everything that its requests caused
-- column:  cost_per_1000_usd double  cost of 1,000 requests
-- column:  lambda_usd        decimal of the cost: AWS Lambda
-- column:  api_gateway_usd   decimal of the cost: Amazon API Gateway
-- column:  dynamodb_usd      decimal of the cost: Amazon DynamoDB
-- column:  s3_usd            decimal of the cost: Amazon S3
-- column:  other_usd         decimal of the cost: everything else
-- column:  cost_estimated    double  share of the cost that is not from a settled bill: 0 to 1
with counted as (
    select api, stage, route, sum(requests) as requests
    from route_requests
    where ts >= $from and ts < $to
    group by api, stage, route
),
cut as (
    select
        api, stage, route, service, estimated, cost_usd,
        (extract(epoch from least(hour_end, $to::timestamptz)) - extract(epoch from greatest(hour, $from::timestamptz)))
            / (extract(epoch from hour_end) - extract(epoch from hour)) as part
    from hourly_costs
    where hour < $to and hour_end > $from and route is not null
),
costs as (
    select
        api, stage, route, sum(usd) as cost_usd, sum(case when estimated then usd end) as estimated_usd,
        sum(case when service = 'AWS Lambda' then usd end) as lambda_usd,
        sum(case when service = 'Amazon API Gateway' then usd end) as api_gateway_usd,
        sum(case when service = 'Amazon DynamoDB' then usd end) as dynamodb_usd,
        sum(case when service = 'Amazon Simple Storage Service' then usd end) as s3_usd,
        sum(case
            when service not in (
                'AWS Lambda', 'Amazon API Gateway', 'Amazon DynamoDB', 'Amazon Simple Storage Service'
            ) then usd
        end) as other_usd
    from (
        select
            api, stage, route, service, estimated,
            case when part >= 1 then cost_usd else cast(cast(cost_usd as double) * part as decimal(38, 12)) end as usd
        from cut
    )
    group by api, stage, route
)
select
    costs.api, costs.stage, costs.route, requests, cast(cost_usd as decimal(38, 12)) as cost_usd,
    cast(cost_usd as double) / nullif(requests, 0) * 1000 as cost_per_1000_usd,
    cast(lambda_usd as decimal(38, 12)) as lambda_usd,
    cast(api_gateway_usd as decimal(38, 12)) as api_gateway_usd,
    cast(dynamodb_usd as decimal(38, 12)) as dynamodb_usd,
    cast(s3_usd as decimal(38, 12)) as s3_usd,
    cast(other_usd as decimal(38, 12)) as other_usd,
    coalesce(cast(estimated_usd as double), 0.0) / nullif(cast(cost_usd as double), 0) as cost_estimated
from costs
left join counted
    on costs.api = counted.api and costs.stage = counted.stage and costs.route = counted.route
order by cost_per_1000_usd desc nulls last, api, stage, route
