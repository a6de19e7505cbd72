-- title:   Shares of a bucket's parts
-- answers: How do the requests of a bucket lie in its parts, by the day's hours in which it was read in parts?
-- stored:  by day
-- column:  date       date      UTC day
-- column:  account_id text      account
-- column:  region     text      region
-- column:  service    text      lambda or apigateway
-- column:  resource   text      function, or name of the API
-- column:  stage      text      stage of an API, else empty
-- column:  route      text      its route; empty on the level of a stage
-- column:  size       text      whole or part: what the bucket is
-- column:  bucket     integer   its number, see `sized_buckets`
-- column:  lower_ms   double    lower bound of a part of it, exclusive, milliseconds
-- column:  upper_ms   double    upper bound, inclusive
-- column:  share      double    share of the bucket's requests that are in the part
with parts as (
    select
        date, account_id, region, service, resource, stage, route, place, part,
        min(lower_ms) as lower_ms, max(upper_ms) as upper_ms, sum(requests) as requests
    from sized_buckets
    where size <> 'whole'
    group by date, account_id, region, service, resource, stage, route, place, part
),
fine as (
    select
        date, account_id, region, service, resource, stage, route, part, lower_ms, upper_ms,
        sum(requests) / sum(sum(requests)) over (
            partition by date, account_id, region, service, resource, stage, route, part
        ) as share
    from sized_buckets
    where size = 'fine'
    group by date, account_id, region, service, resource, stage, route, part, lower_ms, upper_ms
),
wholes as (
    select
        *, requests / sum(requests) over (partition by date, account_id, region, service, resource, stage, route, place) as of_whole
    from parts
)
select
    wholes.date, wholes.account_id, wholes.region, wholes.service, wholes.resource, wholes.stage, wholes.route, 'whole' as size,
    place as bucket, coalesce(fine.lower_ms, wholes.lower_ms) as lower_ms, coalesce(fine.upper_ms, wholes.upper_ms) as upper_ms,
    of_whole * coalesce(fine.share, 1.0) as share
from wholes
left join fine
    on wholes.date = fine.date and wholes.account_id = fine.account_id and wholes.region = fine.region
        and wholes.service = fine.service and wholes.resource = fine.resource and wholes.stage = fine.stage
        and wholes.route = fine.route and wholes.part = fine.part
where of_whole * coalesce(fine.share, 1.0) > 0
union all
select date, account_id, region, service, resource, stage, route, 'part', part, lower_ms, upper_ms, share
from fine
where share > 0
