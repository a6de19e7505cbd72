-- title:   Usage of functions by five minutes
-- answers: How often and how long did each function run, and how long did its initialisations take?
--          Invocations and durations are CloudWatch's; initialisations are estimated from traces.
-- stored:  by day
-- column:  date        date      UTC day
-- column:  account_id  text      account
-- column:  region      text      region
-- column:  function    text      name
-- column:  ts          timestamp start of the five minutes
-- column:  invocations double    invocations
-- column:  errors      double    failed ones
-- column:  throttles   double    those refused
-- column:  duration_ms double    handlers' time together, milliseconds
-- column:  cold_starts double    estimated number of invocations that waited for an initialisation
-- column:  init_ms     double    estimated length of their initialisations together, milliseconds
with counted as (
    select
        date, account_id, region, resource as function, date_bin(interval '5 minutes', ts) as ts,
        sum(case when metric = 'Invocations' then sum else 0 end) as invocations,
        sum(case when metric = 'Errors' then sum else 0 end) as errors,
        sum(case when metric = 'Throttles' then sum else 0 end) as throttles,
        sum(case when metric = 'Duration' then sum else 0 end) as duration_ms
    from metrics
    where service = 'lambda' and metric in ('Invocations', 'Errors', 'Throttles', 'Duration')
    group by date, account_id, region, resource, date_bin(interval '5 minutes', ts)
),
cold as (
    select
        date, account_id, region, function, bin as ts,
        sum(weight) as cold_starts, sum(weight * init_ms) as init_ms
    from function_traces
    where cold_start
    group by date, account_id, region, function, bin
)
select
    date, account_id, region, function, ts,
    sum(invocations) as invocations, sum(errors) as errors, sum(throttles) as throttles,
    sum(duration_ms) as duration_ms, sum(cold_starts) as cold_starts, sum(init_ms) as init_ms
from (
    select
        date, account_id, region, function, ts, invocations, errors, throttles, duration_ms,
        0.0 as cold_starts, 0.0 as init_ms
    from counted
    union all
    select date, account_id, region, function, ts, 0.0, 0.0, 0.0, 0.0, cold_starts, coalesce(init_ms, 0.0)
    from cold
)
group by date, account_id, region, function, ts
