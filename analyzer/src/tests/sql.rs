//! SQL of users: what reads is run, what does anything else is refused in words.

use std::time::Duration;

use millicent_lake::Rows;

use crate::testing::{World, requests};
use crate::{AnalyzeError, Options, Params};

async fn refused(world: &World, sql: &str) -> String {
    match world.analyzer.sql(sql).await {
        Ok(table) => panic!("{sql} gave {} rows", table.num_rows()),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn what_writes_defines_or_reads_files_is_refused() {
    let world = World::empty().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.parquet");
    let path = file.to_str().unwrap();
    let not_read_only = [
        ("insert into metrics select * from metrics", "INSERT INTO"),
        ("delete from metrics", "DELETE FROM"),
        ("update metrics set sum = 0", "UPDATE"),
        ("create table t as select 1", "CREATE TABLE"),
        ("create view v as select 1", "CREATE VIEW"),
        ("drop table metrics", "DROP TABLE"),
        ("set datafusion.execution.batch_size = 1", "SET"),
        (&format!("copy metrics to '{path}'"), "COPY"),
        (
            &format!("create external table t stored as parquet location '{path}'"),
            "CREATE EXTERNAL TABLE",
        ),
        (&format!("explain copy metrics to '{path}'"), "COPY"),
        (
            "explain analyze insert into metrics select * from metrics",
            "INSERT INTO",
        ),
        ("prepare p as select 1", "PREPARE"),
        ("execute p", "EXECUTE"),
        ("begin", "BEGIN"),
    ];
    for (sql, what) in not_read_only {
        let message = refused(&world, sql).await;
        assert!(message.starts_with(what), "{sql}: {message}");
        assert!(
            message.contains("is not allowed: the lake is read-only here"),
            "{sql}: {message}"
        );
    }
    for sql in [
        "select * from '/etc/passwd'".to_owned(),
        format!("select * from '{path}'"),
        "select * from \"data.csv\"".to_owned(),
        "select (select count(*) from 's3://bucket/key.parquet')".to_owned(),
    ] {
        let message = refused(&world, &sql).await;
        assert!(
            message.starts_with("reading the file '"),
            "{sql}: {message}"
        );
    }
    for sql in [
        "select * from read_parquet('x')",
        "select * from read_csv('/etc/passwd')",
    ] {
        assert!(
            refused(&world, sql)
                .await
                .starts_with("the SQL is not valid"),
            "{sql}"
        );
    }
    assert!(!file.exists());
    let message = refused(&world, "select 1; drop table metrics").await;
    assert_eq!(
        message,
        "the SQL is not valid: one statement at a time: there are 2"
    );
    assert!(refused(&world, "").await.contains("there is no statement"));
    let message = refused(&world, "select nothing from metrics").await;
    assert!(message.contains("nothing"), "{message}");
}

#[tokio::test]
async fn what_reads_is_run() {
    let world = World::empty().await;
    for sql in [
        "select 1 as one",
        "with x as (select 1 as a) select * from x",
        "explain select * from metrics",
        "explain analyze select count(*) from metrics",
        "show tables",
        "show columns from metrics",
        "describe spans",
        "select * from hourly_costs order by cost_usd desc limit 5",
    ] {
        world
            .analyzer
            .sql(sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_cut_and_says_so() {
    let world = World::with(Options {
        max_rows: 10,
        ..Options::default()
    })
    .await;
    let table = world
        .analyzer
        .sql("select * from generate_series(1, 100)")
        .await
        .unwrap();
    assert_eq!((table.num_rows(), table.is_truncated()), (10, true));
    let table = world
        .analyzer
        .sql("select * from generate_series(1, 10)")
        .await
        .unwrap();
    assert_eq!((table.num_rows(), table.is_truncated()), (10, false));
}

#[tokio::test]
async fn a_query_that_takes_too_much_is_stopped() {
    let options = Options {
        timeout: Duration::from_secs(10),
        memory_limit_bytes: 16 << 20,
        ..Options::default()
    };
    let world = World::with(options).await;
    let endless = "select count(*) from generate_series(1, 10000000) a cross join generate_series(1, 10000000) b";
    let error = world.analyzer.sql(endless).await.unwrap_err();
    assert!(matches!(error, AnalyzeError::Timeout(_)), "{error}");
    assert!(error.to_string().contains("stopped after 10 s"));
    let large = "select count(*) from generate_series(1, 5000000) a join generate_series(1, 5000000) b on a.value = b.value";
    let error = world.analyzer.sql(large).await.unwrap_err();
    assert!(
        matches!(error, AnalyzeError::Memory { limit_mb: 16, .. }),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .starts_with("the query needs more than the allowed 16 MB of memory")
    );
}

#[tokio::test]
async fn names_are_data_and_never_sql() {
    let world = World::empty().await;
    let hostile = "x'; drop table metrics; -- \" <script> 💣 {proxy+}";
    let row = requests(hostile, Some(hostile), "2026-11-10 08:00", 3.0);
    world.add(Rows::Metrics(vec![row])).await;
    let report = world
        .report("routes", "2026-11-10 00:00", "2026-11-11 00:00")
        .await;
    let row = report.table.rows().next().unwrap();
    assert_eq!(
        (row.text("api"), row.text("route")),
        (Some(hostile), Some(hostile))
    );
    let params = Params::new()
        .set("from", crate::testing::at("2026-11-10 00:00"))
        .set("to", crate::testing::at("2026-11-11 00:00"))
        .set("api", hostile)
        .set("stage", "prod")
        .set("route", hostile);
    let series = world
        .analyzer
        .report("route-series", &params)
        .await
        .unwrap();
    assert_eq!(
        series
            .table
            .rows()
            .next()
            .and_then(|row| row.f64("requests")),
        Some(3.0)
    );
    let csv = series.table.to_csv();
    assert!(csv.starts_with("ts,period_s,"), "{csv}");
    assert!(csv.contains("2026-11-10T08:00:00Z,300,,,,3.0"), "{csv}");
    let csv = report.table.to_csv();
    assert!(
        csv.contains("\"x'; drop table metrics; -- \"\" <script>"),
        "{csv}"
    );
}

#[tokio::test]
async fn unknown_reports_are_named() {
    let world = World::empty().await;
    let error = world
        .analyzer
        .report("rutes", &Params::new())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("there is no report \"rutes\"; there are: alerts/"),
        "{error}"
    );
}
