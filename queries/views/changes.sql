-- title:   Changes of what there is
-- answers: What was deployed, reconfigured, made or deleted, and when?
--          A change has its deploy's time where discovery tells it, else the time when it was found. What the first inventory
--          finds was deployed when its resource says so.
-- column:  account_id text      account
-- column:  region     text      region
-- column:  kind       text      as in `resources`
-- column:  name       text      of what changed
-- column:  arn        text      of what changed
-- column:  ts         timestamp when it changed; null where nothing tells
-- column:  change     text      what changed
with found as (
    select
        kind, name, arn, account_id, region, ts as found, deleted, configuration,
        arrow_try_cast(configuration['last_modified'], 'Timestamp(Microsecond, Some("UTC"))') as modified,
        lag(ts) over (partition by account_id, region, kind, arn order by ts) as before,
        lag(deleted) over (partition by account_id, region, kind, arn order by ts) as was_deleted,
        lag(configuration['memory_mb']) over (partition by account_id, region, kind, arn order by ts) as old_memory,
        lag(configuration['architecture']) over (partition by account_id, region, kind, arn order by ts) as old_architecture,
        lag(configuration['runtime']) over (partition by account_id, region, kind, arn order by ts) as old_runtime,
        lag(configuration['code_sha256']) over (partition by account_id, region, kind, arn order by ts) as old_code,
        lag(configuration['integration_target']) over (partition by account_id, region, kind, arn order by ts) as old_target,
        lag(configuration['detailed_metrics']) over (partition by account_id, region, kind, arn order by ts) as old_detailed,
        settings, lag(settings) over (partition by account_id, region, kind, arn order by ts) as old_settings
    from (
        select
            *,
            concat_ws(
                ' ', configuration['billing_mode'], configuration['read_capacity'], configuration['write_capacity'],
                configuration['table_class'], configuration['stream_arn'], configuration['retention_days'],
                configuration['class'], configuration['metrics_filter'], configuration['notifications']
            ) as settings
        from resources
    )
    -- What Millicent keeps for itself is no change of the account.
    where kind not in ('bill-export', 'collection-filter', 'list-price')
)
select
    account_id, region, kind, name, arn,
    case
        when before is null then modified
        when modified > before and modified <= found then modified
        else found
    end as ts,
    case
        when deleted then 'deleted'
        when was_deleted then 'created again'
        when before is null then 'deployed'
        else coalesce(
            nullif(concat_ws(
                ', ',
                case when old_memory <> configuration['memory_mb']
                    then 'memory ' || old_memory || ' → ' || configuration['memory_mb'] || ' MB' end,
                case when old_architecture <> configuration['architecture']
                    then 'architecture ' || old_architecture || ' → ' || configuration['architecture'] end,
                case when old_runtime <> configuration['runtime']
                    then 'runtime ' || old_runtime || ' → ' || configuration['runtime'] end,
                case when (old_target is distinct from configuration['integration_target'])
                    then 'served by ' || coalesce(configuration['integration_target'], 'something else') end,
                case when old_detailed <> configuration['detailed_metrics']
                    then 'detailed metrics ' || configuration['detailed_metrics'] end,
                case when old_code <> configuration['code_sha256'] then 'new code' end
            ), ''),
            'configuration changed'
        )
    end as change
from found
-- A table, bucket or log group gets a row as it grows, too.
where kind not in ('table', 'index', 'bucket', 'log-group') or before is null or deleted or was_deleted
    or settings <> old_settings
