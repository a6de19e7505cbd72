-- title:   Month to date and forecast
-- answers: What has the month cost so far, what will it have cost at its end, and how sure is that?
--          A day still to come costs what days of its weekday cost on average, over the last four weeks. What does not
--          come with usage (tax, credits, refunds) is in the month to date and not foreseen. The interval is what days have varied by, and
--          widens with the days to come.
-- param:   to timestamp required the month that has this time, UTC; the forecast knows what was before it
-- column:  month             date    first day of the month, UTC
-- column:  month_to_date_usd decimal unblended cost so far, what is not billed yet as an estimate
-- column:  forecast_usd      double  unblended cost at the end of the month; null where less than a week is known
-- column:  low_usd           double  lower bound of the forecast's 95% interval
-- column:  high_usd          double  upper bound
-- column:  last_month_usd    decimal the whole month before; null where its first day is not known
-- column:  days_left         double  days still to come
-- column:  days_learnt       integer whole days that the forecast is learnt from
-- column:  known_from        date    first day of the month whose cost is known
with bounds as (
    select
        date_trunc('month', $to::timestamptz - interval '1 microsecond') as month_start,
        date_trunc('month', $to::timestamptz - interval '1 microsecond') + interval '1 month' as month_end,
        date_trunc('month', $to::timestamptz - interval '1 microsecond') - interval '1 month' as last_month_start,
        date_bin(interval '1 day', $to::timestamptz) as today
),
known as (
    select
        date, least(hour_end, $to) as known_until, cost_usd,
        case when basis like 'not usage but%' then 0.0 else cast(cost_usd as double) end as usage_usd
    from hourly_costs
    where hour < $to
),
daily as (
    select
        date, arrow_cast(date, 'Timestamp(Microsecond, Some("UTC"))') as day, max(known_until) as known_until,
        sum(cost_usd) as cost_usd, sum(usage_usd) as usage_usd
    from known
    group by date
),
learnt as (
    select extract(dow from day) as weekday, usage_usd
    from daily
    cross join bounds
    -- The first day of all may be known in part.
    where day < today and day >= today - interval '28 days' and day > (select min(day) from daily)
),
weekdays as (
    select weekday, avg(usage_usd) as mean_usd
    from learnt
    group by weekday
),
spread as (
    select
        avg(usage_usd) as mean_usd, count(*) as days,
        sqrt(sum((usage_usd - mean_usd) * (usage_usd - mean_usd)) / nullif(count(*) - count(distinct learnt.weekday), 0)) as sd_usd
    from learnt
    join weekdays on learnt.weekday = weekdays.weekday
),
ends as (
    select coalesce(max(known_until), max(month_start)) as known_until
    from bounds
    left join daily on day >= month_start
),
coming as (
    select sum(part * coalesce(weekdays.mean_usd, spread.mean_usd)) as usd, sum(part) as days
    from (
        select
            extract(dow from day) as weekday,
            (extract(epoch from day + interval '1 day') - extract(epoch from greatest(day, known_until))) / 86400.0 as part
        from (
            select unnest(generate_series(
                (select month_start from bounds), (select month_end - interval '1 day' from bounds), interval '1 day'
            )) as day
        ) as days
        cross join ends
        where day + interval '1 day' > known_until
    ) as open_days
    cross join spread
    left join weekdays on open_days.weekday = weekdays.weekday
),
months as (
    select
        sum(case when day >= month_start then cost_usd end) as month_to_date_usd,
        case
            when min(day) <= max(last_month_start)
                then sum(case when day >= last_month_start and day < month_start then cost_usd end)
        end as last_month_usd,
        min(case when day >= month_start then date end) as known_from
    from daily
    cross join bounds
)
select
    cast(month_start as date) as month,
    cast(coalesce(month_to_date_usd, cast(0 as decimal(38, 12))) as decimal(38, 12)) as month_to_date_usd,
    forecast_usd, forecast_usd - 1.96 * forecast_sd as low_usd, forecast_usd + 1.96 * forecast_sd as high_usd,
    cast(last_month_usd as decimal(38, 12)) as last_month_usd,
    coalesce(days_left, 0.0) as days_left, days_learnt, known_from
from (
    select
        month_start, month_to_date_usd, last_month_usd, known_from, coming.days as days_left, spread.days as days_learnt,
        case
            when spread.days >= 7 then coalesce(cast(month_to_date_usd as double), 0.0) + coalesce(coming.usd, 0.0)
        end as forecast_usd,
        -- What single days vary by, and that their mean is not known better than the learnt days tell it.
        sd_usd * sqrt(coalesce(coming.days, 0.0) + coalesce(coming.days * coming.days, 0.0) / spread.days) as forecast_sd
    from bounds
    cross join months
    cross join spread
    cross join coming
)
where days_learnt > 0 or known_from is not null
