-- title:   Buckets
-- answers: How much does every S3 bucket keep, how much is it asked, and what does it cost?
--          S3 counts requests only where a bucket has a metrics configuration; elsewhere calls are estimated from traces.
-- param:   from timestamp required inclusive, UTC
-- param:   to   timestamp required exclusive, UTC
-- column:  account_id     text    account
-- column:  region         text    region
-- column:  bucket         text    name
-- column:  size_gb        double  size at the end of the range, GB (2^30 bytes); null where it was not measured
-- column:  objects        double  objects in it
-- column:  requests       double  requests, counted by S3; null where it counts none
-- column:  errors         double  of which answered with 4xx or 5xx
-- column:  traced_calls   double  calls by traced functions, weighted; null without a trace
-- column:  routes         integer routes whose requests call it
-- column:  cost_usd       decimal unblended cost; null where no line of the bill is known to be its
-- column:  cost_estimated double  share of the cost that is not from a settled bill: 0 to 1
-- column:  tags           text    key=value, one after the other
with measured as (
    select
        account_id, region, resource,
        sum(case when metric = 'BucketSizeBytes' then max end) / power(2, 30) as size_gb,
        sum(case when metric = 'NumberOfObjects' then max end) as objects
    from (
        select *, row_number() over (partition by account_id, region, resource, metric, operation order by ts desc) as newest
        from metrics
        where service = 's3' and metric in ('BucketSizeBytes', 'NumberOfObjects') and ts < $to
    )
    where newest = 1
    group by account_id, region, resource
),
counted as (
    select
        account_id, region, resource, sum(case when metric = 'AllRequests' then sum end) as requests,
        sum(case when metric in ('4xxErrors', '5xxErrors') then sum end) as errors
    from (
        -- Several configurations of a bucket count the same requests again: the one that counts most.
        select
            account_id, region, resource, operation, metric, sum(sum) as sum,
            row_number() over (partition by account_id, region, resource, metric order by sum(sum) desc, operation) as largest
        from metrics
        where service = 's3' and metric in ('AllRequests', '4xxErrors', '5xxErrors') and ts >= $from and ts < $to
        group by account_id, region, resource, operation, metric
    )
    where largest = 1
    group by account_id, region, resource
),
traced as (
    select account_id, region, resource, sum(calls) as traced_calls
    from traced_calls
    where service = 'S3' and hour >= $from and hour < $to and resource is not null
    group by account_id, region, resource
),
cut as (
    select
        account_id, region, resource, route, estimated, cost_usd,
        (extract(epoch from least(hour_end, $to::timestamptz)) - extract(epoch from greatest(hour, $from::timestamptz)))
            / (extract(epoch from hour_end) - extract(epoch from hour)) as part
    from hourly_costs
    where hour < $to and hour_end > $from and resource is not null and service = 'Amazon Simple Storage Service'
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
    select account_id, region, resource from measured
    union
    select account_id, region, resource from counted
    union
    select account_id, region, resource from traced
    union
    select account_id, region, resource from costs
)
select
    names.account_id, names.region, names.resource as bucket, size_gb, objects, requests, errors, traced_calls,
    coalesce(routes, 0) as routes, cast(cost_usd as decimal(38, 12)) as cost_usd,
    coalesce(cast(estimated_usd as double), 0.0) / nullif(cast(cost_usd as double), 0) as cost_estimated, tags
from names
left join measured
    on names.account_id = measured.account_id and names.region = measured.region and names.resource = measured.resource
left join counted
    on names.account_id = counted.account_id and names.region = counted.region and names.resource = counted.resource
left join traced
    on names.account_id = traced.account_id and names.region = traced.region and names.resource = traced.resource
left join costs
    on names.account_id = costs.account_id and names.region = costs.region and names.resource = costs.resource
left join resource_tags
    on names.account_id = resource_tags.account_id and names.region = resource_tags.region
        and names.resource = resource_tags.name and resource_tags.kind = 'bucket'
order by cost_usd desc nulls last, bucket, account_id, region
