//! Replacing a slice in parts: all of them stand, or none.

use super::samples::metric;
use super::{all_metrics, at, scratch};
use crate::*;

fn march(days: std::ops::Range<u32>) -> Slice {
    Slice {
        table: Table::Metrics,
        equal: vec![("service", "lambda".to_owned())],
        from: at(days.start, 0),
        to: at(days.end, 0),
    }
}

#[tokio::test]
async fn parts_stand_together_after_one_commit() {
    let (_folder, lake) = scratch().await;
    let old = vec![
        metric("lambda", "old", at(2, 0), 1.0),
        metric("dynamodb", "kept", at(2, 0), 2.0),
        metric("lambda", "kept", at(4, 0), 3.0),
    ];
    lake.append(Rows::Metrics(old.clone())).await.unwrap();
    let mut replacement = lake.begin_replace(march(1..4)).unwrap();
    let new: Vec<_> = (0..6)
        .map(|i| metric("lambda", "new", at(1 + i % 3, i), 10.0 + f64::from(i)))
        .collect();
    for part in new.chunks(2) {
        replacement
            .write(Rows::Metrics(part.to_vec()))
            .await
            .unwrap();
        assert_eq!(
            all_metrics(&lake).await.unwrap(),
            old,
            "not before the commit"
        );
    }
    let before = lake.delta_table(Table::Metrics).await.unwrap().version();
    assert_eq!(replacement.commit().await.unwrap(), 6);
    let after = lake.delta_table(Table::Metrics).await.unwrap().version();
    assert_eq!(after, before.map(|version| version + 1));
    let mut expected = old[1..].to_vec();
    expected.extend(new);
    assert_eq!(all_metrics(&lake).await.unwrap(), expected);
}

#[tokio::test]
async fn what_is_given_up_changes_nothing() {
    let (_folder, lake) = scratch().await;
    let old = vec![metric("lambda", "old", at(2, 0), 1.0)];
    lake.append(Rows::Metrics(old.clone())).await.unwrap();
    let mut replacement = lake.begin_replace(march(1..4)).unwrap();
    let part = vec![metric("lambda", "new", at(3, 0), 2.0)];
    replacement.write(Rows::Metrics(part)).await.unwrap();
    let outside = vec![metric("lambda", "new", at(4, 0), 3.0)];
    let error = replacement.write(Rows::Metrics(outside)).await.unwrap_err();
    assert!(
        matches!(error, LakeError::OutsideSlice { count: 1, .. }),
        "{error}"
    );
    replacement.discard().await;
    assert_eq!(all_metrics(&lake).await.unwrap(), old);
}

#[tokio::test]
async fn parts_give_way_to_who_wrote_the_slice_meanwhile() {
    let (_folder, lake) = scratch().await;
    let mark = lake.mark().await.unwrap();
    let mut replacement = lake.begin_replace(march(1..4)).unwrap();
    let late = vec![metric("lambda", "late", at(2, 0), 1.0)];
    replacement.write(Rows::Metrics(late)).await.unwrap();
    let others = vec![metric("lambda", "first", at(3, 0), 2.0)];
    lake.replace(&march(1..4), Rows::Metrics(others.clone()))
        .await
        .unwrap();
    assert_eq!(replacement.commit_since(&mark).await.unwrap(), None);
    assert_eq!(all_metrics(&lake).await.unwrap(), others);

    let mark = lake.mark().await.unwrap();
    let mut replacement = lake.begin_replace(march(1..4)).unwrap();
    let newer = vec![metric("lambda", "newer", at(2, 0), 3.0)];
    replacement
        .write(Rows::Metrics(newer.clone()))
        .await
        .unwrap();
    assert_eq!(replacement.commit_since(&mark).await.unwrap(), Some(1));
    assert_eq!(all_metrics(&lake).await.unwrap(), newer);
}
