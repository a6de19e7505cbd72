//! What is wrong with an export keeps it out, is named, and leaves what was read before.

use chrono::TimeDelta;
use millicent_lake::Outcome;

use super::samples::{Bench, CUR, csv, gzip, hour, parquet};
use crate::testing::ACCOUNT;

/// A bench on which a good November was read, and then another file came in its place.
async fn after_a_good_one(name: &str, bytes: Vec<u8>) -> Bench {
    let bench = Bench::new().await;
    bench.deliver(
        "shop",
        "2026-11",
        &[("shop-00001.csv", csv(&[hour(1, 0, "7", "1")]))],
    );
    assert!(bench.pass(&["shop"]).await.incidents.is_empty());
    bench.deliver("shop", "2026-11", &[(name, bytes)]);
    bench
}

#[tokio::test]
async fn a_damaged_file_is_named_and_the_period_stands_as_it_was() {
    let good = csv(&[hour(1, 0, "1", "1"), hour(2, 0, "2", "1")]);
    let gz = gzip(&good);
    let pq = parquet(&good);
    let swap = |from: &str, to: &str| {
        String::from_utf8(good.clone())
            .unwrap()
            .replacen(from, to, 1)
            .into_bytes()
    };
    let cases: Vec<(&str, Vec<u8>, &[&str])> = vec![
        (
            "cut.csv.gz",
            gz[..gz.len() - 20].to_vec(),
            &["cut.csv.gz", "cut short"],
        ),
        (
            "cut.parquet",
            pq[..pq.len() / 2].to_vec(),
            &["cut.parquet", "not a whole Parquet file"],
        ),
        (
            "tail.parquet",
            pq[..pq.len() - 4].to_vec(),
            &["tail.parquet", "Parquet"],
        ),
        (
            "cut.csv",
            good[..good.len() - 60].to_vec(),
            &["cut.csv", "line: 3"],
        ),
        ("empty.csv", Vec::new(), &["empty.csv", "is empty"]),
        (
            "archive.zip",
            b"PK\x03\x04rest".to_vec(),
            &["archive.zip", "ZIP"],
        ),
        (
            "other.csv",
            b"a,b\n1,2\n".to_vec(),
            &["other.csv", "neither CUR 2.0 nor FOCUS"],
        ),
        (
            "latin.csv",
            [&good[..], b"\xff\xfe,\n"].concat(),
            &["latin.csv"],
        ),
        (
            "x.csv",
            swap(",1,USD", ",abc,USD"),
            &["x.csv, line 2", "line_item_unblended_cost", "`abc`"],
        ),
        (
            "x.csv",
            swap(",1,USD", ",,USD"),
            &["x.csv, line 2", "line_item_unblended_cost", "empty"],
        ),
        (
            "x.csv",
            swap(",1,USD", ",NaN,USD"),
            &["x.csv, line 2", "`NaN`"],
        ),
        ("x.csv", swap(",USD,", ",CNY,"), &["x.csv, line 2", "CNY"]),
        (
            "x.csv",
            swap("2026-11-01T00:00:00Z", "today"),
            &["line 2", "line_item_usage_start_date", "`today`"],
        ),
        (
            "x.csv",
            swap("{\"\"user", "\"\"user"),
            &["line 2", "resource_tags", "JSON"],
        ),
        (
            "x.csv",
            swap("2026-11-01 00:00:00", "2026-10-01"),
            &["line 2", "2026-10", "manifest says 2026-11"],
        ),
        (
            "x.csv",
            swap("line_item_unblended_cost", "cost"),
            &["x.csv", "without the columns line_item_unblended_cost"],
        ),
        (
            "x.csv",
            swap(&format!(",{ACCOUNT},"), ",,"),
            &["line 2", "line_item_usage_account_id", "empty"],
        ),
    ];
    for (name, bytes, parts) in cases {
        let bench = after_a_good_one(name, bytes).await;
        let message = bench.trouble(&["shop"]).await;
        for part in parts {
            assert!(message.contains(part), "{name}: {message} lacks {part}");
        }
        assert_eq!(bench.total().await, "7", "{name}: {message}");
        let recorded = bench.recorded("shop").await;
        assert!(
            recorded.iter().any(|row| row.outcome == Outcome::Complete
                && row
                    .error
                    .as_ref()
                    .is_some_and(|error| error.contains("reading it again failed"))),
            "{recorded:#?}"
        );
        assert_eq!(bench.trouble(&["shop"]).await, message, "it is tried again");
    }
}

#[tokio::test]
async fn a_file_that_the_manifest_names_and_that_is_missing_is_named() {
    let bench = after_a_good_one("shop-00009.csv", csv(&[])).await;
    std::fs::remove_file(bench.path("shop/data/BILLING_PERIOD=2026-11/shop-00009.csv")).unwrap();
    let message = bench.trouble(&["shop"]).await;
    for part in ["shop-00009.csv is not there", "shop-Manifest.json"] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(bench.total().await, "7");
}

#[tokio::test]
async fn manifests_that_say_nothing_are_told() {
    let bench = Bench::new().await;
    for (text, part) in [
        ("", "not JSON"),
        ("{}", "no list `dataFiles`"),
        (r#"{"dataFiles": []}"#, "names no file"),
        (
            r#"{"dataFiles": ["s3://b/data/BILLING_PERIOD=2026-11/../../x"]}"#,
            "not in the export's folder",
        ),
    ] {
        bench.write(
            "shop/metadata/BILLING_PERIOD=2026-11/shop-Manifest.json",
            text.as_bytes(),
        );
        let message = bench.trouble(&["shop"]).await;
        assert!(message.contains(part), "{message}");
    }
    assert!(bench.lines().await.is_empty());
}

#[tokio::test]
async fn a_place_without_an_export_is_told_and_holds_up_no_other() {
    let bench = Bench::new().await;
    std::fs::create_dir_all(bench.path("empty")).unwrap();
    bench.deliver(
        "shop",
        "2026-11",
        &[("shop-00001.csv", csv(&[hour(1, 0, "7", "1")]))],
    );
    for (place, part) in [("empty", "no export is in"), ("nowhere", "can't be read")] {
        let message = bench.trouble(&[place, "shop"]).await;
        assert!(message.contains(part), "{message}");
        let recorded = bench.recorded(place).await;
        assert_eq!(recorded[0].outcome, Outcome::Failed);
    }
    assert_eq!(bench.total().await, "7");
}

#[tokio::test]
async fn two_exports_of_one_table_and_period_do_not_count_twice() {
    let bench = Bench::new().await;
    for (name, cost) in [("a", "1"), ("b", "10")] {
        let lines = csv(&[hour(1, 0, cost, "1")]);
        bench.deliver(name, "2026-11", &[("f-00001.csv", lines)]);
    }
    let message = bench.trouble(&["a", "b"]).await;
    for part in ["are both exports of the table cur", "2026-11", "keep one"] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(bench.total().await, "1");
    // The other instead, and back again.
    bench.aws.clock.advance(TimeDelta::hours(1));
    assert!(bench.pass(&["b"]).await.incidents.is_empty());
    assert_eq!(bench.total().await, "10");
    bench.aws.clock.advance(TimeDelta::hours(1));
    assert!(bench.pass(&["a"]).await.incidents.is_empty());
    assert_eq!(bench.total().await, "1");
}

#[tokio::test]
async fn what_is_unusual_but_right_is_read() {
    let bench = Bench::new().await;
    let quoted = hour(1, 0, "1", "1").replace(
        "{\"\"user_team\"\": \"\"orders\"\"}",
        "{\"\"user_team\"\": \"\"a, \\\"\"b\\\"\" \\n c – größe\"\", \"\"x\"\": \"\"line\\u000Abreak\"\"}",
    );
    // Columns in the other order, with some that nobody knows, a mark of the byte order, and CRLF.
    let turned = |line: &str, extra: &str| {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(line.as_bytes());
        let record = reader.records().next().unwrap().unwrap();
        let mut fields: Vec<&str> = record.iter().collect();
        fields.reverse();
        fields.insert(3, extra);
        let mut writer = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .from_writer(Vec::new());
        writer.write_record(&fields).unwrap();
        writer.into_inner().unwrap()
    };
    let bytes = [
        "\u{feff}".as_bytes().to_vec(),
        turned(CUR, "x_unknown"),
        turned(&quoted, "line\none"),
        turned(&hour(2, 0, "-2.5", "1").replace(",Invoke,", ",NULL,"), ""),
        turned(&hour(3, 0, "0", "0"), ""),
    ]
    .concat();
    bench.deliver("shop", "2026-11", &[("shop-00001.csv", bytes)]);
    let summary = bench.pass(&["shop"]).await;
    assert!(summary.incidents.is_empty(), "{summary:#?}");
    let lines = bench.lines().await;
    assert_eq!(lines.len(), 3, "a line that costs nothing is a line");
    assert_eq!(lines[0].tags["user_team"], "a, \"b\" \n c – größe");
    assert_eq!(lines[0].tags["x"], "line\nbreak");
    assert_eq!(lines[1].operation, None);
    assert_eq!(lines[1].cost_usd.to_string(), "-2.5");
}
