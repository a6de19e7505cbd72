-- title:   Traced time of functions by route and hour
-- answers: For which routes did each function work, and how long, estimated from traces?
--          A segment that ends before it begins, by a clock that was set back, worked for no time.
-- stored:  by day
-- column:  date       date      UTC day
-- column:  account_id text      account
-- column:  region     text      region
-- column:  function   text      name
-- column:  hour       timestamp start of the hour
-- column:  api        text      API of the request that began the trace; null if none did
-- column:  stage      text      its stage
-- column:  route      text      its route
-- column:  trigger    text      what else started it (see `trace_triggers`); null where it isn't known
-- column:  work_ms    double    handlers and what is billed of initialisations, weighted, milliseconds
-- column:  calls      double    invocations, weighted
select
    date, account_id, region, function, date_bin(interval '1 hour', bin) as hour,
    api, stage, route, trigger,
    sum(coalesce(request_weight, weight)
        * greatest(0.0, coalesce(duration_ms, 0.0) + billed_init_ms)) as work_ms,
    sum(coalesce(request_weight, weight)) as calls
from function_traces
group by date, account_id, region, function, date_bin(interval '1 hour', bin), api, stage, route, trigger
