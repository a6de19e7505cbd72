-- title:   The bill by day and resource
-- answers: What does each line of the bill cost, for which resource where the bill names one, and can it still change?
--          Of several sources one wins each account's day, because a bill must not count twice:
--          an export (CUR before FOCUS) that has the day whole, because it has operations, resources and tags;
--          else Cost Explorer; else an export that has the day in part. An export has a day whole when it
--          has usage of 48 hours after the day's end or later, and what it bills for the day, without taxes,
--          credits and refunds, is not below another source's by more than 1% and a cent: an export may leave
--          out services.
-- stored:  per state
-- column:  line        integer  number of the line, in the order of day, account, region, service, usage type, record type and resource
-- column:  date        date     UTC day
-- column:  account_id  text     account
-- column:  region      text     region of the usage; null for what has none
-- column:  service     text     Cost Explorer's SERVICE
-- column:  usage_type  text     usage type as it is; null for what has none
-- column:  meter_type  text     usage type after the region's prefix
-- column:  record_type text     Usage, Tax, Credit, …
-- column:  resource    text     function, API, table, bucket, state machine or log group; null where the bill names none of these
-- column:  cost_usd    decimal  unblended cost
-- column:  quantity    double   amount used
-- column:  meter       text     the usage that explains it; see `meters`
-- column:  counted     boolean  the meter counts in the unit that is billed
-- column:  reason      text     why it is not split to routes; null where it can be
-- column:  settled     boolean  final: not estimated, or read 48 hours after the day's end or later
-- column:  source      text     cost-explorer, cur or focus: the one that won the day
with by_day as (
    select *
    from costs
    where granularity <> 'monthly'
),
days as (
    select
        account_id, date, source,
        sum(case when record_type in ('Tax', 'Credit', 'Refund') then 0.0 else cast(cost_usd as double) end) as charged_usd
    from by_day
    group by account_id, date, source
),
last_usage as (
    select account_id, source, max(ts) as last_ts
    from by_day
    where record_type = 'Usage'
    group by account_id, source
),
judged as (
    select
        account_id, date, source,
        arrow_cast(date, 'Timestamp(Microsecond, Some("UTC"))') + interval '72 hours' as final_ts,
        last_ts,
        charged_usd + 0.01 + 0.01 * abs(charged_usd) >= max(charged_usd) over (partition by account_id, date) as has_all
    from days
    left join last_usage using (account_id, source)
),
ranked as (
    select
        account_id, date, source, whole,
        row_number() over (
            partition by account_id, date
            order by
                case when source = 'cost-explorer' then 2 when whole then 1 else 3 end,
                case source when 'cur' then 1 when 'focus' then 2 else 3 end,
                source
        ) as choice
    from (
        select
            account_id, date, source,
            case
                when source = 'cost-explorer' then coalesce(final_ts <= bill_as_of, false)
                else has_all and coalesce(final_ts <= last_ts, false)
            end as whole
        from judged
        cross join as_of
    )
),
-- An API's ARN has its id.
apis as (
    select account_id, region, configuration['api_id'] as api_id, max(name) as api
    from resources
    where kind in ('rest-api', 'http-api', 'websocket-api')
    group by account_id, region, configuration['api_id']
),
identified as (
    select
        by_day.*, whole,
        nullif(case service
            when 'AWS Lambda' then split_part(split_part(resource_id, ':function:', 2), ':', 1)
            when 'Amazon DynamoDB' then split_part(split_part(resource_id, ':table/', 2), '/', 1)
            when 'AWS Step Functions' then split_part(split_part(resource_id, ':stateMachine:', 2), ':', 1)
            when 'AmazonCloudWatch' then split_part(split_part(resource_id, ':log-group:', 2), ':', 1)
            when 'Amazon Simple Storage Service' then replace(resource_id, 'arn:aws:s3:::', '')
            when 'Amazon API Gateway' then split_part(
                split_part(replace(resource_id, '/restapis/', '/apis/'), '/apis/', 2), '/', 1
            )
        end, '') as name
    from by_day
    join ranked using (account_id, date, source)
    where choice = 1
),
grouped as (
    select
        date, identified.account_id, identified.region, service, usage_type, record_type,
        coalesce(api, name) as resource, source, whole,
        sum(cost_usd) as cost_usd, cast(sum(quantity) as double) as quantity,
        max(case when estimated then 1 else 0 end) as estimated
    from identified
    left join apis
        on service = 'Amazon API Gateway' and identified.account_id = apis.account_id and identified.region = apis.region
            and name = api_id
    group by
        date, identified.account_id, identified.region, service, usage_type, record_type, coalesce(api, name), source, whole
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
    cast(row_number() over (
        order by date, account_id, region, typed.service, typed.usage_type, record_type, resource
    ) as bigint) as line,
    date, account_id, region, typed.service, typed.usage_type, meter_type, record_type, resource,
    cast(cost_usd as decimal(38, 12)) as cost_usd, quantity,
    case when record_type = 'Usage' then meter end as meter,
    coalesce(counted, false) as counted,
    case
        when record_type <> 'Usage' then 'not usage but ' || lower(record_type)
        when meter is null then coalesce(reason, 'no usage is collected for this usage type')
    end as reason,
    max(estimated) over (partition by account_id, date) = 0 or whole as settled,
    source
from typed
left join meters on typed.service = meters.service and meter_type = meters.usage_type
