-- title:   Units of a call by route
-- answers: How many units does a call of each route take, learnt from what its table used?
--          The solution of `unit_equations`, by the sweep operator (Goodnight 1979): a caller at a time, which leaves the inverse too.
-- stored:  per state
-- column:  account_id text      account
-- column:  region     text      region
-- column:  resource   text      table
-- column:  meter      text      dynamodb-reads or dynamodb-writes
-- column:  week       timestamp start of the week for which it holds
-- column:  caller     text      operation and route, or others
-- column:  rate       double    units for one assumed unit of `operations`
-- column:  error      double    its standard error
-- column:  learnt     boolean   the data tells it; else it is near what is assumed
with recursive swept as (
    select cast(1 as bigint) as step, problem, places, place, other_place, value
    from unit_equations
    union all
    select
        step + 1, problem, places, place, other_place,
        case
            when place = step and other_place = step then 1.0 / pivot
            when place = step then in_row / pivot
            when other_place = step then -in_column / pivot
            else value - in_row * in_column / pivot
        end
    from (
        select
            *,
            max(case when place = step and other_place = step then value end) over (partition by problem) as pivot,
            max(case when place = step then value end) over (partition by problem, other_place) as in_row,
            max(case when other_place = step then value end) over (partition by problem, place) as in_column
        from swept
        where step <= places
    )
),
solved as (
    select
        problem, place,
        max(case when other_place = 0 then value end) as solution,
        max(case when other_place = place then value end) as variance
    from swept
    where step = places + 1
    group by problem, place
)
select
    account_id, region, resource, meter, week, caller,
    scale * greatest(0.02, solution) as rate,
    scale * sqrt(variance) as error,
    variance < 0.1 as learnt
from unit_equations
join solved on unit_equations.problem = solved.problem and unit_equations.place = solved.place
where other_place = 0
