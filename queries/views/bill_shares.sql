-- title:   The bill, line by line to routes
-- answers: To which route and hour does each line of the bill go, and what does not go to any, and why?
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
-- column:  resource    text      function, API/stage, table or bucket; null for what is on the line
-- column:  api         text      API; null for what no route caused
-- column:  stage       text      stage
-- column:  route       text      route
-- column:  place       text      route, not split, or unexplained
-- column:  basis       text      how it came there, or why it is in no route
-- column:  settled     boolean   the day's bill is final
-- column:  cost_usd    decimal   unblended cost
with billed as (
    select *, row_number() over (order by date, account_id, region, service, usage_type, record_type) as line
    from bill
),
used as (
    select
        line, cost_usd, quantity as billed, counted, hour, resource, api, stage, route, usage.basis,
        -- What a function used before it was last deployed is known but for its memory, so the bill tells it:
        -- what the others did not use.
        case
            when certain or not counted or unknown_quantity <= 0 then usage_quantity
            when quantity > known_quantity
                and (quantity - known_quantity) / unknown_quantity between 0.02 and 50
                then usage_quantity * (quantity - known_quantity) / unknown_quantity
            else usage_quantity
        end as used
    from (
        select
            billed.line, billed.cost_usd, billed.quantity,
            -- What only tells shares of a line makes shares of all of it.
            billed.counted and min(case when usage.measured then 1 else 0 end) over (partition by line) = 1 as counted,
            usage.hour, usage.resource, usage.api, usage.stage, usage.route, usage.basis,
            usage.certain, usage.quantity as usage_quantity,
            sum(case when usage.certain then usage.quantity else 0.0 end) over (partition by line) as known_quantity,
            sum(case when usage.certain then 0.0 else usage.quantity end) over (partition by line) as unknown_quantity
        from billed
        join usage
            on billed.date = usage.date and billed.account_id = usage.account_id
                and billed.region = usage.region and billed.meter = usage.meter
        where usage.quantity > 0
    ) as usage
),
shared as (
    select
        *,
        sum(used) over (partition by line) as seen,
        row_number() over (partition by line order by used desc, hour, resource, api, stage, route) as nth
    from used
),
rounded as (
    select
        line, cost_usd as line_usd, counted, billed, seen, nth, hour, resource, api, stage, route, basis,
        case
            -- A line that is counted in its own unit goes as far as usage was seen; no quantity, no price.
            when counted and coalesce(billed, 0) <= 0 then cast(0 as decimal(38, 12))
            else cast(
                cast(cost_usd as double) * used / case when counted then greatest(billed, seen) else seen end
                as decimal(38, 12)
            )
        end as part_usd
    from shared
),
parts as (
    select
        line, hour, resource, api, stage, route, basis, counted, billed, seen,
        case
            when nth = 1 and not (counted and billed > seen) and not (counted and coalesce(billed, 0) <= 0)
                then part_usd + (line_usd - sum(part_usd) over (partition by line))
            else part_usd
        end as part_usd
    from rounded
),
placed as (
    select
        line, sum(part_usd) as placed_usd, max(seen) as seen, count(*) as parts, bool_and(counted) as as_counted
    from parts
    group by line
),
rests as (
    select
        billed.*, cost_usd - coalesce(placed_usd, cast(0 as decimal(38, 12))) as rest_usd, seen, parts, as_counted
    from billed
    left join placed using (line)
),
spread as (
    select
        line,
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
    date, hour, account_id, region, service, usage_type, record_type, resource, api, stage, route,
    place, cells.basis, settled, cast(part_usd as decimal(38, 12)) as cost_usd
from (
    select
        line, hour, resource, api, stage, route,
        case when route is null then 'not split' else 'route' end as place, basis, part_usd
    from parts
    union all
    select line, hour, null, null, null, null, place, basis, part_usd
    from spread
) as cells
join billed using (line)
