-- title:   Attributed costs as FOCUS 1.2
-- answers: What did each part of the bill cost, in the columns that FinOps tools read? `millicent export` writes this.
--          A row is one part of one line of the bill: what one resource took of it for one route or for what else starts work, what is
--          not split, or what is not explained.
--          Over the rows of a day, account, service and usage type BilledCost adds up to the bill exactly. What the lake does
--          not know is null: list and contracted unit prices, SKUs, commitments, invoices. As FOCUS asks where there is
--          no unit price, ListCost and ContractedCost are BilledCost, and so is EffectiveCost: nothing is amortised.
-- param:   from   timestamp required      inclusive, UTC; days that begin in the range
-- param:   to     timestamp required      exclusive, UTC
-- param:   hourly boolean   default=false a row an hour, where usage tells hours; else a row a day
-- column:  AvailabilityZone                   text      not known
-- column:  BilledCost                         decimal   unblended cost of the part, USD
-- column:  BillingAccountId                   text      the account; who pays for several is not known
-- column:  BillingAccountName                 text      not known
-- column:  BillingAccountType                 text      not known
-- column:  BillingCurrency                    text      USD
-- column:  BillingPeriodEnd                   timestamp the month's end, exclusive
-- column:  BillingPeriodStart                 timestamp the month's start
-- column:  CapacityReservationId              text      not known
-- column:  CapacityReservationStatus          text      not known
-- column:  ChargeCategory                     text      Usage, Purchase, Tax, Credit or Adjustment, from the record type
-- column:  ChargeClass                        text      not known
-- column:  ChargeDescription                  text      the usage type, and what the part is
-- column:  ChargeFrequency                    text      Usage-Based, Recurring or One-Time, from the record type
-- column:  ChargePeriodEnd                    timestamp end of the day or hour, exclusive
-- column:  ChargePeriodStart                  timestamp start of the day or hour
-- column:  CommitmentDiscountCategory         text      not known
-- column:  CommitmentDiscountId               text      not known
-- column:  CommitmentDiscountName             text      not known
-- column:  CommitmentDiscountQuantity         double    not known
-- column:  CommitmentDiscountStatus           text      not known
-- column:  CommitmentDiscountType             text      not known
-- column:  CommitmentDiscountUnit             text      not known
-- column:  ConsumedQuantity                   double    the part's share of the line's quantity, at the line's own price
-- column:  ConsumedUnit                       text      the bill's unit; null where it names none
-- column:  ContractedCost                     decimal   as BilledCost
-- column:  ContractedUnitPrice                decimal   not known
-- column:  EffectiveCost                      decimal   as BilledCost
-- column:  InvoiceId                          text      not known
-- column:  InvoiceIssuerName                  text      Amazon Web Services, Inc.
-- column:  ListCost                           decimal   as BilledCost
-- column:  ListUnitPrice                      decimal   not known
-- column:  PricingCategory                    text      Standard for usage and purchases
-- column:  PricingCurrency                    text      USD
-- column:  PricingCurrencyContractedUnitPrice decimal   not known
-- column:  PricingCurrencyEffectiveCost       decimal   as BilledCost
-- column:  PricingCurrencyListUnitPrice       decimal   not known
-- column:  PricingQuantity                    double    as ConsumedQuantity
-- column:  PricingUnit                        text      as ConsumedUnit
-- column:  ProviderName                       text      AWS
-- column:  PublisherName                      text      Amazon Web Services, Inc.
-- column:  RegionId                           text      region of the usage; null for what has none
-- column:  RegionName                         text      its name
-- column:  ResourceId                         text      ARN; the name where no inventory has it; null for what is on the line
-- column:  ResourceName                       text      function, API/stage, table, bucket, state machine or log group
-- column:  ResourceType                       text      function, stage, table, index, bucket, state-machine or log-group
-- column:  ServiceCategory                    text      FOCUS's category of the service
-- column:  ServiceName                        text      Cost Explorer's SERVICE
-- column:  ServiceSubcategory                 text      FOCUS's subcategory of the service
-- column:  SkuId                              text      not known
-- column:  SkuMeter                           text      not known
-- column:  SkuPriceDetails                    text      not known
-- column:  SkuPriceId                         text      not known
-- column:  SubAccountId                       text      account that used it
-- column:  SubAccountName                     text      not known
-- column:  SubAccountType                     text      not known
-- column:  Tags                               text      JSON: the resource's own tags, and millicent:api, millicent:stage, millicent:route, millicent:trigger
-- column:  x_Api                              text      API of the route; null for what is no route's
-- column:  x_Basis                            text      how the part is known, or why it is no entry point's
-- column:  x_Place                            text      route, trigger, not split, or unexplained
-- column:  x_RecordType                       text      Cost Explorer's RECORD_TYPE
-- column:  x_Route                            text      route
-- column:  x_Settled                          boolean   the day's bill is final
-- column:  x_Source                           text      cost-explorer, cur or focus: where the bill was read
-- column:  x_Stage                            text      stage of the route
-- column:  x_Trigger                          text      what else started it: kind/name, for example sqs/mails
-- column:  x_UsageType                        text      usage type as billed
with billed as (
    select date, account_id, region, service, usage_type, record_type, cost_usd as line_usd, quantity, settled, source
    from bill
    where arrow_cast(date, 'Timestamp(Microsecond, Some("UTC"))') >= $from
        and arrow_cast(date, 'Timestamp(Microsecond, Some("UTC"))') < $to
),
shares as (
    select
        date, account_id, region, service, usage_type, record_type, resource, api, stage, route, trigger, place, basis,
        case when $hourly then hour else arrow_cast(date, 'Timestamp(Microsecond, Some("UTC"))') end as starts,
        sum(cost_usd) as cost_usd
    from bill_shares
    where arrow_cast(date, 'Timestamp(Microsecond, Some("UTC"))') >= $from
        and arrow_cast(date, 'Timestamp(Microsecond, Some("UTC"))') < $to
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
),
parts as (
    select
        billed.*, starts, case when $hourly then interval '1 hour' else interval '1 day' end as length,
        resource, api, stage, route, trigger, place, basis, shares.cost_usd as part_usd,
        quantity * (cast(shares.cost_usd as double) / cast(line_usd as double)) as part
    from shares
    join billed
        on shares.date = billed.date and shares.account_id = billed.account_id and shares.service = billed.service
            and shares.record_type = billed.record_type
            and (shares.region is not distinct from billed.region)
            and (shares.usage_type is not distinct from billed.usage_type)
    where line_usd <> 0
    union all
    -- A line that costs nothing has nothing to split; its quantity is told once.
    select
        billed.*, arrow_cast(date, 'Timestamp(Microsecond, Some("UTC"))') as starts, interval '1 day' as length,
        cast(null as varchar) as resource, cast(null as varchar) as api, cast(null as varchar) as stage,
        cast(null as varchar) as route, cast(null as varchar) as trigger, 'not split' as place,
        'it costs nothing' as basis, line_usd as part_usd, quantity as part
    from billed
    where line_usd = 0
),
units as (
    select service as u_service, usage_type as u_usage_type, max(unit) as unit
    from costs
    where record_type = 'Usage' and unit is not null and unit <> ''
    group by service, usage_type
),
kinds as (
    select * from (values
        ('AWS Lambda', 'function', 1),
        ('Amazon API Gateway', 'stage', 1),
        ('Amazon DynamoDB', 'table', 1),
        ('Amazon DynamoDB', 'index', 2),
        ('Amazon Simple Storage Service', 'bucket', 1),
        ('AWS Step Functions', 'state-machine', 1),
        ('AmazonCloudWatch', 'log-group', 1),
        ('AWS X-Ray', 'stage', 1),
        ('AWS X-Ray', 'function', 2),
        ('AWS X-Ray', 'state-machine', 3)
    ) as kinds (k_service, kind, rank)
),
latest as (
    select account_id, region, kind, name, arn, tags
    from (
        select *, row_number() over (partition by account_id, region, kind, name order by ts desc, arn) as newest
        from resources
    )
    where newest = 1
),
-- A resource is at most one thing of its service.
found as (
    select
        k_service as f_service, account_id as f_account, region as f_region, name as f_name,
        latest.kind as f_kind, arn,
        row_number() over (partition by k_service, account_id, region, name order by rank) as choice
    from latest
    join kinds on latest.kind = kinds.kind
),
tagged as (
    select
        account_id as t_account, region as t_region, kind as t_kind, name as t_name,
        string_agg(
            '"' || regexp_replace(replace(replace(tag['key'], '\', '\\'), '"', '\"'), '[\x00-\x1f]', ' ', 'g')
                || '": "' || regexp_replace(replace(replace(tag['value'], '\', '\\'), '"', '\"'), '[\x00-\x1f]', ' ', 'g')
                || '"',
            ', ' order by tag['key']
        ) as pairs
    from (select account_id, region, kind, name, unnest(map_entries(tags)) as tag from latest)
    group by account_id, region, kind, name
),
categories as (
    select * from (values
        ('AWS Lambda', 'Compute', 'Serverless Compute'),
        ('Amazon API Gateway', 'Integration', 'API Management'),
        ('Amazon DynamoDB', 'Databases', 'NoSQL Databases'),
        ('Amazon Simple Storage Service', 'Storage', 'Object Storage'),
        ('AWS Step Functions', 'Integration', 'Workflow Orchestration'),
        ('CloudWatch Events', 'Integration', 'Messaging'),
        ('AmazonCloudWatch', 'Management and Governance', 'Observability'),
        ('AWS X-Ray', 'Management and Governance', 'Observability'),
        ('AWS Cost Explorer', 'Management and Governance', 'Cost Management')
    ) as categories (c_service, category, subcategory)
),
told as (
    select
        parts.*, unit, names.name as region_name, category, subcategory, arn, pairs,
        coalesce(f_kind, kinds.kind) as resource_kind,
        date_trunc('month', arrow_cast(date, 'Timestamp(Microsecond, Some("UTC"))')) as month,
        '"millicent:api": "'
            || regexp_replace(replace(replace(api, '\', '\\'), '"', '\"'), '[\x00-\x1f]', ' ', 'g') || '"' as api_pair,
        '"millicent:stage": "'
            || regexp_replace(replace(replace(stage, '\', '\\'), '"', '\"'), '[\x00-\x1f]', ' ', 'g') || '"' as stage_pair,
        '"millicent:route": "'
            || regexp_replace(replace(replace(route, '\', '\\'), '"', '\"'), '[\x00-\x1f]', ' ', 'g') || '"' as route_pair,
        '"millicent:trigger": "'
            || regexp_replace(replace(replace(trigger, '\', '\\'), '"', '\"'), '[\x00-\x1f]', ' ', 'g') || '"' as trigger_pair
    from parts
    left join units on service = u_service and usage_type = u_usage_type
    left join region_names as names on parts.region = names.region
    left join categories on service = c_service
    left join kinds on service = k_service and rank = 1
    left join found
        on service = f_service and account_id = f_account and parts.region = f_region and resource = f_name and choice = 1
    left join tagged
        on account_id = t_account and parts.region = t_region and f_kind = t_kind and resource = t_name
)
select
    cast(null as varchar) as "AvailabilityZone",
    cast(part_usd as decimal(38, 12)) as "BilledCost",
    account_id as "BillingAccountId",
    cast(null as varchar) as "BillingAccountName",
    cast(null as varchar) as "BillingAccountType",
    'USD' as "BillingCurrency",
    month + interval '1 month' as "BillingPeriodEnd",
    month as "BillingPeriodStart",
    cast(null as varchar) as "CapacityReservationId",
    cast(null as varchar) as "CapacityReservationStatus",
    case
        when record_type in ('Usage', 'Tax', 'Credit') then record_type
        when record_type like '%Fee' or record_type = 'FlatRateSubscription' then 'Purchase'
        else 'Adjustment'
    end as "ChargeCategory",
    cast(null as varchar) as "ChargeClass",
    concat_ws(
        ', ', case when record_type <> 'Usage' then record_type end, usage_type,
        case
            when place in ('route', 'trigger') then coalesce(route, trigger)
            when resource is not null then resource || ' (' || place || ')'
            else place
        end
    ) as "ChargeDescription",
    case
        when record_type = 'Usage' then 'Usage-Based'
        when record_type in ('SavingsPlanRecurringFee', 'RIFee', 'FlatRateSubscription') then 'Recurring'
        else 'One-Time'
    end as "ChargeFrequency",
    starts + length as "ChargePeriodEnd",
    starts as "ChargePeriodStart",
    cast(null as varchar) as "CommitmentDiscountCategory",
    cast(null as varchar) as "CommitmentDiscountId",
    cast(null as varchar) as "CommitmentDiscountName",
    cast(null as double) as "CommitmentDiscountQuantity",
    cast(null as varchar) as "CommitmentDiscountStatus",
    cast(null as varchar) as "CommitmentDiscountType",
    cast(null as varchar) as "CommitmentDiscountUnit",
    case when record_type = 'Usage' then part end as "ConsumedQuantity",
    case when record_type = 'Usage' and part is not null then unit end as "ConsumedUnit",
    cast(part_usd as decimal(38, 12)) as "ContractedCost",
    cast(null as decimal(38, 12)) as "ContractedUnitPrice",
    cast(part_usd as decimal(38, 12)) as "EffectiveCost",
    cast(null as varchar) as "InvoiceId",
    'Amazon Web Services, Inc.' as "InvoiceIssuerName",
    cast(part_usd as decimal(38, 12)) as "ListCost",
    cast(null as decimal(38, 12)) as "ListUnitPrice",
    case when record_type = 'Usage' or record_type like '%Fee' or record_type = 'FlatRateSubscription' then 'Standard' end
        as "PricingCategory",
    'USD' as "PricingCurrency",
    cast(null as decimal(38, 12)) as "PricingCurrencyContractedUnitPrice",
    cast(part_usd as decimal(38, 12)) as "PricingCurrencyEffectiveCost",
    cast(null as decimal(38, 12)) as "PricingCurrencyListUnitPrice",
    case when record_type = 'Usage' then part end as "PricingQuantity",
    case when record_type = 'Usage' and part is not null then unit end as "PricingUnit",
    'AWS' as "ProviderName",
    'Amazon Web Services, Inc.' as "PublisherName",
    region as "RegionId",
    coalesce(region_name, region) as "RegionName",
    coalesce(arn, resource) as "ResourceId",
    resource as "ResourceName",
    case when resource is not null then resource_kind end as "ResourceType",
    coalesce(category, 'Other') as "ServiceCategory",
    service as "ServiceName",
    coalesce(subcategory, 'Other (Other)') as "ServiceSubcategory",
    cast(null as varchar) as "SkuId",
    cast(null as varchar) as "SkuMeter",
    cast(null as varchar) as "SkuPriceDetails",
    cast(null as varchar) as "SkuPriceId",
    account_id as "SubAccountId",
    cast(null as varchar) as "SubAccountName",
    cast(null as varchar) as "SubAccountType",
    '{' || nullif(concat_ws(', ', pairs, api_pair, stage_pair, route_pair, trigger_pair), '') || '}' as "Tags",
    api as "x_Api",
    basis as "x_Basis",
    place as "x_Place",
    record_type as "x_RecordType",
    route as "x_Route",
    settled as "x_Settled",
    source as "x_Source",
    stage as "x_Stage",
    trigger as "x_Trigger",
    usage_type as "x_UsageType"
from told
order by starts, account_id, service, usage_type, record_type, region, place, resource, api, stage, route, trigger, basis
