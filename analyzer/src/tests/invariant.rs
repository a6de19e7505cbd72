//! Whatever is billed and whatever was measured: every line of the bill, of every account and day, is
//! attributed to the last decimal.

use std::collections::BTreeMap;
use std::time::Duration;

use millicent_lake::{Collection, CostLine, MetricPoint, Outcome, Resource, Rows, Span};
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::testing::{
    Trace, World, at, function, function_metric, line, log_bytes, requests, route, table_calls,
    table_units, window,
};
use crate::{Options, Params};

const ACCOUNTS: [&str; 2] = ["123456789012", "210987654321"];
const REGIONS: [&str; 2] = ["eu-central-1", "us-west-2"];

/// What one account has in one region; each metric may be missing.
#[derive(Debug, Clone)]
struct Place {
    account: &'static str,
    region: &'static str,
    requests: Option<f64>,
    invocations: Option<f64>,
    duration_ms: Option<f64>,
    units: Option<f64>,
    calls: Option<f64>,
    log_bytes: Option<f64>,
    traced: bool,
    in_inventory: bool,
}

impl Place {
    fn metrics(&self) -> Vec<MetricPoint> {
        let ts = "2026-11-10 08:00";
        let found = [
            self.requests
                .map(|count| requests("shop", Some("GET /a"), ts, count)),
            self.requests
                .map(|count| requests("shop", Some("GET /b"), ts, count / 3.0)),
            self.invocations
                .map(|count| function_metric("shared", "Invocations", ts, count)),
            self.duration_ms
                .map(|ms| function_metric("shared", "Duration", ts, ms)),
            self.units
                .map(|units| table_units("orders", "ConsumedWriteCapacityUnits", ts, units)),
            self.calls
                .map(|count| table_calls("orders", "PutItem", ts, count)),
            self.log_bytes
                .map(|bytes| log_bytes("/aws/lambda/shared", ts, bytes)),
        ];
        let here = |point: MetricPoint| MetricPoint {
            account_id: self.account.to_owned(),
            region: self.region.to_owned(),
            ..point
        };
        found.into_iter().flatten().map(here).collect()
    }

    fn spans(&self) -> Vec<Span> {
        if !self.traced {
            return Vec::new();
        }
        let a = Trace {
            id: 1,
            api: "shop",
            route: "GET /a",
            function: "shared",
            ts: "2026-11-10 08:01",
            ms: 100.0,
            init_ms: Some(30.0),
            calls: &[("orders", "PutItem"), ("files", "GetObject")],
        };
        let b = Trace {
            id: 2,
            route: "GET /b",
            ms: 0.0,
            init_ms: None,
            ..a.clone()
        };
        let here = |span: Span| Span {
            account_id: self.account.to_owned(),
            region: self.region.to_owned(),
            ..span
        };
        a.spans().into_iter().chain(b.spans()).map(here).collect()
    }

    fn resources(&self) -> Vec<Resource> {
        if !self.in_inventory {
            return Vec::new();
        }
        let found = [
            function("shared", "2026-11-09 00:00", "1024"),
            route("shop", "GET /a", "shared"),
            route("shop", "GET /b", "shared"),
        ];
        let here = |resource: Resource| Resource {
            account_id: self.account.to_owned(),
            region: self.region.to_owned(),
            ..resource
        };
        found.map(here).into()
    }
}

/// Nothing, hardly anything, what is usual, and more than there can be.
fn amount() -> impl Strategy<Value = Option<f64>> {
    prop::option::weighted(
        0.8,
        prop_oneof![Just(0.0), 1e-9..1e-6, 1.0..1e6_f64, Just(1e15),],
    )
}

fn places() -> impl Strategy<Value = Vec<Place>> {
    let one = |at: usize| {
        let amounts = (amount(), amount(), amount(), amount(), amount(), amount());
        (amounts, any::<bool>(), prop::bool::weighted(0.7)).prop_map(
            move |(
                (requests, invocations, duration_ms, units, calls, log_bytes),
                traced,
                known,
            )| {
                Place {
                    account: ACCOUNTS[at / 2],
                    region: REGIONS[at % 2],
                    requests,
                    invocations,
                    duration_ms,
                    units,
                    calls,
                    log_bytes,
                    traced,
                    in_inventory: known,
                }
            },
        )
    };
    (one(0), one(1), one(2), one(3)).prop_map(|(a, b, c, d)| vec![a, b, c, d])
}

fn lines() -> impl Strategy<Value = Vec<CostLine>> {
    let service = prop::sample::select(vec![
        ("AWS Lambda", "Lambda-GB-Second"),
        ("AWS Lambda", "Lambda-GB-Second-ARM"),
        ("AWS Lambda", "Request"),
        ("Amazon API Gateway", "ApiGatewayRequest"),
        ("Amazon DynamoDB", "WriteRequestUnits"),
        ("Amazon DynamoDB", "ReadRequestUnits"),
        ("Amazon Simple Storage Service", "Requests-Tier2"),
        ("AWS X-Ray", "XRay-TracesStored"),
        ("AmazonCloudWatch", "DataProcessing-Bytes"),
        ("Amazon Nothing", "Some-Unknown:thing"),
    ]);
    // Without a prefix a usage type is of us-east-1, where nothing was measured.
    let place = prop::sample::select(vec![
        ("EUC1-", Some(REGIONS[0])),
        ("USW2-", Some(REGIONS[1])),
        ("", Some("us-east-1")),
        ("Global-", None),
    ]);
    let record = prop::sample::select(vec![
        "Usage",
        "Usage",
        "Usage",
        "Tax",
        "Credit",
        "Refund",
        "SavingsPlanNegation",
    ]);
    let day = prop::sample::select(vec!["2026-11-09", "2026-11-10", "2026-11-12"]);
    let cost = prop_oneof![
        Just(0_i64),
        -1_000_000_000_000_000_i64..1_000_000_000_000_000,
        -50_i64..50,
        Just(i64::MAX),
    ];
    let quantity = prop::option::of(prop_oneof![
        Just(0_i64),
        Just(1_i64),
        -1_000_i64..1_000_000_000_000,
        Just(i64::MAX),
    ]);
    let account = prop::sample::select(ACCOUNTS.to_vec());
    let one = (service, place, record, day, cost, quantity, account).prop_map(
        |((service, kind), (prefix, region), record, day, cost, quantity, account)| CostLine {
            account_id: account.to_owned(),
            cost_usd: Decimal::new(cost, 12),
            quantity: quantity.map(|quantity| Decimal::new(quantity, 6)),
            record_type: record.to_owned(),
            // Tax has no usage type.
            usage_type: (record != "Tax").then(|| format!("{prefix}{kind}")),
            region: region.map(str::to_owned),
            ..line(day, service, kind, "0", None)
        },
    );
    prop::collection::vec(one, 40..80)
}

async fn world(places: &[Place], lines: Vec<CostLine>) -> World {
    // A busy machine is slow, and no question is dropped for it here.
    let world = World::with(Options {
        timeout: Duration::from_secs(600),
        ..Options::default()
    })
    .await;
    let all = places.iter();
    let metrics: Vec<_> = all.clone().flat_map(Place::metrics).collect();
    world.add(Rows::Metrics(metrics)).await;
    let spans: Vec<_> = all.clone().flat_map(Place::spans).collect();
    world.add(Rows::Spans(spans)).await;
    let found: Vec<_> = all.flat_map(Place::resources).collect();
    world.add(Rows::Resources(found)).await;
    world.add(Rows::Costs(lines)).await;
    let read = ACCOUNTS.map(|account| Collection {
        account_id: account.to_owned(),
        ..window(
            "cost",
            "2026-11-09 00:00",
            "2026-11-16 00:00",
            Outcome::Complete,
        )
    });
    world.add(Rows::Collections(read.to_vec())).await;
    world
}

type Sums = BTreeMap<String, Decimal>;

/// By day, account, region, service, usage type and record type.
fn key(line: &CostLine) -> String {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    [
        line.ts.date_naive().to_string(),
        line.account_id.clone(),
        or_none(&line.region),
        line.service.clone(),
        or_none(&line.usage_type),
        line.record_type.clone(),
    ]
    .join(" ")
}

async fn asked(world: &World, sql: &str) -> Sums {
    let table = world.analyzer.sql(sql).await.unwrap();
    assert!(!table.is_truncated());
    let rows = table.rows();
    rows.map(|row| {
        (
            row.text("key").unwrap().to_owned(),
            row.decimal("usd").unwrap(),
        )
    })
    .collect()
}

async fn holds(places: &[Place], lines: Vec<CostLine>) {
    let mut bill = Sums::new();
    for line in &lines {
        *bill.entry(key(line)).or_default() += line.cost_usd;
    }
    let world = world(places, lines).await;
    let parts = "select concat_ws(' ', date, account_id, coalesce(region, '-'), service, coalesce(usage_type, '-'), record_type) \
                 as key, sum(cost_usd) as usd from bill_shares group by 1";
    assert_eq!(asked(&world, parts).await, bill, "the parts are the bill");
    let nameless = world
        .analyzer
        .sql("select * from bill_shares where basis is null and place not in ('route', 'trigger') \
                or (place = 'route') <> (route is not null) or (place = 'trigger') <> (trigger is not null)")
        .await
        .unwrap();
    assert_eq!(nameless.num_rows(), 0, "{nameless:?}");

    let bounds = Params::new()
        .set("from", at("2026-11-01 00:00"))
        .set("to", at("2026-12-01 00:00"));
    let exported = world.analyzer.report("focus-export", &bounds).await;
    let mut sums = Sums::new();
    for row in exported.unwrap().table.rows() {
        let text = |name: &str| row.text(name).unwrap_or("-").to_owned();
        let day = row.timestamp("ChargePeriodStart").unwrap().date_naive();
        let key = [
            day.to_string(),
            text("SubAccountId"),
            text("RegionId"),
            text("ServiceName"),
            text("x_UsageType"),
            text("x_RecordType"),
        ]
        .join(" ");
        *sums.entry(key).or_default() += row.decimal("BilledCost").unwrap();
    }
    assert_eq!(sums, bill, "and so is what is exported");

    let report = world
        .report("reconciliation", "2026-11-01 00:00", "2026-12-01 00:00")
        .await;
    let mut sum = Decimal::ZERO;
    for row in report.table.rows() {
        let part = |name: &str| row.decimal(name).unwrap();
        let placed = part("to_routes_usd") + part("to_triggers_usd");
        let parts = placed + part("not_split_usd") + part("unexplained_usd");
        assert_eq!(parts, part("billed_usd"), "{row:?}");
        if placed != part("billed_usd") {
            assert!(row.text("reason").is_some(), "{row:?} has no reason");
        }
        sum += part("billed_usd");
    }
    assert_eq!(sum, bill.values().sum::<Decimal>());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, max_shrink_iters: 12, ..ProptestConfig::default() })]

    /// Negative lines, zeros, unknown usage types, missing metrics, several accounts and regions.
    #[test]
    fn every_bill_adds_up(places in places(), lines in lines()) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(holds(&places, lines));
    }
}
