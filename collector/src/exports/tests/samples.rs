//! Exports as AWS delivers them, written into a folder, and what stands in the lake then.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, MapBuilder, RecordBatch, StringArray, StringBuilder,
    TimestampMillisecondArray,
};
use chrono::DateTime;
use flate2::Compression;
use flate2::write::GzEncoder;
use millicent_lake::{Collection, CostLine};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression as Packed;
use parquet::file::properties::WriterProperties;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::testing::{ACCOUNT, Scripted};
use crate::{CollectConfig, Collector, ExportConfig, Source, SourceSummary};

/// Columns of CUR 2.0 that the tests fill.
pub(super) const CUR: &str = "bill_billing_period_start_date,bill_invoice_id,line_item_usage_account_id,\
    line_item_line_item_type,line_item_product_code,line_item_usage_type,line_item_operation,line_item_resource_id,\
    line_item_usage_start_date,line_item_usage_end_date,line_item_usage_amount,line_item_unblended_cost,\
    line_item_currency_code,pricing_unit,product,product_region_code,resource_tags";

/// An hour of a function's requests in November 2026, as a CSV line of CUR 2.0.
pub(super) fn hour(day: u32, hour: u32, cost: &str, quantity: &str) -> String {
    format!(
        "2026-11-01 00:00:00,,{ACCOUNT},Usage,AWSLambda,EUC1-Request,Invoke,\
         arn:aws:lambda:eu-central-1:{ACCOUNT}:function:get-order,2026-11-{day:02}T{hour:02}:00:00Z,\
         2026-11-{day:02}T{:02}:00:00Z,{quantity},{cost},USD,Requests,\"{{\"\"product_name\"\": \"\"AWS Lambda\"\"}}\",\
         eu-central-1,\"{{\"\"user_team\"\": \"\"orders\"\"}}\"",
        hour + 1
    )
}

pub(super) fn csv(lines: &[String]) -> Vec<u8> {
    format!("{CUR}\n{}\n", lines.join("\n")).into_bytes()
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The same lines as Parquet, with the types that AWS's dictionary of columns names.
pub(super) fn parquet(csv: &[u8]) -> Vec<u8> {
    let mut reader = csv::Reader::from_reader(csv);
    let header = reader.headers().unwrap().clone();
    let records: Vec<_> = reader.records().map(Result::unwrap).collect();
    let columns = header.iter().enumerate().map(|(at, name)| {
        let texts = records
            .iter()
            .map(|record| Some(&record[at]).filter(|text| !text.is_empty()));
        let array: ArrayRef = match name {
            name if name.ends_with("_date") => {
                let millis = texts.map(|text| {
                    let text = text?.replace(' ', "T");
                    let text = format!("{}Z", text.trim_end_matches('Z'));
                    Some(
                        DateTime::parse_from_rfc3339(&text)
                            .unwrap()
                            .timestamp_millis(),
                    )
                });
                Arc::new(millis.collect::<TimestampMillisecondArray>())
            }
            "line_item_usage_amount" | "line_item_unblended_cost" => Arc::new(
                texts
                    .map(|text| text?.parse().ok())
                    .collect::<Float64Array>(),
            ),
            "resource_tags" | "product" => {
                let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
                for text in texts {
                    let pairs: BTreeMap<String, String> =
                        text.map_or_else(BTreeMap::new, |t| serde_json::from_str(t).unwrap());
                    for (key, value) in &pairs {
                        map.keys().append_value(key);
                        map.values().append_value(value);
                    }
                    map.append(text.is_some()).unwrap();
                }
                Arc::new(map.finish())
            }
            _ => Arc::new(texts.collect::<StringArray>()),
        };
        (name, array)
    });
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder()
        .set_compression(Packed::SNAPPY)
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

/// A collector with one export, on an account that is otherwise not asked.
pub(super) struct Bench {
    pub(super) aws: Scripted,
    folder: TempDir,
}

impl Bench {
    pub(super) async fn new() -> Bench {
        Bench {
            aws: Scripted::start(|_| None).await,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// A path below the bench's folder.
    pub(super) fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    pub(super) fn write(&self, relative: &str, bytes: &[u8]) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// A billing period of the export `name`: files, and a manifest that names them.
    pub(super) fn deliver(&self, name: &str, period: &str, files: &[(&str, Vec<u8>)]) {
        let mut named = Vec::new();
        for (file, bytes) in files {
            let path = format!("data/BILLING_PERIOD={period}/{file}");
            self.write(&format!("{name}/{path}"), bytes);
            named.push(format!("s3://somebody-else/prefix/{name}/{path}"));
        }
        let manifest = serde_json::json!({"dataFiles": named, "columns": []}).to_string();
        let path = format!("{name}/metadata/BILLING_PERIOD={period}/{name}-Manifest.json");
        self.write(&path, manifest.as_bytes());
    }

    pub(super) fn config(&self, paths: &[&str]) -> CollectConfig {
        let path = |path: &&str| ExportConfig {
            path: self.path(path).display().to_string(),
        };
        CollectConfig {
            sources: vec![Source::Exports],
            exports: paths.iter().map(path).collect(),
            ..self.aws.config()
        }
    }

    pub(super) async fn collector(&self, paths: &[&str]) -> Collector {
        self.aws.collector(self.config(paths)).await
    }

    /// A pass of a collector that was just started.
    pub(super) async fn pass(&self, paths: &[&str]) -> SourceSummary {
        pass(&self.collector(paths).await, &self.aws).await
    }

    /// The message of a pass in which one thing went wrong.
    pub(super) async fn trouble(&self, paths: &[&str]) -> String {
        let mut summary = self.pass(paths).await;
        assert_eq!(summary.incidents.len(), 1, "{summary:#?}");
        summary.incidents.remove(0).message
    }

    /// The bill as it stands in the lake, in order of time.
    pub(super) async fn lines(&self) -> Vec<CostLine> {
        let mut lines = self.aws.bill().await;
        lines.sort_by_key(|line| (line.ts, line.cost_usd));
        lines
    }

    /// Sum of the bill, as text.
    pub(super) async fn total(&self) -> String {
        let lines = self.lines().await;
        let total: rust_decimal::Decimal = lines.iter().map(|line| line.cost_usd).sum();
        total.normalize().to_string()
    }

    /// What is recorded of an export.
    pub(super) async fn recorded(&self, path: &str) -> Vec<Collection> {
        let root = self.path(path).display().to_string();
        self.aws
            .lake
            .collections("exports", ACCOUNT, &root, DateTime::UNIX_EPOCH)
            .await
            .unwrap()
    }
}

pub(super) async fn pass(collector: &Collector, aws: &Scripted) -> SourceSummary {
    use crate::Clock;
    let mut summary = collector
        .pass(aws.clock.now(), &CancellationToken::new(), &|_| ())
        .await
        .unwrap();
    assert_eq!(summary.sources.len(), 1);
    summary.sources.remove(0)
}
