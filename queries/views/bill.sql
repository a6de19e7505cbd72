-- title:   The bill by day
-- answers: What does each line of the bill cost, what was used, and can it still change?
--          Of several sources the best one for each day is taken: a bill must not count twice.
-- stored:  per state
-- column:  date        date     UTC day
-- column:  account_id  text     account
-- column:  region      text     region of the usage; null for what has none
-- column:  service     text     Cost Explorer's SERVICE
-- column:  usage_type  text     usage type as it is; null for what has none
-- column:  meter_type  text     usage type after the region's prefix
-- column:  record_type text     Usage, Tax, Credit, …
-- column:  cost_usd    decimal  unblended cost
-- column:  quantity    double   amount used
-- column:  meter       text     the usage that explains it; see `meters`
-- column:  counted     boolean  the meter counts in the unit that is billed
-- column:  reason      text     why it is not split to routes; null where it can be
-- column:  settled     boolean  final: not estimated, or read 48 hours after the day's end or later
with lines as (
    select
        costs.*, bill_as_of,
        dense_rank() over (
            partition by account_id, date
            order by case source when 'cost-explorer' then 1 when 'cur' then 2 else 3 end, source
        ) as choice
    from costs
    cross join as_of
    where granularity <> 'monthly'
),
grouped as (
    select
        date, account_id, region, service, usage_type, record_type,
        sum(cost_usd) as cost_usd, cast(sum(quantity) as double) as quantity,
        max(case when estimated then 1 else 0 end) as estimated, max(bill_as_of) as bill_as_of
    from lines
    where choice = 1
    group by date, account_id, region, service, usage_type, record_type
),
typed as (
    select
        grouped.*,
        case
            when prefix is null then usage_type
            else substr(usage_type, length(prefix) + 2)
        end as meter_type
    from grouped
    left join region_prefixes on split_part(usage_type, '-', 1) = prefix
)
select
    date, account_id, region, typed.service, typed.usage_type, meter_type, record_type,
    cast(cost_usd as decimal(38, 12)) as cost_usd, quantity,
    case when record_type = 'Usage' then meter end as meter,
    coalesce(counted, false) as counted,
    case
        when record_type <> 'Usage' then 'not usage but ' || lower(record_type)
        when meter is null then coalesce(reason, 'no usage is collected for this usage type')
    end as reason,
    max(estimated) over (partition by account_id, date) = 0
        or coalesce(
            arrow_cast(date, 'Timestamp(Microsecond, Some("UTC"))') + interval '72 hours' <= bill_as_of, false
        ) as settled
from typed
left join meters on typed.service = meters.service and meter_type = meters.usage_type
