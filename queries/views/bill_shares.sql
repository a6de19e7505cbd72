-- title:   The bill, line by line to entry points
-- answers: To which route, or what else started work, and to which hour does each line of the bill go, and what goes to none, and why?
--          A line goes to usage at cost ÷ quantity; if more usage was seen than billed, in proportion. Per line the amounts add up to
--          the bill exactly: what rounding leaves goes to the largest part.
-- stored:  per state
-- column:  date        date      UTC day
-- column:  hour        timestamp start of the hour
-- column:  account_id  text      account
-- column:  region      text      region; null for what has none
-- column:  service     text      Cost Explorer's SERVICE
-- column:  usage_type  text      usage type as billed
-- column:  record_type text      Usage, Tax, Credit, …
-- column:  resource    text      function, API/stage, table or bucket; null for what is on a line that names none
-- column:  api         text      API; null for what no route caused
-- column:  stage       text      stage
-- column:  route       text      route
-- column:  trigger     text      what else caused it: kind/name (see `trace_triggers`)
-- column:  place       text      route, trigger, not split, or unexplained
-- column:  basis       text      how it came there, or why it is in neither
-- column:  settled     boolean   the day's bill is final
-- column:  cost_usd    decimal   unblended cost
with placed as (
    select
        line, sum(part_usd) as placed_usd, max(seen) as seen, count(*) as parts, bool_and(counted) as as_counted
    from bill_parts
    group by line
),
rests as (
    select
        bill_lines.*, cost_usd - coalesce(placed_usd, cast(0 as decimal(38, 12))) as rest_usd, seen, parts, as_counted
    from bill_lines
    left join placed using (line)
),
spread as (
    select
        line, resource,
        arrow_cast(date, 'Timestamp(Microsecond, Some("UTC"))')
            + arrow_cast(hour_of_day * 3600000, 'Duration(Millisecond)') as hour,
        case
            when hour_of_day = 0
                then rest_usd - 23 * cast(cast(rest_usd as double) / 24 as decimal(38, 12))
            else cast(cast(rest_usd as double) / 24 as decimal(38, 12))
        end as part_usd,
        case when meter is null or (parts is null and why is not null) then 'not split' else 'unexplained' end as place,
        case
            when meter is null then reason
            when parts is null and why is not null then why
            when region is null then 'billed for the whole account, of no region'
            when coalesce(as_counted, counted) and coalesce(quantity, 0) <= 0 then 'the bill has no quantity for it'
            when parts is null then 'no usage was seen'
            else 'more was billed than was seen'
        end as basis
    from (
        select rests.*, meters.reason as why
        from rests
        left join meters on rests.service = meters.service and meter_type = meters.usage_type
    ) as rests
    cross join (select value as hour_of_day from generate_series(0, 23)) as hours
    where rest_usd <> 0 or parts is null
)
select
    date, hour, account_id, region, service, usage_type, record_type, cells.resource, api, stage, route, trigger,
    place, cells.basis, settled, cast(part_usd as decimal(38, 12)) as cost_usd
from (
    select
        line, hour, resource, api, stage, route, trigger,
        case when route is not null then 'route' when trigger is not null then 'trigger' else 'not split' end as place, basis, part_usd
    from bill_parts
    union all
    select line, hour, resource, null, null, null, null, place, basis, part_usd
    from spread
) as cells
join bill_lines using (line)
