//! What is written is what is read, for every table, through files on disk.

use std::collections::BTreeMap;

use deltalake::datafusion::prelude::SessionContext;
use rust_decimal::Decimal;

use super::samples::{self, NAMES};
use super::{all_metrics, at, scratch};
use crate::slice::Filter;
use crate::*;

#[tokio::test]
async fn every_table_gives_back_what_it_got() {
    let (_folder, lake) = scratch().await;
    macro_rules! round_trip {
        ($table:ident, $module:ident, $rows:expr) => {
            let rows = $rows;
            lake.append(Rows::$table(rows.clone())).await.unwrap();
            let mut read = lake
                .rows(
                    Table::$table,
                    &Filter::everything(),
                    $module::from_record_batch,
                )
                .await
                .unwrap();
            for row in &rows {
                let found = read.iter().position(|found| found == row);
                read.remove(found.unwrap_or_else(|| panic!("{row:?} is not in {read:?}")));
            }
            assert!(read.is_empty(), "{read:?}");
        };
    }
    let days = || NAMES.iter().zip(1..);
    round_trip!(
        Metrics,
        metrics,
        days()
            .map(|(name, day)| samples::metric("lambda", name, at(day, 23), 1.0))
            .collect::<Vec<_>>()
    );
    round_trip!(
        Spans,
        spans,
        days()
            .map(|(name, day)| samples::span(at(day, 0), name))
            .collect::<Vec<_>>()
    );
    round_trip!(
        Costs,
        costs,
        days()
            .map(|(name, day)| samples::cost(at(day, 0), Decimal::new(-7, 12), name))
            .collect::<Vec<_>>()
    );
    round_trip!(
        Resources,
        resources,
        days()
            .map(|(name, day)| samples::resource(at(day, 1), name, "512"))
            .collect::<Vec<_>>()
    );
    round_trip!(
        Collections,
        collections,
        Outcome::ALL
            .iter()
            .zip(1..)
            .map(|(o, day)| samples::collection(at(day, 1), 1, *o))
            .collect::<Vec<_>>()
    );
    round_trip!(
        AlertEvents,
        alert_events,
        days()
            .map(|(name, day)| samples::alert_event(at(day, 1), name))
            .collect::<Vec<_>>()
    );
    round_trip!(
        LatencyHistograms,
        latency_histograms,
        days()
            .map(|(name, day)| samples::bucket(
                at(day, 1),
                name,
                (day > 1).then_some(f64::from(day) * 25.0)
            ))
            .collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn nulls_stay_nulls_and_empty_maps_stay_maps() {
    let (_folder, lake) = scratch().await;
    let mut span = samples::span(at(1, 0), "x");
    span.annotations = BTreeMap::new();
    (span.duration_ms, span.http_status, span.cold_start) = (None, None, None);
    (span.resource, span.origin) = (None, Some(String::new()));
    lake.append(Rows::Spans(vec![span.clone()])).await.unwrap();
    let read = lake
        .rows(
            Table::Spans,
            &Filter::everything(),
            spans::from_record_batch,
        )
        .await;
    assert_eq!(read.unwrap(), [span]);
}

#[tokio::test]
async fn money_is_exact_to_its_limits_and_refused_beyond() {
    let (_folder, lake) = scratch().await;
    let exact = [
        "0",
        "0.000000000001",
        "-0.000000000001",
        "1.100000000000000",
        "79228162514264337.593543950335",
        "-79228162514264337.593543950335",
        "12345678901234567",
    ];
    let rows: Vec<_> = exact
        .iter()
        .map(|text| samples::cost(at(1, 0), text.parse().unwrap(), text))
        .collect();
    lake.append(Rows::Costs(rows.clone())).await.unwrap();
    let read = lake
        .rows(
            Table::Costs,
            &Filter::everything(),
            costs::from_record_batch,
        )
        .await
        .unwrap();
    for row in rows {
        assert!(read.contains(&row), "{row:?}");
    }
    for text in [
        "0.0000000000001",
        "1.0000000000005",
        "79228162514264337593543950335",
    ] {
        let row = samples::cost(at(1, 0), text.parse().unwrap(), "");
        let error = lake.append(Rows::Costs(vec![row])).await.unwrap_err();
        let LakeError::Column {
            table: Table::Costs,
            source,
        } = error
        else {
            panic!("{error:?}")
        };
        assert!(
            source.to_string().starts_with("column `cost_usd`"),
            "{source}"
        );
    }
    let read = lake
        .rows(
            Table::Costs,
            &Filter::everything(),
            costs::from_record_batch,
        )
        .await;
    assert_eq!(read.unwrap().len(), exact.len());
}

#[tokio::test]
async fn a_batch_has_the_schema_and_the_date_of_the_window() {
    let span = samples::span(at(5, 23), "x");
    let batch = spans::to_record_batch(&[span]).unwrap();
    assert_eq!(batch.schema(), Table::Spans.schema());
    let dates = arrow::compute::cast(
        batch.column_by_name(DATE).unwrap(),
        &arrow::datatypes::DataType::Utf8,
    );
    let dates = dates.unwrap();
    assert_eq!(
        arrow::array::AsArray::as_string::<i32>(&dates).value(0),
        "2026-03-05"
    );
}

#[tokio::test]
async fn a_file_has_what_a_reader_needs_to_skip() {
    use parquet::file::reader::{FileReader, SerializedFileReader};

    let (folder, lake) = scratch().await;
    let rows = (0..200_000).map(|i| samples::metric("lambda", NAMES[i % 3], at(1, 0), i as f64));
    lake.append(Rows::Metrics(rows.rev().collect()))
        .await
        .unwrap();
    let files = lake
        .delta_table(Table::Metrics)
        .await
        .unwrap()
        .get_file_uris()
        .unwrap()
        .collect::<Vec<_>>();
    assert_eq!(files.len(), 1);
    assert!(files[0].contains("/metrics/date=2026-03-01/"), "{files:?}");
    let file = files[0].trim_start_matches("file://");
    let options = parquet::file::serialized_reader::ReadOptionsBuilder::new()
        .with_page_index()
        .build();
    let reader =
        SerializedFileReader::new_with_options(std::fs::File::open(file).unwrap(), options)
            .unwrap();
    let metadata = reader.metadata();
    assert_eq!(metadata.num_row_groups(), 2);
    assert!(metadata.offset_index().is_some() && metadata.column_index().is_some());
    for group in metadata.row_groups() {
        assert!(group.num_rows() <= 131_072);
        assert!(group.column(0).statistics().is_some());
        assert!(matches!(
            group.column(0).compression(),
            parquet::basic::Compression::ZSTD(_)
        ));
        let sorted = group.sorting_columns().unwrap();
        let names = sorted
            .iter()
            .map(|by| group.column(by.column_idx as usize).column_path().string());
        assert_eq!(names.collect::<Vec<_>>(), Table::Metrics.sorted_by());
    }
    let read = lake
        .rows(
            Table::Metrics,
            &Filter::everything(),
            metrics::from_record_batch,
        )
        .await
        .unwrap();
    let key = |row: &MetricPoint| {
        (
            row.service.clone(),
            row.metric.clone(),
            row.resource.clone(),
            row.ts,
        )
    };
    assert!(read.is_sorted_by_key(key));
    drop(folder);
}

#[tokio::test]
async fn datafusion_reads_the_same() {
    let (_folder, lake) = scratch().await;
    let rows = (1..9).map(|day| samples::metric("lambda", NAMES[1], at(day, 3), f64::from(day)));
    lake.append(Rows::Metrics(rows.collect())).await.unwrap();
    lake.append(Rows::Spans(vec![samples::span(at(1, 0), NAMES[2])]))
        .await
        .unwrap();
    let context = SessionContext::new();
    for table in [Table::Metrics, Table::Spans] {
        let provider = lake
            .delta_table(table)
            .await
            .unwrap()
            .table_provider()
            .await
            .unwrap();
        context.register_table(table.name(), provider).unwrap();
    }
    let show = async |sql: &str| {
        let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
        arrow::util::pretty::pretty_format_batches(&batches)
            .unwrap()
            .to_string()
    };
    let sums = show("select count(*) n, sum(sum) s, min(ts) a, max(ts) b, max(resource) r from metrics where ts >= '2026-03-03' and date < '2026-03-06'").await;
    let expected =
        "| 3 | 12.0 | 2026-03-03T03:00:00Z | 2026-03-05T03:00:00Z | o'clock \"quoted\" |";
    assert!(sums.contains(expected), "{sums}");
    let maps = show("select annotations['größe/日本'] x, arrow_typeof(ts) t from spans").await;
    assert!(maps.contains("| x | Timestamp("), "{maps}");
    assert_eq!(all_metrics(&lake).await.unwrap().len(), 8);
}
