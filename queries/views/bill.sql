-- title:   The bill by day
-- answers: What does each line of the bill cost, what was used, and can it still change?
--          `bill_lines`, without the resources that an export names. Which of several sources wins a day is decided there.
-- stored:  per state
-- column:  date        date     UTC day
-- column:  account_id  text     account
-- column:  region      text     region of the usage; null for what has none
-- column:  service     text     Cost Explorer's SERVICE
-- column:  usage_type  text     usage type as it is; null for what has none
-- column:  meter_type  text     usage type after the region's prefix
-- column:  record_type text     Usage, Tax, Credit, …
-- column:  cost_usd    decimal  unblended cost
-- column:  quantity    double   amount used
-- column:  meter       text     the usage that explains it; see `meters`
-- column:  counted     boolean  the meter counts in the unit that is billed
-- column:  reason      text     why it is not split to routes; null where it can be
-- column:  settled     boolean  final: not estimated, or read 48 hours after the day's end or later
-- column:  source      text     cost-explorer, cur or focus: the one that won the day
select
    date, account_id, region, service, usage_type, meter_type, record_type,
    cast(sum(cost_usd) as decimal(38, 12)) as cost_usd, sum(quantity) as quantity, meter, counted, reason, settled, source
from bill_lines
group by date, account_id, region, service, usage_type, meter_type, record_type, meter, counted, reason, settled, source
