-- title:   Log bytes by group and hour
-- answers: How much did each log group take in, and whose group is it?
--          Counted by CloudWatch, exactly. A group belongs to a function where discovery says so, or by its name.
-- stored:  by day
-- column:  date       date      UTC day
-- column:  account_id text      account
-- column:  region     text      region
-- column:  log_group  text      name
-- column:  function   text      function that writes to it; null if none is known
-- column:  hour       timestamp start of the hour
-- column:  bytes      double    bytes taken in, uncompressed
-- column:  events     double    log events
with taken as (
    select
        date, account_id, region, resource as log_group, date_bin(interval '1 hour', ts) as hour,
        sum(case when metric = 'IncomingBytes' then sum else 0.0 end) as bytes,
        sum(case when metric = 'IncomingLogEvents' then sum else 0.0 end) as events
    from metrics
    where service = 'logs' and metric in ('IncomingBytes', 'IncomingLogEvents')
    group by date, account_id, region, resource, date_bin(interval '1 hour', ts)
),
owners as (
    select account_id, region, log_group, min(function) as owner
    from (
        select account_id, region, name as log_group, configuration['function'] as function
        from resources
        where kind = 'log-group'
        union all
        select account_id, region, configuration['log_group'], name
        from resources
        where kind = 'function'
    )
    where function is not null and log_group is not null
    group by account_id, region, log_group
    -- A group that several functions write to is none's.
    having count(distinct function) = 1
)
select
    date, taken.account_id, taken.region, taken.log_group,
    coalesce(
        owner,
        case when starts_with(taken.log_group, '/aws/lambda/') then substr(taken.log_group, 13) end
    ) as function,
    hour, bytes, events
from taken
left join owners
    on taken.account_id = owners.account_id and taken.region = owners.region and taken.log_group = owners.log_group
