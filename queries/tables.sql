-- title:   Tables
-- answers: What does every DynamoDB table serve and cost, how fast, and is it throttled?
-- param:   from timestamp required inclusive, UTC
-- param:   to   timestamp required exclusive, UTC
-- column:  account_id     text    account
-- column:  region         text    region
-- column:  table_name     text    name
-- column:  billing        text    on demand or provisioned, as configured now; null if not known
-- column:  requests       double  calls that succeeded, counted by DynamoDB; null where nothing was counted
-- column:  mean_ms        double  their mean latency at DynamoDB, milliseconds
-- column:  read_units     double  read units used, the indexes' included
-- column:  write_units    double  write units used
-- column:  throttles      double  items refused
-- column:  system_errors  double  calls that DynamoDB failed
-- column:  size_gb        double  size now, GB (2^30 bytes)
-- column:  routes         integer routes whose requests call it
-- column:  cost_usd       decimal unblended cost; null where no line of the bill is known to be its
-- column:  cost_estimated double  share of the cost that is not from a settled bill: 0 to 1
-- column:  tags           text    key=value, one after the other
with served as (
    select
        account_id, region, resource, sum(requests) as requests, sum(latency_ms) as latency_ms,
        sum(system_errors) as system_errors
    from table_requests
    where ts >= $from and ts < $to
    group by account_id, region, resource
),
used as (
    select
        account_id, region, resource, sum(read_units) as read_units, sum(write_units) as write_units,
        sum(read_throttles + write_throttles) as throttles
    from table_units
    where ts >= $from and ts < $to
    group by account_id, region, resource
),
cut as (
    select
        account_id, region, resource, route, estimated, cost_usd,
        (extract(epoch from least(hour_end, $to::timestamptz)) - extract(epoch from greatest(hour, $from::timestamptz)))
            / (extract(epoch from hour_end) - extract(epoch from hour)) as part
    from hourly_costs
    where hour < $to and hour_end > $from and resource is not null and service = 'Amazon DynamoDB'
),
costs as (
    select account_id, region, resource, count(distinct route) as routes, sum(usd) as cost_usd, sum(case when estimated then usd end) as estimated_usd
    from (
        select *, case when part >= 1 then cost_usd else cast(cast(cost_usd as double) * part as decimal(38, 12)) end as usd
        from cut
    )
    group by account_id, region, resource
),
names as (
    select account_id, region, resource from used
    union
    select account_id, region, resource from served
    union
    select account_id, region, resource from costs
)
select
    names.account_id, names.region, names.resource as table_name,
    case when provisioned then 'provisioned' when not provisioned then 'on demand' end as billing,
    requests, latency_ms / nullif(requests, 0) as mean_ms, read_units, write_units, throttles, system_errors,
    size_bytes / power(2, 30) as size_gb, coalesce(routes, 0) as routes, cast(cost_usd as decimal(38, 12)) as cost_usd,
    coalesce(cast(estimated_usd as double), 0.0) / nullif(cast(cost_usd as double), 0) as cost_estimated, tags
from names
left join served
    on names.account_id = served.account_id and names.region = served.region and names.resource = served.resource
left join used
    on names.account_id = used.account_id and names.region = used.region and names.resource = used.resource
left join known_tables
    on names.account_id = known_tables.account_id and names.region = known_tables.region
        and names.resource = known_tables.resource
left join costs
    on names.account_id = costs.account_id and names.region = costs.region and names.resource = costs.resource
left join resource_tags
    on names.account_id = resource_tags.account_id and names.region = resource_tags.region
        and names.resource = resource_tags.name and resource_tags.kind = 'table'
order by cost_usd desc nulls last, table_name, account_id, region
