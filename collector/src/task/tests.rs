//! Two collectors of one account on one lake, over real passes, while CloudWatch's numbers still grow.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arrow::array::RecordBatch;
use chrono::{DateTime, TimeDelta, Utc};
use ciborium::Value as Cbor;
use millicent_lake::{Collection, Lake, MetricPoint, Outcome, Table, collections, metrics};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rust_decimal::Decimal;
use tokio_util::sync::CancellationToken;

use crate::testing::{Request, Response, Scripted, TestClock, get, metric_data};
use crate::{Clock, CollectConfig, Collector};

/// What CloudWatch knows of a minute grows for so long.
const GROWS: i64 = 15 * 60;

/// Every minute has 15; a minute that is younger than 15 minutes has less.
fn growing(request: &Request, now: DateTime<Utc>) -> Option<Response> {
    if request.operation != "GetMetricData" {
        return None;
    }
    let asked = request.cbor();
    let time = |key: &str| match get(&asked, key) {
        Some(Cbor::Tag(1, time)) => match time.as_ref() {
            Cbor::Float(seconds) => *seconds as i64,
            Cbor::Integer(seconds) => i64::try_from(*seconds).unwrap(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    let (from, to) = (time("StartTime"), time("EndTime"));
    let minutes = (from..to).step_by(60);
    let values = minutes.map(|ts| ((now.timestamp() - ts).clamp(0, GROWS) / 60) as f64);
    let values: Vec<f64> = values.collect();
    // Not the same pace each time, so that the two meet in other places.
    std::thread::sleep(Duration::from_millis(request.nth as u64 * 7 % 11));
    Some(metric_data(request, "Complete", &values))
}

async fn account() -> Scripted {
    let clock: Arc<OnceLock<Arc<TestClock>>> = Arc::default();
    let read = Arc::clone(&clock);
    let aws = Scripted::start(move |request| growing(request, read.get()?.now())).await;
    let _ = clock.set(Arc::clone(&aws.clock));
    aws
}

async fn collector(aws: &Scripted, config: &CollectConfig) -> Collector {
    let lake = Lake::open(aws.lake.location()).await.unwrap();
    Collector::connect(config.clone(), lake, aws.clock.clone())
        .await
        .unwrap()
}

async fn batches(aws: &Scripted, table: Table) -> Vec<RecordBatch> {
    let files = aws.lake.delta_table(table).await.unwrap();
    let mut batches = Vec::new();
    for file in files.get_file_uris().unwrap() {
        let path = file
            .strip_prefix("file://")
            .unwrap_or(&file)
            .replace("%3D", "=");
        let file = std::fs::File::open(path).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        batches.extend(reader.build().unwrap().map(Result::unwrap));
    }
    batches
}

/// Every value between two times by what it is of; none is there twice.
async fn values(aws: &Scripted, from: &str, to: &str) -> BTreeMap<String, String> {
    let span: Vec<DateTime<Utc>> = [from, to].map(|at| at.parse().unwrap()).to_vec();
    let mut found = BTreeMap::new();
    for batch in batches(aws, Table::Metrics).await {
        for row in metrics::from_record_batch(&batch).unwrap() {
            let MetricPoint {
                service,
                resource,
                stage,
                route,
                metric,
                ts,
                ..
            } = &row;
            if (span[0]..span[1]).contains(ts) {
                let what = format!("{ts} {service} {resource} {stage:?} {route:?} {metric}");
                let value = format!(
                    "{:?} {:?} {:?} {:?}",
                    row.sample_count, row.sum, row.max, row.p95
                );
                assert_eq!(
                    found.insert(what.clone(), value),
                    None,
                    "{what} is there twice"
                );
            }
        }
    }
    found
}

async fn recorded(aws: &Scripted) -> Vec<Collection> {
    let mut rows = Vec::new();
    for batch in batches(aws, Table::Collections).await {
        rows.extend(collections::from_record_batch(&batch).unwrap());
    }
    rows.sort_by_key(|row| (row.source.clone(), row.ts));
    rows
}

async fn pass(collector: Collector, at: DateTime<Utc>) -> Decimal {
    let summary = collector.pass(at, &CancellationToken::new(), &|_| {}).await;
    summary.unwrap().cost_usd()
}

/// Passes of two at once, every five minutes; some of the second's are cut off half-way.
async fn two_at_once(cut_off: bool) {
    let aws = account().await;
    let config = CollectConfig {
        history: TimeDelta::hours(2),
        ..aws.config()
    };
    let ours = collector(&aws, &config).await;
    let mut theirs = collector(&aws, &config).await;
    let mut cost = Decimal::ZERO;
    for round in 0..12u64 {
        let now = aws.clock.now();
        let first = tokio::spawn(pass(ours.clone(), now));
        let second = tokio::spawn(pass(theirs.clone(), now));
        if cut_off && round % 2 == 1 {
            tokio::time::sleep(Duration::from_millis(40 * round)).await;
            second.abort();
            let _ = second.await;
            theirs = collector(&aws, &config).await;
        } else {
            cost += second.await.unwrap();
        }
        cost += first.await.unwrap();
        if round % 4 == 3 {
            let keeper = aws.lake.clone();
            tokio::spawn(async move { keeper.maintain(now).await.unwrap() });
        }
        aws.clock.advance(TimeDelta::minutes(5));
    }
    aws.clock.advance(TimeDelta::minutes(90));
    cost += pass(ours, aws.clock.now()).await;
    if !cut_off {
        let counted: Decimal = recorded(&aws).await.iter().map(|row| row.cost_usd).sum();
        assert_eq!(counted, cost, "every call of both is paid for once");
    }
    for pair in recorded(&aws).await.windows(2) {
        if pair[0].source == pair[1].source {
            assert!(pair[0].window_end <= pair[1].ts, "{pair:#?}");
        }
    }

    // One alone, who reads everything at the end.
    let calm = account().await;
    calm.clock.advance(aws.clock.now() - calm.clock.now());
    let config = CollectConfig {
        history: TimeDelta::hours(5),
        ..calm.config()
    };
    pass(collector(&calm, &config).await, calm.clock.now()).await;
    let (from, to) = ("2026-11-24T07:00:00Z", "2026-11-24T11:00:00Z");
    let expected = values(&calm, from, to).await;
    assert!(expected.len() > 4 * 60, "{}", expected.len());
    assert_eq!(values(&aws, from, to).await, expected);
    let to: DateTime<Utc> = to.parse().unwrap();
    for row in recorded(&aws).await {
        let settled = row.source.ends_with("-metrics") && row.window_end <= to;
        assert!(!settled || row.outcome == Outcome::Complete, "{row:#?}");
    }
    let resources = async |aws: &Scripted| -> usize {
        batches(aws, Table::Resources)
            .await
            .iter()
            .map(RecordBatch::num_rows)
            .sum()
    };
    assert_eq!(resources(&aws).await, resources(&calm).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_collectors_at_once_are_as_one() {
    two_at_once(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_collector_that_is_cut_off_leaves_nothing_wrong_to_the_other() {
    two_at_once(true).await;
}
