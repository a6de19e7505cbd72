-- title:   Tags of resources
-- answers: How is each resource tagged now?
-- column:  account_id text account
-- column:  region     text region
-- column:  kind       text function, table, bucket, …
-- column:  name       text name
-- column:  tags       text key=value, one after the other
select account_id, region, kind, name, string_agg(tag['key'] || '=' || tag['value'], ', ' order by tag['key']) as tags
from (
    select account_id, region, kind, name, unnest(map_entries(tags)) as tag
    from (
        select *, row_number() over (partition by account_id, region, kind, arn order by ts desc) as newest
        from resources
    )
    where newest = 1 and not deleted
)
group by account_id, region, kind, name
