-- title:   Collection windows
-- answers: What did the newest windows of every source come to, and why?
-- param:   from timestamp required   inclusive, UTC
-- param:   to   timestamp required   exclusive, UTC
-- param:   last integer   default=60 how many windows a source, the newest ones
-- column:  source       text      discovery, traces, cost, exports, or metrics of a system: lambda-metrics, …
-- column:  account_id   text      twelve digits
-- column:  region       text      "global" for cost
-- column:  ts           timestamp start of the window, inclusive
-- column:  window_end   timestamp end of the window, exclusive
-- column:  outcome      text      complete, partial, denied, throttled, failed or over-budget
-- column:  rows         integer   rows written to the lake
-- column:  calls        integer   calls made to AWS, retries included
-- column:  billed_units integer   what AWS bills for: metrics requested, traces, Cost Explorer requests
-- column:  cost_usd     decimal   billed units at list price
-- column:  error        text      what went wrong
-- column:  elapsed_ms   integer   milliseconds from the first call to the commit
-- column:  collected_at timestamp when it was collected
SELECT
  source, account_id, region, ts, window_end, outcome,
  "rows", calls, billed_units, cost_usd, error, elapsed_ms, collected_at
FROM (
  SELECT
    *,
    row_number() OVER (PARTITION BY source, account_id, region ORDER BY ts DESC, window_end DESC) AS nth
  FROM collections
  WHERE window_end > $from AND ts < $to
)
WHERE nth <= $last
ORDER BY source, account_id, region, ts
