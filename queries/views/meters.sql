-- title:   Meters
-- answers: Which usage explains which usage type of the bill, and why is what has no meter not split to routes?
-- column:  service    text    Cost Explorer's SERVICE
-- column:  usage_type text    the usage type after its region's prefix
-- column:  meter      text    the usage that explains it; null where a request does not cause it, or nothing counts it
-- column:  counted    boolean the usage is counted in the unit that is billed; else it only tells shares
-- column:  reason     text    why it is not split; with a meter, why it is not where nothing counts it
select * from (values
    ('AWS Lambda', 'Lambda-GB-Second', 'lambda-gb-seconds-x86_64', true, null),
    ('AWS Lambda', 'Lambda-GB-Second-ARM', 'lambda-gb-seconds-arm64', true, null),
    ('AWS Lambda', 'Request', 'lambda-requests-x86_64', true, null),
    ('AWS Lambda', 'Request-ARM', 'lambda-requests-arm64', true, null),
    ('Amazon API Gateway', 'ApiGatewayRequest', 'apigateway-rest-requests', true, null),
    ('Amazon API Gateway', 'ApiGatewayHttpRequest', 'apigateway-http-requests', true, null),
    ('Amazon API Gateway', 'ApiGatewayMessage', 'apigateway-messages', false, null),
    ('Amazon API Gateway', 'ApiGatewayMinute', 'apigateway-connection-minutes', false, null),
    ('Amazon API Gateway', 'DataTransfer-Out-Bytes', 'apigateway-bytes', false, 'REST and WebSocket APIs count no bytes, so that nobody can tell who sent how many'),
    ('AWS Lambda', 'DataTransfer-Out-Bytes', null, false, 'nothing counts the bytes that a function sends'),
    ('Amazon Simple Storage Service', 'DataTransfer-Out-Bytes', null, false, 'bytes that leave a bucket are counted by bucket, not by who fetches them'),
    ('Amazon DynamoDB', 'DataTransfer-Out-Bytes', null, false, 'nothing counts the bytes that a table sends'),
    ('Amazon DynamoDB', 'ReadRequestUnits', 'dynamodb-reads', true, null),
    ('Amazon DynamoDB', 'WriteRequestUnits', 'dynamodb-writes', true, null),
    ('Amazon Simple Storage Service', 'Requests-Tier1', 's3-tier1-requests', false, null),
    ('Amazon Simple Storage Service', 'Requests-Tier2', 's3-tier2-requests', false, null),
    ('Amazon DynamoDB', 'IA-ReadRequestUnits', 'dynamodb-ia-reads', true, null),
    ('Amazon DynamoDB', 'IA-WriteRequestUnits', 'dynamodb-ia-writes', true, null),
    ('Amazon DynamoDB', 'ReadCapacityUnit-Hrs', 'dynamodb-provisioned-reads', true, 'provisioned capacity is paid by the hour, used or not'),
    ('Amazon DynamoDB', 'WriteCapacityUnit-Hrs', 'dynamodb-provisioned-writes', true, 'provisioned capacity is paid by the hour, used or not'),
    ('Amazon DynamoDB', 'TimedStorage-ByteHrs', 'dynamodb-storage', false, 'storage is not caused by a request'),
    ('Amazon DynamoDB', 'IA-TimedStorage-ByteHrs', 'dynamodb-ia-storage', false, 'storage is not caused by a request'),
    ('Amazon Simple Storage Service', 'TimedStorage-ByteHrs', 's3-storage-standard', false, 'storage is not caused by a request'),
    ('Amazon Simple Storage Service', 'TimedStorage-SIA-ByteHrs', 's3-storage-ia', false, 'storage is not caused by a request'),
    ('Amazon Simple Storage Service', 'TimedStorage-ZIA-ByteHrs', 's3-storage-one-zone-ia', false, 'storage is not caused by a request'),
    ('Amazon Simple Storage Service', 'TimedStorage-GIR-ByteHrs', 's3-storage-glacier-instant', false, 'storage is not caused by a request'),
    ('Amazon Simple Storage Service', 'TimedStorage-GDA-ByteHrs', 's3-storage-deep-archive', false, 'storage is not caused by a request'),
    ('AWS Step Functions', 'StateTransition', 'states-transitions', false, null),
    ('AWS Step Functions', 'StepFunctions-Request', 'states-express-requests', true, null),
    ('AWS Step Functions', 'StepFunctions-GB-Second', 'states-express-gb-seconds', false, null),
    ('AWS X-Ray', 'XRay-TracesStored', 'xray-traces', false, null),
    ('AmazonCloudWatch', 'DataProcessing-Bytes', 'log-bytes', false, null),
    ('AWS Lambda', 'Lambda-Provisioned-GB-Second', 'lambda-provisioned-gb-seconds-x86_64', true, null),
    ('AWS Lambda', 'Lambda-Provisioned-GB-Second-ARM', 'lambda-provisioned-gb-seconds-arm64', true, null),
    ('AWS Lambda', 'Lambda-Provisioned-Concurrency', 'lambda-provisioned-concurrency-x86_64', false, 'provisioned concurrency is paid by the hour, used or not'),
    ('AWS Lambda', 'Lambda-Provisioned-Concurrency-ARM', 'lambda-provisioned-concurrency-arm64', false, 'provisioned concurrency is paid by the hour, used or not'),
    ('Amazon DynamoDB', 'TimedPITRStorage-ByteHrs', null, false, 'storage is not caused by a request'),
    ('AmazonCloudWatch', 'VendedLog-Bytes', 'log-bytes', false, null),
    ('AmazonCloudWatch', 'TimedStorage-ByteHrs', null, false, 'storage is not caused by a request'),
    ('AmazonCloudWatch', 'CW:GMD-Metrics', null, false, 'monitoring is not caused by a request'),
    ('AmazonCloudWatch', 'CW:Requests', null, false, 'monitoring is not caused by a request'),
    ('AmazonCloudWatch', 'CW:MetricMonitorUsage', null, false, 'monitoring is not caused by a request'),
    ('AmazonCloudWatch', 'CW:AlarmMonitorUsage', null, false, 'monitoring is not caused by a request'),
    ('AWS X-Ray', 'XRay-TracesAccessed', null, false, 'monitoring is not caused by a request')
) as meters (service, usage_type, meter, counted, reason)
