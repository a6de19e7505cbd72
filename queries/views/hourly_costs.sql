-- title:   Cost by hour
-- answers: What did every hour cost, by service, resource and route, minutes ago as well as last month?
--          The bill where it is settled; until then usage × price, marked as an estimate, and for what no usage explains the larger of
--          what is billed so far and the daily average of the last settled week.
-- stored:  per state
-- column:  date       date      UTC day
-- column:  hour       timestamp start of the hour
-- column:  hour_end   timestamp its end; of the running hour, until when there is data
-- column:  account_id text      account
-- column:  region     text      region; null for what has none
-- column:  service    text      Cost Explorer's SERVICE
-- column:  usage_type text      usage type as billed
-- column:  resource   text      function, API/stage, table or bucket; null for what is on the line
-- column:  api        text      API; null for what no route caused
-- column:  stage      text      stage
-- column:  route      text      route
-- column:  trigger    text      what else caused it: kind/name (see `trace_triggers`)
-- column:  place      text      route, trigger, not split, or unexplained
-- column:  basis      text      how it came there, or why it is in neither
-- column:  estimated  boolean   not from a settled bill
-- column:  cost_usd   decimal   unblended cost
with settled as (
    select distinct account_id, date from bill where settled
),
settled_ages as (
    select account_id, date, row_number() over (partition by account_id order by date desc) as age
    from settled
),
live as (
    select
        usage.date, hour, usage.account_id, usage.region, service, usage_type, resource, api, stage, route, trigger,
        case when route is not null then 'route' when trigger is not null then 'trigger' else 'not split' end as place,
        usage.basis || ', ' || prices.basis as basis,
        cast(quantity * price_usd as decimal(38, 12)) as cost_usd
    from usage
    join prices
        on usage.account_id = prices.account_id and usage.region = prices.region
            and usage.meter = prices.meter and price_usd is not null
    left anti join settled
        on usage.account_id = settled.account_id and usage.date = settled.date
),
-- Lines that no usage explains: what they cost on an average day of the last settled week.
used_meters as (
    select distinct account_id as u_account, region as u_region, meter as u_meter from usage
),
unmetered as (
    select bill.*
    from bill
    left anti join used_meters
        on account_id = u_account and region = u_region and meter = u_meter
    where record_type = 'Usage'
),
averages as (
    select
        unmetered.account_id, region, service, usage_type,
        max(coalesce(reason, 'no usage was seen')) as reason,
        cast(sum(cost_usd) as double) / max(week.days) as day_usd
    from unmetered
    join settled_ages
        on unmetered.account_id = settled_ages.account_id and unmetered.date = settled_ages.date
    join (
        select account_id, count(*) as days from settled_ages where age <= 7 group by account_id
    ) as week on unmetered.account_id = week.account_id
    where age <= 7
    group by unmetered.account_id, region, service, usage_type
),
-- A bill that has not come for more than a month is missing, and nothing stands in for it.
open_days as (
    select account_id, cast(day as date) as date
    from (
        select account_id, min(date) as first_day from settled group by account_id
    ) as firsts
    cross join (
        select unnest(generate_series(
            (
                select
                    greatest(
                        cast(first_date as timestamp),
                        cast(date_bin(interval '1 day', as_of) - interval '35 days' as timestamp)
                    )
                from as_of
                cross join (select min(date) as first_date from bill)
            ),
            (select cast(date_bin(interval '1 day', as_of) as timestamp) from as_of),
            interval '1 day'
        )) as day
    )
    where cast(day as date) > first_day
),
open_lines as (
    select
        open_days.date, averages.account_id, region, service, usage_type, reason, day_usd,
        cast(0 as decimal(38, 12)) as billed_usd
    from open_days
    join averages on open_days.account_id = averages.account_id
    left anti join settled
        on open_days.account_id = settled.account_id and open_days.date = settled.date
    union all
    select
        date, account_id, region, service, usage_type, coalesce(reason, 'no usage was seen'), 0.0, cost_usd
    from unmetered
    where not settled
),
open_rests as (
    select
        date, account_id, region, service, usage_type, max(reason) as reason,
        sum(day_usd) as day_usd, cast(sum(billed_usd) as double) as billed_usd
    from open_lines
    group by date, account_id, region, service, usage_type
),
hours as (
    select
        open_rests.*,
        arrow_cast(date, 'Timestamp(Microsecond, Some("UTC"))')
            + arrow_cast(hour_of_day * 3600000, 'Duration(Millisecond)') as hour, as_of
    from open_rests
    cross join (select value as hour_of_day from generate_series(0, 23)) as hours
    cross join as_of
),
elapsed as (
    select
        *,
        least(1.0, (cast(as_of as bigint) - cast(hour as bigint)) / 3600e6) as part
    from hours
    where hour < as_of
),
projected as (
    select
        date, hour, account_id, region, service, usage_type, reason,
        cast(
            part * greatest(day_usd / 24, billed_usd / sum(part) over (
                partition by date, account_id, region, service, usage_type
            )) as decimal(38, 12)
        ) as cost_usd
    from elapsed
),
-- Of an open day, taxes and credits are as billed so far.
open_records as (
    select
        date, arrow_cast(date, 'Timestamp(Microsecond, Some("UTC"))') as hour, account_id, region, service, usage_type,
        reason, cost_usd
    from bill
    where record_type <> 'Usage' and not settled
),
cells as (
    select
        date, hour, account_id, region, service, usage_type, resource, api, stage, route, trigger, place, basis,
        false as estimated, cost_usd
    from bill_shares
    where settled
    union all
    select
        date, hour, account_id, region, service, usage_type, resource, api, stage, route, trigger, place, basis,
        true, cost_usd
    from live
    union all
    select
        date, hour, account_id, region, service, usage_type, null, null, null, null, null, 'not split',
        reason || ', average of the last settled week or billed so far', true, cost_usd
    from projected
    union all
    select
        date, hour, account_id, region, service, usage_type, null, null, null, null, null, 'not split',
        reason, true, cost_usd
    from open_records
)
select
    date, hour, least(hour + interval '1 hour', greatest(as_of, hour + interval '1 minute')) as hour_end,
    account_id, region, service, usage_type, resource, api, stage, route, trigger, place, basis, estimated, cost_usd
from cells
cross join as_of
