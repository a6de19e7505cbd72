-- title:   Calls to tables and shared functions by route and hour
-- answers: How often did each route call each table, and each function that serves several? As many calls as AWS counted, split as in
--          `call_bins`.
-- stored:  by day
-- column:  date       date      UTC day
-- column:  account_id text      account
-- column:  region     text      region
-- column:  service    text      DynamoDB or Lambda
-- column:  resource   text      table or function
-- column:  operation  text      for example GetItem; Invoke
-- column:  hour       timestamp start of the hour
-- column:  api        text      API; null where no route's request caused the call
-- column:  stage      text      stage
-- column:  route      text      route
-- column:  trigger    text      what else caused it (see `trace_triggers`)
-- column:  traced     boolean   traces show who calls
-- column:  repeated   boolean   the route's requests made the call eight times each or more
-- column:  calls      double    calls
select
    date, account_id, region, service, resource, operation, date_bin(interval '1 hour', bin) as hour, api, stage, route, trigger, traced,
    repeated, sum(calls) as calls
from call_bins
group by date, account_id, region, service, resource, operation, date_bin(interval '1 hour', bin), api, stage, route, trigger, traced,
    repeated
