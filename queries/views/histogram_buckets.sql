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
select
    buckets.date, buckets.account_id, buckets.region, buckets.service, buckets.resource, nullif(buckets.stage, '') as stage,
    nullif(buckets.route, '') as route, hour, hour_end, coalesce(shares.lower_ms, buckets.lower_ms) as lower_ms,
    coalesce(shares.upper_ms, buckets.upper_ms) as upper_ms, buckets.lower_ms as low_ms, buckets.upper_ms as high_ms,
    requests * coalesce(share, 1.0) as requests
from sized_buckets as buckets
left join bucket_shares as shares
    on buckets.date = shares.date and buckets.account_id = shares.account_id and buckets.region = shares.region
        and buckets.service = shares.service and buckets.resource = shares.resource and buckets.stage = shares.stage
        and buckets.route = shares.route and buckets.size = shares.size
        and case when buckets.size = 'whole' then place else part end = shares.bucket
where requests > 0
