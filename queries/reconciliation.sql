-- title:   Reconciliation with the bill
-- answers: Does it add up? For every line of every billed day: what went to routes, what to what else starts work, what was not
--          split, what is not explained, and why. On every line the four add up to the bill exactly.
-- param:   from timestamp required inclusive, UTC; days that begin in the range
-- param:   to   timestamp required exclusive, UTC
-- column:  date            date    UTC day
-- column:  service         text    Cost Explorer's SERVICE
-- column:  usage_type      text    usage type as billed; null for what has none
-- column:  record_type     text    Usage, Tax, Credit, …
-- column:  region          text    region of the usage; null for what has none
-- column:  billed_usd      decimal the bill, unblended
-- column:  to_routes_usd   decimal of which routes caused
-- column:  to_triggers_usd decimal of which queues, streams, buckets, state machines and schedules caused
-- column:  not_split_usd   decimal of which is known, and no entry point's
-- column:  unexplained_usd decimal of which no usage tells anything
-- column:  reason          text    why something is not split or not explained; null if nothing is
-- column:  settled         boolean the day's bill is final
with shares as (
    select
        date, service, usage_type, record_type, region,
        sum(case when place = 'route' then cost_usd else cast(0 as decimal(38, 12)) end) as to_routes_usd,
        sum(case when place = 'trigger' then cost_usd else cast(0 as decimal(38, 12)) end) as to_triggers_usd,
        sum(case when place = 'not split' then cost_usd else cast(0 as decimal(38, 12)) end) as not_split_usd,
        sum(case when place = 'unexplained' then cost_usd else cast(0 as decimal(38, 12)) end) as unexplained_usd,
        string_agg(distinct case when place not in ('route', 'trigger') then basis end, '; ') as reason
    from bill_shares
    where arrow_cast(date, 'Timestamp(Microsecond, Some("UTC"))') >= $from
        and arrow_cast(date, 'Timestamp(Microsecond, Some("UTC"))') < $to
    group by date, service, usage_type, record_type, region
),
billed as (
    select
        date, service, usage_type, record_type, region, sum(cost_usd) as billed_usd,
        min(case when settled then 1 else 0 end) = 1 as settled
    from bill
    group by date, service, usage_type, record_type, region
)
select
    shares.date, shares.service, shares.usage_type, shares.record_type, shares.region,
    cast(billed_usd as decimal(38, 12)) as billed_usd,
    cast(to_routes_usd as decimal(38, 12)) as to_routes_usd,
    cast(to_triggers_usd as decimal(38, 12)) as to_triggers_usd,
    cast(not_split_usd as decimal(38, 12)) as not_split_usd,
    cast(unexplained_usd as decimal(38, 12)) as unexplained_usd,
    nullif(reason, '') as reason, settled
from shares
join billed
    on shares.date = billed.date and shares.service = billed.service
        and (shares.usage_type is not distinct from billed.usage_type)
        and shares.record_type = billed.record_type
        and (shares.region is not distinct from billed.region)
order by date, billed_usd desc, service, usage_type, record_type, region
