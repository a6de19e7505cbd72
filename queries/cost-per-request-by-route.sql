-- title:   Cost per request by route
-- answers: What does a request of each route cost, and which service makes it so?
-- param:   from timestamp required inclusive, UTC
-- param:   to   timestamp required exclusive, UTC
-- column:  api               text    name of the API
-- column:  stage             text    stage
-- column:  route             text    METHOD /template
-- column:  requests          double  requests, counted by API Gateway; null where nothing was counted
-- column:  cost_usd          decimal unblended cost of everything that its requests caused
-- column:  cost_low_usd      decimal lower end of its 95% interval: how far the traced requests decide it (see `cost_errors`)
-- column:  cost_high_usd     decimal upper end
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
        date, account_id, region, api, stage, route, service, estimated, cost_usd,
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
),
errors as (
    select api, stage, route, 1.96 * sqrt(sum(variance)) as error_usd
    from (
        -- An error that every day has adds up; errors of their own partly cancel out.
        select api, stage, route, case when repeats then power(sum(error_usd), 2) else sum(power(error_usd, 2)) end as variance
        from (
            select
                cut.date, cut.api, cut.stage, cut.route, cut.service, repeats,
                sum(cast(cost_usd as double) * part) * relative_error as error_usd
            from cut
            join cost_errors
                on cut.date = cost_errors.date and cut.account_id = cost_errors.account_id
                    and cut.region = cost_errors.region and cut.api = cost_errors.api and cut.stage = cost_errors.stage
                    and cut.route = cost_errors.route and cut.service = cost_errors.service
            group by cut.date, cut.account_id, cut.region, cut.api, cut.stage, cut.route, cut.service, repeats, relative_error
        )
        group by api, stage, route, service, repeats
    )
    group by api, stage, route
)
select
    costs.api, costs.stage, costs.route, requests, cast(cost_usd as decimal(38, 12)) as cost_usd,
    cast(greatest(0.0, cast(cost_usd as double) - coalesce(error_usd, 0.0)) as decimal(38, 12)) as cost_low_usd,
    cast(cast(cost_usd as double) + coalesce(error_usd, 0.0) as decimal(38, 12)) as cost_high_usd,
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
left join errors
    on costs.api = errors.api and costs.stage = errors.stage and costs.route = errors.route
order by cost_per_1000_usd desc nulls last, api, stage, route
