//! Several accounts and regions against a scripted AWS, over the real SDK.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::TimeDelta;
use millicent_lake::Collection;

use super::*;
use crate::config::{ExternalId, Role};
use crate::gate::AT_ONCE;
use crate::source::{Source, System};
use crate::testing::{Request, Response, Scripted};

const HUB: &str = "111111111111";
const SHOP: &str = "222222222222";
const DATA: &str = "333333333333";

fn identity(account: &str) -> Response {
    Response::xml(
        200,
        &format!(
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>{account}</Account>\
             <Arn>arn:aws:iam::{account}:user/m</Arn><UserId>U</UserId></GetCallerIdentityResult>\
             </GetCallerIdentityResponse>"
        ),
    )
}

fn assumed(account: &str) -> Response {
    Response::xml(
        200,
        &format!(
            "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ROLE{account}</AccessKeyId>\
             <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
             <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser>\
             <AssumedRoleId>A:m</AssumedRoleId><Arn>arn:aws:sts::{account}:assumed-role/millicent/m</Arn>\
             </AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>"
        ),
    )
}

fn refused(code: &str) -> Response {
    Response::xml(
        403,
        &format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>\
             <Message>not authorized to perform sts:AssumeRole</Message></Error></ErrorResponse>"
        ),
    )
}

/// Each role's account gives its role to who knows the external id.
fn organisation(request: &Request) -> Option<Response> {
    let body = String::from_utf8_lossy(&request.body);
    match request.operation {
        "GetCallerIdentity" => Some(identity(request.key().strip_prefix("role").unwrap_or(HUB))),
        "AssumeRole" => {
            let account = [SHOP, DATA].into_iter().find(|id| body.contains(id))?;
            let known = body.contains("ExternalId=tenant-4711");
            Some(if known {
                assumed(account)
            } else {
                refused("AccessDenied")
            })
        }
        _ => None,
    }
}

fn account(aws: &Scripted, name: &str, role_of: Option<&str>, regions: &[&str]) -> AccountConfig {
    AccountConfig {
        name: name.to_owned(),
        account_id: None,
        regions: regions.iter().map(|region| (*region).to_owned()).collect(),
        collect: CollectConfig {
            region: regions[0].to_owned(),
            role: role_of.map(|account| Role {
                arn: format!("arn:aws:iam::{account}:role/millicent"),
                external_id: Some(ExternalId("tenant-4711".to_owned())),
            }),
            sources: vec![
                Source::Discovery,
                Source::Metrics(System::Lambda),
                Source::Cost,
            ],
            ..aws.config()
        },
    }
}

async fn connect(aws: &Scripted, accounts: Vec<AccountConfig>) -> Result<Estate, CollectError> {
    let config = EstateConfig {
        accounts,
        budget_usd_per_day: None,
    };
    Estate::connect(config, aws.lake.clone(), aws.clock.clone()).await
}

async fn pass(estate: &Estate, aws: &Scripted) -> EstateSummary {
    let cancel = CancellationToken::new();
    estate
        .pass(aws.clock.now(), &cancel, &|_, _| {})
        .await
        .unwrap()
}

async fn recorded(aws: &Scripted, source: Source, account: &str, region: &str) -> Vec<Collection> {
    aws.lake
        .collections(source.name(), account, region, DateTime::UNIX_EPOCH)
        .await
        .unwrap()
}

fn names(summary: &EstateSummary) -> Vec<String> {
    let names = summary
        .places
        .iter()
        .map(|place| format!("{} {}", place.place.account_id, place.place.region));
    names.collect()
}

#[tokio::test]
async fn every_account_and_region_is_asked_with_its_own_credentials_and_the_bill_once() {
    type Asked = BTreeSet<(String, String, &'static str)>;
    let asked: Arc<Mutex<Asked>> = Arc::default();
    let seen = Arc::clone(&asked);
    let aws = Scripted::start(move |request| {
        if matches!(request.operation, "ListFunctions" | "GetCostAndUsage") {
            let (key, region) = (request.key().to_owned(), request.region().to_owned());
            seen.lock()
                .unwrap()
                .insert((key, region, request.operation));
        }
        organisation(request)
    })
    .await;
    let estate = connect(
        &aws,
        vec![
            account(&aws, "hub", None, &["eu-central-1"]),
            account(&aws, "shop", Some(SHOP), &["eu-central-1", "us-west-2"]),
        ],
    )
    .await
    .unwrap();
    let summary = pass(&estate, &aws).await;
    assert!(summary.is_complete(), "{summary:#?}");
    assert_eq!(
        names(&summary),
        [
            format!("{HUB} eu-central-1"),
            format!("{SHOP} eu-central-1"),
            format!("{SHOP} us-west-2")
        ]
    );
    let role = format!("role{SHOP}");
    let expected = [
        ("akidexample", "eu-central-1", "ListFunctions"),
        ("akidexample", "us-east-1", "GetCostAndUsage"),
        (&role, "eu-central-1", "ListFunctions"),
        (&role, "us-east-1", "GetCostAndUsage"),
        (&role, "us-west-2", "ListFunctions"),
    ];
    let expected = expected.map(|(key, region, what)| (key.to_owned(), region.to_owned(), what));
    assert_eq!(*asked.lock().unwrap(), BTreeSet::from(expected));
    assert_eq!(aws.calls_of("GetCostAndUsage"), 4, "two requests a bill");
    assert_eq!(recorded(&aws, Source::Cost, SHOP, "global").await.len(), 1);
    assert_eq!(
        aws.calls_of("AssumeRole"),
        2,
        "once to see whether it works, once for all clients"
    );
}

#[tokio::test]
async fn an_account_that_cannot_be_reached_holds_up_no_other_and_is_tried_again() {
    let trusted = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&trusted);
    let aws = Scripted::start(move |request| {
        let refuse = request.operation == "AssumeRole" && !told.load(Ordering::Relaxed);
        if refuse {
            Some(refused("AccessDenied"))
        } else {
            organisation(request)
        }
    })
    .await;
    let estate = connect(
        &aws,
        vec![
            account(&aws, "shop", Some(SHOP), &["eu-central-1"]),
            account(&aws, "hub", None, &["eu-central-1"]),
        ],
    )
    .await
    .unwrap();
    let plan = estate.plan(aws.clock.now()).await.unwrap();
    assert_eq!(plan.places.len(), 1);
    assert_eq!(plan.unreached[0].0.account_id, SHOP);

    let summary = pass(&estate, &aws).await;
    assert!(!summary.is_complete());
    let [shop, hub] = &summary.places[..] else {
        panic!("{summary:#?}")
    };
    assert!(
        hub.unreached.is_none() && hub.pass.is_complete(),
        "{hub:#?}"
    );
    let unreached = shop.unreached.as_ref().unwrap();
    assert_eq!(unreached.outcome, Outcome::Denied);
    for word in ["`shop`", "role/millicent", "AccessDenied", "trust policy"] {
        assert!(unreached.message.contains(word), "{unreached:?}");
    }
    assert!(!unreached.message.contains("4711"), "{unreached:?}");

    // What it misses is in the lake, source by source, so that nobody takes it for idle.
    for (source, region) in [
        (Source::Discovery, "eu-central-1"),
        (Source::Metrics(System::Lambda), "eu-central-1"),
        (Source::Cost, "global"),
    ] {
        let rows = recorded(&aws, source, SHOP, region).await;
        assert!(!rows.is_empty(), "{source:?}");
        assert!(rows.iter().all(|row| row.outcome == Outcome::Denied));
        assert!(rows[0].error.as_ref().unwrap().contains("AccessDenied"));
    }

    // Not asked at every pass; and once it works, everything that was missed is read.
    trusted.store(true, Ordering::Relaxed);
    let before = aws.calls_of("AssumeRole");
    aws.clock.advance(TimeDelta::minutes(2));
    assert!(pass(&estate, &aws).await.places[0].unreached.is_some());
    assert_eq!(aws.calls_of("AssumeRole"), before);
    aws.clock.advance(TimeDelta::minutes(4));
    let summary = pass(&estate, &aws).await;
    assert!(summary.is_complete(), "{summary:#?}");
    let rows = recorded(&aws, Source::Metrics(System::Lambda), SHOP, "eu-central-1").await;
    assert!(rows.iter().all(|row| row.outcome == Outcome::Complete));
}

#[tokio::test]
async fn where_no_account_can_be_reached_each_is_named() {
    let aws = Scripted::start(|request| {
        (request.operation == "AssumeRole").then(|| refused("AccessDenied"))
    })
    .await;
    let accounts = vec![
        account(&aws, "shop", Some(SHOP), &["eu-central-1"]),
        account(&aws, "data", Some(DATA), &["eu-central-1"]),
    ];
    let error = connect(&aws, accounts.clone()).await.err().unwrap();
    let message = error.to_string();
    assert!(
        message.contains("shop: ") && message.contains("data: "),
        "{message}"
    );
    let error = connect(&aws, accounts[..1].to_vec()).await.err().unwrap();
    assert!(matches!(error, CollectError::Role { .. }), "{error:?}");
}

#[tokio::test]
async fn credentials_of_another_account_than_configured_are_not_used() {
    let aws = Scripted::start(organisation).await;
    let mut config = account(&aws, "hub", None, &["eu-central-1"]);
    config.account_id = Some(DATA.to_owned());
    let error = connect(&aws, vec![config]).await.err().unwrap();
    let message = error.to_string();
    assert!(message.contains(HUB) && message.contains(DATA), "{message}");
    assert_eq!(aws.calls_of("ListFunctions"), 0);
}

#[tokio::test]
async fn two_entries_of_one_account_never_collect_the_same_twice() {
    let aws = Scripted::start(organisation).await;
    let estate = connect(
        &aws,
        vec![
            account(&aws, "hub", None, &["eu-central-1"]),
            account(&aws, "again", None, &["eu-central-1", "us-east-1"]),
        ],
    )
    .await
    .unwrap();
    let summary = pass(&estate, &aws).await;
    let refused: Vec<&PlaceSummary> = summary
        .places
        .iter()
        .filter(|place| place.unreached.is_some())
        .collect();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].place.to_string(), "again eu-central-1");
    assert_eq!(aws.calls_of("GetCostAndUsage"), 2, "one bill");
    assert_eq!(aws.calls_of("ListFunctions"), 2, "a region each");
}

#[tokio::test]
async fn one_budget_is_spent_by_all() {
    let aws = Scripted::start(organisation).await;
    let accounts = vec![
        account(&aws, "hub", None, &["eu-central-1"]),
        account(&aws, "shop", Some(SHOP), &["eu-central-1"]),
        account(&aws, "data", Some(DATA), &["eu-central-1"]),
    ];
    let config = EstateConfig {
        accounts,
        budget_usd_per_day: Some(Decimal::new(45, 3)),
    };
    for _ in 0..2 {
        let estate = Estate::connect(config.clone(), aws.lake.clone(), aws.clock.clone())
            .await
            .unwrap();
        pass(&estate, &aws).await;
        aws.clock.advance(TimeDelta::minutes(5));
        // Two bills of two requests at a cent each fit, the third does not; nor after a restart.
        assert_eq!(aws.calls_of("GetCostAndUsage"), 4);
    }
}

#[tokio::test]
async fn what_was_recorded_under_a_name_goes_once_the_id_is_known() {
    let trusted = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&trusted);
    let aws = Scripted::start(move |request| {
        let asks = request.operation == "GetCallerIdentity" && !request.key().starts_with("role");
        if asks && !told.load(Ordering::Relaxed) {
            return Some(refused("InvalidClientTokenId"));
        }
        organisation(request)
    })
    .await;
    let accounts = vec![
        account(&aws, "hub", None, &["eu-central-1"]),
        account(&aws, "shop", Some(SHOP), &["eu-central-1"]),
    ];
    let estate = connect(&aws, accounts.clone()).await.unwrap();
    pass(&estate, &aws).await;
    let lambda = Source::Metrics(System::Lambda);
    assert!(
        !recorded(&aws, lambda, "hub", "eu-central-1")
            .await
            .is_empty()
    );
    trusted.store(true, Ordering::Relaxed);
    let estate = connect(&aws, accounts).await.unwrap();
    assert!(pass(&estate, &aws).await.is_complete());
    assert!(
        recorded(&aws, lambda, "hub", "eu-central-1")
            .await
            .is_empty()
    );
    assert!(!recorded(&aws, lambda, HUB, "eu-central-1").await.is_empty());
}

#[tokio::test]
async fn more_accounts_than_work_at_once_are_all_collected() {
    let aws = Scripted::start(|request| {
        let body = String::from_utf8_lossy(&request.body);
        match request.operation {
            "GetCallerIdentity" => Some(identity(request.key().strip_prefix("role")?)),
            "AssumeRole" => {
                let role = body.split("iam%3A%3A").nth(1)?;
                Some(assumed(role.get(..12)?))
            }
            _ => None,
        }
    })
    .await;
    let count = 3 * AT_ONCE;
    let accounts = (0..count).map(|n| {
        let id = format!("{:012}", 500_000_000_000 + n);
        let mut account = account(&aws, &format!("a{n}"), Some(&id), &["eu-central-1"]);
        account.collect.sources = vec![Source::Discovery];
        account
    });
    let estate = connect(&aws, accounts.collect()).await.unwrap();
    let summary = pass(&estate, &aws).await;
    assert!(summary.is_complete(), "{summary:#?}");
    assert_eq!(summary.places.len(), count);
    assert_eq!(aws.calls_of("ListFunctions"), count);
}

#[tokio::test]
async fn a_clock_that_is_off_is_said_so() {
    for code in ["RequestTimeTooSkewed", "RequestExpired"] {
        let aws = Scripted::start(move |request| {
            matches!(request.operation, "GetCallerIdentity" | "AssumeRole").then(|| refused(code))
        })
        .await;
        for role in [None, Some(SHOP)] {
            let accounts = vec![account(&aws, "shop", role, &["eu-central-1"])];
            let error = connect(&aws, accounts).await.err().unwrap();
            let message = error.to_string();
            assert!(
                message.contains("the clock of this machine is off") && message.contains(code),
                "{message}"
            );
        }
    }
}

#[tokio::test]
async fn a_role_that_is_taken_away_later_denies_what_was_asked_for() {
    let taken = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&taken);
    let aws = Scripted::start(move |request| {
        // Expired at once, so that the SDK has to renew it for every call.
        if request.operation == "AssumeRole" && told.load(Ordering::Relaxed) {
            return Some(refused("AccessDenied"));
        }
        let short = "2020-01-01T00:00:00Z";
        organisation(request).map(|response| response.replacing("2099-01-01T00:00:00Z", short))
    })
    .await;
    let accounts = vec![account(&aws, "shop", Some(SHOP), &["eu-central-1"])];
    let estate = connect(&aws, accounts).await.unwrap();
    taken.store(true, Ordering::Relaxed);
    let summary = pass(&estate, &aws).await;
    let cost = summary.places[0].pass.sources.iter();
    let cost = cost.clone().find(|s| s.source == Source::Cost).unwrap();
    assert_eq!(cost.incidents[0].outcome, Outcome::Denied, "{cost:#?}");
    assert!(
        cost.incidents[0]
            .message
            .contains("can't be assumed any more"),
        "{cost:#?}"
    );
}

#[tokio::test]
async fn an_empty_account_is_collected_and_has_nothing() {
    let aws = Scripted::start(|request| match request.operation {
        "ListFunctions" => Some(Response::json(&serde_json::json!({"Functions": []}))),
        "GetRestApis" => Some(Response::json(&serde_json::json!({"item": []}))),
        _ => organisation(request),
    })
    .await;
    let mut hub = account(&aws, "hub", None, &["eu-central-1"]);
    hub.collect.sources = Source::ALL.to_vec();
    let estate = connect(&aws, vec![hub]).await.unwrap();
    let summary = pass(&estate, &aws).await;
    assert!(summary.is_complete(), "{summary:#?}");
    assert_eq!(aws.calls_of("GetMetricData"), 0);
    // A day without anything is a complete day, and not one that is missing.
    let rows = recorded(&aws, Source::Metrics(System::Lambda), HUB, "eu-central-1").await;
    assert!(!rows.is_empty() && rows.iter().all(|row| row.outcome == Outcome::Complete));
}
