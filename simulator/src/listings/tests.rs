mod triggers;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::aws_errors::AwsError;
use crate::estate::{Api, Protocol};
use crate::server::answer::Answer;
use crate::server::ask::Ask;
use crate::server::recognise::recognise;
use crate::server::service::{Call, Service, Wire};
use crate::{SimConfig, World};

fn world() -> Arc<World> {
    let anchor: DateTime<Utc> = "2026-03-12T12:00:00Z".parse().unwrap();
    World::new(SimConfig::new(11, anchor - TimeDelta::days(5), anchor))
}

/// A `GET`, answered at a time that many hours ago.
fn get(
    world: &World,
    target: &str,
    hours_ago: i64,
    page_size: Option<u32>,
) -> Result<Answer, AwsError> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let call = recognise(
        &axum::http::Method::GET,
        path,
        query,
        &Default::default(),
        b"",
    )
    .unwrap();
    answer(world, &call, path, query, b"", hours_ago, page_size)
}

fn answer(
    world: &World,
    call: &Call,
    path: &str,
    query: &str,
    body: &[u8],
    hours_ago: i64,
    page_size: Option<u32>,
) -> Result<Answer, AwsError> {
    let ask = Ask {
        world,
        elsewhere: &[],
        caller: &Default::default(),
        range: None,
        call,
        now: world.now() - TimeDelta::hours(hours_ago),
        lag_minutes: 0,
        page_size,
        path,
        query,
        body,
        request_id: "",
    };
    match call.service {
        Service::Lambda => super::lambda::handle(&ask),
        Service::ApiGateway => super::apigateway::handle(&ask),
        Service::ApiGatewayV2 => super::apigateway_v2::handle(&ask),
        Service::StepFunctions => super::states::handle(&ask),
        Service::Tagging => super::tagging::handle(&ask),
        Service::S3 => super::s3::handle(&ask, &Default::default()),
        _ => super::dynamodb::handle(&ask),
    }
}

fn json_of(answer: Result<Answer, AwsError>) -> Value {
    serde_json::from_slice(&answer.unwrap().body).unwrap()
}

fn text_of(answer: Result<Answer, AwsError>) -> String {
    String::from_utf8(answer.unwrap().body).unwrap()
}

fn dynamodb(
    world: &World,
    operation: &str,
    body: Value,
    page_size: Option<u32>,
) -> Result<Answer, AwsError> {
    let call = Call {
        service: Service::DynamoDb,
        operation: operation.to_owned(),
        wire: Wire::Json10,
    };
    answer(
        world,
        &call,
        "/",
        "",
        body.to_string().as_bytes(),
        0,
        page_size,
    )
}

/// Every item of a list, page by page.
fn all_pages(
    world: &World,
    target: &str,
    items: &str,
    token: &str,
    parameter: &str,
    size: u32,
) -> Vec<Value> {
    let mut found = Vec::new();
    let mut next = target.to_owned();
    loop {
        let page = json_of(get(world, &next, 0, Some(size)));
        assert!(page[items].as_array().unwrap().len() <= size as usize);
        found.extend(page[items].as_array().unwrap().clone());
        match page[token].as_str() {
            Some(value) => {
                let mark = if target.contains('?') { '&' } else { '?' };
                next = format!("{target}{mark}{parameter}={value}");
            }
            None => return found,
        }
    }
}

#[test]
fn pages_hold_every_item_once() {
    let world = world();
    let estate = world.estate();
    for size in [1, 2, 100] {
        let functions = all_pages(
            &world,
            "/2015-03-31/functions/",
            "Functions",
            "NextMarker",
            "Marker",
            size,
        );
        let names: Vec<&str> = functions
            .iter()
            .map(|f| f["FunctionName"].as_str().unwrap())
            .collect();
        let expected: Vec<&str> = estate.functions.iter().map(|f| f.name).collect();
        assert_eq!(names, expected);

        let apis = all_pages(&world, "/restapis", "item", "position", "position", size);
        let rest = |api: &&Api| api.protocol == Protocol::Rest;
        assert_eq!(apis.len(), estate.apis.iter().filter(rest).count());

        let target = format!("/restapis/{}/resources?embed=methods", estate.apis[0].id);
        let resources = all_pages(&world, &target, "item", "position", "position", size);
        let routes: usize = resources
            .iter()
            .filter_map(|r| r["resourceMethods"].as_object())
            .map(|methods| methods.len())
            .sum();
        assert_eq!(
            routes,
            estate.routes.iter().filter(|r| r.api.0 == 0).count()
        );

        let (mut tables, mut start) = (Vec::new(), None);
        loop {
            let body = start.as_ref().map_or(
                json!({}),
                |start| json!({ "ExclusiveStartTableName": start }),
            );
            let page = json_of(dynamodb(&world, "ListTables", body, Some(size)));
            tables.extend(page["TableNames"].as_array().unwrap().clone());
            match page.get("LastEvaluatedTableName") {
                Some(last) => start = Some(last.clone()),
                None => break,
            }
        }
        assert_eq!(tables.len(), estate.tables.len());
    }
}

#[test]
fn resources_form_a_tree_of_the_routes() {
    let world = world();
    let estate = world.estate();
    let api = &estate.apis[0];
    let page = json_of(get(
        &world,
        &format!("/restapis/{}/resources?embed=methods&limit=500", api.id),
        0,
        None,
    ));
    let resources = page["item"].as_array().unwrap();
    for resource in resources {
        let path = resource["path"].as_str().unwrap();
        if path == "/" {
            assert_eq!(resource["id"], api.root_resource_id);
            assert!(resource.get("parentId").is_none());
            continue;
        }
        let parent = resources
            .iter()
            .find(|other| other["id"] == resource["parentId"])
            .unwrap();
        let base = parent["path"].as_str().unwrap().trim_end_matches('/');
        assert_eq!(
            format!("{base}/{}", resource["pathPart"].as_str().unwrap()),
            path
        );
    }
    let uri = estate.function(estate.routes[5].function).arn.as_str();
    let orders = resources.iter().find(|r| r["path"] == "/orders").unwrap();
    let integration = &orders["resourceMethods"]["POST"]["methodIntegration"];
    assert!(
        integration["uri"]
            .as_str()
            .unwrap()
            .ends_with(&format!("functions/{uri}/invocations"))
    );
    assert_eq!(integration["type"], "AWS_PROXY");
    // Methods come only when they are asked for.
    let bare = json_of(get(
        &world,
        &format!("/restapis/{}/resources?limit=500", api.id),
        0,
        None,
    ));
    assert!(bare["item"].as_array().unwrap().iter().all(|r| {
        r.pointer("/resourceMethods/POST/methodIntegration")
            .is_none()
    }));
}

#[test]
fn stages_say_whether_methods_have_metrics() {
    let world = world();
    for api in world.estate().apis.iter().take(2) {
        let stages = json_of(get(
            &world,
            &format!("/restapis/{}/stages", api.id),
            0,
            None,
        ));
        let stage = &stages["item"][0];
        let metrics = stage.pointer("/methodSettings/*~1*/metricsEnabled") == Some(&json!(true));
        assert_eq!(metrics, api.detailed_metrics, "{}", api.name);
        assert_eq!(stage["tracingEnabled"], api.tracing);
    }
}

#[test]
fn a_deploy_changes_the_configuration() {
    let world = world();
    let name = world.estate().functions[0].name;
    let at = |hours_ago| {
        json_of(get(
            &world,
            &format!("/2015-03-31/functions/{name}/configuration"),
            hours_ago,
            None,
        ))
    };
    let (before, after) = (at(110), at(0));
    for key in ["MemorySize", "CodeSha256", "LastModified", "RevisionId"] {
        assert_ne!(before[key], after[key], "{key}");
    }
    assert_eq!(before["FunctionArn"], after["FunctionArn"]);
    let listed = json_of(get(&world, "/2015-03-31/functions", 0, None));
    assert_eq!(listed["Functions"][0]["MemorySize"], after["MemorySize"]);
    assert!(
        listed["Functions"][0].get("State").is_none(),
        "a list leaves the state out"
    );
}

#[test]
fn names_and_arns_find_a_function_and_others_do_not() {
    let world = world();
    let function = &world.estate().functions[2];
    let encoded = function.arn.replace(':', "%3A");
    for name in [function.name, encoded.as_str()] {
        let aliases = json_of(get(
            &world,
            &format!("/2015-03-31/functions/{name}/aliases"),
            0,
            None,
        ));
        assert_eq!(
            aliases["Aliases"][0]["AliasArn"],
            format!("{}:live", function.arn)
        );
    }
    let tags = json_of(get(&world, &format!("/2017-03-31/tags/{encoded}"), 0, None));
    assert_eq!(tags["Tags"][function.tags[0].0], function.tags[0].1);
    let error = get(&world, "/2015-03-31/functions/nobody/aliases", 0, None).unwrap_err();
    assert_eq!(
        (error.status, error.code.as_str()),
        (404, "ResourceNotFoundException")
    );
    let error = get(&world, "/restapis/nobody/stages", 0, None).unwrap_err();
    assert_eq!(
        (error.status, error.code.as_str()),
        (404, "NotFoundException")
    );
    let error = dynamodb(
        &world,
        "DescribeTable",
        json!({ "TableName": "nothing" }),
        None,
    )
    .unwrap_err();
    assert_eq!(
        (error.status, error.code.as_str()),
        (400, "ResourceNotFoundException")
    );
    let error = get(&world, "/nobody?location", 0, None).unwrap_err();
    assert_eq!((error.status, error.code.as_str()), (404, "NoSuchBucket"));
}

#[test]
fn tables_are_on_demand() {
    let world = world();
    let table = &world.estate().tables[0];
    let description = json_of(dynamodb(
        &world,
        "DescribeTable",
        json!({ "TableName": table.arn }),
        None,
    ));
    assert_eq!(description["Table"]["TableName"], table.name);
    assert_eq!(
        description["Table"]["BillingModeSummary"]["BillingMode"],
        "PAY_PER_REQUEST"
    );
}

#[test]
fn buckets_are_listed_and_placed() {
    let world = world();
    let whole = text_of(get(&world, "/", 0, None));
    for bucket in &world.estate().buckets {
        assert!(whole.contains(&format!("<Name>{}</Name>", bucket.name)));
        let location = text_of(get(&world, &format!("/{}?location", bucket.name), 0, None));
        assert!(
            location.ends_with(">eu-central-1</LocationConstraint>"),
            "{location}"
        );
    }
    assert!(
        !whole.contains("BucketRegion"),
        "only a paged list tells the Region"
    );
    let first = text_of(get(&world, "/?max-buckets=2", 0, None));
    let token = first
        .split_once("<ContinuationToken>")
        .unwrap()
        .1
        .split_once('<')
        .unwrap()
        .0;
    let second = text_of(get(
        &world,
        &format!("/?max-buckets=2&continuation-token={token}"),
        0,
        None,
    ));
    assert!(
        second.contains("<BucketRegion>eu-central-1</BucketRegion>")
            && !second.contains("ContinuationToken")
    );
    assert_ne!(first, second);
}
