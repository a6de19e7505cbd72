-- title:   Memory of functions over time
-- answers: How much memory and which architecture did a function have when?
--          A change counts from its deploy where discovery tells when that was, else from when it was found. What was before
--          the first discovery is taken to be as it was found then.
-- column:  account_id   text      account
-- column:  region       text      region
-- column:  function     text      name
-- column:  memory_mb    double    MB
-- column:  architecture text      x86_64 or arm64
-- column:  snap_start   boolean   its published versions start from a snapshot
-- column:  modified     timestamp when the function was last deployed, as discovery found it
-- column:  assumed      boolean   from before the first discovery: it may have been another until the last deploy
-- column:  valid_from   timestamp from when
-- column:  valid_to     timestamp until when, exclusive
with found as (
    select
        account_id, region, name as function, ts as found,
        try_cast(configuration['memory_mb'] as double) as memory_mb,
        coalesce(configuration['architecture'], 'x86_64') as architecture,
        coalesce(configuration['snap_start'] = 'PublishedVersions', false) as snap_start,
        arrow_try_cast(configuration['last_modified'], 'Timestamp(Microsecond, Some("UTC"))') as modified,
        lag(ts) over (partition by account_id, region, name order by ts) as before
    from resources
    where kind = 'function' and not deleted
),
dated as (
    select
        *,
        case
            when before is null then arrow_cast('1970-01-01', 'Timestamp(Microsecond, Some("UTC"))')
            when modified > before and modified <= found then modified
            else found
        end as valid_from
    from found
)
select
    account_id, region, function, memory_mb, architecture, snap_start, modified, before is null as assumed, valid_from,
    coalesce(
        lead(valid_from) over (partition by account_id, region, function order by found),
        arrow_cast('2200-01-01', 'Timestamp(Microsecond, Some("UTC"))')
    ) as valid_to
from dated
