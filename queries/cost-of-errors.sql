-- title:   Cost of errors and retries
-- answers: What do requests and invocations cost that fail, and invocations that are attempted again?
--          Failures are counted (5xx of API Gateway, Errors of Lambda). What one costs is the mean of all, and where traces tell how long
--          failed ones work and what they still call, its Lambda time and its calls are those: basis `counted, work from traces`. What a
--          failed one logs more than others, such as a stack trace, nothing tells, so that the cost is rather low. Attempts of asynchronous invocations after
--          the first are only seen in traces; of a function that nothing but events invokes they are counted too, as invocations
--          that no event was received for. What a queue or stream delivers again no metric and no trace tells. A route's cost has that
--          of its functions in it: do not add the two kinds up.
-- param:   from timestamp required inclusive, UTC
-- param:   to   timestamp required exclusive, UTC
-- column:  kind             text    route or function
-- column:  name             text    API/stage route, or function
-- column:  runs             double  requests or invocations
-- column:  failed           double  of which failed, counted
-- column:  cost_usd         decimal unblended cost of all
-- column:  failed_usd       decimal of the failed ones
-- column:  failed_low_usd   decimal lower end of its 95% interval, by what was traced; null where fewer than three failed ones were
-- column:  failed_high_usd  decimal upper end
-- column:  failed_share     double  failed ones' share of the cost
-- column:  retried          double  invocations that were attempted before; null for routes, and where a queue or stream starts a function and no trace shows one
-- column:  retried_usd      decimal their cost, at the mean of all invocations
-- column:  retried_low_usd  decimal lower end of its 95% interval
-- column:  retried_high_usd decimal upper end
-- column:  basis            text    how the failed ones' cost is known
-- column:  retried_basis    text    how retries are known: counted, traces, or null where neither shows one
-- column:  estimated        double  share of the cost that is not from a settled bill: 0 to 1
with cut as (
    select
        api, stage, route, resource, service, estimated, cost_usd,
        (extract(epoch from least(hour_end, $to::timestamptz)) - extract(epoch from greatest(hour, $from::timestamptz)))
            / (extract(epoch from hour_end) - extract(epoch from hour)) as part
    from hourly_costs
    where hour < $to and hour_end > $from
),
shares as (
    select
        *, case when part >= 1 then cost_usd else cast(cast(cost_usd as double) * part as decimal(38, 12)) end as usd
    from cut
),
costs as (
    select
        'route' as kind, api || '/' || stage || ' ' || route as name, sum(usd) as usd,
        coalesce(cast(sum(case when service = 'AWS Lambda' then usd end) as double), 0.0) as timed_usd,
        coalesce(cast(sum(case when service in ('Amazon DynamoDB', 'Amazon Simple Storage Service') then usd end) as double), 0.0) as called_usd,
        coalesce(cast(sum(case when estimated then usd end) as double), 0.0) as estimated_usd
    from shares
    where route is not null
    group by api, stage, route
    union all
    select
        'function', resource, sum(usd) as usd, coalesce(cast(sum(case when service = 'AWS Lambda' then usd end) as double), 0.0), 0.0,
        coalesce(cast(sum(case when estimated then usd end) as double), 0.0)
    from shares
    where service = 'AWS Lambda' and resource is not null
    group by resource
),
counted as (
    select 'route' as kind, api || '/' || stage || ' ' || route as name, sum(requests) as runs, sum(server_errors) as failed
    from route_requests
    where ts >= $from and ts < $to
    group by api, stage, route
    union all
    select 'function', function, sum(invocations), sum(errors)
    from function_usage
    where ts >= $from and ts < $to
    group by function
),
-- The work of one traced request: all of its functions, initialisations included.
worked as (
    select
        account_id, region, trace_id,
        sum(coalesce(duration_ms, 0.0) + billed_init_ms) as ms
    from function_traces
    where bin >= $from::timestamptz - interval '5 minutes' and bin < $to::timestamptz + interval '1 hour'
    group by account_id, region, trace_id
),
-- What it called that answered: a call that fails takes no units.
called as (
    select account_id, region, trace_id, cast(count(*) as double) as calls
    from spans
    where kind = 'subsegment' and namespace = 'aws' and not inferred and not error and not fault and not throttle
        and name in ('DynamoDB', 'DynamoDBv2', 'Amazon DynamoDB', 'S3', 'Amazon S3')
        and trace_ts >= $from::timestamptz - interval '1 hour' and trace_ts < $to
    group by account_id, region, trace_id
),
runs as (
    select
        'route' as kind, api || '/' || stage || ' ' || route as name, weight, coalesce(ms, 0.0) as ms,
        coalesce(calls, 0.0) as calls, fault or coalesce(status, 0) >= 500 as failed, false as retried, ts,
        requests.account_id || '/' || requests.region || '/' as place
    from request_traces as requests
    left join worked
        on requests.account_id = worked.account_id and requests.region = worked.region
            and requests.trace_id = worked.trace_id
    left join called
        on requests.account_id = called.account_id and requests.region = called.region
            and requests.trace_id = called.trace_id
    where ts >= $from and ts < $to and nth = 1
    union all
    select
        'function', function, weight,
        coalesce(traces.duration_ms, 0.0) + traces.billed_init_ms, 0.0,
        segments.fault, attempts.name <> 'Attempt #1', bin, traces.account_id || '/' || traces.region || '/'
    from function_traces as traces
    join (
        select account_id, region, trace_id, span_id, min(parent_id) as parent_id, bool_or(fault or error) as fault
        from spans
        where kind = 'segment' and origin = 'AWS::Lambda::Function' and trace_ts >= $from::timestamptz - interval '1 day' and trace_ts < $to
        group by account_id, region, trace_id, span_id
    ) as segments
        on traces.account_id = segments.account_id and traces.region = segments.region
            and traces.trace_id = segments.trace_id and traces.span_id = segments.span_id
    left join (
        select distinct account_id, region, trace_id, span_id, name
        from spans
        where kind = 'subsegment' and name like 'Attempt #%' and trace_ts >= $from::timestamptz - interval '1 day' and trace_ts < $to
    ) as attempts
        on segments.account_id = attempts.account_id and segments.region = attempts.region
            and segments.trace_id = attempts.trace_id and segments.parent_id = attempts.span_id
    where bin >= $from and bin < $to
),
traced as (
    select
        kind, name, cast(count(*) as double) as traces, sum(weight * ms) / sum(weight) as mean_ms,
        sum(case when failed then 1.0 else 0.0 end) as failures,
        sum(case when failed then weight * ms end) / sum(case when failed then weight end) as failed_ms,
        -- Squared standard error of the mean of the failed ones.
        (
            sum(case when failed then weight * weight * ms * ms end)
                - 2 * sum(case when failed then weight * weight * ms end) * sum(case when failed then weight * ms end)
                    / sum(case when failed then weight end)
                + sum(case when failed then weight * weight end)
                    * power(sum(case when failed then weight * ms end) / sum(case when failed then weight end), 2)
        ) / power(sum(case when failed then weight end), 2) as failed_variance,
        sum(weight * calls) / sum(weight) as mean_calls,
        sum(case when failed then weight * calls end) / sum(case when failed then weight end) as failed_calls,
        (
            sum(case when failed then weight * weight * calls * calls end)
                - 2 * sum(case when failed then weight * weight * calls end) * sum(case when failed then weight * calls end)
                    / sum(case when failed then weight end)
                + sum(case when failed then weight * weight end)
                    * power(sum(case when failed then weight * calls end) / sum(case when failed then weight end), 2)
        ) / power(sum(case when failed then weight end), 2) as failed_calls_variance,
        sampled_rate(coalesce(retried, false), weight, place || name, ts) as retrying
    from runs
    group by kind, name
),
-- Events are received once each, and every invocation of a function that nothing else invokes is for one.
events as (
    select
        resource as function, sum(case when metric = 'AsyncEventsReceived' then sum end) as received,
        sum(case when metric = 'Invocations' then sum end) as invocations
    from metrics
    where service = 'lambda' and metric in ('AsyncEventsReceived', 'Invocations') and ts >= $from and ts < $to
    group by resource
),
invoked_otherwise as (
    select i_function, bool_or(polled) as polled
    from (
        select function as i_function, false as polled from known_routes where function is not null
        union all
        select function, true from entry_points where kind not in ('route', 's3-event', 'state-machine')
    )
    group by i_function
),
joined as (
    select
        costs.kind, costs.name, runs, failed, usd, timed_usd, called_usd, estimated_usd, retrying,
        case when failures >= 3 and mean_ms > 0 then failed_ms / mean_ms else 1.0 end as ratio,
        case when failures >= 3 and mean_calls > 0 then failed_calls / mean_calls else 1.0 end as call_ratio,
        -- Student's t of as few as there are, by its expansion around the normal quantile.
        case
            when failures >= 3 and mean_ms > 0 then
                (1.96 + 2.37 / (failures - 1) + 2.82 / power(failures - 1, 2)) * sqrt(
                    failures / (failures - 1) * (
                        greatest(0.0, failed_variance) * power(timed_usd / mean_ms, 2)
                        + coalesce(greatest(0.0, failed_calls_variance) * power(called_usd / nullif(mean_calls, 0), 2), 0.0)
                    )
                    -- The calls that are missing may have been the small ones.
                    + coalesce(power(called_usd * (1 - failed_calls / nullif(mean_calls, 0)) / 2, 2), 0.0)
                )
        end as reach_usd,
        coalesce(failures >= 3 and mean_ms > 0, false) as by_time,
        coalesce(polled, false) as polled,
        case when costs.kind = 'function' and i_function is null and received > 0 then greatest(0.0, events.invocations - received) end as retries
    from costs
    left join counted on costs.kind = counted.kind and costs.name = counted.name
    left join traced on costs.kind = traced.kind and costs.name = traced.name
    left join events on costs.kind = 'function' and costs.name = events.function
    left join invoked_otherwise on costs.kind = 'function' and costs.name = i_function
),
figures as (
    select
        *, cast(usd as double) + timed_usd * (ratio - 1) + called_usd * (call_ratio - 1) as at_failure_usd,
        case
            when kind = 'route' then null
            when retries is not null then retries
            when not polled or retrying['rate'] > 0 then runs * retrying['rate']
        end as retried,
        case
            when retries is not null then retries
            else runs * retrying['low']
        end as retried_low,
        case
            when retries is not null then retries
            else runs * retrying['high']
        end as retried_high
    from joined
    where runs > 0
)
select
    kind, name, runs, failed, cast(usd as decimal(38, 12)) as cost_usd,
    cast(failed / runs * at_failure_usd as decimal(38, 12)) as failed_usd,
    cast(case when reach_usd is not null then failed / runs * greatest(0.0, at_failure_usd - reach_usd) end as decimal(38, 12)) as failed_low_usd,
    cast(failed / runs * (at_failure_usd + reach_usd) as decimal(38, 12)) as failed_high_usd,
    failed / runs * at_failure_usd / nullif(cast(usd as double), 0) as failed_share,
    retried,
    cast(retried / runs * cast(usd as double) as decimal(38, 12)) as retried_usd,
    cast(case when retried is not null then retried_low end / runs * cast(usd as double) as decimal(38, 12)) as retried_low_usd,
    cast(case when retried is not null then retried_high end / runs * cast(usd as double) as decimal(38, 12)) as retried_high_usd,
    case when by_time then 'counted, work from traces' else 'counted, at the mean of all' end as basis,
    case
        when retried is null then null
        when retries is not null then 'counted'
        when retrying['rate'] > 0 then 'traces'
    end as retried_basis,
    estimated_usd / nullif(cast(usd as double), 0) as estimated
from figures
order by kind desc, failed_usd desc, name
