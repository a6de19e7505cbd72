-- title:   Routes as configured
-- answers: Which routes does an API have now, and which function serves each?
-- column:  account_id text account
-- column:  region     text region
-- column:  api        text name of the API
-- column:  stage      text stage
-- column:  route      text METHOD /template, or a WebSocket API's route key
-- column:  protocol   text REST, HTTP or WEBSOCKET
-- column:  function   text function that serves it; null if something else does
select distinct
    account_id, region, configuration['api_name'] as api, configuration['stage'] as stage,
    name as route, coalesce(configuration['protocol'], 'REST') as protocol,
    configuration['integration_target'] as function
from (
    select *, row_number() over (partition by account_id, region, arn order by ts desc) as newest
    from resources
    where kind = 'route'
)
where newest = 1 and not deleted
