//! Merging and deleting files changes no row.

use std::collections::HashMap;
use std::path::Path;

use chrono::TimeDelta;
use deltalake::kernel::Action;
use deltalake::logstore::get_actions;

use super::samples::{metric, span};
use super::{all_metrics, at, scratch};
use crate::*;

async fn files_by_day(lake: &Lake, table: Table) -> HashMap<String, usize> {
    let mut days = HashMap::new();
    for file in lake
        .delta_table(table)
        .await
        .unwrap()
        .get_file_uris()
        .unwrap()
    {
        let day = file.split("date=").nth(1).unwrap()[..10].to_owned();
        *days.entry(day).or_default() += 1;
    }
    days
}

/// A file by hour, over two days.
async fn hourly(lake: &Lake) -> Vec<MetricPoint> {
    let mut rows = Vec::new();
    for hour in 0..48 {
        let row = metric("lambda", "f", at(1 + hour / 24, hour % 24), f64::from(hour));
        lake.append(Rows::Metrics(vec![row.clone()])).await.unwrap();
        rows.push(row);
    }
    rows
}

#[tokio::test]
async fn a_day_that_is_over_becomes_one_file() {
    let (_folder, lake) = scratch().await;
    let rows = hourly(&lake).await;
    let done = lake.maintain(at(3, 4)).await.unwrap();
    assert_eq!(
        done,
        Upkeep {
            merged: 48,
            written: 2,
            deleted: 0
        }
    );
    assert_eq!(all_metrics(&lake).await.unwrap(), rows);
    let days = files_by_day(&lake, Table::Metrics).await;
    assert!(
        days.len() == 2 && days.values().all(|files| *files == 1),
        "{days:?}"
    );
    assert_eq!(
        lake.maintain(at(3, 4)).await.unwrap(),
        Upkeep::default(),
        "nothing is left to do"
    );
}

#[tokio::test]
async fn a_day_that_goes_on_keeps_its_last_hours_apart() {
    let (_folder, lake) = scratch().await;
    let rows = hourly(&lake).await;
    // The rows of 18:00 are less than three hours old at 20:30.
    let now = at(2, 20) + TimeDelta::minutes(30);
    let done = lake.maintain(now).await.unwrap();
    assert_eq!(
        done,
        Upkeep {
            merged: 24 + 18,
            written: 2,
            deleted: 0
        }
    );
    let days = files_by_day(&lake, Table::Metrics).await;
    assert_eq!(days["2026-03-02"], 1 + 6, "{days:?}");
    assert_eq!(all_metrics(&lake).await.unwrap(), rows);
}

#[tokio::test]
async fn a_window_is_replaced_in_a_merged_file_too() {
    let (_folder, lake) = scratch().await;
    let mut rows = hourly(&lake).await;
    lake.maintain(at(3, 4)).await.unwrap();
    let slice = Slice {
        table: Table::Metrics,
        equal: vec![],
        from: at(1, 5),
        to: at(1, 6),
    };
    let late = metric("lambda", "late", at(1, 5), 5.5);
    lake.replace(&slice, Rows::Metrics(vec![late.clone()]))
        .await
        .unwrap();
    rows[5] = late;
    assert_eq!(all_metrics(&lake).await.unwrap(), rows);
    lake.maintain(at(3, 4)).await.unwrap();
    assert_eq!(all_metrics(&lake).await.unwrap(), rows);
}

#[tokio::test]
async fn spans_are_merged_by_the_day_of_their_trace() {
    let (_folder, lake) = scratch().await;
    for hour in 0..4 {
        lake.append(Rows::Spans(vec![span(at(1, hour), "x")]))
            .await
            .unwrap();
    }
    assert_eq!(lake.maintain(at(2, 4)).await.unwrap().merged, 4);
    assert_eq!(
        files_by_day(&lake, Table::Spans).await,
        HashMap::from([("2026-03-01".into(), 1)])
    );
}

#[tokio::test]
async fn a_merge_says_that_no_data_changed() {
    let (_folder, lake) = scratch().await;
    hourly(&lake).await;
    lake.maintain(at(3, 4)).await.unwrap();
    let table = lake.delta_table(Table::Metrics).await.unwrap();
    let commit = table
        .log_store()
        .read_commit_entry(table.version().unwrap())
        .await
        .unwrap();
    for action in get_actions(0, &commit.unwrap()).unwrap() {
        match action {
            Action::Add(add) => assert!(!add.data_change),
            Action::Remove(remove) => assert!(!remove.data_change),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn merging_and_replacing_at_once_lose_and_double_nothing() {
    let (_folder, lake) = scratch().await;
    let rows = hourly(&lake).await;
    let upkeep = {
        let other = Lake::open(lake.location()).await.unwrap();
        tokio::spawn(async move {
            for _ in 0..12 {
                other.maintain(at(3, 4)).await.unwrap();
            }
        })
    };
    for hour in 0..48 {
        let from = at(1 + hour / 24, hour % 24);
        let to = from + TimeDelta::hours(1);
        let slice = Slice {
            table: Table::Metrics,
            equal: vec![],
            from,
            to,
        };
        let again = vec![rows[hour as usize].clone()];
        lake.replace(&slice, Rows::Metrics(again)).await.unwrap();
    }
    upkeep.await.unwrap();
    assert_eq!(all_metrics(&lake).await.unwrap(), rows);
}

#[tokio::test]
async fn files_are_deleted_a_week_after_the_table_let_them_go() {
    let (_folder, lake) = scratch().await;
    let slice = Slice {
        table: Table::Metrics,
        equal: vec![],
        from: at(1, 0),
        to: at(2, 0),
    };
    for id in [1.0, 2.0] {
        let rows = vec![metric("lambda", "f", at(1, 1), id)];
        lake.replace(&slice, Rows::Metrics(rows)).await.unwrap();
    }
    let folder = Path::new(lake.location()).join("metrics/date=2026-03-01");
    let orphan = folder.join("left-by-a-crash.zstd.parquet");
    std::fs::write(&orphan, "").unwrap();
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(8 * 86_400);
    std::fs::File::options()
        .write(true)
        .open(&orphan)
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    let count = || std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(count(), 3);
    assert_eq!(lake.maintain(at(1, 3)).await.unwrap().deleted, 1);
    assert_eq!(count(), 2, "what was replaced just now may still be read");
    assert_eq!(all_metrics(&lake).await.unwrap().len(), 1);
    lake.replace(&slice, Rows::Metrics(Vec::new()))
        .await
        .unwrap();
    assert_eq!(
        all_metrics(&lake).await.unwrap(),
        [],
        "commits go on after a vacuum's"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_may_do_the_upkeep_at_once_beside_writers() {
    let (_folder, lake) = scratch().await;
    let mut rows = hourly(&lake).await;
    let keepers = (0..4).map(|_| {
        let location = lake.location().to_owned();
        tokio::spawn(async move {
            let lake = Lake::open(&location).await.unwrap();
            let mut done = Upkeep::default();
            for _ in 0..3 {
                done += lake.maintain(at(4, 4)).await.unwrap();
            }
            done
        })
    });
    let keepers: Vec<_> = keepers.collect();
    for hour in 0..24 {
        let row = metric("lambda", "g", at(3, hour), f64::from(48 + hour));
        lake.append(Rows::Metrics(vec![row.clone()])).await.unwrap();
        rows.push(row);
    }
    let mut done = Upkeep::default();
    for keeper in keepers {
        done += keeper.await.unwrap();
    }
    done += lake.maintain(at(4, 4)).await.unwrap();
    assert_eq!(all_metrics(&lake).await.unwrap(), rows);
    let days = files_by_day(&lake, Table::Metrics).await;
    assert!(days.values().all(|files| *files == 1), "{days:?}");
    assert!(
        done.merged >= 72,
        "a file is merged by one of them: {done:?}"
    );
}

/// What rows of `metrics` are sorted by.
fn key(row: &MetricPoint) -> (&str, &str, &str, Option<&str>, i64) {
    let route = row.route.as_deref();
    let ts = row.ts.timestamp_micros();
    (&row.service, &row.metric, &row.resource, route, ts)
}

#[tokio::test]
async fn files_that_are_merged_or_written_again_stay_in_order() {
    let (_folder, lake) = scratch().await;
    // More rows in a file than are decoded at a time, and names that begin alike.
    let mut rows = Vec::new();
    for file in 0..5 {
        let of_file = (0..700).map(|n| {
            let n = (n * 7 + file * 3) % 1_009;
            let name = super::samples::NAMES[n % 6].repeat(1 + n / 6 % 2);
            let ts = at(1, 0) + TimeDelta::seconds((n * 61 % 80_000) as i64);
            let mut row = metric("lambda", &name, ts, (file * 700 + n) as f64);
            row.route = (n % 4 > 0).then(|| format!("GET /{}", n % 5));
            row
        });
        let of_file: Vec<MetricPoint> = of_file.collect();
        lake.append(Rows::Metrics(of_file.clone())).await.unwrap();
        rows.extend(of_file);
    }
    lake.maintain(at(3, 4)).await.unwrap();
    let read = async || {
        let all = crate::slice::Filter::everything();
        let rows = lake.rows(Table::Metrics, &all, metrics::from_record_batch);
        rows.await.unwrap()
    };
    let merged = read().await;
    assert!(merged.is_sorted_by_key(key));
    let by_id = |mut rows: Vec<MetricPoint>| {
        rows.sort_by(|a, b| a.sum.partial_cmp(&b.sum).unwrap().then(a.ts.cmp(&b.ts)));
        rows
    };
    assert_eq!(by_id(merged), by_id(rows.clone()));

    let noon = Slice {
        table: Table::Metrics,
        equal: vec![("resource", "orders".to_owned())],
        from: at(1, 3),
        to: at(1, 12),
    };
    lake.replace(&noon, Rows::Metrics(Vec::new()))
        .await
        .unwrap();
    let gone =
        |row: &MetricPoint| row.resource == "orders" && (noon.from..noon.to).contains(&row.ts);
    assert!(rows.iter().any(gone));
    rows.retain(|row| !gone(row));
    let left = read().await;
    assert!(left.is_sorted_by_key(key));
    assert_eq!(by_id(left), by_id(rows));
}

#[tokio::test]
async fn a_merged_file_says_between_which_values_its_rows_are() {
    let (_folder, lake) = scratch().await;
    let long = "x".repeat(300);
    for (hour, resource) in [(3, "m"), (1, "a"), (2, &*long)] {
        let row = metric("lambda", resource, at(1, hour), 1.0);
        lake.append(Rows::Metrics(vec![row])).await.unwrap();
    }
    lake.maintain(at(3, 4)).await.unwrap();
    let table = lake.delta_table(Table::Metrics).await.unwrap();
    let stats: Vec<serde_json::Value> = table
        .snapshot()
        .unwrap()
        .log_data()
        .into_iter()
        .map(|file| serde_json::from_str(&file.stats().unwrap()).unwrap())
        .collect();
    assert_eq!(stats.len(), 1);
    assert_eq!(stats[0]["numRecords"], 3);
    assert_eq!(stats[0]["minValues"]["ts"], "2026-03-01T01:00:00.000000Z");
    assert_eq!(stats[0]["maxValues"]["ts"], "2026-03-01T03:00:00.000000Z");
    // A text that is too long to be told whole is not told at all.
    assert!(stats[0]["maxValues"]["resource"].is_null(), "{stats:?}");
    assert_eq!(stats[0]["nullCount"]["service"], 0);
}
