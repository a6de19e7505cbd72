-- title:   Entry points
-- answers: What starts each function: which routes, queues, streams, buckets and state machines, as they are configured now?
--          Schedules cannot be read from the configuration; a function that nothing here starts is started by one, by another function, or by hand.
-- column:  account_id text account
-- column:  region     text region
-- column:  kind       text route, sqs, dynamodb-stream, kinesis, …, s3-event or state-machine
-- column:  name       text API/stage route, queue, table or stream, bucket, or state machine
-- column:  function   text function that it starts
with latest as (
    select *
    from (
        select *, row_number() over (partition by account_id, region, kind, arn order by ts desc) as newest
        from resources
        where kind in ('event-source-mapping', 'bucket', 'state-machine')
    )
    where newest = 1 and not deleted
)
select distinct account_id, region, kind, name, function
from (
    select account_id, region, 'route' as kind, api || '/' || stage || ' ' || route as name, function
    from known_routes
    union all
    select
        account_id, region, coalesce(configuration['source_kind'], 'event source'),
        coalesce(configuration['source'], configuration['source_arn'], name), configuration['function']
    from latest
    where kind = 'event-source-mapping'
    union all
    select account_id, region, 's3-event', name, nullif(split_part(split_part(event, '"function":"', 2), '"', 1), '')
    from (
        select account_id, region, name, unnest(string_to_array(configuration['notifications'], '},')) as event
        from latest
        where kind = 'bucket'
    )
    union all
    select account_id, region, 'state-machine', name, nullif(trim(unnest(string_to_array(configuration['invokes'], ','))), '')
    from latest
    where kind = 'state-machine'
)
where function is not null
