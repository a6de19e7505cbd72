-- title:   Solved equations of the units of calls
-- answers: Which units of a call does a table's use tell, and how far together may they be off?
--          The solution of `unit_equations`, by the sweep operator (Goodnight 1979): a caller at a time, which leaves the inverse too, and
--          of the first equation what is left over. They are solved twice: with a variance of 0.4, and with the one that was left over then.
-- stored:  per state
-- column:  account_id text      account
-- column:  region     text      region
-- column:  resource   text      table, or log group
-- column:  meter      text      dynamodb-reads, dynamodb-writes, or log-bytes
-- column:  week       timestamp start of the week for which it holds
-- column:  caller     text      operation and route, or others
-- column:  other      text      another one, or the same; empty for the solution
-- column:  value      double    units for one assumed unit of `operations`; between two callers their covariance
-- column:  scale      double    the table's units for one assumed unit
-- column:  noise      double    variance of a call's units, relative to their square
with recursive swept as (
    select
        cast(1 as bigint) as step, problem, places, place, other_place, bins, observed, assumed, cast(0.4 as double) as noise,
        observed / 0.4 + assumed as value
    from unit_equations
    union all
    select
        step + 1, problem, places, place, other_place, bins, observed, assumed,
        case when step = places + 1 then left_over else noise end,
        case
            when step = places + 1 then observed / left_over + assumed
            when place = pivot_place and other_place = pivot_place then 1.0 / pivot
            when place = pivot_place then in_row / pivot
            when other_place = pivot_place then -in_column / pivot
            else value - in_row * in_column / pivot
        end
    from (
        select
            *,
            least(4.0, greatest(0.01, noise / bins * max(case when place = 0 and other_place = 0 then value end) over (
                partition by problem
            ))) as left_over,
            max(case when place = pivot_place and other_place = pivot_place then value end) over (partition by problem) as pivot,
            max(case when place = pivot_place then value end) over (partition by problem, other_place) as in_row,
            max(case when other_place = pivot_place then value end) over (partition by problem, place) as in_column
        from (
            select *, case when step <= places then step else step - places - 1 end as pivot_place
            from swept
            where step <= 2 * places + 1
        )
    )
),
names as (
    select distinct problem, account_id, region, resource, meter, week, caller, place, scale
    from unit_equations
)
select
    one.account_id, one.region, one.resource, one.meter, one.week, one.caller, two.caller as other,
    case when other_place = 0 then one.scale * greatest(0.02, value) else power(one.scale, 2) * value end as value,
    one.scale, noise
from swept
join names as one on swept.problem = one.problem and swept.place = one.place
join names as two on swept.problem = two.problem and swept.other_place = two.place
where step = 2 * places + 2 and swept.place > 0
