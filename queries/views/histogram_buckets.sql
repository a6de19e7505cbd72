-- title:   Latency histograms in fine buckets
-- answers: How many requests of each function, route and stage took how long, hour by hour, as finely as is known?
--          Where the median, p95 or p99 of an hour lies, a bucket was read in five parts, and where that of a longer window lies, such a part
--          in five again. Those of the other hours are shared over the parts as the same series has them in the day's hours that
--          do, so that hours add up; the bounds that are certain stand beside.
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
        lower_ms, upper_ms, lower_ms as low_ms, upper_ms as high_ms, "count" as requests,
        date || '/' || account_id || '/' || region || '/' || service || '/' || resource || '/' || coalesce(stage, '')
            || '/' || coalesce(route, '') as series,
        -- Bounds are 60,000^(n/48) milliseconds to three digits, those of parts 60,000^(n/240), but for the first millisecond; the
        -- middle of a bucket is told apart from all bounds.
        case
            when lower_ms < 1 then -1
            else cast(floor(24 * ln(lower_ms * coalesce(upper_ms, 1.2 * lower_ms)) / ln(60000)) as bigint)
        end as place,
        case
            when lower_ms < 1 then cast(floor(2.5 * (lower_ms + upper_ms)) as bigint) - 5
            else cast(floor(120 * ln(lower_ms * upper_ms) / ln(60000)) as bigint)
        end as part,
        case
            when upper_ms is null or upper_ms - lower_ms > case when lower_ms < 1 then 0.9 else 0.15 * lower_ms end then 'whole'
            when upper_ms - lower_ms > case when lower_ms < 1 then 0.1 else 0.02 * lower_ms end then 'part'
            else 'fine'
        end as size
    from latency_histograms
),
parts as (
    select series, hour, place, part, min(lower_ms) as lower_ms, max(upper_ms) as upper_ms, sum(requests) as requests
    from buckets
    where size <> 'whole'
    group by series, hour, place, part
),
part_shares as (
    select
        series as p_series, place as p_place, part as p_part, lower_ms as p_lower_ms, upper_ms as p_upper_ms,
        requests / sum(requests) over (partition by series, place) as share
    from (
        select series, place, part, min(lower_ms) as lower_ms, max(upper_ms) as upper_ms, sum(requests) as requests
        from parts
        group by series, place, part
    )
),
fine_shares as (
    select
        series as f_series, part as f_part, lower_ms as f_lower_ms, upper_ms as f_upper_ms,
        requests / sum(requests) over (partition by series, part) as share
    from (
        select series, part, lower_ms, upper_ms, sum(requests) as requests
        from buckets
        where size = 'fine'
        group by series, part, lower_ms, upper_ms
    )
),
parted as (
    select
        date, account_id, region, service, resource, stage, route, hour, hour_end, lower_ms, upper_ms, low_ms, high_ms, requests,
        series, part
    from buckets
    where size = 'part'
    union all
    select
        date, account_id, region, service, resource, stage, route, hour, hour_end,
        coalesce(p_lower_ms, lower_ms), coalesce(p_upper_ms, upper_ms), low_ms, high_ms, requests * coalesce(share, 1.0),
        series, p_part
    from buckets
    left join part_shares on series = p_series and place = p_place
    where size = 'whole'
)
select
    date, account_id, region, service, resource, stage, route, hour, hour_end, lower_ms, upper_ms, low_ms, high_ms, requests
from buckets
where size = 'fine' and requests > 0
union all
select
    date, account_id, region, service, resource, stage, route, hour, hour_end,
    coalesce(f_lower_ms, lower_ms), coalesce(f_upper_ms, upper_ms), low_ms, high_ms, requests * coalesce(share, 1.0)
from parted
left join fine_shares on series = f_series and part = f_part
where requests * coalesce(share, 1.0) > 0
