//! What starts functions: HTTP and WebSocket APIs, event sources, buckets, state machines.

use serde_json::{Value, json};

use super::{all_pages, answer, get, json_of, text_of, world};
use crate::estate::{ApiId, Protocol};
use crate::server::service::{Call, Service, Wire};

fn posted(service: Service, operation: &str, body: Value) -> Value {
    let call = Call {
        service,
        operation: operation.to_owned(),
        wire: Wire::Json10,
    };
    let body = body.to_string();
    json_of(answer(&world(), &call, "/", "", body.as_bytes(), 0, None))
}

#[test]
fn every_route_leads_to_its_function() {
    let world = world();
    let estate = world.estate();
    for (at, api) in estate
        .apis
        .iter()
        .enumerate()
        .filter(|(_, a)| a.protocol != Protocol::Rest)
    {
        let list = |what: &str, size| {
            let target = format!("/v2/apis/{}/{what}", api.id);
            all_pages(&world, &target, "items", "nextToken", "nextToken", size)
        };
        let (routes, integrations) = (list("routes", 1), list("integrations", 3));
        let expected = estate
            .routes
            .iter()
            .filter(|route| route.api == ApiId(at as u16));
        for (route, expected) in routes.iter().zip(expected) {
            assert_eq!(route["routeKey"], expected.key());
            let target = route["target"]
                .as_str()
                .unwrap()
                .replace("integrations/", "");
            let own = integrations
                .iter()
                .find(|i| i["integrationId"] == target)
                .unwrap();
            let uri = own["integrationUri"].as_str().unwrap();
            assert!(
                uri.contains(&estate.function(expected.function).arn),
                "{uri}"
            );
            assert_eq!(
                uri.ends_with("/invocations"),
                api.protocol == Protocol::WebSocket
            );
        }
        assert_eq!(routes.len(), 4);
    }
    // Neither version of the service knows the other's APIs.
    assert!(get(&world, "/v2/apis/a1b2c3shop/routes", 0, None).is_err());
    assert!(get(&world, "/restapis/h7t8t9fron/stages", 0, None).is_err());
}

#[test]
fn one_path_lists_and_gets_provisioned_concurrency() {
    let world = world();
    let path = "/2019-09-30/functions/shop-search/provisioned-concurrency";
    let listed = json_of(get(&world, &format!("{path}?List=ALL"), 0, None));
    let config = &listed["ProvisionedConcurrencyConfigs"][0];
    assert_eq!(config["RequestedProvisionedConcurrentExecutions"], 2);
    assert!(
        config["FunctionArn"]
            .as_str()
            .unwrap()
            .ends_with(":shop-search:live")
    );
    let one = json_of(get(&world, &format!("{path}?Qualifier=live"), 0, None));
    assert_eq!(one["AllocatedProvisionedConcurrentExecutions"], 2);
    let error = get(&world, &format!("{path}?Qualifier=1"), 0, None).unwrap_err();
    assert_eq!(error.code, "ProvisionedConcurrencyConfigNotFoundException");
}

/// Neither provisioned environments nor snapshots are there for `$LATEST`.
#[test]
fn what_starts_by_its_alias_is_called_by_it() {
    let world = world();
    let mappings = json_of(get(&world, "/2015-03-31/event-source-mappings", 0, None));
    let mappings = mappings["EventSourceMappings"].as_array().unwrap().clone();
    let by_alias: Vec<_> = mappings
        .iter()
        .map(|mapping| mapping["FunctionArn"].as_str().unwrap())
        .filter(|arn| arn.ends_with(":live"))
        .collect();
    let (account, region) = (&world.estate().account_id, &world.estate().region);
    let projector = format!("arn:aws:lambda:{region}:{account}:function:shop-projector:live");
    assert_eq!(by_alias, [projector]);
    let versions = "/2015-03-31/functions/shop-projector/versions";
    let versions = json_of(get(&world, versions, 0, None))["Versions"].clone();
    let told: Vec<_> = versions
        .as_array()
        .unwrap()
        .iter()
        .map(|version| {
            let snap_start = &version["SnapStart"];
            (
                &version["Version"],
                &snap_start["ApplyOn"],
                &snap_start["OptimizationStatus"],
            )
        })
        .map(|(number, on, status)| format!("{number} {on} {status}"))
        .collect();
    let on = ["\"$LATEST\"", "\"1\""].map(|number| format!("{number} \"PublishedVersions\""));
    assert_eq!(
        told,
        [format!("{} \"Off\"", on[0]), format!("{} \"On\"", on[1])]
    );
}

#[test]
fn a_deploy_publishes_a_version() {
    let world = world();
    let name = world.estate().functions[0].name;
    let versions = |hours_ago| {
        let target = format!("/2015-03-31/functions/{name}/versions");
        json_of(get(&world, &target, hours_ago, None))["Versions"].clone()
    };
    let (before, after) = (versions(110), versions(0));
    let numbers = |versions: &Value| -> Vec<Value> {
        versions
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v["Version"].clone())
            .collect()
    };
    assert_eq!(numbers(&before), ["$LATEST", "1"]);
    assert_eq!(numbers(&after), ["$LATEST", "1", "2"]);
    assert_eq!(before[1], after[1], "a version does not change");
    assert_eq!(after[0]["CodeSha256"], after[2]["CodeSha256"]);
    assert_ne!(after[1]["MemorySize"], after[2]["MemorySize"]);
}

#[test]
fn a_table_tells_its_indexes_and_its_stream_to_what_reads_it() {
    let table = posted(
        Service::DynamoDb,
        "DescribeTable",
        json!({ "TableName": "shop-orders" }),
    );
    let table = &table["Table"];
    let index = &table["GlobalSecondaryIndexes"][0];
    assert_eq!(
        index["IndexArn"],
        format!("{}/index/by-customer", table["TableArn"].as_str().unwrap())
    );
    let mappings = json_of(get(&world(), "/2015-03-31/event-source-mappings/", 0, None));
    let reads = |source: &Value| {
        mappings["EventSourceMappings"]
            .as_array()
            .unwrap()
            .iter()
            .find(|mapping| mapping["EventSourceArn"] == *source)
            .map(|mapping| {
                mapping["FunctionArn"]
                    .as_str()
                    .unwrap()
                    .split(':')
                    .nth(6)
                    .unwrap()
                    .to_owned()
            })
    };
    assert_eq!(
        reads(&table["LatestStreamArn"]).as_deref(),
        Some("shop-projector")
    );
}

#[test]
fn a_bucket_tells_what_it_invokes_and_what_it_counts() {
    let world = world();
    let told = text_of(get(&world, "/shop-invoices-eu?notification", 0, None));
    assert!(
        told.contains("function:shop-invoice-index</CloudFunction>"),
        "{told}"
    );
    let media = text_of(get(&world, "/shop-media-eu?metrics", 0, None));
    assert!(
        media.contains("<Id>EntireBucket</Id></MetricsConfiguration>"),
        "{media}"
    );
    let invoices = text_of(get(&world, "/shop-invoices-eu?metrics", 0, None));
    assert!(
        invoices.contains("<Filter><Prefix>archive/</Prefix></Filter>"),
        "{invoices}"
    );
}

#[test]
fn a_state_machine_names_its_functions_in_both_ways() {
    let listed = posted(Service::StepFunctions, "ListStateMachines", json!({}));
    let arn = listed["stateMachines"][0]["stateMachineArn"].clone();
    let told = posted(
        Service::StepFunctions,
        "DescribeStateMachine",
        json!({ "stateMachineArn": arn }),
    );
    let definition: Value = serde_json::from_str(told["definition"].as_str().unwrap()).unwrap();
    let (pick, ship) = (&definition["States"]["Pick"], &definition["States"]["Ship"]);
    assert_eq!(pick["Resource"], "arn:aws:states:::lambda:invoke");
    assert!(
        pick["Parameters"]["FunctionName"]
            .as_str()
            .unwrap()
            .ends_with(":fulfil-pick")
    );
    assert!(
        ship["Resource"]
            .as_str()
            .unwrap()
            .ends_with(":function:fulfil-ship")
    );
    assert_eq!(
        definition["States"][ship["Next"].as_str().unwrap()]["Type"],
        "Succeed"
    );
}

#[test]
fn both_protocols_list_the_same_tags() {
    let input = json!({ "ResourceTypeFilters": ["lambda:function"], "ResourcesPerPage": 5 });
    let json = posted(Service::Tagging, "GetResources", input.clone());
    let mut body = Vec::new();
    ciborium::into_writer(&input, &mut body).unwrap();
    let call = Call {
        service: Service::Tagging,
        operation: "GetResources".to_owned(),
        wire: Wire::Cbor,
    };
    let cbor = answer(&world(), &call, "/", "", &body, 0, None).unwrap();
    let cbor: Value = ciborium::from_reader(cbor.body.as_slice()).unwrap();
    assert_eq!(cbor, json);
    assert_eq!(json["ResourceTagMappingList"].as_array().unwrap().len(), 5);
    assert!(!json["PaginationToken"].as_str().unwrap().is_empty());
    let last = posted(
        Service::Tagging,
        "GetResources",
        json!({ "ResourceTypeFilters": ["sqs"] }),
    );
    assert_eq!(
        last["PaginationToken"], "",
        "there, and empty, on the last page"
    );
}
