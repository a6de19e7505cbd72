-- title:   Effective prices
-- answers: What did a unit of each meter cost over the last settled week, discounts included?
--          Cost ÷ billed quantity; for what is only seen in traces, cost ÷ traced calls. List prices where there is no bill.
-- stored:  per state
-- column:  account_id text    account
-- column:  region     text    region
-- column:  meter      text    see `meters`
-- column:  service    text    Cost Explorer's SERVICE
-- column:  usage_type text    usage type as billed; without the region's prefix where there is no bill
-- column:  price_usd  double  USD for one unit; null where neither a bill nor a list tells
-- column:  basis      text    last settled week, or list price
with firsts as (
    -- The day on which collecting began was seen only in part, and what is known by shares would look dear: it counts if it
    -- is the only one.
    select account_id as first_account, min(date) as first_day from usage group by account_id
),
days as (
    select account_id, date
    from (
        select
            account_id, date, coalesce(date = first_day, false) as is_first,
            row_number() over (partition by account_id order by coalesce(date = first_day, false), date desc) as age
        from (select distinct account_id, date from bill where settled)
        left join firsts on account_id = first_account
    )
    where age <= 7 and (age = 1 or not is_first)
),
lines as (
    select
        bill.account_id, bill.date, bill.region, bill.meter, bill.service, bill.counted,
        max(bill.usage_type) as usage_type,
        cast(sum(bill.cost_usd) as double) as cost_usd, sum(bill.quantity) as quantity
    from bill
    join days on bill.account_id = days.account_id and bill.date = days.date
    where bill.meter is not null and bill.region is not null
    group by bill.account_id, bill.date, bill.region, bill.meter, bill.service, bill.counted
),
used as (
    select account_id, region, meter, date, sum(quantity) as seen, bool_and(measured) as measured
    from usage
    group by account_id, region, meter, date
),
effective as (
    select
        account_id, region, meter, max(service) as service, max(usage_type) as usage_type,
        sum(cost_usd) / nullif(sum(case when counted and coalesce(measured, true) then quantity when seen > 0 then seen end), 0) as price_usd
    from lines
    left join used using (account_id, region, meter, date)
    where counted or seen > 0
    group by account_id, region, meter
),
metered as (
    select distinct account_id, region, meter from usage
),
-- Several usage types may be of one meter.
named as (
    select meter, min(service) as service, min(usage_type) as usage_type
    from meters
    where meter is not null
    group by meter
),
-- Used in the settled week and not on its bill: it cost nothing.
unbilled as (
    select distinct used.account_id, region, meter
    from used
    join days on used.account_id = days.account_id and used.date = days.date
)
select
    metered.account_id, metered.region, metered.meter,
    coalesce(effective.service, named.service) as service,
    coalesce(effective.usage_type, named.usage_type) as usage_type,
    case
        when effective.price_usd is null and unbilled.meter is not null then 0.0
        else coalesce(effective.price_usd, regional.price_usd, list_prices.price_usd)
    end as price_usd,
    case
        when effective.price_usd is null and unbilled.meter is null then 'list price of ' || coalesce(regional.region, 'us-east-1')
        else 'price of the last settled week'
    end as basis
from metered
join named on metered.meter = named.meter
left join effective
    on metered.account_id = effective.account_id and metered.region = effective.region
        and metered.meter = effective.meter
left join unbilled
    on metered.account_id = unbilled.account_id and metered.region = unbilled.region
        and metered.meter = unbilled.meter
left join list_prices as regional on metered.region = regional.region and metered.meter = regional.meter
left join list_prices on metered.meter = list_prices.meter and list_prices.region is null
