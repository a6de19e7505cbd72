-- title:   List prices
-- answers: What does a unit of a meter cost where there is no bill yet?
--          Those of a region are from the price list files that `millicent prices` was given. The others are us-east-1's, and stand in
--          for regions without a file.
-- column:  region    text    region; null for the prices that stand in
-- column:  meter     text    as in `meters`
-- column:  price_usd double  USD for one unit, first tier, without free tier
-- column:  unit      text    the unit
-- column:  as_of     date    since when it holds, or when it was read
-- column:  source    text    where
with standing as (
    select cast(null as varchar) as region, meter, price_usd, unit, date '2026-09-06' as as_of, source from (values
        ('lambda-gb-seconds-x86_64', 0.0000166667, 'GB-second', 'AWS price list, AWSLambda'),
        ('lambda-gb-seconds-arm64', 0.0000133334, 'GB-second', 'AWS price list, AWSLambda'),
        ('lambda-provisioned-gb-seconds-x86_64', 0.0000097222, 'GB-second', 'AWS price list, AWSLambda'),
        ('lambda-provisioned-gb-seconds-arm64', 0.0000077778, 'GB-second', 'AWS price list, AWSLambda'),
        ('lambda-provisioned-concurrency-x86_64', 0.0000041667, 'GB-second', 'AWS price list, AWSLambda'),
        ('lambda-provisioned-concurrency-arm64', 0.0000033334, 'GB-second', 'AWS price list, AWSLambda'),
        ('lambda-requests-x86_64', 0.0000002, 'request', 'AWS price list, AWSLambda'),
        ('lambda-requests-arm64', 0.0000002, 'request', 'AWS price list, AWSLambda'),
        ('apigateway-rest-requests', 0.0000035, 'request', 'AWS price list, AmazonApiGateway'),
        ('apigateway-http-requests', 0.000001, 'request of 512 KB', 'AWS price list, AmazonApiGateway'),
        ('apigateway-messages', 0.000001, 'message of 32 KB', 'AWS price list, AmazonApiGateway'),
        ('dynamodb-reads', 0.000000125, 'read request unit', 'AWS price list, AmazonDynamoDB'),
        ('dynamodb-writes', 0.000000625, 'write request unit', 'AWS price list, AmazonDynamoDB'),
        ('dynamodb-ia-reads', 0.000000155, 'read request unit', 'AWS price list, AmazonDynamoDB'),
        ('dynamodb-ia-writes', 0.00000078, 'write request unit', 'AWS price list, AmazonDynamoDB'),
        ('dynamodb-provisioned-reads', 0.00013, 'read capacity unit and hour', 'AWS price list, AmazonDynamoDB'),
        ('dynamodb-provisioned-writes', 0.00065, 'write capacity unit and hour', 'AWS price list, AmazonDynamoDB'),
        ('s3-tier1-requests', 0.000005, 'request', 'AWS price list, AmazonS3'),
        ('s3-tier2-requests', 0.0000004, 'request', 'AWS price list, AmazonS3'),
        ('states-express-requests', 0.000001, 'request', 'AWS pricing page, Step Functions'),
        ('states-express-gb-seconds', 0.00001667, 'GB-second', 'AWS pricing page, Step Functions'),
        ('xray-traces', 0.000005, 'trace', 'AWS price list, AWSXRay')
    ) as prices (meter, price_usd, unit, source)
),
given as (
    select
        region, name, configuration['service'] as service, cast(configuration['price_usd'] as double) as price_usd,
        cast(substr(configuration['effective_date'], 1, 10) as date) as as_of,
        case when prefix is null then name else substr(name, strpos(name, '-') + 1) end as usage_type
    from (
        select
            resources.*, prefix,
            row_number() over (partition by resources.region, arn order by ts desc) as newest
        from resources
        left join region_prefixes on split_part(name, '-', 1) = prefix
        where kind = 'list-price'
    )
    where newest = 1 and not deleted
)
select region, meter, price_usd, unit, as_of, source
from standing
union all
select given.region, standing.meter, given.price_usd, standing.unit, given.as_of, 'price list file, ' || given.name
from given
join meters on given.service = meters.service and given.usage_type = meters.usage_type
join standing on meters.meter = standing.meter
