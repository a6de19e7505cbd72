-- title:   Coverage
-- answers: What has been collected, from which source, and what went wrong?
-- param:   from timestamp required inclusive, UTC
-- param:   to   timestamp required exclusive, UTC
-- column:  source       text      discovery, traces, cost, exports, or metrics of a system: lambda-metrics, …
-- column:  account_id   text      twelve digits
-- column:  region       text      "global" for cost
-- column:  outcome      text      complete, partial, denied, throttled, failed or over-budget
-- column:  windows      integer   windows that came to it
-- column:  rows         integer   rows written to the lake
-- column:  calls        integer   calls made to AWS, retries included
-- column:  billed_units integer   what AWS bills for
-- column:  cost_usd     decimal   billed units at list price
-- column:  first_window timestamp start of the first window
-- column:  last_window  timestamp end of the last window
-- column:  collected_at timestamp when the last one was collected
-- column:  last_error   text      the newest error
select
    source, account_id, region, outcome, count(*) as windows, sum("rows") as rows, sum(calls) as calls,
    sum(billed_units) as billed_units, cast(sum(cost_usd) as decimal(38, 12)) as cost_usd,
    min(ts) as first_window, max(window_end) as last_window, max(collected_at) as collected_at,
    last_value(error order by collected_at) filter (where error is not null) as last_error
from collections
where window_end > $from and ts < $to
group by source, account_id, region, outcome
order by source, account_id, region, outcome
