-- title:   Operations of tables and buckets
-- answers: On which meter does a call of each operation count, and for how much relative to the others?
--          A trace does not tell how many units a call used. The weights are the least that AWS bills for a usual call of the operation: an item
--          of up to 4 KB is read for 1 unit and of up to 1 KB written for 1; a transaction takes twice that, of two items here; a batch has
--          eight items, a query eight units, a scan a page of 1 MB. They only tell shares of a line: its amount is the bill's.
-- column:  service   text   DynamoDB or S3
-- column:  operation text   for example GetItem
-- column:  meter     text   as in `meters`
-- column:  weight    double relative size of a call
select * from (values
    ('DynamoDB', 'GetItem', 'dynamodb-reads', 1.0),
    ('DynamoDB', 'BatchGetItem', 'dynamodb-reads', 8.0),
    ('DynamoDB', 'TransactGetItems', 'dynamodb-reads', 4.0),
    ('DynamoDB', 'Query', 'dynamodb-reads', 8.0),
    ('DynamoDB', 'Scan', 'dynamodb-reads', 128.0),
    ('DynamoDB', 'ExecuteStatement', 'dynamodb-reads', 1.0),
    ('DynamoDB', 'PutItem', 'dynamodb-writes', 1.0),
    ('DynamoDB', 'UpdateItem', 'dynamodb-writes', 1.0),
    ('DynamoDB', 'DeleteItem', 'dynamodb-writes', 1.0),
    ('DynamoDB', 'BatchWriteItem', 'dynamodb-writes', 8.0),
    ('DynamoDB', 'TransactWriteItems', 'dynamodb-writes', 4.0),
    ('S3', 'PutObject', 's3-tier1-requests', 1.0),
    ('S3', 'CopyObject', 's3-tier1-requests', 1.0),
    ('S3', 'PostObject', 's3-tier1-requests', 1.0),
    ('S3', 'ListBuckets', 's3-tier1-requests', 1.0),
    ('S3', 'ListObjects', 's3-tier1-requests', 1.0),
    ('S3', 'ListObjectsV2', 's3-tier1-requests', 1.0),
    ('S3', 'ListObjectVersions', 's3-tier1-requests', 1.0),
    ('S3', 'CreateMultipartUpload', 's3-tier1-requests', 1.0),
    ('S3', 'UploadPart', 's3-tier1-requests', 1.0),
    ('S3', 'UploadPartCopy', 's3-tier1-requests', 1.0),
    ('S3', 'CompleteMultipartUpload', 's3-tier1-requests', 1.0),
    ('S3', 'GetObject', 's3-tier2-requests', 1.0),
    ('S3', 'HeadObject', 's3-tier2-requests', 1.0),
    ('S3', 'HeadBucket', 's3-tier2-requests', 1.0),
    ('S3', 'GetObjectTagging', 's3-tier2-requests', 1.0),
    ('S3', 'SelectObjectContent', 's3-tier2-requests', 1.0)
) as operations (service, operation, meter, weight)
