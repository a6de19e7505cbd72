-- title:   Cold starts by function
-- answers: How often does each function keep a request waiting for its initialisation, and for how long?
--          Counted, where Lambda's reports of all invocations were read from its logs; else from traces, weighted by the function's invocations.
-- param:   from timestamp required inclusive, UTC
-- param:   to   timestamp required exclusive, UTC
-- column:  function             text    name
-- column:  invocations          double  invocations, counted by Lambda; null where nothing was counted
-- column:  cold_starts          double  of which waited for an initialisation
-- column:  cold_start_rate      double  share that waited
-- column:  cold_start_rate_low  double  lower end of its 95% interval (Wilson); the rate itself where all were counted
-- column:  cold_start_rate_high double  upper end
-- column:  init_p50_ms          double  median length of the initialisations, milliseconds
-- column:  init_max_ms          double  longest one seen
-- column:  traces               integer traced invocations behind it
-- column:  traced_cold_starts   integer traced ones that waited
-- column:  effective_size       double  number of equally weighted traces, of ever so many invocations, that would tell as much
-- column:  basis                text    reports: counted; traces: estimated
with invoked as (
    select
        function, sum(invocations) as invocations,
        case
            when bool_and(basis = 'reports' or invocations = 0)
                then sum(case when basis = 'reports' then cold_starts else 0.0 end) / nullif(sum(invocations), 0.0)
        end as counted
    from function_usage
    where ts >= $from and ts < $to
    group by function
),
traced as (
    select
        traces.function,
        -- Where nothing counts the invocations, they may be ever so many.
        sampled_rate(
            cold_start, case when invocations > 0 then weight else 1e6 * weight end,
            account_id || '/' || region || '/' || traces.function, bin
        ) as cold,
        count(*) as traces,
        sum(case when cold_start then 1 else 0 end) as traced_cold_starts,
        median(case when cold_start then init_ms end) as init_p50_ms,
        max(case when cold_start then init_ms end) as init_max_ms
    from function_traces as traces
    left join invoked on traces.function = invoked.function
    where bin >= $from and bin < $to
    group by traces.function
)
select
    coalesce(invoked.function, traced.function) as function,
    invocations, invocations * coalesce(counted, cold['rate']) as cold_starts, coalesce(counted, cold['rate']) as cold_start_rate,
    coalesce(counted, cold['low']) as cold_start_rate_low, coalesce(counted, cold['high']) as cold_start_rate_high,
    init_p50_ms, init_max_ms, coalesce(traces, 0) as traces,
    coalesce(traced_cold_starts, 0) as traced_cold_starts, cold['effective_size'] as effective_size,
    case when counted is not null then 'reports' when cold['rate'] is not null then 'traces' end as basis
from invoked
full join traced on invoked.function = traced.function
order by cold_start_rate desc nulls last, function
