-- title:   Cost of collecting
-- answers: What do Millicent's own calls to AWS cost, by source?
-- param:   from timestamp required inclusive, UTC, of the time of the calls
-- param:   to   timestamp required exclusive, UTC
-- column:  source       text    discovery, traces, cost, exports, or metrics of a system: lambda-metrics, …
-- column:  account_id   text    twelve digits
-- column:  region       text    "global" for cost
-- column:  windows      integer windows collected
-- column:  incomplete   integer windows that came to anything but complete
-- column:  rows         integer rows written to the lake
-- column:  calls        integer calls made to AWS, retries included
-- column:  billed_units integer what AWS bills for: metrics requested, traces, Cost Explorer requests
-- column:  cost_usd     decimal billed units at list price
SELECT
  source,
  account_id,
  region,
  count(*) AS windows,
  sum(CASE WHEN outcome = 'complete' THEN 0 ELSE 1 END) AS incomplete,
  sum("rows") AS "rows",
  sum(calls) AS calls,
  sum(billed_units) AS billed_units,
  sum(cost_usd) AS cost_usd
FROM collections
WHERE collected_at >= $from AND collected_at < $to
GROUP BY source, account_id, region
ORDER BY source, account_id, region
