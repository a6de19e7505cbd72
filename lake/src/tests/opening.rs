//! Opening a lake: where, whose, and of which version.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;

use deltalake::kernel::{DataType, PrimitiveType};
use deltalake::operations::create::CreateBuilder;

use super::samples;
use super::{at, scratch};
use crate::*;

#[tokio::test]
async fn a_path_may_have_spaces_and_any_letters() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["späte lake", "100%", "a#b?c", "5% o'f", "日本/深い/道"] {
        let path = folder.path().join(name);
        let lake = Lake::open(path.to_str().unwrap()).await.unwrap();
        lake.append(Rows::AlertEvents(vec![samples::alert_event(at(1, 1), "r")]))
            .await
            .unwrap();
        let again = Lake::open_existing(path.to_str().unwrap()).await.unwrap();
        assert_eq!(
            again.alert_events(at(1, 0)).await.unwrap().len(),
            1,
            "{name}"
        );
        assert!(path.join("alert_events/_delta_log").is_dir(), "{name}");
        assert_eq!(again.location(), path.to_str().unwrap());
    }
    let url = url::Url::from_directory_path(folder.path().join("späte lake")).unwrap();
    let lake = Lake::open_existing(url.as_str()).await.unwrap();
    assert_eq!(lake.alert_events(at(1, 0)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn to_read_there_has_to_be_a_lake() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none");
    let error = Lake::open_existing(path.to_str().unwrap())
        .await
        .err()
        .unwrap();
    assert!(
        matches!(
            error,
            LakeError::NotFound {
                table: Table::Metrics,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(!path.exists(), "reading creates nothing");
}

/// A lake as it was before `latency_histograms`.
async fn older() -> (tempfile::TempDir, std::path::PathBuf) {
    let (folder, lake) = scratch().await;
    lake.append(Rows::AlertEvents(vec![samples::alert_event(at(1, 1), "r")]))
        .await
        .unwrap();
    let path = std::path::PathBuf::from(lake.location());
    std::fs::remove_dir_all(path.join("latency_histograms")).unwrap();
    (folder, path)
}

#[tokio::test]
async fn an_older_lake_gets_the_tables_that_came_later() {
    for reading in [false, true] {
        let (_folder, path) = older().await;
        let path = path.to_str().unwrap();
        let opened = if reading {
            Lake::open_existing(path).await
        } else {
            Lake::open(path).await
        };
        let lake = opened.unwrap();
        assert_eq!(lake.alert_events(at(1, 0)).await.unwrap().len(), 1);
        let bucket = samples::bucket(at(1, 1), "shop", None);
        let other = Lake::open(path).await.unwrap();
        other
            .append(Rows::LatencyHistograms(vec![bucket]))
            .await
            .unwrap();
        let seen = lake.delta_table(Table::LatencyHistograms).await.unwrap();
        assert_eq!(seen.get_file_uris().unwrap().count(), 1);
    }
}

#[tokio::test]
async fn a_reader_that_may_not_write_sees_what_is_missing_as_empty() {
    let (_folder, path) = older().await;
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o555)).unwrap();
    if std::fs::write(path.join("probe"), "").is_ok() {
        return; // root may write anywhere
    }
    let lake = Lake::open_existing(path.to_str().unwrap()).await.unwrap();
    assert_eq!(lake.alert_events(at(1, 0)).await.unwrap().len(), 1);
    let table = lake.delta_table(Table::LatencyHistograms).await.unwrap();
    assert_eq!(table.get_file_uris().unwrap().count(), 0);
}

#[tokio::test]
async fn an_empty_stand_in_is_queried_as_any_table() {
    let name = "/nowhere".into();
    let store = crate::opening::empty_table(Table::LatencyHistograms, &name)
        .await
        .unwrap();
    let context = deltalake::datafusion::prelude::SessionContext::new();
    let table = store.delta_table().await.unwrap();
    table.update_datafusion_session(&context.state()).unwrap();
    context
        .register_table("h", table.table_provider().await.unwrap())
        .unwrap();
    let query = "select upper_ms, sum(count) from h where date > '2026-01-01' group by upper_ms";
    let rows = context.sql(query).await.unwrap().count().await.unwrap();
    assert_eq!(rows, 0);
}

#[tokio::test]
async fn many_may_create_it_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lake").to_str().unwrap().to_owned();
    let opening = (0..8).map(|_| {
        let path = path.clone();
        tokio::spawn(async move { Lake::open(&path).await.map(|_| ()) })
    });
    for opened in futures::future::join_all(opening).await {
        opened.unwrap().unwrap();
    }
    let lake = Lake::open(&path).await.unwrap();
    for table in Table::ALL {
        assert_eq!(
            lake.delta_table(table).await.unwrap().version(),
            Some(0),
            "{table}"
        );
    }
}

#[tokio::test]
async fn a_file_in_place_of_the_folder_is_an_error() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = Lake::open(file.path().to_str().unwrap())
        .await
        .err()
        .unwrap();
    assert!(
        error.to_string().contains(file.path().to_str().unwrap()),
        "{error}"
    );
}

#[tokio::test]
async fn a_read_only_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o555)).unwrap();
    if std::fs::write(folder.path().join("probe"), "").is_ok() {
        return; // root may write anywhere
    }
    let error = Lake::open(folder.path().join("lake").to_str().unwrap())
        .await
        .err()
        .unwrap();
    assert!(matches!(error, LakeError::Denied { .. }), "{error:?}");
}

/// What is done to the columns before a table is created.
type Change = fn(&mut HashMap<String, DataType>);

/// Creates a table with these properties and columns where `alert_events` should be.
async fn with_table(properties: &[(&str, &str)], change: Change) -> LakeError {
    let (folder, lake) = scratch().await;
    let path = std::path::Path::new(lake.location()).join("alert_events");
    std::fs::remove_dir_all(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let columns: deltalake::kernel::StructType = {
        use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
        Table::AlertEvents
            .schema()
            .as_ref()
            .try_into_kernel()
            .unwrap()
    };
    let mut types = columns
        .fields()
        .map(|f| (f.name().clone(), f.data_type().clone()))
        .collect();
    change(&mut types);
    let mut create = CreateBuilder::new()
        .with_location(path.to_str().unwrap())
        .with_partition_columns([DATE])
        .with_raise_if_key_not_exists(false)
        .with_configuration(properties.iter().map(|(key, value)| (*key, Some(*value))));
    for (name, data_type) in types {
        create = create.with_column(name, data_type, true, None);
    }
    create.await.unwrap();
    let error = Lake::open(lake.location()).await.err().unwrap();
    assert!(Lake::open_existing(lake.location()).await.is_err());
    drop(folder);
    error
}

#[tokio::test]
async fn a_newer_schema_says_to_upgrade() {
    let error = with_table(&[("millicent.schemaVersion", "7")], |_| {}).await;
    assert!(
        matches!(
            error,
            LakeError::NewerSchema {
                found: 7,
                supported: 1,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.to_string().contains("upgrade Millicent"), "{error}");
}

#[tokio::test]
async fn a_table_that_is_not_ours_is_told_apart() {
    let ours = ("millicent.schemaVersion", "1");
    type Case<'a> = (&'a [(&'a str, &'a str)], Change, &'a str);
    let cases: [Case; 5] = [
        (&[], |_| {}, "no property millicent.schemaVersion"),
        (&[("millicent.schemaVersion", "one")], |_| {}, "is `one`"),
        (
            &[ours],
            |columns| drop(columns.remove("rule")),
            "no column `rule`",
        ),
        (
            &[ours],
            |columns| {
                drop(columns.insert("value".into(), DataType::Primitive(PrimitiveType::Long)))
            },
            "column `value` is Int64, not Float64",
        ),
        (
            &[ours],
            |columns| drop(columns.insert("mood".into(), DataType::Primitive(PrimitiveType::Long))),
            "a column `mood`",
        ),
    ];
    for (properties, change, expected) in cases {
        let error = with_table(properties, change).await;
        assert!(
            matches!(
                error,
                LakeError::Foreign {
                    table: Table::AlertEvents,
                    ..
                }
            ),
            "{error:?}"
        );
        let text = error.to_string();
        assert!(
            text.contains(expected) && text.contains("table `alert_events`"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_schema_that_becomes_newer_stops_a_writer_that_runs() {
    let (_folder, lake) = scratch().await;
    let newer = Lake::open(lake.location())
        .await
        .unwrap()
        .delta_table(Table::AlertEvents)
        .await;
    newer
        .unwrap()
        .set_tbl_properties()
        .with_properties(HashMap::from([(
            "millicent.schemaVersion".into(),
            "2".into(),
        )]))
        .with_raise_if_not_exists(false)
        .await
        .unwrap();
    let event = samples::alert_event(at(1, 1), "r");
    let error = lake
        .append(Rows::AlertEvents(vec![event]))
        .await
        .unwrap_err();
    assert!(
        matches!(error, LakeError::NewerSchema { found: 2, .. }),
        "{error:?}"
    );
}
