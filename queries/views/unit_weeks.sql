-- title:   Sums of units and calls of tables by week
-- answers: What does a week know of a table's calls?
--          `unit_sums` of the week and of the week before it. The eleven callers with the most calls stand for themselves, the others for
--          each other: sums of products can be added up.
-- stored:  per state
-- column:  account_id text      account
-- column:  region     text      region
-- column:  resource   text      table, or log group
-- column:  meter      text      dynamodb-reads, dynamodb-writes, or log-bytes
-- column:  week       timestamp start of the week
-- column:  caller     text      operation and route, or others; empty for the table's units
-- column:  other      text      another one, or the same
-- column:  operation  text      the caller's operation
-- column:  product    double    sum of the products, each divided by its variance
-- column:  amount     double    sum of the caller's calls, in assumed units; null between two callers
-- column:  steady     double    what of it is in five minutes in which nobody repeats
-- column:  bins       integer   of the table's units with themselves: number of five minutes; else null
with weeks as (
    select
        account_id, region, resource, meter, caller, other, operation, later, product, amount, steady, bins,
        date_bin(interval '7 days', arrow_cast(date, 'Timestamp(Microsecond, Some("UTC"))'))
            + arrow_cast(later * 604800000, 'Duration(Millisecond)') as week
    from unit_sums
    cross join (select value as later from generate_series(0, 1)) as laters
),
summed as (
    select
        account_id, region, resource, meter, week, caller, other, max(operation) as operation,
        sum(product) as product, sum(case when caller = other then amount end) as amount,
        sum(case when caller = other then steady end) as steady,
        sum(case when caller = '' and other = '' then bins end) as bins, min(later) as later
    from weeks
    group by account_id, region, resource, meter, week, caller, other
),
sized as (
    select
        *,
        min(later) over (partition by account_id, region, resource, meter, week) as earliest,
        max(case when caller not in ('', 'others') then amount end) over (
            partition by account_id, region, resource, meter, week, caller
        ) as size,
        max(case when other not in ('', 'others') then other_amount end) over (
            partition by account_id, region, resource, meter, week, other
        ) as other_size
    from (select *, case when caller = other then amount end as other_amount from summed)
),
ranked as (
    select
        *,
        dense_rank() over (
            partition by account_id, region, resource, meter, week order by size desc nulls last, caller
        ) as place,
        dense_rank() over (
            partition by account_id, region, resource, meter, week order by other_size desc nulls last, other
        ) as other_place
    from sized
    where earliest = 0
)
select
    account_id, region, resource, meter, week,
    case when caller = '' or place <= 11 then caller else 'others' end as caller,
    case when other = '' or other_place <= 11 then other else 'others' end as other,
    max(case when caller = '' or place <= 11 then operation else 'others' end) as operation,
    sum(product) as product, sum(amount) as amount, sum(steady) as steady, sum(bins) as bins
from ranked
group by
    account_id, region, resource, meter, week,
    case when caller = '' or place <= 11 then caller else 'others' end,
    case when other = '' or other_place <= 11 then other else 'others' end
