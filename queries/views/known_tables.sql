-- title:   Tables as configured
-- answers: How is each table billed now, and how large is it?
-- column:  account_id     text    account
-- column:  region         text    region
-- column:  resource       text    table
-- column:  provisioned    boolean capacity is paid by the hour, used or not; else by request
-- column:  rarely_used    boolean of the class for what is rarely read
-- column:  read_capacity  double  provisioned read units a second, the indexes' included
-- column:  write_capacity double  provisioned write units a second
-- column:  size_bytes     double  size, the indexes' included; DynamoDB counts it every six hours
select
    account_id, region, split_part(name, '/index/', 1) as resource,
    coalesce(bool_or(configuration['billing_mode'] = 'PROVISIONED'), false) as provisioned,
    coalesce(bool_or(configuration['table_class'] = 'STANDARD_INFREQUENT_ACCESS'), false) as rarely_used,
    coalesce(sum(try_cast(configuration['read_capacity'] as double)), 0.0) as read_capacity,
    coalesce(sum(try_cast(configuration['write_capacity'] as double)), 0.0) as write_capacity,
    sum(try_cast(configuration['size_bytes'] as double)) as size_bytes
from (
    select *, row_number() over (partition by account_id, region, arn order by ts desc) as newest
    from resources
    where kind in ('table', 'index')
)
where newest = 1 and not deleted
group by account_id, region, split_part(name, '/index/', 1)
