-- title:   Entry points
-- answers: What starts work, routes and everything else, how often, and what does all of that work cost?
--          A route's, a queue's, a stream's, a bucket's or a state machine's cost is that of the functions it starts and of what they call
--          and log, and of its own requests or executions. What a request passes on to a queue, a stream or a bucket is that one's from
--          there on. `direct` is what nothing in the configuration starts: schedules, other services, somebody by hand.
-- param:   from timestamp required inclusive, UTC
-- param:   to   timestamp required exclusive, UTC
-- column:  account_id        text    account
-- column:  region            text    region
-- column:  kind              text    route, sqs, dynamodb-stream, kinesis, …, s3-event, state-machine or direct
-- column:  name              text    API/stage route, queue, table or stream, bucket, state machine; of `direct` the function
-- column:  functions         text    functions that it starts, as it is configured now
-- column:  starts            double  requests of a route, executions of a state machine, else invocations that it caused
-- column:  cost_usd          decimal unblended cost of all that it started
-- column:  cost_low_usd      decimal lower end of its 95% interval: how far traces decide it (see `cost_errors`)
-- column:  cost_high_usd     decimal upper end
-- column:  cost_per_1000_usd double  cost of 1,000 starts
-- column:  lambda_usd        decimal of the cost: AWS Lambda
-- column:  dynamodb_usd      decimal of the cost: Amazon DynamoDB
-- column:  s3_usd            decimal of the cost: Amazon S3
-- column:  states_usd        decimal of the cost: AWS Step Functions
-- column:  other_usd         decimal of the cost: everything else
-- column:  cost_estimated    double  share of the cost that is not from a settled bill: 0 to 1
with configured as (
    select account_id, region, kind, name, string_agg(distinct function, ', ' order by function) as functions
    from entry_points
    group by account_id, region, kind, name
),
started as (
    select account_id, region, 'route' as kind, api || '/' || stage || ' ' || route as name, sum(requests) as starts
    from route_requests
    where ts >= $from and ts < $to
    group by account_id, region, api, stage, route
    union all
    select account_id, region, 'state-machine', resource, sum(started)
    from executions
    where hour >= $from and hour < $to
    group by account_id, region, resource
    union all
    -- What its functions start in turn is not started by itself.
    select
        function_routes.account_id, function_routes.region, split_part(trigger, '/', 1),
        substr(trigger, strpos(trigger, '/') + 1), sum(invocations * call_share)
    from function_routes
    left semi join (
        select account_id, region, kind || '/' || name as source, function from entry_points
        union all
        select distinct account_id, region, 'direct/' || function, function from function_usage
    ) as own
        on function_routes.account_id = own.account_id and function_routes.region = own.region
            and function_routes.function = own.function and function_routes.trigger = own.source
    where hour >= $from and hour < $to and trigger not like 'state-machine/%'
    group by function_routes.account_id, function_routes.region, trigger
),
cut as (
    select
        date, account_id, region, api, stage, route, trigger, service, estimated, cost_usd,
        case when route is not null then 'route' else split_part(trigger, '/', 1) end as kind,
        case
            when route is not null then api || '/' || stage || ' ' || route else substr(trigger, strpos(trigger, '/') + 1)
        end as name,
        (extract(epoch from least(hour_end, $to::timestamptz)) - extract(epoch from greatest(hour, $from::timestamptz)))
            / (extract(epoch from hour_end) - extract(epoch from hour)) as part
    from hourly_costs
    where hour < $to and hour_end > $from and (route is not null or trigger is not null)
),
costs as (
    select
        account_id, region, kind, name, sum(usd) as cost_usd, sum(case when estimated then usd end) as estimated_usd,
        sum(case when service = 'AWS Lambda' then usd end) as lambda_usd,
        sum(case when service = 'Amazon DynamoDB' then usd end) as dynamodb_usd,
        sum(case when service = 'Amazon Simple Storage Service' then usd end) as s3_usd,
        sum(case when service = 'AWS Step Functions' then usd end) as states_usd,
        sum(case
            when service not in ('AWS Lambda', 'Amazon DynamoDB', 'Amazon Simple Storage Service', 'AWS Step Functions') then usd
        end) as other_usd
    from (
        select
            *, case when part >= 1 then cost_usd else cast(cast(cost_usd as double) * part as decimal(38, 12)) end as usd
        from cut
    )
    group by account_id, region, kind, name
),
errors as (
    select account_id, region, kind, name, 1.96 * sqrt(sum(variance)) as error_usd
    from (
        -- An error that every day has adds up; errors of their own partly cancel out.
        select
            account_id, region, kind, name,
            case when repeats then power(sum(error_usd), 2) else sum(power(error_usd, 2)) end as variance
        from (
            select
                cut.date, cut.account_id, cut.region, cut.kind, cut.name, cut.service, repeats,
                sum(cast(cost_usd as double) * part) * relative_error as error_usd
            from cut
            join cost_errors
                on cut.date = cost_errors.date and cut.account_id = cost_errors.account_id
                    and cut.region = cost_errors.region and cut.service = cost_errors.service
                    and (cut.api is not distinct from cost_errors.api) and (cut.stage is not distinct from cost_errors.stage)
                    and (cut.route is not distinct from cost_errors.route)
                    and (cut.trigger is not distinct from cost_errors.trigger)
            group by cut.date, cut.account_id, cut.region, cut.kind, cut.name, cut.service, repeats, relative_error
        )
        group by account_id, region, kind, name, service, repeats
    )
    group by account_id, region, kind, name
),
everything as (
    select account_id, region, kind, name from configured
    union
    select account_id, region, kind, name from started
    union
    select account_id, region, kind, name from costs
)
select
    everything.account_id, everything.region, everything.kind, everything.name,
    coalesce(functions, case when everything.kind = 'direct' then everything.name end) as functions, starts,
    cast(cost_usd as decimal(38, 12)) as cost_usd,
    cast(greatest(0.0, cast(cost_usd as double) - coalesce(error_usd, 0.0)) as decimal(38, 12)) as cost_low_usd,
    cast(cast(cost_usd as double) + coalesce(error_usd, 0.0) as decimal(38, 12)) as cost_high_usd,
    cast(cost_usd as double) / nullif(starts, 0) * 1000 as cost_per_1000_usd,
    cast(lambda_usd as decimal(38, 12)) as lambda_usd,
    cast(dynamodb_usd as decimal(38, 12)) as dynamodb_usd,
    cast(s3_usd as decimal(38, 12)) as s3_usd,
    cast(states_usd as decimal(38, 12)) as states_usd,
    cast(other_usd as decimal(38, 12)) as other_usd,
    coalesce(cast(estimated_usd as double), 0.0) / nullif(cast(cost_usd as double), 0) as cost_estimated
from everything
left join configured
    on everything.account_id = configured.account_id and everything.region = configured.region and everything.kind = configured.kind
        and everything.name = configured.name
left join started
    on everything.account_id = started.account_id and everything.region = started.region and everything.kind = started.kind
        and everything.name = started.name
left join costs
    on everything.account_id = costs.account_id and everything.region = costs.region and everything.kind = costs.kind
        and everything.name = costs.name
left join errors
    on everything.account_id = errors.account_id and everything.region = errors.region and everything.kind = errors.kind
        and everything.name = errors.name
order by cost_usd desc nulls last, everything.kind, everything.name, everything.account_id, everything.region
