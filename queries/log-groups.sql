-- title:   Log groups
-- answers: Which log groups take in most, whose are they, and what does that cost?
-- param:   from timestamp required inclusive, UTC
-- param:   to   timestamp required exclusive, UTC
-- column:  account_id     text    account
-- column:  region         text    region
-- column:  log_group      text    name
-- column:  function       text    function that writes to it; null if none is known
-- column:  bytes          double  bytes taken in, counted by CloudWatch
-- column:  events         double  log events
-- column:  bytes_per_run  double  bytes for one invocation of the function
-- column:  cost_usd       decimal unblended cost; null where no line of the bill is known to be its
-- column:  cost_estimated double  share of the cost that is not from a settled bill: 0 to 1
-- column:  tags           text    key=value, one after the other
with taken as (
    select account_id, region, log_group, min(function) as function, sum(bytes) as bytes, sum(events) as events
    from log_bytes
    where hour >= $from and hour < $to
    group by account_id, region, log_group
),
ran as (
    select account_id, region, function, sum(invocations) as invocations
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
    where hour < $to and hour_end > $from and resource is not null and service = 'AmazonCloudWatch'
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
    taken.account_id, taken.region, log_group, taken.function, bytes, events,
    bytes / nullif(invocations, 0) as bytes_per_run, cast(cost_usd as decimal(38, 12)) as cost_usd,
    coalesce(cast(estimated_usd as double), 0.0) / nullif(cast(cost_usd as double), 0) as cost_estimated, tags
from taken
left join ran
    on taken.account_id = ran.account_id and taken.region = ran.region and taken.function = ran.function
left join costs
    on taken.account_id = costs.account_id and taken.region = costs.region and taken.log_group = costs.resource
left join resource_tags
    on taken.account_id = resource_tags.account_id and taken.region = resource_tags.region
        and taken.log_group = resource_tags.name and resource_tags.kind = 'log-group'
order by bytes desc, log_group, account_id, region
