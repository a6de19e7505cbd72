-- title:   Entry points
-- answers: What starts work besides routes, and what do the functions cost that it starts?
--          A function that several entry points start stands at each of them with all of its work: `shared` says so.
-- param:   from timestamp required inclusive, UTC
-- param:   to   timestamp required exclusive, UTC
-- column:  account_id      text    account
-- column:  region          text    region
-- column:  kind            text    route, sqs, dynamodb-stream, kinesis, …, s3-event or state-machine
-- column:  name            text    API/stage route, queue, table or stream, bucket, or state machine
-- column:  function        text    function that it starts
-- column:  shared          boolean another entry point starts the function too
-- column:  invocations     double  the function's invocations, counted by Lambda; null where nothing was counted
-- column:  errors          double  failed ones
-- column:  cost_usd        decimal unblended cost of the function itself: its invocations, without what it calls and logs
-- column:  cost_estimated  double  share of the cost that is not from a settled bill: 0 to 1
with ran as (
    select account_id, region, function, sum(invocations) as invocations, sum(errors) as errors
    from function_usage
    where ts >= $from and ts < $to
    group by account_id, region, function
),
cut as (
    select
        account_id, region, resource, estimated, cost_usd,
        (extract(epoch from least(hour_end, $to::timestamptz)) - extract(epoch from greatest(hour, $from::timestamptz)))
            / (extract(epoch from hour_end) - extract(epoch from hour)) as part
    from hourly_costs
    where hour < $to and hour_end > $from and resource is not null and service = 'AWS Lambda'
),
costs as (
    select account_id, region, resource, sum(usd) as cost_usd, sum(case when estimated then usd end) as estimated_usd
    from (
        select *, case when part >= 1 then cost_usd else cast(cast(cost_usd as double) * part as decimal(38, 12)) end as usd
        from cut
    )
    group by account_id, region, resource
),
started as (
    select *, count(*) over (partition by account_id, region, function) > 1 as shared
    from entry_points
)
select
    started.account_id, started.region, kind, name, started.function, shared, invocations, errors,
    cast(cost_usd as decimal(38, 12)) as cost_usd,
    coalesce(cast(estimated_usd as double), 0.0) / nullif(cast(cost_usd as double), 0) as cost_estimated
from started
left join ran
    on started.account_id = ran.account_id and started.region = ran.region and started.function = ran.function
left join costs
    on started.account_id = costs.account_id and started.region = costs.region and started.function = costs.resource
order by cost_usd desc nulls last, kind, name, function
