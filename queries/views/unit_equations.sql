-- title:   Equations of the units of calls
-- answers: Which equations does a call's number of units solve?
--          Weighted least squares of a table's units on its calls, with what is assumed before the data is seen: an operation takes as
--          many units as `operations` assumes, give or take as much again, and a route as many as its operation, give or take a third. So
--          what the data cannot tell stays at the assumption, and no equation is ill-conditioned. A coefficient is
--          observed ÷ the variance of a call's units, relative to their square, + assumed.
-- stored:  per state
-- column:  account_id  text      account
-- column:  region      text      region
-- column:  resource    text      table, or log group
-- column:  meter       text      dynamodb-reads, dynamodb-writes, or log-bytes
-- column:  week        timestamp start of the week for which they hold
-- column:  problem     integer   number of the table, meter and week
-- column:  caller      text      operation and route, or others; empty for the table's units
-- column:  scale       double    the table's units for one assumed unit
-- column:  bins        double    number of five minutes that were observed
-- column:  places      integer   equations of the problem
-- column:  place       integer   which of them; 0 for the sum of squares
-- column:  other_place integer   whose coefficient; 0 for the right-hand side
-- column:  observed    double    what the data adds to the coefficient
-- column:  assumed     double    what is assumed before it
with members as (
    select
        account_id, region, resource, meter, week, caller, operation,
        dense_rank() over (order by account_id, region, resource, meter, week) as problem,
        row_number() over (partition by account_id, region, resource, meter, week order by caller) - 1 as place,
        count(*) over (partition by account_id, region, resource, meter, week) - 1 as places,
        cast(count(*) over (partition by account_id, region, resource, meter, week, operation) as double) as alike,
        -- Without loops, whose calls are seldom like others.
        coalesce(
            nullif(max(case when caller = '' then steady end) over problems, 0.0)
                / nullif(sum(case when caller <> '' then steady end) over problems, 0.0),
            max(case when caller = '' then amount end) over problems
                / sum(case when caller <> '' then amount end) over problems
        ) as scale,
        cast(max(bins) over problems as double) as bins
    from unit_weeks
    where caller = other
    window problems as (partition by account_id, region, resource, meter, week)
),
shares as (
    select
        *, 1.0 / (1.0 / 9 + alike) as share,
        sum(case when place > 0 then 1.0 / (1.0 / 9 + alike) else 0.0 end) over (partition by problem) as shares
    from members
)
select
    one.account_id, one.region, one.resource, one.meter, one.week, cast(one.problem as bigint) as problem, one.caller,
    one.scale, one.bins, cast(one.places as bigint) as places, cast(one.place as bigint) as place,
    cast(two.place as bigint) as other_place,
    coalesce(product, 0.0) / case when one.place = 0 then one.scale else 1.0 end
        / case when two.place = 0 then one.scale else 1.0 end as observed,
    case
        when one.place = 0 and two.place = 0 then one.shares
        when two.place = 0 then one.share
        when one.place = 0 then two.share
        when one.place = two.place then 9.0 * (1.0 - one.share)
        when one.operation = two.operation then -9.0 * one.share
        else 0.0
    end as assumed
from shares as one
join shares as two on one.problem = two.problem
left join unit_weeks
    on one.account_id = unit_weeks.account_id and one.region = unit_weeks.region
        and one.resource = unit_weeks.resource and one.meter = unit_weeks.meter and one.week = unit_weeks.week
        and one.caller = unit_weeks.caller and two.caller = unit_weeks.other
where one.scale > 0
