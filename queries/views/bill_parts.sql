-- title:   Parts of the bill's lines
-- answers: Which part of each line of the bill goes to which usage?
--          A line that names its resource is for that one's usage, all of it; a line that names none, for what no other line of its meter
--          names. What `bill_shares` adds up and says the rest of. Kept, so that both are of the same parts: sums of fractions differ with the order
--          of what is summed.
-- stored:  per state
-- column:  line     integer   number of the line in `bill_lines`
-- column:  hour     timestamp start of the hour
-- column:  resource text      function, API/stage, table or bucket
-- column:  api      text      API; null for what no route caused
-- column:  stage    text      stage
-- column:  route    text      route
-- column:  trigger  text      what else caused it (see `trace_triggers`)
-- column:  basis    text      how it came there
-- column:  counted  boolean   the line is counted in its own unit
-- column:  seen     double    usage that was seen of the line
-- column:  part_usd decimal   unblended cost
with named as (
    select distinct date, account_id, region, meter, resource as named
    from bill_lines
    where meter is not null and resource is not null
),
-- An export names an API, and usage is of its stages.
spent as (
    select usage.*, named
    from usage
    left join named
        on usage.date = named.date and usage.account_id = named.account_id and usage.region = named.region
            and usage.meter = named.meter
            and case when usage.meter like 'apigateway-%' then api else resource end = named
    where quantity > 0
),
used as (
    select
        line, cost_usd, quantity as billed, counted, hour, resource, api, stage, route, trigger, usage.basis,
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
            -- What only tells shares of a line makes shares of all of it, and what is for one resource is all its own.
            billed.counted and billed.resource is null
                and min(case when usage.measured then 1 else 0 end) over (partition by line) = 1 as counted,
            usage.hour, usage.resource, usage.api, usage.stage, usage.route, usage.trigger,
            case when billed.resource is null then '' else 'billed for the resource; ' end || usage.basis as basis,
            usage.certain, usage.quantity as usage_quantity,
            sum(case when usage.certain then usage.quantity else 0.0 end) over (partition by line) as known_quantity,
            sum(case when usage.certain then 0.0 else usage.quantity end) over (partition by line) as unknown_quantity
        from bill_lines as billed
        join spent as usage
            on billed.date = usage.date and billed.account_id = usage.account_id
                and billed.region = usage.region and billed.meter = usage.meter
                and coalesce(billed.resource, '') = coalesce(named, '')
    ) as usage
),
shared as (
    select
        *,
        sum(used) over (partition by line) as seen,
        row_number() over (partition by line order by used desc, hour, resource, api, stage, route, trigger) as nth
    from used
),
rounded as (
    select
        line, cost_usd as line_usd, counted, billed, seen, nth, hour, resource, api, stage, route, trigger, basis,
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
        line, hour, resource, api, stage, route, trigger, basis, counted, seen,
        case
            -- What differs by the last bits of a fraction is all that was billed.
            when nth = 1 and not (counted and billed > seen * 1.000000001) and not (counted and coalesce(billed, 0) <= 0)
                then part_usd + (line_usd - sum(part_usd) over (partition by line))
            else part_usd
        end as part_usd
    from rounded
)
select
    cast(line as bigint) as line, hour, resource, api, stage, route, trigger, basis, counted, seen,
    cast(part_usd as decimal(38, 12)) as part_usd
from parts
