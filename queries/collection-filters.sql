-- title:   Collection filters
-- answers: What is left out of the collection on purpose, by account and region?
-- column:  account_id text      twelve digits
-- column:  region     text      region
-- column:  since      timestamp when it was first collected so
-- column:  include    text      patterns of names; null means everything
-- column:  exclude    text      patterns of names
-- column:  tags       text      key=value, all of which must match
-- column:  resources  integer   functions, APIs with their stages and routes, tables, buckets, state machines and log groups that there are
-- column:  left_out   integer   of these, not collected
SELECT
  account_id, region, ts AS since,
  configuration['include'] AS include, configuration['exclude'] AS exclude, configuration['tags'] AS tags,
  CAST(configuration['resources'] AS BIGINT) AS resources, CAST(configuration['left_out'] AS BIGINT) AS left_out
FROM (
  SELECT *, row_number() OVER (PARTITION BY account_id, region ORDER BY ts DESC) AS nth
  FROM resources
  WHERE kind = 'collection-filter'
)
WHERE nth = 1 AND NOT deleted
ORDER BY account_id, region
