-- title:   Executions of state machines by hour
-- answers: How often did each state machine run, how did that end, and how long did it take?
--          Counted by Step Functions.
-- stored:  by day
-- column:  date          date      UTC day
-- column:  account_id    text      account
-- column:  region        text      region
-- column:  resource      text      state machine
-- column:  hour          timestamp start of the hour
-- column:  express       boolean   an express workflow; else a standard one
-- column:  started       double    executions begun
-- column:  succeeded     double    that succeeded
-- column:  failed        double    that failed, timed out or were aborted
-- column:  throttled     double    that were refused
-- column:  time_ms       double    time of all that ended together, milliseconds
-- column:  timed         double    number of them
-- column:  billed_gb_s   double    of an express workflow: billed time × mean memory, GB-seconds
with counted as (
    select
        date, account_id, region, resource, date_bin(interval '1 hour', ts) as hour,
        sum(case when metric = 'ExecutionsStarted' then sum else 0.0 end) as started,
        sum(case when metric = 'ExecutionsSucceeded' then sum else 0.0 end) as succeeded,
        sum(case when metric in ('ExecutionsFailed', 'ExecutionsTimedOut', 'ExecutionsAborted') then sum else 0.0 end) as failed,
        sum(case when metric = 'ExecutionThrottled' then sum else 0.0 end) as throttled,
        sum(case when metric = 'ExecutionTime' then coalesce(sum, 0.0) else 0.0 end) as time_ms,
        sum(case when metric = 'ExecutionTime' then coalesce(sample_count, 0.0) else 0.0 end) as timed,
        sum(case when metric = 'ExpressExecutionBilledDuration' then sum else 0.0 end) as billed_ms,
        sum(case when metric = 'ExpressExecutionBilledMemory' then sum else 0.0 end) as billed_bytes
    from metrics
    where service = 'states'
    group by date, account_id, region, resource, date_bin(interval '1 hour', ts)
)
select
    date, counted.account_id, counted.region, resource, hour,
    coalesce(kinds.express, billed_ms > 0) as express,
    started, succeeded, failed, throttled, time_ms, timed,
    billed_ms / 1000 * billed_bytes / greatest(timed, started, 1.0) / power(2, 30) as billed_gb_s
from counted
left join (
    select account_id, region, name, max(configuration['type']) = 'EXPRESS' as express
    from resources
    where kind = 'state-machine'
    group by account_id, region, name
) as kinds
    on counted.account_id = kinds.account_id and counted.region = kinds.region and counted.resource = kinds.name
