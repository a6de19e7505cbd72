//! Several accounts and Regions behind one door.

use serde_json::json;

use super::{Got, REGION, Sent, serve_these, world};
use crate::Organisation;
use crate::faults::{Fault, Rule};
use crate::organisation::{EXTERNAL_ID, SECOND_ACCOUNT, SECOND_REGION};
use crate::server::Handle;
use crate::server::service::Service;

/// A key of an account.
fn key_of(account_id: &str) -> String {
    format!("AKIASIMA{account_id}")
}

async fn shops() -> (Handle, tokio_util::sync::CancellationToken) {
    serve_these(Organisation::shops(world().config())).await
}

async fn functions(handle: &Handle, key: &str, region: &str) -> Vec<String> {
    let got = Sent::new("GET", "/2015-03-31/functions/")
        .signed_by(key, "lambda", region)
        .to(handle)
        .await;
    let listed = got.json();
    let functions = listed["Functions"].as_array().unwrap().iter();
    functions
        .map(|f| f["FunctionArn"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn the_key_chooses_the_account_and_the_scope_its_region() {
    let (handle, _cancel) = shops().await;
    let first = functions(&handle, "AKIDEXAMPLE", REGION).await;
    assert!(
        first[0].contains(":eu-central-1:123456789012:"),
        "{first:?}"
    );
    let there = functions(&handle, "AKIDEXAMPLE", SECOND_REGION).await;
    assert!(there[0].contains(":us-east-1:123456789012:"), "{there:?}");
    let second = functions(&handle, &key_of(SECOND_ACCOUNT), REGION).await;
    assert!(second[0].contains(&format!(":eu-central-1:{SECOND_ACCOUNT}:")));
    assert!(
        functions(&handle, "AKIDEXAMPLE", "ap-south-1")
            .await
            .is_empty()
    );
    assert!(
        functions(&handle, &key_of(SECOND_ACCOUNT), SECOND_REGION)
            .await
            .is_empty()
    );
    let got = Sent::new("GET", "/2015-03-31/functions/")
        .signed_by(&key_of("000000000000"), "lambda", REGION)
        .to(&handle)
        .await;
    assert_eq!(got.code(), "UnrecognizedClientException");
}

async fn assume(handle: &Handle, more: &str) -> Got {
    let mut sent = Sent::new("POST", "/").header("x-amz-date", "20260312T110000Z");
    sent.body = format!(
        "Action=AssumeRole&Version=2011-06-15&RoleSessionName=millicent&DurationSeconds=900\
         &RoleArn=arn%3Aaws%3Aiam%3A%3A{SECOND_ACCOUNT}%3Arole%2Freading%2FMillicent{more}"
    )
    .into_bytes();
    sent.signed("sts", REGION).to(handle).await
}

#[tokio::test]
async fn a_role_is_assumed_with_its_external_id() {
    let (handle, _cancel) = shops().await;
    for more in ["", "&ExternalId=wrong"] {
        let refused = assume(&handle, more).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (403, "AccessDenied")
        );
    }
    let assumed = assume(&handle, &format!("&ExternalId={EXTERNAL_ID}"))
        .await
        .text();
    let part = |name: &str| {
        let (_, rest) = assumed.split_once(&format!("<{name}>")).unwrap();
        rest.split('<').next().unwrap().to_owned()
    };
    assert_eq!(
        part("Expiration"),
        "2026-03-12T11:15:00Z",
        "by the caller's clock"
    );
    let (key, token) = (part("AccessKeyId"), part("SessionToken"));
    let identity = async |token: Option<&str>| {
        let mut sent = Sent::new("POST", "/");
        sent.body = b"Action=GetCallerIdentity&Version=2011-06-15".to_vec();
        if let Some(token) = token {
            sent = sent.header("x-amz-security-token", token);
        }
        sent.signed_by(&key, "sts", REGION).to(&handle).await
    };
    let me = identity(Some(&token)).await.text();
    let arn = format!("arn:aws:sts::{SECOND_ACCOUNT}:assumed-role/Millicent/millicent");
    assert!(me.contains(&format!("<Arn>{arn}</Arn>")), "{me}");
    assert_eq!(identity(None).await.code(), "InvalidClientTokenId");
}

#[tokio::test]
async fn a_bucket_is_named_everywhere_and_answers_in_its_region() {
    let (handle, _cancel) = shops().await;
    let get = async |target: &str, region: &str| {
        Sent::new("GET", target)
            .signed("s3", region)
            .to(&handle)
            .await
    };
    let listed = get("/?max-buckets=100", REGION).await.text();
    for (name, region) in [
        ("shop-media-eu", REGION),
        ("shop-media-eu-us", SECOND_REGION),
    ] {
        let entry = format!("<Name>{name}</Name>");
        let (_, rest) = listed.split_once(&entry).unwrap();
        let told = rest.split_once("<BucketRegion>").unwrap().1;
        assert!(told.starts_with(region), "{name}: {told}");
        let other = if region == REGION {
            SECOND_REGION
        } else {
            REGION
        };
        let place = get(&format!("/{name}?location"), other).await.text();
        assert_eq!(
            place.contains(region),
            region == REGION,
            "us-east-1 has no constraint: {place}"
        );
        assert_eq!(get(&format!("/{name}?tagging"), region).await.status, 200);
        let moved = get(&format!("/{name}?tagging"), other).await;
        assert_eq!(
            (moved.status, moved.code().as_str()),
            (301, "PermanentRedirect")
        );
        assert_eq!(moved.header("x-amz-bucket-region"), Some(region));
    }
    assert!(
        !listed.contains("shop-media-eu-second"),
        "another account's"
    );
}

#[tokio::test]
async fn a_fault_can_hit_one_account_alone() {
    let (handle, _cancel) = shops().await;
    handle.set_faults_of(
        SECOND_ACCOUNT,
        vec![Rule::always(Service::Lambda, Fault::Deny)],
    );
    let status = async |key: &str| {
        let sent = Sent::new("GET", "/2015-03-31/functions/").signed_by(key, "lambda", REGION);
        sent.to(&handle).await.status
    };
    assert_eq!(status("AKIDEXAMPLE").await, 200);
    assert_eq!(status(&key_of(SECOND_ACCOUNT)).await, 403);
    let rules = Sent::new("GET", "/_simulator/faults")
        .to(&handle)
        .await
        .json();
    assert_eq!(rules[0]["account"], SECOND_ACCOUNT);
}

#[tokio::test]
async fn a_bill_is_of_all_of_an_accounts_regions() {
    let (handle, _cancel) = shops().await;
    let total = async |key: &str, filter: Option<&str>| {
        let mut question = json!({
            "TimePeriod": { "Start": "2026-03-09", "End": "2026-03-10" },
            "Granularity": "DAILY",
            "Metrics": ["UnblendedCost"],
        });
        if let Some(region) = filter {
            question["Filter"] = json!({ "Dimensions": { "Key": "REGION", "Values": [region] } });
        }
        let got = Sent::new("POST", "/")
            .header("x-amz-target", "AWSInsightsIndexService.GetCostAndUsage")
            .json(question)
            .signed_by(key, "ce", "us-east-1")
            .to(&handle)
            .await;
        let answer = got.json();
        let amount = &answer["ResultsByTime"][0]["Total"]["UnblendedCost"]["Amount"];
        amount
            .as_str()
            .unwrap()
            .parse::<rust_decimal::Decimal>()
            .unwrap()
    };
    let whole = total("AKIDEXAMPLE", None).await;
    let (here, there) = (
        total("AKIDEXAMPLE", Some(REGION)).await,
        total("AKIDEXAMPLE", Some(SECOND_REGION)).await,
    );
    let global = total("AKIDEXAMPLE", Some("global")).await;
    assert_eq!(whole, here + there + global);
    assert!(there > rust_decimal::Decimal::ZERO && there < here);
    assert_ne!(total(&key_of(SECOND_ACCOUNT), None).await, whole);
}

#[tokio::test]
async fn an_export_is_read_in_ranges_where_its_bucket_is() {
    let (handle, _cancel) = shops().await;
    let get = async |target: &str, region: &str, range: Option<&str>| {
        let mut sent = Sent::new("GET", target);
        if let Some(range) = range {
            sent = sent.header("range", range);
        }
        sent.signed("s3", region).to(&handle).await
    };
    let listed = get(
        "/millicent-exports?list-type=2&prefix=cur/shop-bill/metadata/",
        REGION,
        None,
    )
    .await
    .text();
    let key = listed
        .split_once("<Key>")
        .unwrap()
        .1
        .split_once('<')
        .unwrap()
        .0;
    let target = format!("/millicent-exports/{key}?x-id=GetObject");
    let whole = get(&target, REGION, None).await;
    let bill: serde_json::Value = whole.json();
    assert!(
        bill["dataFiles"][0]
            .as_str()
            .unwrap()
            .ends_with("-00001.csv.gz")
    );
    let part = get(&target, REGION, Some("bytes=1-5")).await;
    assert_eq!(
        (part.status, part.body.as_slice()),
        (206, &whole.body[1..=5])
    );
    assert_eq!(get(&target, SECOND_REGION, None).await.status, 301);
    let missing = get("/millicent-exports/nothing", REGION, None).await;
    assert_eq!(
        (missing.status, missing.code().as_str()),
        (404, "NoSuchKey")
    );
    let other = get("/millicent-exports-us?list-type=2", SECOND_REGION, None)
        .await
        .text();
    assert!(
        other.contains("<KeyCount>0</KeyCount>"),
        "the bill is at home: {other}"
    );
}
