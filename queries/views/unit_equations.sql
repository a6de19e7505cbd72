-- title:   Equations of the units of calls
-- answers: Which equations does a call's number of units solve?
--          Weighted least squares of a table's units on its calls, with what is assumed before the data is seen: an operation takes as
--          many units as `operations` assumes, give or take as much again, and a route as many as its operation, give or take a half. So
--          what the data cannot tell stays at the assumption, and no equation is ill-conditioned. The variance of a call's units
--          is taken as 0.4 of their square.
-- stored:  per state
-- column:  account_id  text      account
-- column:  region      text      region
-- column:  resource    text      table
-- column:  meter       text      dynamodb-reads or dynamodb-writes
-- column:  week        timestamp start of the week for which they hold
-- column:  problem     integer   number of the table, meter and week
-- column:  caller      text      operation and route, or others
-- column:  scale       double    the table's units for one assumed unit
-- column:  places      integer   equations of the problem
-- column:  place       integer   which of them
-- column:  other_place integer   whose coefficient; 0 for the right-hand side
-- column:  value       double    the coefficient
with members as (
    select
        account_id, region, resource, meter, week, caller, operation,
        dense_rank() over (order by account_id, region, resource, meter, week) as problem,
        row_number() over (partition by account_id, region, resource, meter, week order by caller) - 1 as place,
        count(*) over (partition by account_id, region, resource, meter, week) - 1 as places,
        cast(count(*) over (partition by account_id, region, resource, meter, week, operation) as double) as alike,
        max(case when caller = '' then amount end) over (partition by account_id, region, resource, meter, week)
            / sum(case when caller <> '' then amount end) over (partition by account_id, region, resource, meter, week)
            as scale
    from unit_weeks
    where caller = other
)
select
    one.account_id, one.region, one.resource, one.meter, one.week, cast(one.problem as bigint) as problem, one.caller,
    one.scale, cast(one.places as bigint) as places, cast(one.place as bigint) as place,
    cast(two.place as bigint) as other_place,
    coalesce(product, 0.0) / 0.4 / case when two.place = 0 then one.scale else 1.0 end + case
        when two.place = 0 then 1.0 / (0.25 + one.alike)
        when one.place = two.place then (1.0 - 1.0 / (0.25 + one.alike)) / 0.25
        when one.operation = two.operation then -1.0 / (0.25 + one.alike) / 0.25
        else 0.0
    end as value
from members as one
join members as two on one.problem = two.problem
left join unit_weeks
    on one.account_id = unit_weeks.account_id and one.region = unit_weeks.region
        and one.resource = unit_weeks.resource and one.meter = unit_weeks.meter and one.week = unit_weeks.week
        and one.caller = unit_weeks.caller and two.caller = unit_weeks.other
where one.place > 0 and one.scale > 0
