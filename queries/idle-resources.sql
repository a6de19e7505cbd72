-- title:   Idle resources
-- answers: What exists, was not used in the whole range, and what does it cost nevertheless?
--          A resource counts as idle only where its system's metrics were collected for the range: missing is not idle. Reserved capacity (a table's
--          provisioned units, a function's provisioned environments) costs money unused; most else that is idle costs little.
-- param:   from timestamp required inclusive, UTC
-- param:   to   timestamp required exclusive, UTC
-- column:  kind      text      function, route, table, state-machine or log-group
-- column:  name      text      its name; of a route with API and stage
-- column:  last_used timestamp when it was last seen in use; null if never in this lake
-- column:  idle_days double    days since, or since the first metrics of its system
-- column:  cost_usd  decimal   what the bill puts on the resource in the range; null where it has no line of its own
with latest as (
    select *
    from (
        select *, row_number() over (partition by account_id, region, kind, arn order by ts desc) as newest
        from resources
        where kind in ('function', 'route', 'table', 'state-machine', 'log-group')
    )
    where newest = 1 and not deleted
),
-- What proves use, by system.
used as (
    select account_id, region, 'function' as kind, resource as name, max(ts) as last_used
    from metrics
    where service = 'lambda' and metric = 'Invocations' and sum > 0
    group by account_id, region, resource
    union all
    select account_id, region, 'table', split_part(resource, '/', 1), max(ts)
    from metrics
    where service = 'dynamodb' and metric in ('ConsumedReadCapacityUnits', 'ConsumedWriteCapacityUnits') and sum > 0
    group by account_id, region, split_part(resource, '/', 1)
    union all
    select account_id, region, 'state-machine', resource, max(ts)
    from metrics
    where service = 'states' and metric = 'ExecutionsStarted' and sum > 0
    group by account_id, region, resource
    union all
    select account_id, region, 'log-group', resource, max(ts)
    from metrics
    where service = 'logs' and metric = 'IncomingBytes' and sum > 0
    group by account_id, region, resource
    union all
    select account_id, region, 'route', api || ' / ' || stage || ' ' || route, max(ts)
    from route_requests
    where requests > 0 and basis = 'counted by method'
    group by account_id, region, api, stage, route
),
-- From when on, and until when, each system is known.
known as (
    select
        account_id, region, kind, min(collections.ts) as known_from,
        sum(extract(epoch from least(window_end, $to)) - extract(epoch from greatest(collections.ts, $from))) as covered_s
    from collections
    join (
        values
        ('lambda-metrics', 'function'), ('dynamodb-metrics', 'table'), ('states-metrics', 'state-machine'),
        ('logs-metrics', 'log-group'), ('apigateway-metrics', 'route')
    ) as systems (source, kind) on collections.source = systems.source
    where outcome = 'complete' and window_end > $from and collections.ts < $to
    group by account_id, region, kind
),
costs as (
    select account_id, region, resource, sum(cost_usd) as cost_usd
    from hourly_costs
    where hour >= $from and hour < $to and resource is not null
    group by account_id, region, resource
),
named as (
    select
        latest.*,
        case
            when kind = 'route'
                then configuration['api_name'] || ' / ' || configuration['stage'] || ' ' || name
            else name
        end as full_name
    from latest
    -- A route whose requests are not counted by itself can't be called idle.
    where kind <> 'route'
        or configuration['detailed_metrics'] = 'true'
            and not (coalesce(configuration['protocol'], 'REST') = 'WEBSOCKET' and name = '$disconnect')
)
select
    named.kind, full_name as name, last_used,
    (extract(epoch from $to) - extract(epoch from coalesce(last_used, known_from))) / 86400.0 as idle_days,
    cast(cost_usd as decimal(38, 12)) as cost_usd
from named
join known
    on named.account_id = known.account_id and named.region = known.region and named.kind = known.kind
left join used
    on named.account_id = used.account_id and named.region = used.region and named.kind = used.kind
        and full_name = used.name
left join costs
    on named.account_id = costs.account_id and named.region = costs.region and named.name = costs.resource
where (last_used is null or last_used < $from)
    and covered_s >= 0.99 * (extract(epoch from least($to, (select as_of from as_of))) - extract(epoch from $from)) - 900
order by cost_usd desc nulls last, idle_days desc, kind, name
