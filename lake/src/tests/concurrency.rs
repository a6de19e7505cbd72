//! Several writers at once, each with its own idea of the table.

use futures::future::join_all;

use super::samples::metric;
use super::{all_metrics, at, scratch};
use crate::*;

fn slice(service: &str) -> Slice {
    let equal = vec![("service", service.to_owned())];
    Slice {
        table: Table::Metrics,
        equal,
        from: at(1, 0),
        to: at(3, 0),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_of_different_slices_lose_nothing() {
    let (_folder, lake) = scratch().await;
    // All in one file, so that every replacement has to rewrite what the others write.
    let names: Vec<_> = (0..6).map(|writer| format!("writer-{writer}")).collect();
    let first = names
        .iter()
        .flat_map(|name| (1..3).map(|day| metric(name, "f", at(day, 0), 0.0)));
    lake.append(Rows::Metrics(first.collect())).await.unwrap();
    let writers = names.iter().cloned().map(|name| {
        let location = lake.location().to_owned();
        tokio::spawn(async move {
            let lake = Lake::open(&location).await.unwrap();
            for round in 1..6 {
                let rows = (1..3).map(|day| metric(&name, "f", at(day, 1), f64::from(round)));
                lake.replace(&slice(&name), Rows::Metrics(rows.collect()))
                    .await
                    .unwrap();
            }
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    let rows = all_metrics(&lake).await.unwrap();
    assert_eq!(rows.len(), 2 * names.len());
    for name in &names {
        let of_writer = rows.iter().filter(|row| row.service == *name);
        assert_eq!(
            of_writer.filter(|row| row.sum == Some(5.0)).count(),
            2,
            "{name}"
        );
    }
    let commits = lake.delta_table(Table::Metrics).await.unwrap().version();
    assert_eq!(commits, Some(1 + 5 * names.len() as u64));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_of_the_same_slice_leave_one_of_their_versions() {
    let (_folder, lake) = scratch().await;
    let writers = (0..5).map(|writer| {
        let location = lake.location().to_owned();
        tokio::spawn(async move {
            let lake = Lake::open(&location).await.unwrap();
            for round in 0..5 {
                let id = f64::from(10 * writer + round);
                let rows = (0..20).map(|i| metric("lambda", "f", at(1 + i % 2, i), id));
                lake.replace(&slice("lambda"), Rows::Metrics(rows.collect()))
                    .await
                    .unwrap();
            }
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    let rows = all_metrics(&lake).await.unwrap();
    assert_eq!(rows.len(), 20);
    assert!(rows.iter().all(|row| row.sum == rows[0].sum), "{rows:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn clones_in_one_process_take_turns() {
    let (_folder, lake) = scratch().await;
    let appended = (0..40).map(|i| {
        let lake = lake.clone();
        tokio::spawn(async move {
            lake.append(Rows::Metrics(vec![metric(
                "s",
                "f",
                at(1, 0),
                f64::from(i),
            )]))
            .await
        })
    });
    for result in join_all(appended).await {
        result.unwrap().unwrap();
    }
    let ids: Vec<_> = all_metrics(&lake)
        .await
        .unwrap()
        .iter()
        .map(|row| row.sum.unwrap())
        .collect();
    assert_eq!(ids, (0..40).map(f64::from).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn files_of_lost_races_are_cleared_away() {
    let (_folder, lake) = scratch().await;
    let writers = (0..4).map(|_| {
        let location = lake.location().to_owned();
        tokio::spawn(async move {
            let lake = Lake::open(&location).await.unwrap();
            for i in 0..5 {
                let rows = Rows::Metrics(vec![metric("lambda", "f", at(1, i), 0.0)]);
                lake.replace(&slice("lambda"), rows).await.unwrap();
            }
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    // Each of the 20 commits added one file; none rewrote rows that stay.
    let folder = std::path::Path::new(lake.location()).join("metrics/date=2026-03-01");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_slept_while_the_log_was_cleaned_up_wakes_to_the_latest() {
    let (_folder, busy) = scratch().await;
    let sleeper = Lake::open(busy.location()).await.unwrap();
    for i in 0..105 {
        let rows = vec![metric("busy", "f", at(1, 0), f64::from(i))];
        busy.append(Rows::Metrics(rows)).await.unwrap();
    }
    // The commits before the checkpoint, as if they were older than the log is kept.
    let log = std::path::Path::new(busy.location()).join("metrics/_delta_log");
    assert!(log.join("_last_checkpoint").exists());
    for version in 0..100 {
        std::fs::remove_file(log.join(format!("{version:020}.json"))).unwrap();
    }
    let rows = vec![metric("sleeper", "f", at(1, 0), 105.0)];
    sleeper.append(Rows::Metrics(rows)).await.unwrap();
    let fresh = Lake::open(busy.location()).await.unwrap();
    let expected: Vec<_> = (0..106).map(|id| Some(f64::from(id))).collect();
    for lake in [&busy, &sleeper, &fresh] {
        let ids: Vec<_> = all_metrics(lake)
            .await
            .unwrap()
            .iter()
            .map(|row| row.sum)
            .collect();
        assert_eq!(ids, expected);
        assert_eq!(
            lake.delta_table(Table::Metrics).await.unwrap().version(),
            Some(106)
        );
    }
}
