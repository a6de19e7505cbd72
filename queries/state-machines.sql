-- title:   State machines
-- answers: How often does every Step Functions state machine run and fail, how long does it take, and what does it cost?
-- param:   from timestamp required inclusive, UTC
-- param:   to   timestamp required exclusive, UTC
-- column:  account_id     text    account
-- column:  region         text    region
-- column:  state_machine  text    name
-- column:  workflow       text    standard or express
-- column:  started        double  executions begun
-- column:  succeeded      double  that succeeded
-- column:  failed         double  that failed, timed out or were aborted
-- column:  failure_rate   double  failed ÷ all that ended
-- column:  throttled      double  that were refused
-- column:  mean_ms        double  mean time of an execution, milliseconds
-- column:  cost_usd       decimal unblended cost; null where no line of the bill is known to be its
-- column:  cost_estimated double  share of the cost that is not from a settled bill: 0 to 1
-- column:  tags           text    key=value, one after the other
with ran as (
    select
        account_id, region, resource, bool_or(express) as express, sum(started) as started, sum(succeeded) as succeeded,
        sum(failed) as failed, sum(throttled) as throttled, sum(time_ms) as time_ms, sum(timed) as timed
    from executions
    where hour >= $from and hour < $to
    group by account_id, region, resource
),
cut as (
    select
        account_id, region, resource, estimated, cost_usd,
        (extract(epoch from least(hour_end, $to::timestamptz)) - extract(epoch from greatest(hour, $from::timestamptz)))
            / (extract(epoch from hour_end) - extract(epoch from hour)) as part
    from hourly_costs
    where hour < $to and hour_end > $from and resource is not null and service = 'AWS Step Functions'
),
costs as (
    select account_id, region, resource, sum(usd) as cost_usd, sum(case when estimated then usd end) as estimated_usd
    from (
        select *, case when part >= 1 then cost_usd else cast(cast(cost_usd as double) * part as decimal(38, 12)) end as usd
        from cut
    )
    group by account_id, region, resource
)
select
    ran.account_id, ran.region, ran.resource as state_machine,
    case when express then 'express' else 'standard' end as workflow, started, succeeded, failed,
    failed / nullif(succeeded + failed, 0) as failure_rate, throttled, time_ms / nullif(timed, 0) as mean_ms,
    cast(cost_usd as decimal(38, 12)) as cost_usd,
    coalesce(cast(estimated_usd as double), 0.0) / nullif(cast(cost_usd as double), 0) as cost_estimated, tags
from ran
left join costs
    on ran.account_id = costs.account_id and ran.region = costs.region and ran.resource = costs.resource
left join resource_tags
    on ran.account_id = resource_tags.account_id and ran.region = resource_tags.region
        and ran.resource = resource_tags.name and resource_tags.kind = 'state-machine'
order by cost_usd desc nulls last, state_machine, account_id, region
