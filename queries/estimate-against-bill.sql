-- title:   Estimate against the bill
-- answers: How good are the estimates of days that are not billed yet?
--          For every settled day, what its usage came to at the prices of the settled days that were known then (three to nine days older),
--          beside the bill that came. What no usage explains is estimated by its average of those days, as pages do.
-- param:   from timestamp required inclusive, UTC; days that begin in the range
-- param:   to   timestamp required exclusive, UTC
-- column:  date           date    UTC day
-- column:  service        text    Cost Explorer's SERVICE
-- column:  estimated_usd  double  the estimate; null where no older day was settled
-- column:  billed_usd     decimal the bill's usage, unblended; null where nothing was billed
-- column:  difference_usd double  estimate − bill
-- column:  off            double  difference ÷ bill
with firsts as (
    select account_id, min(date) as first_day from usage group by account_id
),
bills as (
    select
        account_id, date, region, service, usage_type, max(meter) as meter, bool_or(counted) as counted,
        sum(cost_usd) as cost_usd, sum(quantity) as quantity
    from bill
    where settled and record_type = 'Usage'
    group by account_id, date, region, service, usage_type
),
used as (
    select account_id, region, meter, date, sum(quantity) as used, bool_and(measured) as measured
    from usage
    group by account_id, region, meter, date
),
-- The day on which collecting began was seen only in part.
lines as (
    select
        bills.account_id, bills.date, bills.region, service, usage_type, bills.meter, cast(cost_usd as double) as cost_usd,
        case when counted and measured then quantity else used end as amount
    from bills
    left join used
        on bills.account_id = used.account_id and bills.region = used.region and bills.meter = used.meter
            and bills.date = used.date
    left join firsts on bills.account_id = firsts.account_id
    where first_day is null or bills.date > first_day
),
days as (
    select distinct account_id, date
    from bills
    where arrow_cast(date, 'Timestamp(Microsecond, Some("UTC"))') >= $from
        and arrow_cast(date, 'Timestamp(Microsecond, Some("UTC"))') < $to
),
past as (
    select
        days.account_id, days.date, lines.region, service, usage_type, meter,
        sum(cost_usd) / nullif(sum(amount), 0) as price_usd,
        sum(cost_usd) / max(known_days) as day_usd
    from days
    join lines on days.account_id = lines.account_id
    join (
        select days.account_id as k_account, days.date as k_date, count(distinct lines.date) as known_days
        from days
        join lines on days.account_id = lines.account_id
        where lines.date >= days.date - interval '9 days' and lines.date <= days.date - interval '3 days'
        group by days.account_id, days.date
    ) as known on days.account_id = k_account and days.date = k_date
    where lines.date >= days.date - interval '9 days' and lines.date <= days.date - interval '3 days'
    group by days.account_id, days.date, lines.region, service, usage_type, meter
),
estimates as (
    select past.date, service, sum(coalesce(used * price_usd, day_usd)) as estimated_usd
    from past
    left join used
        on past.account_id = used.account_id and past.region = used.region and past.meter = used.meter
            and past.date = used.date
    group by past.date, service
),
billed as (
    select bills.date, service, sum(cost_usd) as billed_usd
    from bills
    join days on bills.account_id = days.account_id and bills.date = days.date
    group by bills.date, service
)
select
    coalesce(billed.date, estimates.date) as date, coalesce(billed.service, estimates.service) as service,
    estimated_usd, cast(billed_usd as decimal(38, 12)) as billed_usd,
    estimated_usd - coalesce(cast(billed_usd as double), 0.0) as difference_usd,
    (estimated_usd - cast(billed_usd as double)) / nullif(cast(billed_usd as double), 0) as off
from billed
full join estimates on billed.date = estimates.date and billed.service = estimates.service
order by date, billed_usd desc nulls last, service
