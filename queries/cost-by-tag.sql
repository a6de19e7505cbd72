-- title:   Cost by tag
-- answers: What does each team, product or environment cost, by the tag that names it?
--          A cost goes to the tag of the resource that it is for: a function's logs to the function. What no resource is known for, and what
--          resources without the tag cost, stands on rows of its own: nothing is left out and nothing is spread.
-- param:   from timestamp required inclusive, UTC
-- param:   to   timestamp required exclusive, UTC
-- param:   tag  text      required key of the tag, for example team
-- column:  value          text    value of the tag; null where there is none
-- column:  state          text    tagged, without the tag, or on no resource
-- column:  resources      integer resources behind it
-- column:  cost_usd       decimal unblended cost
-- column:  share_of_cost  double  of the cost of everything: 0 to 1
-- column:  cost_estimated double  share of the cost that is not from a settled bill: 0 to 1
with latest as (
    select *
    from (
        select *, row_number() over (partition by account_id, region, kind, arn order by ts desc) as newest
        from resources
    )
    where newest = 1
),
apis as (
    select account_id, region, configuration['api_id'] as api_id, max(tags[$tag]) as value
    from latest
    where kind in ('rest-api', 'http-api', 'websocket-api')
    group by account_id, region, configuration['api_id']
),
-- A stage has its API's tag unless it has its own.
tagged as (
    select
        latest.account_id, latest.region, latest.name,
        max(coalesce(tags[$tag], case when kind = 'stage' then apis.value end)) as value
    from latest
    left join apis
        on latest.account_id = apis.account_id and latest.region = apis.region
            and configuration['api_id'] = apis.api_id
    where kind in ('function', 'stage', 'table', 'bucket', 'state-machine', 'log-group')
    group by latest.account_id, latest.region, latest.name
),
cut as (
    select
        account_id, region, resource, estimated, cost_usd,
        (extract(epoch from least(hour_end, $to::timestamptz)) - extract(epoch from greatest(hour, $from::timestamptz)))
            / (extract(epoch from hour_end) - extract(epoch from hour)) as part
    from hourly_costs
    where hour < $to and hour_end > $from
),
costs as (
    select
        value, cut.resource, estimated,
        case
            when cut.resource is null then 'on no resource'
            when value is null then 'without the tag'
            else 'tagged'
        end as state,
        case when part >= 1 then cost_usd else cast(cast(cost_usd as double) * part as decimal(38, 12)) end as usd
    from cut
    left join tagged
        on cut.account_id = tagged.account_id and cut.region = tagged.region and cut.resource = tagged.name
),
sums as (
    select
        value, state, count(distinct resource) as resources, sum(usd) as cost_usd,
        sum(case when estimated then usd end) as estimated_usd
    from costs
    group by value, state
)
select
    value, state, resources, cast(cost_usd as decimal(38, 12)) as cost_usd,
    cast(cost_usd as double) / nullif(sum(cast(cost_usd as double)) over (), 0) as share_of_cost,
    coalesce(cast(estimated_usd as double), 0.0) / nullif(cast(cost_usd as double), 0) as cost_estimated
from sums
order by cost_usd desc, state, value
