-- title:   Cold starts by route
-- answers: How much longer do the requests of each route wait that find their function cold, and how many are they?
--          The penalty is what a cold request waits more than a warm one, placement and code download included, and whatever the handler
--          does only once. From traces, each counting for the requests that it stands for. An environment that was
--          initialised before a request needed it (provisioned concurrency, or ahead of need by Lambda) makes no request wait.
-- param:   from  timestamp required inclusive, UTC
-- param:   to    timestamp required exclusive, UTC
-- param:   api   text      optional only this API
-- param:   stage text      optional only this stage
-- param:   route text      optional only this route, METHOD /template
-- column:  api                  text    name of the API
-- column:  stage                text    stage
-- column:  route                text    METHOD /template
-- column:  function             text    function that serves it
-- column:  requests             double  requests, counted by API Gateway; null where nothing was counted
-- column:  cold_starts          double  of which waited for an initialisation, estimated
-- column:  cold_start_rate      double  share that waited
-- column:  cold_start_rate_low  double  lower end of its 95% interval (Wilson)
-- column:  cold_start_rate_high double  upper end
-- column:  warm_ms              double  mean wait of the others, milliseconds
-- column:  cold_ms              double  mean wait of those that found the function cold
-- column:  penalty_ms           double  the difference
-- column:  penalty_low_ms       double  lower end of its 95% interval; null below three cold traces
-- column:  penalty_high_ms      double  upper end
-- column:  placement_ms         double  of the penalty: until the initialisation began, code download included, and after it
-- column:  init_ms              double  of the penalty: the initialisation
-- column:  per_request_ms       double  penalty × rate: what cold starts add to the mean of all requests
-- column:  ahead_rate           double  share of requests that were the first in an environment initialised before they came
-- column:  ahead_by             text    provisioned concurrency, Lambda itself, or either where a function has both; null where none was seen
-- column:  provisioned_share    double  share of the function's invocations that ran in provisioned environments, counted; null without any
-- column:  traces               integer traces behind it
-- column:  cold_traces          integer of which waited
with counted as (
    select api, stage, route, sum(requests) as requests
    from route_requests
    where ts >= $from and ts < $to
        and ($api is null or api = $api) and ($stage is null or stage = $stage) and ($route is null or route = $route)
    group by api, stage, route
),
-- A trace is found by its own start, which is not later than its request's.
waits as (
    select
        account_id, region, trace_id, sum(own_us) / 1000.0 as ms,
        sum(case when kind = 'placement' then own_us else 0 end) / 1000.0 as placement_ms,
        sum(case when kind = 'init' then own_us else 0 end) / 1000.0 as init_ms
    from critical_paths
    where path = 'root' and trace_ts >= $from::timestamptz - interval '1 hour' and trace_ts < $to::timestamptz + interval '1 second'
    group by account_id, region, trace_id
),
requests as (
    select
        api, stage, route, requests.account_id, requests.region, function, ts, weight, cold_start,
        not cold_start and requests.init_ms is not null as ahead, ms, placement_ms, waits.init_ms
    from request_traces as requests
    join waits
        on requests.account_id = waits.account_id and requests.region = waits.region
            and requests.trace_id = waits.trace_id
    where ts >= $from and ts < $to and nth = 1 and cold_start is not null
        and ($api is null or api = $api) and ($stage is null or stage = $stage) and ($route is null or route = $route)
),
sides as (
    select
        api, stage, route, cold_start, cast(count(*) as double) as traces, sum(weight) as requests,
        sum(weight * ms) / sum(weight) as mean_ms,
        sum(weight * placement_ms) / sum(weight) as placement_ms, sum(weight * init_ms) / sum(weight) as init_ms,
        (
            sum(weight * weight * ms * ms) - 2 * sum(weight * weight * ms) * sum(weight * ms) / sum(weight)
                + sum(weight * weight) * power(sum(weight * ms) / sum(weight), 2)
        ) / power(sum(weight), 2) * count(*) / nullif(count(*) - 1, 0) as variance
    from requests
    group by api, stage, route, cold_start
),
rates as (
    select
        traced.api, traced.stage, traced.route, min(function) as function, count(*) as traces,
        sum(case when cold_start then 1 else 0 end) as cold_traces,
        -- Where nothing counts the requests, they may be ever so many.
        sampled_rate(
            cold_start, case when counted.requests > 0 then weight else 1e6 * weight end, account_id || '/' || region, ts
        ) as cold,
        sum(case when ahead then weight else 0.0 end) / sum(weight) as ahead_rate
    from requests as traced
    left join counted on traced.api = counted.api and traced.stage = counted.stage and traced.route = counted.route
    group by traced.api, traced.stage, traced.route
),
invoked as (
    select resource as function, sum(case when metric = 'Invocations' then sum end) as invocations,
        sum(case when metric = 'ProvisionedConcurrencyInvocations' then sum end) as provisioned
    from metrics
    where service = 'lambda' and metric in ('Invocations', 'ProvisionedConcurrencyInvocations') and ts >= $from and ts < $to
    group by resource
),
compared as (
    select
        warm.api, warm.stage, warm.route, warm.mean_ms as warm_ms, cold.mean_ms as cold_ms,
        cold.mean_ms - warm.mean_ms as penalty_ms,
        cold.placement_ms - warm.placement_ms as placement_ms, cold.init_ms - warm.init_ms as init_ms,
        -- Student's t of as few as there are, by its expansion around the normal quantile.
        case
            when cold.traces >= 3 then
                (1.96 + 2.37 / (cold.traces - 1) + 2.82 / power(cold.traces - 1, 2)) * sqrt(cold.variance + coalesce(warm.variance, 0.0))
        end as reach_ms
    from sides as warm
    join sides as cold on warm.api = cold.api and warm.stage = cold.stage and warm.route = cold.route and cold.cold_start
    where not warm.cold_start
)
select
    rates.api, rates.stage, rates.route, rates.function, requests, requests * cold['rate'] as cold_starts, cold['rate'] as cold_start_rate,
    cold['low'] as cold_start_rate_low, cold['high'] as cold_start_rate_high,
    warm_ms, cold_ms, penalty_ms, penalty_ms - reach_ms as penalty_low_ms, penalty_ms + reach_ms as penalty_high_ms,
    placement_ms, init_ms, penalty_ms * cold['rate'] as per_request_ms, ahead_rate,
    case
        when ahead_rate = 0 then null
        when provisioned is null then 'Lambda itself'
        when provisioned >= invocations then 'provisioned concurrency'
        else 'either'
    end as ahead_by,
    provisioned / nullif(invocations, 0) as provisioned_share, rates.traces, cold_traces
from rates
left join counted on rates.api = counted.api and rates.stage = counted.stage and rates.route = counted.route
left join compared on rates.api = compared.api and rates.stage = compared.stage and rates.route = compared.route
left join invoked on rates.function = invoked.function
order by per_request_ms desc nulls last, api, stage, route
