-- title:   Provisioned environments by hour
-- answers: For how many GB-seconds does each function keep environments ready, used or not?
--          As provisioned for its aliases and versions when they were found last, × its memory of the hour.
-- stored:  per state
-- column:  date         date      UTC day
-- column:  account_id   text      account
-- column:  region       text      region
-- column:  function     text      name
-- column:  hour         timestamp start of the hour
-- column:  architecture text      x86_64 or arm64
-- column:  gb_seconds   double    environments × memory × time
with provisioned as (
    select account_id, region, function, sum(environments) as environments
    from (
        select
            account_id, region, configuration['function'] as function, deleted,
            try_cast(configuration['provisioned_concurrency'] as double) as environments,
            row_number() over (partition by account_id, region, kind, arn order by ts desc) as newest
        from resources
        where kind in ('alias', 'version')
    )
    where newest = 1 and not deleted and environments > 0
    group by account_id, region, function
),
hours as (
    select
        arrow_cast(hour, 'Timestamp(Microsecond, Some("UTC"))') as hour, as_of
    from (
        select unnest(generate_series(
            (select cast(min(date) as timestamp) from metrics),
            (select cast(date_bin(interval '1 hour', as_of) as timestamp) from as_of),
            interval '1 hour'
        )) as hour
    )
    cross join as_of
)
select
    cast(hour as date) as date, provisioned.account_id, provisioned.region, provisioned.function, hour,
    coalesce(architecture, 'x86_64') as architecture, environments * coalesce(memory_mb, 128.0) / 1024 * 3600 as gb_seconds
from provisioned
cross join hours
left join function_memory as memory
    on provisioned.account_id = memory.account_id and provisioned.region = memory.region
        and provisioned.function = memory.function and hour >= valid_from and hour < valid_to
where hour < as_of
