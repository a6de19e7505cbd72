//! Several collectors on one lake: nobody's row is lost, and older readings give way.

use chrono::TimeDelta;
use futures::future::join_all;

use super::samples::{collection, metric, resource};
use super::{all_metrics, at, scratch};
use crate::*;

/// A day of one service.
fn slice(service: &str, from: u32, to: u32) -> Slice {
    Slice {
        table: Table::Metrics,
        equal: vec![("service", service.to_owned())],
        from: at(1, from),
        to: at(1, to),
    }
}

fn rows(service: &str, hour: u32, id: f64) -> Rows {
    Rows::Metrics(vec![metric(service, "f", at(1, hour), id)])
}

async fn ids(lake: &Lake) -> Vec<f64> {
    let rows = all_metrics(lake).await.unwrap();
    rows.iter().map(|row| row.sum.unwrap()).collect()
}

#[tokio::test]
async fn who_began_before_another_committed_gives_way() {
    let (_folder, ours) = scratch().await;
    let theirs = Lake::open(ours.location()).await.unwrap();
    let mark = ours.mark().await.unwrap();
    let later = slice("lambda", 5, 8);
    theirs
        .replace(&later, rows("lambda", 6, 2.0))
        .await
        .unwrap();
    let older = ours
        .replace_since(&mark, &slice("lambda", 0, 7), rows("lambda", 6, 1.0))
        .await;
    assert_eq!(older.unwrap(), None);
    assert_eq!(ids(&ours).await, [2.0]);
    let files = std::path::Path::new(ours.location()).join("metrics/date=2026-03-01");
    assert_eq!(
        std::fs::read_dir(files).unwrap().count(),
        1,
        "what was not committed is cleared away"
    );
    let mark = ours.mark().await.unwrap();
    let newer = ours
        .replace_since(&mark, &slice("lambda", 0, 7), rows("lambda", 6, 3.0))
        .await;
    assert_eq!(newer.unwrap(), Some(1));
    assert_eq!(ids(&theirs).await, [3.0]);
}

#[tokio::test]
async fn a_reading_gives_way_to_one_of_the_same_process_too() {
    let (_folder, lake) = scratch().await;
    let mark = lake.mark().await.unwrap();
    lake.append(rows("lambda", 3, 1.0)).await.unwrap();
    let late = lake
        .replace_since(&mark, &slice("lambda", 0, 7), rows("lambda", 3, 2.0))
        .await;
    assert_eq!(late.unwrap(), None);
}

#[tokio::test]
async fn what_others_write_beside_it_is_no_reason_to_give_way() {
    let (_folder, ours) = scratch().await;
    let theirs = Lake::open(ours.location()).await.unwrap();
    for (hour, id) in [(1, 1.0), (6, 2.0)] {
        let both = ["lambda", "apigateway"].map(|service| metric(service, "f", at(1, hour), id));
        ours.append(Rows::Metrics(both.to_vec())).await.unwrap();
    }
    let mark = ours.mark().await.unwrap();
    // Each of these writes files again that have rows of ours.
    theirs
        .replace(&slice("apigateway", 0, 23), rows("apigateway", 1, 3.0))
        .await
        .unwrap();
    theirs
        .replace(&slice("lambda", 5, 8), rows("lambda", 6, 4.0))
        .await
        .unwrap();
    theirs.maintain(at(3, 0)).await.unwrap();
    let done = ours
        .replace_since(&mark, &slice("lambda", 0, 5), rows("lambda", 1, 5.0))
        .await;
    assert_eq!(done.unwrap(), Some(1));
    assert_eq!(ids(&theirs).await, [3.0, 4.0, 5.0]);
}

#[tokio::test]
async fn whoever_missed_a_part_of_the_log_gives_way() {
    let (_folder, busy) = scratch().await;
    let sleeper = Lake::open(busy.location()).await.unwrap();
    let mark = sleeper.mark().await.unwrap();
    for hour in 0..12 {
        busy.append(rows("other", hour, 1.0)).await.unwrap();
    }
    let table = busy.delta_table(Table::Metrics).await.unwrap();
    deltalake::checkpoints::create_checkpoint(&table, None)
        .await
        .unwrap();
    let log = std::path::Path::new(busy.location()).join("metrics/_delta_log");
    for version in 0..10 {
        std::fs::remove_file(log.join(format!("{version:020}.json"))).unwrap();
    }
    let done = sleeper
        .replace_since(&mark, &slice("lambda", 0, 7), rows("lambda", 6, 1.0))
        .await;
    assert_eq!(done.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_read_at_once_one_stands_and_the_rest_know() {
    let (_folder, lake) = scratch().await;
    let mark = lake.mark().await.unwrap();
    let writers = (0..6).map(|writer| {
        let (location, mark) = (lake.location().to_owned(), mark.clone());
        tokio::spawn(async move {
            let lake = Lake::open(&location).await.unwrap();
            let rows = rows("lambda", writer, f64::from(writer));
            lake.replace_since(&mark, &slice("lambda", 0, 23), rows)
                .await
                .unwrap()
                .map(|_| f64::from(writer))
        })
    });
    let stood: Vec<f64> = join_all(writers)
        .await
        .into_iter()
        .filter_map(Result::unwrap)
        .collect();
    // A lake that was opened after the first had committed cannot tell, and gives way as well.
    assert_eq!(stood.len(), 1);
    assert_eq!(ids(&lake).await, stood);
}

fn span(from: i64, to: i64) -> Slice {
    Slice {
        table: Table::Collections,
        equal: vec![("source", "traces".to_owned())],
        from: at(1, 0) + TimeDelta::hours(from),
        to: at(1, 0) + TimeDelta::hours(to),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rows_of_collections_are_changed_on_top_of_what_stands() {
    let (_folder, lake) = scratch().await;
    lake.append(Rows::Collections(vec![collection(
        at(1, 0),
        24,
        Outcome::Complete,
    )]))
    .await
    .unwrap();
    let writers = (0..6).map(|writer| {
        let location = lake.location().to_owned();
        tokio::spawn(async move {
            let lake = Lake::open(&location).await.unwrap();
            for round in 0..4 {
                let ours = collection(at(1, 4 * writer + round), 1, Outcome::Partial);
                lake.update_collections(&span(0, 24), |mut stood| {
                    let day = stood
                        .iter_mut()
                        .find(|row| row.outcome == Outcome::Complete);
                    day.unwrap().calls += 1;
                    stood.push(ours.clone());
                    stood
                })
                .await
                .unwrap();
            }
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    let account = "111122223333";
    let rows = lake
        .collections("traces", account, "eu-central-1", at(1, 0))
        .await
        .unwrap();
    assert_eq!(rows.len(), 1 + 24);
    let day = rows.iter().find(|row| row.outcome == Outcome::Complete);
    assert_eq!(day.unwrap().calls, 3 + 24);
}

#[tokio::test]
async fn only_rows_that_overlap_are_given_and_replaced() {
    let (_folder, lake) = scratch().await;
    let hours = (0..6).map(|hour| collection(at(1, hour), 1, Outcome::Complete));
    let mut other = collection(at(1, 0), 24, Outcome::Denied);
    other.source = "cost".into();
    let long = collection(at(1, 6), 10, Outcome::Partial);
    let rows = hours.chain([other, long.clone()]).collect();
    lake.append(Rows::Collections(rows)).await.unwrap();
    let given = std::sync::Mutex::default();
    let standing = lake
        .update_collections(&span(5, 8), |stood| {
            *given.lock().unwrap() = stood;
            vec![long.clone()]
        })
        .await
        .unwrap();
    assert_eq!(standing, std::slice::from_ref(&long));
    let given = given.into_inner().unwrap();
    assert_eq!(
        given,
        [collection(at(1, 5), 1, Outcome::Complete), long.clone()]
    );
    let rows = lake
        .collections("traces", "111122223333", "eu-central-1", at(1, 0))
        .await
        .unwrap();
    assert_eq!(rows.len(), 5 + 1);
    let cost = lake
        .collections("cost", "111122223333", "eu-central-1", at(1, 0))
        .await
        .unwrap();
    assert_eq!(cost.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_change_that_several_find_is_written_once() {
    let (_folder, lake) = scratch().await;
    let finders = (0..4).map(|finder| {
        let location = lake.location().to_owned();
        tokio::spawn(async move {
            let lake = Lake::open(&location).await.unwrap();
            let found =
                ["a", "b"].map(|name| resource(at(1, 1) + TimeDelta::seconds(finder), name, "512"));
            lake.record_resources(found.to_vec()).await.unwrap()
        })
    });
    let added = join_all(finders).await.into_iter().map(Result::unwrap);
    assert_eq!(added.sum::<u64>(), 2);

    // Back to what it was is a change; one that was found earlier and is told later keeps its time.
    let bigger = resource(at(1, 5), "a", "1024");
    let back = resource(at(1, 6), "a", "512");
    for (row, new) in [(&bigger, 1), (&back, 1), (&bigger, 0), (&back, 0)] {
        let added = lake.record_resources(vec![row.clone()]).await.unwrap();
        assert_eq!(added, new, "{row:?}");
    }
    let mut elsewhere = resource(at(1, 1), "b", "512");
    elsewhere.region = "us-east-1".into();
    let both = vec![elsewhere, resource(at(1, 9), "b", "512")];
    assert_eq!(lake.record_resources(both).await.unwrap(), 1);
}
