//! Replacing a slice: exactly its rows, whatever the files are.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::samples::{self, NAMES, metric};
use super::{all_metrics, at, scratch};
use crate::*;

fn slice(service: &str, from: DateTime<Utc>, to: DateTime<Utc>) -> Slice {
    let equal = vec![
        ("account_id", "111122223333".to_owned()),
        ("region", "eu-central-1".to_owned()),
        ("service", service.to_owned()),
    ];
    Slice {
        table: Table::Metrics,
        equal,
        from,
        to,
    }
}

#[tokio::test]
async fn twice_is_once() {
    let (_folder, lake) = scratch().await;
    let rows: Vec<_> = (0..48)
        .map(|i| metric("lambda", "f", at(1 + i / 24, i % 24), f64::from(i)))
        .collect();
    let slice = slice("lambda", at(1, 0), at(3, 0));
    for _ in 0..3 {
        assert_eq!(
            lake.replace(&slice, Rows::Metrics(rows.clone()))
                .await
                .unwrap(),
            48
        );
        assert_eq!(all_metrics(&lake).await.unwrap(), rows);
    }
    assert_eq!(
        lake.replace(&slice, Rows::Metrics(Vec::new()))
            .await
            .unwrap(),
        0
    );
    assert_eq!(all_metrics(&lake).await.unwrap(), []);
}

#[tokio::test]
async fn a_replacement_is_one_commit() {
    let (_folder, lake) = scratch().await;
    let slice = slice("lambda", at(1, 0), at(3, 0));
    for version in 1..4 {
        let rows = vec![
            metric("lambda", "f", at(1, 0), 1.0),
            metric("lambda", "f", at(2, 0), 2.0),
        ];
        lake.replace(&slice, Rows::Metrics(rows)).await.unwrap();
        assert_eq!(
            lake.delta_table(Table::Metrics).await.unwrap().version(),
            Some(version)
        );
    }
    lake.replace(&slice, Rows::Metrics(Vec::new()))
        .await
        .unwrap();
    lake.replace(&slice, Rows::Metrics(Vec::new()))
        .await
        .unwrap();
    let version = lake.delta_table(Table::Metrics).await.unwrap().version();
    assert_eq!(version, Some(4), "nothing to remove is no commit");
}

#[tokio::test]
async fn windows_are_half_open() {
    let (_folder, lake) = scratch().await;
    let just = TimeDelta::microseconds(1);
    let times = [at(1, 1) - just, at(1, 1), at(1, 2) - just, at(1, 2)];
    let rows = times
        .iter()
        .zip(0..)
        .map(|(ts, id)| metric("lambda", "f", *ts, f64::from(id)));
    lake.append(Rows::Metrics(rows.collect())).await.unwrap();
    lake.replace(
        &slice("lambda", at(1, 1), at(1, 2)),
        Rows::Metrics(Vec::new()),
    )
    .await
    .unwrap();
    let left: Vec<_> = all_metrics(&lake)
        .await
        .unwrap()
        .iter()
        .map(|row| row.ts)
        .collect();
    assert_eq!(left, [times[0], times[3]]);
}

#[tokio::test]
async fn what_is_finer_than_a_microsecond_belongs_to_the_microsecond() {
    let (_folder, lake) = scratch().await;
    let late = at(1, 2) - TimeDelta::nanoseconds(1);
    let slice = slice("lambda", at(1, 1), at(1, 2));
    for _ in 0..2 {
        lake.replace(
            &slice,
            Rows::Metrics(vec![metric("lambda", "f", late, 1.0)]),
        )
        .await
        .unwrap();
    }
    let rows = all_metrics(&lake).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].ts, at(1, 2) - TimeDelta::microseconds(1));
}

#[tokio::test]
async fn others_in_the_same_file_stay() {
    let (_folder, lake) = scratch().await;
    let mut rows = Vec::new();
    for (service, name) in [
        ("lambda", NAMES[1]),
        ("apigateway", NAMES[2]),
        ("lambda", NAMES[5]),
    ] {
        for hour in 0..24 {
            rows.push(metric(service, name, at(1, hour), rows.len() as f64));
        }
    }
    lake.append(Rows::Metrics(rows.clone())).await.unwrap();
    let new = metric("lambda", "new", at(1, 6), 1000.0);
    let slice = slice("lambda", at(1, 6), at(1, 12));
    lake.replace(&slice, Rows::Metrics(vec![new.clone()]))
        .await
        .unwrap();
    rows.retain(|row| row.service != "lambda" || row.ts < at(1, 6) || row.ts >= at(1, 12));
    rows.push(new);
    assert_eq!(all_metrics(&lake).await.unwrap(), rows);
}

#[tokio::test]
async fn a_file_that_has_nothing_of_the_slice_is_not_touched() {
    let (_folder, lake) = scratch().await;
    let rows = vec![
        metric("lambda", "f", at(1, 0), 0.0),
        metric("lambda", "f", at(1, 9), 1.0),
    ];
    lake.append(Rows::Metrics(rows)).await.unwrap();
    let files = async || {
        let table = lake.delta_table(Table::Metrics).await.unwrap();
        table.get_file_uris().unwrap().collect::<Vec<_>>()
    };
    let before = files().await;
    let between = slice("lambda", at(1, 3), at(1, 6));
    lake.replace(
        &between,
        Rows::Metrics(vec![metric("lambda", "f", at(1, 4), 2.0)]),
    )
    .await
    .unwrap();
    let after = files().await;
    assert!(
        after.len() == 2 && after.contains(&before[0]),
        "{before:?} {after:?}"
    );
}

#[tokio::test]
async fn rows_outside_of_the_slice_are_refused() {
    let (_folder, lake) = scratch().await;
    let slice = slice("lambda", at(1, 0), at(2, 0));
    for outside in [
        metric("lambda", "f", at(2, 0), 1.0),
        metric("s3", "b", at(1, 0), 1.0),
    ] {
        let inside = metric("lambda", "f", at(1, 0), 1.0);
        let rows = Rows::Metrics(vec![inside, outside]);
        let error = lake.replace(&slice, rows).await.unwrap_err();
        assert!(
            matches!(error, LakeError::OutsideSlice { count: 1, .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains("service = 'lambda'"), "{error}");
    }
    assert_eq!(all_metrics(&lake).await.unwrap(), []);
}

#[tokio::test]
async fn a_slice_has_to_fit_the_table() {
    let (_folder, lake) = scratch().await;
    for column in ["colour", "period_s", "date"] {
        let mut slice = slice("lambda", at(1, 0), at(2, 0));
        slice.equal.push((column, "1".into()));
        let error = lake
            .replace(&slice, Rows::Metrics(Vec::new()))
            .await
            .unwrap_err();
        assert!(error.to_string().contains(column), "{error}");
    }
    let error = lake
        .replace(&slice("x", at(1, 0), at(2, 0)), Rows::Spans(Vec::new()))
        .await;
    assert!(
        matches!(error, Err(LakeError::WrongTable { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn costs_are_replaced_by_source_and_keep_other_sources() {
    let (_folder, lake) = scratch().await;
    let mut other = samples::cost(at(1, 0), Decimal::ONE, "cur");
    other.source = "cur".into();
    lake.append(Rows::Costs(vec![
        other.clone(),
        samples::cost(at(1, 0), Decimal::TWO, "old"),
    ]))
    .await
    .unwrap();
    let equal = vec![("source", "cost-explorer".to_owned())];
    let slice = Slice {
        table: Table::Costs,
        equal,
        from: at(1, 0),
        to: at(15, 0),
    };
    let restated = samples::cost(at(1, 0), "1.999999999999".parse().unwrap(), "new");
    lake.replace(&slice, Rows::Costs(vec![restated.clone()]))
        .await
        .unwrap();
    let everything = crate::slice::Filter::everything();
    let mut rows = lake
        .rows(Table::Costs, &everything, costs::from_record_batch)
        .await
        .unwrap();
    rows.sort_by_key(|row| row.cost_usd);
    assert_eq!(rows, [other, restated]);
}

#[tokio::test]
async fn a_window_is_recorded_once() {
    let (_folder, lake) = scratch().await;
    let hour = |hour, outcome| samples::collection(at(1, hour), 1, outcome);
    for (start, outcome) in [
        (3, Outcome::Throttled),
        (4, Outcome::Complete),
        (3, Outcome::Partial),
        (3, Outcome::Complete),
    ] {
        lake.record_collection(hour(start, outcome)).await.unwrap();
    }
    let day = samples::collection(at(1, 3), 24, Outcome::Denied);
    lake.record_collection(day.clone()).await.unwrap();
    let mut other = hour(3, Outcome::Failed);
    other.source = "cost".into();
    lake.record_collection(other.clone()).await.unwrap();
    let traces = lake
        .collections("traces", "111122223333", "eu-central-1", at(1, 0))
        .await;
    let expected = [hour(3, Outcome::Complete), day, hour(4, Outcome::Complete)];
    assert_eq!(traces.unwrap(), expected);
    let since = lake
        .collections("traces", "111122223333", "eu-central-1", at(1, 4))
        .await
        .unwrap();
    assert_eq!(since, [hour(4, Outcome::Complete)]);
    let cost = lake
        .collections("cost", "111122223333", "eu-central-1", at(1, 0))
        .await
        .unwrap();
    assert_eq!(cost, [other]);
}

#[tokio::test]
async fn a_resource_is_as_it_was_found_last() {
    let (_folder, lake) = scratch().await;
    let row = samples::resource;
    let gone = Resource {
        deleted: true,
        ..row(at(1, 2), "b", "128")
    };
    let rows = vec![
        row(at(1, 0), "a", "128"),
        row(at(1, 3), "a", "512"),
        row(at(1, 1), "a", "256"),
    ];
    lake.append(Rows::Resources(rows)).await.unwrap();
    lake.append(Rows::Resources(vec![gone, row(at(1, 1), "b", "128")]))
        .await
        .unwrap();
    let current = lake
        .current_resources("111122223333", "eu-central-1")
        .await
        .unwrap();
    assert_eq!(current, [row(at(1, 3), "a", "512")]);
    assert_eq!(
        lake.current_resources("1", "eu-central-1").await.unwrap(),
        []
    );
}

/// One step: into which of two handles of the same lake, and what.
#[derive(Debug, Clone)]
enum Step {
    Append {
        second: bool,
        rows: Vec<(u8, u8, u8)>,
    },
    Replace {
        second: bool,
        service: u8,
        from: u8,
        to: u8,
        rows: Vec<(u8, u8)>,
    },
}

const SERVICES: [&str; 3] = ["lambda", "apigateway", "it's"];

/// Eight-hour steps over five days, so that windows cross midnights.
fn time(step: u8) -> DateTime<Utc> {
    at(1, 0) + TimeDelta::hours(8 * i64::from(step))
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let append = (
        any::<bool>(),
        prop::collection::vec((0..3u8, 0..3u8, 0..15u8), 0..12),
    )
        .prop_map(|(second, rows)| Step::Append { second, rows });
    let replace = (
        any::<bool>(),
        0..3u8,
        0..15u8,
        1..7u8,
        prop::collection::vec((0..3u8, 0..6u8), 0..6),
    )
        .prop_map(|(second, service, from, length, rows)| {
            let rows = rows
                .into_iter()
                .filter(|(_, offset)| *offset < length)
                .collect();
            Step::Replace {
                second,
                service,
                from,
                to: from + length,
                rows,
            }
        });
    prop::collection::vec(prop_oneof![append, replace], 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// A lake behaves as a plain list of rows does, through two handles that do not know of each other.
    #[test]
    fn as_a_list_of_rows(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (_folder, first) = scratch().await;
            let second = Lake::open(first.location()).await.unwrap();
            let mut model: Vec<MetricPoint> = Vec::new();
            let mut id = 0.0;
            let mut point = |service: u8, name: u8, step: u8| {
                id += 1.0;
                metric(SERVICES[usize::from(service)], NAMES[usize::from(name)], time(step), id)
            };
            for step in steps {
                match step {
                    Step::Append { second: other, rows } => {
                        let rows: Vec<_> = rows.iter().map(|(s, n, t)| point(*s, *n, *t)).collect();
                        model.extend(rows.clone());
                        let lake = if other { &second } else { &first };
                        lake.append(Rows::Metrics(rows)).await.unwrap();
                    }
                    Step::Replace { second: other, service, from, to, rows } => {
                        let rows: Vec<_> =
                            rows.iter().map(|(n, t)| point(service, *n, from + *t)).collect();
                        let slice = slice(SERVICES[usize::from(service)], time(from), time(to));
                        model.retain(|row| {
                            row.service != SERVICES[usize::from(service)]
                                || row.ts < slice.from
                                || row.ts >= slice.to
                        });
                        model.extend(rows.clone());
                        let lake = if other { &second } else { &first };
                        lake.replace(&slice, Rows::Metrics(rows)).await.unwrap();
                    }
                }
            }
            model.sort_by(|a, b| a.sum.partial_cmp(&b.sum).unwrap());
            assert_eq!(all_metrics(&first).await.unwrap(), model);
            assert_eq!(all_metrics(&second).await.unwrap(), model);
        });
    }
}
