-- title:   Sums of units and calls of tables and log groups
-- answers: What are a table's units regressed on, to learn what a call of each route takes, and what a log group's bytes?
--          The normal equations of a day, added up over five minutes: calls in assumed units (see `operations`) of each operation and route,
--          and the units that DynamoDB counted, each multiplied with each other and divided by the variance of the five minutes: the sum of
--          the squares of the calls' assumed units, for large calls vary more than small ones, and a twentieth of all, for calls change.
--          Likewise the bytes that a function logs, on the invocations by those that share it, of which each is assumed to log as much.
-- stored:  by day
-- column:  date       date   UTC day
-- column:  account_id text   account
-- column:  region     text   region
-- column:  resource   text   table, or log group
-- column:  meter      text   dynamodb-reads, dynamodb-writes, or log-bytes
-- column:  caller     text   operation and route or trigger; empty for the units
-- column:  other      text   another one, or the same
-- column:  operation  text   the caller's operation
-- column:  product    double sum of the products, each divided by its variance
-- column:  amount     double sum of the caller's calls, in assumed units
-- column:  steady     double what of it is in five minutes in which nobody repeats; null where there are none
-- column:  bins       integer number of five minutes that have both
with log_groups as (
    select distinct date, account_id, region, function, log_group
    from log_bytes
    where function is not null
),
shared_groups as (
    select log_groups.*
    from log_groups
    left semi join (select distinct date, account_id, region, resource as function from hourly_calls where service = 'Lambda') as shared
        using (date, account_id, region, function)
),
calls as (
    select
        date, account_id, region, resource, meter, bin, calls * weight as amount, calls * weight * weight as variance,
        operation || case when repeated then ' repeated' else '' end as operation,
        operation || case when repeated then ' repeated' else '' end
            || coalesce(' ' || api || '/' || stage || ' ' || route, ' ' || trigger, '') as caller,
        coalesce(repeated, false) as repeated
    from (
        select call_bins.*, meter, weight
        from call_bins
        join operations on call_bins.service = operations.service and call_bins.operation = operations.operation
        where call_bins.service = 'DynamoDB'
        union all
        select
            call_bins.date, call_bins.account_id, call_bins.region, service, log_group, operation, bin, api, stage, route, trigger,
            traced, false, calls, 'log-bytes', 1.0
        from call_bins
        join shared_groups
            on call_bins.date = shared_groups.date and call_bins.account_id = shared_groups.account_id
                and call_bins.region = shared_groups.region and call_bins.resource = function
        where service = 'Lambda'
    )
    where calls > 0
),
sized as (
    select *, sum(amount) over (partition by date, account_id, region, resource, meter, caller) as size
    from calls
),
ranked as (
    select
        *, dense_rank() over (partition by date, account_id, region, resource, meter order by size desc, caller) <= 11 as large
    from sized
),
few as (
    select
        date, account_id, region, resource, meter, bin,
        case when large then caller else 'others' end as caller,
        case when large then operation else 'others' end as operation,
        sum(amount) as amount, sum(variance) as variance, bool_or(repeated) as repeated
    from ranked
    group by
        date, account_id, region, resource, meter, bin,
        case when large then caller else 'others' end, case when large then operation else 'others' end
),
units as (
    select date, account_id, region, resource, 'dynamodb-reads' as meter, ts as bin, read_units as units
    from table_units
    union all
    select date, account_id, region, resource, 'dynamodb-writes', ts, write_units
    from table_units
    union all
    select metrics.date, metrics.account_id, metrics.region, resource, 'log-bytes', date_bin(interval '5 minutes', ts), sum(sum)
    from metrics
    join shared_groups
        on metrics.date = shared_groups.date and metrics.account_id = shared_groups.account_id
            and metrics.region = shared_groups.region and resource = log_group
    where service = 'logs' and metric = 'IncomingBytes'
    group by metrics.date, metrics.account_id, metrics.region, resource, date_bin(interval '5 minutes', ts)
),
terms as (
    select date, account_id, region, resource, meter, bin, caller, operation, amount, variance, amount as called, repeated
    from few
    union all
    select date, account_id, region, resource, meter, bin, '', '', units, 0.0, 0.0, false
    from units
),
equations as (
    select
        date, account_id, region, resource, meter,
        array_agg(named_struct('caller', caller, 'operation', operation, 'amount', amount)) as terms,
        sum(variance) + power(0.05 * sum(called), 2) as variance, bool_or(repeated) as repeated
    from terms
    group by date, account_id, region, resource, meter, bin
    having sum(called) > 0
),
pairs as (
    select date, account_id, region, resource, meter, variance, repeated, one, unnest(terms) as two
    from (select *, unnest(terms) as one from equations)
)
select
    date, account_id, region, resource, meter, one['caller'] as caller, two['caller'] as other,
    one['operation'] as operation,
    sum(one['amount'] * two['amount'] / variance) as product, sum(one['amount']) as amount,
    sum(case when not repeated then one['amount'] end) as steady, count(*) as bins
from pairs
group by date, account_id, region, resource, meter, one['caller'], two['caller'], one['operation']
