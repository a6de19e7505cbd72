-- title:   List prices
-- answers: What does a unit of a meter cost where there is no bill yet?
-- column:  meter     text    as in `meters`
-- column:  price_usd double  USD for one unit, first tier, us-east-1, without free tier
-- column:  unit      text    the unit
-- column:  as_of     date    when the price was read
-- column:  source    text    where
select meter, price_usd, unit, date '2026-09-06' as as_of, source from (values
    ('lambda-gb-seconds-x86_64', 0.0000166667, 'GB-second', 'AWS price list, AWSLambda'),
    ('lambda-gb-seconds-arm64', 0.0000133334, 'GB-second', 'AWS price list, AWSLambda'),
    ('lambda-requests-x86_64', 0.0000002, 'request', 'AWS price list, AWSLambda'),
    ('lambda-requests-arm64', 0.0000002, 'request', 'AWS price list, AWSLambda'),
    ('apigateway-rest-requests', 0.0000035, 'request', 'AWS price list, AmazonApiGateway'),
    ('apigateway-http-requests', 0.000001, 'request of 512 KB', 'AWS price list, AmazonApiGateway'),
    ('apigateway-messages', 0.000001, 'message of 32 KB', 'AWS price list, AmazonApiGateway'),
    ('dynamodb-reads', 0.000000125, 'read request unit', 'AWS price list, AmazonDynamoDB'),
    ('dynamodb-writes', 0.000000625, 'write request unit', 'AWS price list, AmazonDynamoDB'),
    ('s3-tier1-requests', 0.000005, 'request', 'AWS price list, AmazonS3'),
    ('s3-tier2-requests', 0.0000004, 'request', 'AWS price list, AmazonS3'),
    ('xray-traces', 0.000005, 'trace', 'AWS price list, AWSXRay')
) as prices (meter, price_usd, unit, source)
