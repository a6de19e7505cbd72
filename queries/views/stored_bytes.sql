-- title:   Stored bytes by hour
-- answers: How much does each bucket and table keep, from which storage is billed?
--          Buckets as S3 measures them once a day, the last measure until there is another; tables as they were found last.
-- stored:  per state
-- column:  date       date      UTC day
-- column:  account_id text      account
-- column:  region     text      region
-- column:  meter      text      s3-storage-… by class, dynamodb-storage or dynamodb-ia-storage
-- column:  hour       timestamp start of the hour
-- column:  resource   text      bucket or table
-- column:  gb         double    GB (2^30 bytes)
with measured as (
    select
        date, account_id, region, resource,
        case operation
            when 'StandardStorage' then 's3-storage-standard'
            when 'StandardIAStorage' then 's3-storage-ia'
            when 'OneZoneIAStorage' then 's3-storage-one-zone-ia'
            when 'GlacierInstantRetrievalStorage' then 's3-storage-glacier-instant'
            when 'DeepArchiveStorage' then 's3-storage-deep-archive'
        end as meter,
        max(max) / power(2, 30) as gb
    from metrics
    where service = 's3' and metric = 'BucketSizeBytes'
    group by date, account_id, region, resource, operation
),
days as (
    select cast(unnest(generate_series(
        (select cast(min(date) as timestamp) from metrics),
        (select cast(date_bin(interval '1 day', as_of) as timestamp) from as_of),
        interval '1 day'
    )) as date) as date
),
kept as (
    select
        date, account_id, region, resource, meter,
        coalesce(
            last_value(gb) ignore nulls over (partition by account_id, region, resource, meter order by date),
            first_value(gb) ignore nulls over (
                partition by account_id, region, resource, meter order by date
                rows between unbounded preceding and unbounded following
            )
        ) as gb
    from (
        select days.date, named.account_id, named.region, named.resource, named.meter, gb
        from days
        cross join (select distinct account_id, region, resource, meter from measured where meter is not null) as named
        left join measured
            on days.date = measured.date and named.account_id = measured.account_id and named.region = measured.region
                and named.resource = measured.resource and named.meter = measured.meter
    )
    union all
    select
        date, account_id, region, resource,
        case when rarely_used then 'dynamodb-ia-storage' else 'dynamodb-storage' end, size_bytes / power(2, 30)
    from known_tables
    cross join days
    where size_bytes > 0
),
hours as (
    select
        kept.*,
        arrow_cast(date, 'Timestamp(Microsecond, Some("UTC"))')
            + arrow_cast(hour_of_day * 3600000, 'Duration(Millisecond)') as hour, as_of
    from kept
    cross join (select value as hour_of_day from generate_series(0, 23)) as hours
    cross join as_of
)
select date, account_id, region, meter, hour, resource, gb
from hours
where hour < as_of and gb > 0
