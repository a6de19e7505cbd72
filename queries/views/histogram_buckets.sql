-- title:   Latency histograms in fine buckets
-- answers: How many requests of each function, route and stage took how long, hour by hour, as finely as is known?
--          Where the median, p95 or p99 of an hour lies, a bucket was read in five parts. Those of the other hours are shared over
--          the parts as the same series has them in the day's hours that do, so that hours add up; the bounds that are certain
--          stand beside.
-- column:  date       date      UTC day
-- column:  account_id text      account
-- column:  region     text      region
-- column:  service    text      lambda or apigateway
-- column:  resource   text      function, or name of the API
-- column:  stage      text      stage of an API
-- column:  route      text      its route; null on the level of a stage
-- column:  hour       timestamp start of the period
-- column:  hour_end   timestamp its end
-- column:  lower_ms   double    lower bound, exclusive, milliseconds
-- column:  upper_ms   double    upper bound, inclusive; null where there is none
-- column:  low_ms     double    lower bound of the bucket as it was read
-- column:  high_ms    double    upper bound of the bucket as it was read; null where there is none
-- column:  requests   double    requests in it
with buckets as (
    select
        date, account_id, region, service, resource, stage, route, ts as hour,
        ts + arrow_cast(cast(period_s as bigint) * 1000, 'Duration(Millisecond)') as hour_end,
        lower_ms, upper_ms, "count" as requests,
        -- Bounds are 60,000^(n/48) milliseconds, those of parts 60,000^(n/240), but for the first millisecond.
        case when lower_ms < 1 then -1 else cast(floor(48 * ln(lower_ms) / ln(60000) + 0.1) as bigint) end as place,
        case
            when upper_ms is null then true
            when lower_ms < 1 then lower_ms = 0 and upper_ms = 1
            else upper_ms > 1.15 * lower_ms
        end as whole
    from latency_histograms
),
parts as (
    select
        date as p_date, account_id as p_account, region as p_region, service as p_service, resource as p_resource,
        coalesce(stage, '') as p_stage, coalesce(route, '') as p_route, place as p_place,
        lower_ms as p_lower_ms, upper_ms as p_upper_ms,
        sum(requests) / sum(sum(requests)) over (
            partition by date, account_id, region, service, resource, coalesce(stage, ''), coalesce(route, ''), place
        ) as share
    from buckets
    where not whole
    group by
        date, account_id, region, service, resource, coalesce(stage, ''), coalesce(route, ''), place, lower_ms, upper_ms
)
select
    date, account_id, region, service, resource, stage, route, hour, hour_end, lower_ms, upper_ms,
    lower_ms as low_ms, upper_ms as high_ms, requests
from buckets
where not whole
union all
select
    date, account_id, region, service, resource, stage, route, hour, hour_end,
    coalesce(p_lower_ms, wholes.lower_ms) as lower_ms, coalesce(p_upper_ms, wholes.upper_ms) as upper_ms,
    wholes.lower_ms as low_ms, wholes.upper_ms as high_ms, wholes.requests * coalesce(share, 1.0) as requests
from (select * from buckets where whole) as wholes
left join parts
    on date = p_date and account_id = p_account and region = p_region and service = p_service and resource = p_resource
        and coalesce(stage, '') = p_stage and coalesce(route, '') = p_route and place = p_place
