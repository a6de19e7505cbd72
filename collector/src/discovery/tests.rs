//! Inventories of a scripted account, over the real SDK.

use chrono::TimeDelta;
use millicent_lake::{Collection, Outcome, Resource};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::source::Source;
use crate::testing::{ACCOUNT, REGION, Request, Response, Scripted, tagged};
use crate::{Clock, CollectConfig, Collector};

/// One inventory, and what the lake knows after it.
async fn discovered(aws: &Scripted) -> Vec<Resource> {
    let config = CollectConfig {
        sources: vec![Source::Discovery],
        ..aws.config()
    };
    pass(&aws.collector(config).await, aws).await
}

async fn pass(collector: &Collector, aws: &Scripted) -> Vec<Resource> {
    aws.clock.advance(collector.config().discovery_every);
    collector
        .pass(aws.clock.now(), &CancellationToken::new(), &|_| {})
        .await
        .unwrap();
    aws.lake.current_resources(ACCOUNT, REGION).await.unwrap()
}

async fn recorded(aws: &Scripted) -> Vec<Collection> {
    aws.lake
        .collections("discovery", ACCOUNT, REGION, chrono::DateTime::UNIX_EPOCH)
        .await
        .unwrap()
}

fn names<'a>(resources: &'a [Resource], kind: &str) -> Vec<&'a str> {
    let mut names: Vec<_> = resources
        .iter()
        .filter(|r| r.kind == kind)
        .map(|r| r.name.as_str())
        .collect();
    names.sort_unstable();
    names
}

fn of<'a>(resources: &'a [Resource], kind: &str, name: &str) -> &'a Resource {
    resources
        .iter()
        .find(|r| r.kind == kind && r.name == name)
        .unwrap_or_else(|| panic!("no {kind} {name}"))
}

fn table(name: &str, items: u64) -> Response {
    let arn = format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}");
    Response::json(&json!({"Table": {
        "TableName": name, "TableArn": arn, "ItemCount": items, "TableSizeBytes": items * 100,
        "ProvisionedThroughput": {"ReadCapacityUnits": 0, "WriteCapacityUnits": 0},
        "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"},
        "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"},
        "LatestStreamArn": format!("{arn}/stream/2026-01-01T00:00:00.000"),
        "GlobalSecondaryIndexes": [{
            "IndexName": "by-day", "IndexArn": format!("{arn}/index/by-day"), "ItemCount": items,
        }],
    }}))
}

/// Two tables, a page each.
fn two_tables(request: &Request) -> Option<Response> {
    Some(match request.operation {
        "ListTables" => match request.json()["ExclusiveStartTableName"].as_str() {
            None => Response::json(&json!({
                "TableNames": ["carts"], "LastEvaluatedTableName": "carts"})),
            Some("carts") => Response::json(&json!({"TableNames": ["orders"]})),
            Some(other) => panic!("{other}"),
        },
        "DescribeTable" => table(request.json()["TableName"].as_str().unwrap(), 1_000),
        _ => return None,
    })
}

#[tokio::test]
async fn tables_and_their_indexes_are_found_over_all_pages() {
    let aws = Scripted::start(|request| {
        let provisioned = request.operation == "DescribeTable"
            && request.json()["TableName"] == "carts";
        if provisioned {
            // A table that was never on demand has no summary.
            return Some(Response::json(&json!({"Table": {
                "TableName": "carts", "TableArn": "arn:aws:dynamodb:eu-central-1:123456789012:table/carts",
                "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 2},
                "TableClassSummary": {"TableClass": "STANDARD_INFREQUENT_ACCESS"},
                "LatestStreamArn": "arn:of:a:stream:that:was:switched:off",
            }})));
        }
        two_tables(request)
    })
    .await;
    let resources = discovered(&aws).await;
    assert_eq!(names(&resources, "table"), ["carts", "orders"]);
    assert_eq!(names(&resources, "index"), ["orders/index/by-day"]);

    let carts = &of(&resources, "table", "carts").configuration;
    assert_eq!(carts["billing_mode"], "PROVISIONED");
    assert_eq!(
        (
            carts["read_capacity"].as_str(),
            carts["write_capacity"].as_str()
        ),
        ("5", "2")
    );
    assert_eq!(carts["table_class"], "STANDARD_INFREQUENT_ACCESS");
    assert!(!carts.contains_key("stream_arn"));
    let orders = &of(&resources, "table", "orders").configuration;
    assert_eq!(orders["billing_mode"], "PAY_PER_REQUEST");
    assert!(
        !orders.contains_key("read_capacity"),
        "on demand has none, not zero"
    );
    assert!(orders["stream_arn"].contains(":table/orders/stream/"));
    assert_eq!(recorded(&aws).await[0].outcome, Outcome::Complete);
}

#[tokio::test]
async fn a_table_deleted_since_it_was_listed_is_no_trouble() {
    let aws = Scripted::start(|request| {
        let gone = request.operation == "DescribeTable" && request.json()["TableName"] == "carts";
        if gone {
            return Some(Response::error(
                "DescribeTable",
                400,
                "ResourceNotFoundException",
            ));
        }
        two_tables(request)
    })
    .await;
    assert_eq!(names(&discovered(&aws).await, "table"), ["orders"]);
    assert_eq!(recorded(&aws).await[0].outcome, Outcome::Complete);
}

#[tokio::test]
async fn a_function_deleted_since_it_was_listed_is_no_trouble() {
    let aws = Scripted::start(|request| {
        let of_function = matches!(
            request.operation,
            "ListAliases" | "ListFunctionUrlConfigs" | "ListTags"
        );
        of_function.then(|| Response::error(request.operation, 404, "ResourceNotFoundException"))
    })
    .await;
    // It was there when it was listed; the next inventory will say that it is gone.
    assert_eq!(names(&discovered(&aws).await, "function"), ["get-order"]);
    assert_eq!(recorded(&aws).await[0].outcome, Outcome::Complete);
}

#[tokio::test]
async fn what_is_denied_from_the_start_is_not_listed_at_every_pass() {
    let aws = Scripted::start(|request| {
        (request.operation == "ListTables")
            .then(|| Response::error("ListTables", 400, "AccessDeniedException"))
    })
    .await;
    let config = CollectConfig {
        sources: vec![Source::Discovery],
        ..aws.config()
    };
    let collector = aws.collector(config).await;
    for _ in 0..24 {
        aws.clock.advance(TimeDelta::minutes(5));
        let cancel = CancellationToken::new();
        let pass = collector.pass(aws.clock.now(), &cancel, &|_| {}).await;
        pass.unwrap();
    }
    // After 5, 15, 35 and 75 minutes, then every hour.
    assert_eq!(aws.calls_of("ListFunctions"), 5);
    // All of the time is in one window, which says what is missing.
    let rows = recorded(&aws).await;
    assert_eq!(rows.len(), 1, "{rows:#?}");
    assert_eq!(rows[0].outcome, Outcome::Partial);
}

#[tokio::test]
async fn what_can_t_be_read_stays_as_it_was_known_and_is_told() {
    let aws = Scripted::start(|request| {
        // The second inventory is denied one of the tables, and all log groups.
        let denied = match request.operation {
            "DescribeTable" => request.nth >= 2 && request.json()["TableName"] == "carts",
            "DescribeLogGroups" => request.nth >= 1,
            _ => false,
        };
        if denied {
            let error = Response::error(request.operation, 400, "AccessDeniedException");
            return Some(error);
        }
        if request.operation == "DescribeLogGroups" {
            return Some(Response::json(&json!({"logGroups": [{
                "logGroupName": "/aws/lambda/get-order", "storedBytes": 5, "retentionInDays": 14,
                "arn": "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/get-order:*",
            }]})));
        }
        two_tables(request)
    })
    .await;
    let before = discovered(&aws).await;
    let group = of(&before, "log-group", "/aws/lambda/get-order");
    assert_eq!(group.configuration["function"], "get-order");
    assert!(group.arn.ends_with("log-group:/aws/lambda/get-order"));

    assert_eq!(discovered(&aws).await, before);
    let last = recorded(&aws).await.pop().unwrap();
    assert_eq!((last.outcome, last.rows), (Outcome::Partial, 0));
    let error = last.error.unwrap();
    assert!(
        error.contains("1 of 2 tables can't be read whole (carts)"),
        "{error}"
    );
    assert!(
        error.contains("Allow the action logs:DescribeLogGroups"),
        "{error}"
    );
}

#[tokio::test]
async fn nothing_can_be_listed_without_permission() {
    let aws = Scripted::start(|request| {
        (request.operation != "GetCallerIdentity")
            .then(|| Response::error(request.operation, 403, "AccessDeniedException"))
    })
    .await;
    assert_eq!(discovered(&aws).await, []);
    assert_eq!(recorded(&aws).await[0].outcome, Outcome::Denied);
}

#[tokio::test]
async fn pages_that_go_in_circles_fail_their_own_listing() {
    let aws = Scripted::start(|request| {
        (request.operation == "ListTables").then(|| {
            let last = ["a", "b"][request.nth % 2];
            Response::json(&json!({"TableNames": [last], "LastEvaluatedTableName": last}))
        })
    })
    .await;
    let resources = discovered(&aws).await;
    assert_eq!(names(&resources, "function"), ["get-order"]);
    assert_eq!(names(&resources, "table"), [""; 0]);
    let row = recorded(&aws).await.pop().unwrap();
    assert_eq!(row.outcome, Outcome::Partial);
    assert!(
        row.error
            .unwrap()
            .contains("dynamodb:ListTables never comes to an end")
    );
}

#[tokio::test]
async fn an_account_that_only_grows_gets_no_rows() {
    let aws = Scripted::start(|request| {
        if request.operation == "DescribeTable" {
            let name = request.json()["TableName"].as_str().unwrap().to_owned();
            return Some(table(&name, 1_000 + 10 * request.nth as u64));
        }
        two_tables(request)
    })
    .await;
    let config = CollectConfig {
        sources: vec![Source::Discovery],
        ..aws.config()
    };
    let collector = aws.collector(config).await;
    let first = pass(&collector, &aws).await;
    assert_eq!(pass(&collector, &aws).await, first);
    assert_eq!(recorded(&aws).await.pop().unwrap().rows, 0);
}

fn buckets(request: &Request) -> Option<Response> {
    let of = |name: &str| request.target.split('/').nth(1) == Some(name);
    Some(match request.operation {
        "ListBuckets" => Response::xml(
            200,
            "<ListAllMyBucketsResult><Buckets>\
             <Bucket><Name>invoices</Name><BucketRegion>eu-central-1</BucketRegion></Bucket>\
             <Bucket><Name>elsewhere</Name><BucketRegion>us-east-1</BucketRegion></Bucket>\
             <Bucket><Name>closed</Name><BucketRegion>eu-central-1</BucketRegion></Bucket>\
             <Bucket><Name>gone</Name><BucketRegion>eu-central-1</BucketRegion></Bucket>\
             </Buckets></ListAllMyBucketsResult>",
        ),
        _ if of("elsewhere") => panic!("asked in the wrong region: {}", request.target),
        operation if of("closed") => Response::error(operation, 403, "AccessDenied"),
        operation if of("gone") => Response::error(operation, 404, "NoSuchBucket"),
        "ListBucketMetricsConfigurations" => Response::xml(
            200,
            "<ListMetricsConfigurationsResult><IsTruncated>false</IsTruncated>\
             <MetricsConfiguration><Id>pdf</Id><Filter><Prefix>pdf/</Prefix></Filter></MetricsConfiguration>\
             <MetricsConfiguration><Id>EntireBucket</Id></MetricsConfiguration>\
             </ListMetricsConfigurationsResult>",
        ),
        "GetBucketNotificationConfiguration" => Response::xml(
            200,
            "<NotificationConfiguration><CloudFunctionConfiguration>\
             <CloudFunction>arn:aws:lambda:eu-central-1:123456789012:function:index</CloudFunction>\
             <Event>s3:ObjectCreated:*</Event>\
             <Filter><S3Key><FilterRule><Name>Prefix</Name><Value>pdf/&quot;new&quot; ü/</Value></FilterRule>\
             </S3Key></Filter></CloudFunctionConfiguration><QueueConfiguration>\
             <Queue>arn:aws:sqs:eu-central-1:123456789012:removed</Queue>\
             <Event>s3:ObjectRemoved:*</Event></QueueConfiguration></NotificationConfiguration>",
        ),
        _ => return None,
    })
}

#[tokio::test]
async fn a_bucket_tells_what_its_events_start_and_one_without_access_only_its_name() {
    let aws = Scripted::start(buckets).await;
    let resources = discovered(&aws).await;
    assert_eq!(names(&resources, "bucket"), ["closed", "invoices"]);
    let invoices = &of(&resources, "bucket", "invoices").configuration;
    assert_eq!(invoices["metrics_filter"], "EntireBucket");
    let events: serde_json::Value = serde_json::from_str(&invoices["notifications"]).unwrap();
    assert_eq!(
        events,
        json!([
            {"event": "s3:ObjectCreated:*", "function": "index", "prefix": "pdf/\"new\" ü/"},
            {"event": "s3:ObjectRemoved:*", "queue": "removed"},
        ])
    );
    let closed = &of(&resources, "bucket", "closed").configuration;
    assert_eq!(closed["bucket_region"], REGION);
    assert_eq!(closed.len(), 1);

    let row = recorded(&aws).await.pop().unwrap();
    assert_eq!(row.outcome, Outcome::Partial);
    let error = row.error.unwrap();
    assert!(
        error.contains("1 of 3 buckets can't be read whole (closed)"),
        "{error}"
    );
    assert!(
        error.contains("Allow the action s3:GetMetricsConfiguration"),
        "{error}"
    );
}

#[tokio::test]
async fn a_function_has_aliases_urls_and_what_starts_it() {
    let arn = |rest: &str| format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:get-order{rest}");
    let aws = Scripted::start(move |request| {
        Some(match request.operation {
            "ListAliases" => Response::json(&json!({"Aliases": [{
                "AliasArn": arn(":live"), "Name": "live", "FunctionVersion": "7",
                "RoutingConfig": {"AdditionalVersionWeights": {"9": 0.25, "8": 0.05}},
            }]})),
            "ListProvisionedConcurrencyConfigs" => {
                assert!(request.target.contains("List=ALL"));
                Response::json(&json!({"ProvisionedConcurrencyConfigs": [
                    {"FunctionArn": arn(":live"), "RequestedProvisionedConcurrentExecutions": 2},
                    {"FunctionArn": arn(":6"), "RequestedProvisionedConcurrentExecutions": 1},
                ]}))
            }
            "ListFunctionUrlConfigs" => Response::json(&json!({"FunctionUrlConfigs": [{
                "FunctionUrl": "https://abc.lambda-url.eu-central-1.on.aws/",
                "FunctionArn": arn(":live"), "AuthType": "AWS_IAM",
                "CreationTime": "2026-01-01T00:00:00Z", "LastModifiedTime": "2026-01-01T00:00:00Z",
            }]})),
            "ListEventSourceMappings" if request.nth == 0 => Response::json(&json!({
                "NextMarker": "2", "EventSourceMappings": [{
                    "UUID": "u-1", "State": "Enabled", "BatchSize": 10, "FunctionArn": arn(""),
                    "EventSourceArn": "arn:aws:sqs:eu-central-1:123456789012:shop-emails",
            }]})),
            "ListEventSourceMappings" => Response::json(&json!({"EventSourceMappings": [{
                "UUID": "u-2", "State": "Disabled", "FunctionArn": arn(":live"), "EventSourceArn":
                    "arn:aws:dynamodb:eu-central-1:123456789012:table/orders/stream/2026-01-01T00:00:00.000",
            }]})),
            _ => return None,
        })
    })
    .await;
    let resources = discovered(&aws).await;
    let live = &of(&resources, "alias", "get-order:live").configuration;
    assert_eq!(
        [
            &live["function"],
            &live["version"],
            &live["weights"],
            &live["provisioned_concurrency"]
        ],
        ["get-order", "7", "8=0.05,9=0.25", "2"]
    );
    let version = &of(&resources, "version", "get-order:6").configuration;
    assert_eq!(version["provisioned_concurrency"], "1");
    let url = &of(&resources, "function-url", "get-order").configuration;
    assert_eq!([&url["auth_type"], &url["qualifier"]], ["AWS_IAM", "live"]);
    let queue = &of(&resources, "event-source-mapping", "u-1").configuration;
    assert_eq!(
        [
            &queue["function"],
            &queue["source_kind"],
            &queue["source"],
            &queue["batch_size"]
        ],
        ["get-order", "sqs", "shop-emails", "10"]
    );
    let stream = &of(&resources, "event-source-mapping", "u-2").configuration;
    assert_eq!(
        [
            &stream["source_kind"],
            &stream["source"],
            &stream["qualifier"],
            &stream["state"]
        ],
        ["dynamodb-stream", "orders", "live", "Disabled"]
    );
}

#[tokio::test]
async fn aliases_that_may_not_be_listed_cost_the_functions_nothing() {
    let aws = Scripted::start(|request| {
        (request.operation == "ListAliases")
            .then(|| Response::error(request.operation, 403, "AccessDeniedException"))
    })
    .await;
    assert_eq!(names(&discovered(&aws).await, "function"), ["get-order"]);
    let row = recorded(&aws).await.pop().unwrap();
    assert_eq!(row.outcome, Outcome::Partial);
    assert!(
        row.error
            .unwrap()
            .contains("Allow the action lambda:ListAliases")
    );
}

#[tokio::test]
async fn a_state_machine_tells_the_functions_it_invokes() {
    let arn = "arn:aws:states:eu-central-1:123456789012:stateMachine:fulfil";
    let machine = move |definition: &str| {
        json!({
            "stateMachineArn": arn, "name": "fulfil", "type": "EXPRESS", "definition": definition,
            "roleArn": "arn:aws:iam::123456789012:role/r", "creationDate": 1.0,
            "tracingConfiguration": {"enabled": true},
            "loggingConfiguration": {"level": "ALL", "destinations": [{"cloudWatchLogsLogGroup": {
                "logGroupArn": "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/vendedlogs/fulfil:*"}}]},
        })
    };
    let aws = Scripted::start(move |request| {
        Some(match request.operation {
            "ListStateMachines" => Response::json(&json!({"stateMachines": [{
                "stateMachineArn": arn, "name": "fulfil", "type": "EXPRESS", "creationDate": 1.0}]})),
            // At first the definition's key may not be used, later it may.
            "DescribeStateMachine" if request.json()["includedData"] == "METADATA_ONLY" => {
                Response::json(&machine(""))
            }
            "DescribeStateMachine" if request.nth == 0 => {
                Response::error(request.operation, 400, "KmsAccessDeniedException")
            }
            "DescribeStateMachine" => Response::json(&machine(
                r#"{"States": {"Pick": {"Resource": "arn:aws:lambda:r:1:function:pick"}}}"#,
            )),
            "DescribeLogGroups" => Response::json(&json!({"logGroups": [{
                "logGroupName": "/aws/vendedlogs/fulfil", "arn": "arn:of:the:group:*"}]})),
            _ => return None,
        })
    })
    .await;
    let resources = discovered(&aws).await;
    let before = &of(&resources, "state-machine", "fulfil").configuration;
    assert_eq!(
        [&before["type"], &before["tracing"], &before["log_group"]],
        ["EXPRESS", "true", "/aws/vendedlogs/fulfil"]
    );
    assert!(!before.contains_key("invokes"));
    let group = of(&resources, "log-group", "/aws/vendedlogs/fulfil");
    assert_eq!(group.configuration["state_machine"], "fulfil");

    let resources = discovered(&aws).await;
    let after = &of(&resources, "state-machine", "fulfil").configuration;
    assert_eq!(after["invokes"], "pick");
}

fn http_apis(request: &Request) -> Option<Response> {
    let function = |name: &str| format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}");
    let of = |api: &str| request.target.contains(&format!("/{api}/"));
    Some(match request.operation {
        "GetApis" => Response::json(&json!({"items": [
            {"apiId": "h1", "name": "storefront", "protocolType": "HTTP", "tags": {"team": "web"},
             "apiEndpoint": "https://h1.execute-api.eu-central-1.amazonaws.com",
             "routeSelectionExpression": "$request.method $request.path"},
            {"apiId": "w1", "name": "live", "protocolType": "WEBSOCKET",
             "routeSelectionExpression": "$request.body.action"},
            {"apiId": "gone", "name": "gone", "protocolType": "HTTP",
             "routeSelectionExpression": "$request.method $request.path"},
        ]})),
        operation if of("gone") => Response::error(operation, 404, "NotFoundException"),
        "GetStagesV2" if of("h1") => Response::json(&json!({"items": [{
            "stageName": "$default", "stageVariables": {"fn": "stores"},
            "defaultRouteSettings": {"detailedMetricsEnabled": true},
            "routeSettings": {"$default": {"detailedMetricsEnabled": false}},
        }]})),
        "GetStagesV2" => Response::json(&json!({"items": [{"stageName": "prod"}]})),
        "GetRoutes" if of("h1") && !request.target.contains("nextToken") => {
            Response::json(&json!({"nextToken": "2", "items": [
                {"routeKey": "GET /stores/{id}", "target": "integrations/i1"},
                {"routeKey": "POST /orders", "target": "integrations/i2"},
            ]}))
        }
        "GetRoutes" if of("h1") => Response::json(&json!({"items": [{"routeKey": "$default"}]})),
        "GetRoutes" => Response::json(&json!({"items": [
            {"routeKey": "track", "target": "integrations/i3"}]})),
        "GetIntegrations" if of("h1") => Response::json(&json!({"items": [
            {"integrationId": "i1", "integrationType": "AWS_PROXY",
             "integrationUri": function("${stageVariables.fn}:live")},
            {"integrationId": "i2", "integrationType": "AWS_PROXY",
             "integrationSubtype": "StepFunctions-StartExecution", "requestParameters": {
                "StateMachineArn": "arn:aws:states:eu-central-1:123456789012:stateMachine:fulfil"}},
        ]})),
        "GetIntegrations" => Response::json(&json!({"items": [
            {"integrationId": "i3", "integrationType": "AWS_PROXY", "integrationUri": format!(
                "arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{}/invocations", function("live-track"))},
        ]})),
        "GetDomainNames" => Response::json(&json!({"item": [{"domainName": "api.shop.example"}]})),
        "GetDomainNamesV2" => Response::json(&json!({"items": [
            {"domainName": "api.shop.example"}, {"domainName": "live.shop.example"}]})),
        "GetBasePathMappings" if of("live.shop.example") => {
            Response::error(request.operation, 404, "NotFoundException")
        }
        "GetBasePathMappings" => Response::json(&json!({"item": [
            {"basePath": "(none)", "restApiId": "a1b2c3", "stage": "prod"}]})),
        "GetApiMappings" if of("live.shop.example") => Response::json(&json!({"items": [
            {"apiId": "w1", "apiMappingKey": "live", "stage": "prod"}]})),
        // The mapping to the REST API a second time.
        "GetApiMappings" => Response::json(&json!({"items": [
            {"apiId": "a1b2c3", "apiMappingKey": "", "stage": "prod"},
            {"apiId": "h1", "apiMappingKey": "stores/v1", "stage": "$default"}]})),
        _ => return None,
    })
}

#[tokio::test]
async fn http_and_websocket_apis_are_found_with_their_routes_and_domains() {
    let aws = Scripted::start(http_apis).await;
    let resources = discovered(&aws).await;
    assert_eq!(names(&resources, "http-api"), ["storefront"]);
    assert_eq!(names(&resources, "websocket-api"), ["live"]);
    assert_eq!(of(&resources, "http-api", "storefront").tags["team"], "web");
    assert_eq!(
        names(&resources, "stage"),
        ["live/prod", "shop/prod", "storefront/$default"]
    );
    assert_eq!(
        names(&resources, "route"),
        [
            "$default",
            "GET /orders/{id}",
            "GET /stores/{id}",
            "POST /orders",
            "track"
        ]
    );
    let route = |name| &of(&resources, "route", name).configuration;
    let store = route("GET /stores/{id}");
    assert_eq!(
        [
            &store["protocol"],
            &store["stage"],
            &store["detailed_metrics"],
            &store["integration_target"]
        ],
        ["HTTP", "$default", "true", "stores"]
    );
    let orders = route("POST /orders");
    assert_eq!(
        [
            &orders["integration_service"],
            &orders["integration_state_machine"]
        ],
        ["states", "fulfil"]
    );
    assert_eq!(route("$default")["detailed_metrics"], "false");
    assert_eq!(
        [
            &route("track")["protocol"],
            &route("track")["integration_target"]
        ],
        ["WEBSOCKET", "live-track"]
    );
    assert_eq!(route("GET /orders/{id}")["protocol"], "REST");

    let mut domains: Vec<_> = resources
        .iter()
        .filter(|r| r.kind == "domain")
        .map(|r| {
            let of = |key: &str| r.configuration[key].as_str();
            (r.name.as_str(), of("base_path"), of("api_id"), of("stage"))
        })
        .collect();
    domains.sort_unstable();
    assert_eq!(
        domains,
        [
            ("api.shop.example", "", "a1b2c3", "prod"),
            ("api.shop.example", "stores/v1", "h1", "$default"),
            ("live.shop.example", "live", "w1", "prod"),
        ]
    );
    assert_eq!(recorded(&aws).await[0].outcome, Outcome::Complete);
}

#[tokio::test]
async fn one_kind_of_api_that_can_t_be_listed_leaves_the_other_alone() {
    let aws = Scripted::start(|request| {
        // At the second inventory, the HTTP APIs can't be listed and the REST API is gone.
        match request.operation {
            "GetApis" if request.nth > 0 => {
                Some(Response::error("GetApis", 403, "AccessDeniedException"))
            }
            "GetRestApis" if request.nth > 0 => Some(Response::json(&json!({"item": []}))),
            _ => http_apis(request),
        }
    })
    .await;
    discovered(&aws).await;
    let after = discovered(&aws).await;
    assert_eq!(names(&after, "stage"), ["live/prod", "storefront/$default"]);
    assert_eq!(
        names(&after, "route"),
        ["$default", "GET /stores/{id}", "POST /orders", "track"]
    );
}

#[tokio::test]
async fn tags_of_everything_come_in_one_listing() {
    let table = "arn:aws:dynamodb:eu-central-1:123456789012:table/carts";
    let aws = Scripted::start(move |request| match request.operation {
        "ListTags" => panic!("a call a function"),
        "TaggedResources" => Some(match request.json()["PaginationToken"].as_str() {
            None => tagged(&[(table, "team", "ü \"quoted\"")], Some("2")),
            Some(_) => tagged(
                &[
                    ("arn:aws:s3:::invoices", "team", "orders"),
                    ("arn:of:something:else", "team", "x"),
                ],
                None,
            ),
        }),
        "ListTables" | "DescribeTable" => two_tables(request),
        _ => buckets(request),
    })
    .await;
    let resources = discovered(&aws).await;
    assert_eq!(
        of(&resources, "table", "carts").tags["team"],
        "ü \"quoted\""
    );
    assert_eq!(of(&resources, "table", "orders").tags.len(), 0);
    assert_eq!(of(&resources, "bucket", "invoices").tags["team"], "orders");
}

#[tokio::test]
async fn without_the_tagging_api_functions_are_asked_and_the_rest_keeps_its_tags() {
    let table = "arn:aws:dynamodb:eu-central-1:123456789012:table/carts";
    let aws = Scripted::start(move |request| match request.operation {
        "TaggedResources" if request.nth == 0 => Some(tagged(&[(table, "team", "cart")], None)),
        "TaggedResources" => Some(Response::error(
            request.operation,
            400,
            "AccessDeniedException",
        )),
        _ => two_tables(request),
    })
    .await;
    let first = discovered(&aws).await;
    assert_eq!(of(&first, "function", "get-order").tags.len(), 0);

    let resources = discovered(&aws).await;
    assert_eq!(of(&resources, "table", "carts").tags["team"], "cart");
    assert_eq!(
        of(&resources, "function", "get-order").tags["team"],
        "orders"
    );
    let row = recorded(&aws).await.pop().unwrap();
    assert_eq!(row.outcome, Outcome::Partial);
    assert!(
        row.error
            .unwrap()
            .contains("Allow the action tag:GetResources")
    );
}

#[tokio::test]
async fn what_is_denied_of_a_bucket_is_kept_and_the_rest_is_read() {
    let aws = Scripted::start(|request| {
        // Two buckets are read; from the second inventory on, their metrics configurations are denied.
        let denied = request.operation == "ListBucketMetricsConfigurations" && request.nth >= 3;
        if denied {
            return Some(Response::error(request.operation, 403, "AccessDenied"));
        }
        buckets(request)
    })
    .await;
    let before = discovered(&aws).await;
    let after = discovered(&aws).await;
    assert_eq!(
        of(&after, "bucket", "invoices"),
        of(&before, "bucket", "invoices")
    );
    let error = recorded(&aws).await.pop().unwrap().error.unwrap();
    assert!(
        error.contains("2 of 3 buckets can't be read whole"),
        "{error}"
    );
}
