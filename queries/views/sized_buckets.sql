-- title:   Latency histograms with the sizes of their buckets
-- answers: Which bucket is whole, which is a fifth of one, and which a fifth of a fifth, and of which?
-- column:  date       date      UTC day
-- column:  account_id text      account
-- column:  region     text      region
-- column:  service    text      lambda or apigateway
-- column:  resource   text      function, or name of the API
-- column:  stage      text      stage of an API, else empty
-- column:  route      text      its route; empty on the level of a stage
-- column:  hour       timestamp start of the period
-- column:  hour_end   timestamp its end
-- column:  lower_ms   double    lower bound, exclusive, milliseconds
-- column:  upper_ms   double    upper bound, inclusive; null where there is none
-- column:  size       text      whole, part or fine
-- column:  place      integer   number of the whole bucket that it is, or is a part of
-- column:  part       integer   number of the fifth that it is, or is a part of; means nothing of a whole one
-- column:  requests   double    requests in it
select
    date, account_id, region, service, resource, coalesce(stage, '') as stage, coalesce(route, '') as route, ts as hour,
    ts + arrow_cast(cast(period_s as bigint) * 1000, 'Duration(Millisecond)') as hour_end, lower_ms, upper_ms,
    case
        when upper_ms is null or upper_ms - lower_ms > case when lower_ms < 1 then 0.9 else 0.15 * lower_ms end then 'whole'
        when upper_ms - lower_ms > case when lower_ms < 1 then 0.1 else 0.02 * lower_ms end then 'part'
        else 'fine'
    end as size,
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
    "count" as requests
from latency_histograms
