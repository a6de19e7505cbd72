//! Header and plan of every file agree, and every report has an answer on an empty lake.

use std::collections::BTreeSet;

use arrow::datatypes::DataType;
use chrono::{DateTime, Utc};
use datafusion::prelude::SessionContext;

use crate::catalog::{Kind, Query, Stored};
use crate::params::{ParamValue, Params};
use crate::report;
use crate::testing::{World, at};

/// Values for all parameters that need one.
fn sample(query: &Query) -> Params {
    let mut params = Params::new();
    for spec in query.params.iter().filter(|spec| spec.required) {
        let value = match spec.kind {
            Kind::Timestamp if spec.name == "to" => at("2026-11-11 00:00").into(),
            Kind::Timestamp => at("2026-11-10 00:00").into(),
            Kind::Integer => ParamValue::Integer(3),
            Kind::Double => ParamValue::Double(1.5),
            Kind::Boolean => ParamValue::Boolean(true),
            _ => "it's \"x\"; drop table metrics --".into(),
        };
        params = params.set(&spec.name, value);
    }
    params
}

fn fits(kind: Kind, found: &DataType) -> bool {
    match kind {
        Kind::Text => matches!(
            found,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
        ),
        Kind::Timestamp => {
            matches!(found, DataType::Timestamp(_, Some(zone)) if zone.as_ref() == "UTC")
        }
        Kind::Integer => found.is_integer(),
        Kind::Double => *found == DataType::Float64,
        Kind::Boolean => *found == DataType::Boolean,
        Kind::Decimal => *found == DataType::Decimal128(38, 12),
        Kind::Date => *found == DataType::Date32,
    }
}

async fn check(session: &SessionContext, query: &Query) -> Vec<String> {
    let mut problems = Vec::new();
    let declared: BTreeSet<String> = query.params.iter().map(|p| p.name.clone()).collect();
    let plan = match session.state().create_logical_plan(&query.sql).await {
        Ok(plan) => plan,
        Err(error) => return vec![format!("{}: {}", query.name, error.strip_backtrace())],
    };
    let used: BTreeSet<String> = plan
        .get_parameter_names()
        .unwrap()
        .into_iter()
        .map(|name| name.trim_start_matches('$').to_owned())
        .collect();
    if declared != used {
        problems.push(format!(
            "{}: declares {declared:?}, uses {used:?}",
            query.name
        ));
    }
    let values = sample(query).complete(query).unwrap();
    let frame = report::plan(session, query, values).await.unwrap();
    let found: Vec<_> = frame.schema().fields().iter().cloned().collect();
    let names: Vec<_> = found.iter().map(|field| field.name().as_str()).collect();
    let promised: Vec<_> = query
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    if names != promised {
        problems.push(format!(
            "{}: says {promised:?}, gives {names:?}",
            query.name
        ));
    }
    for (column, field) in query.columns.iter().zip(&found) {
        if !fits(column.kind, field.data_type()) {
            problems.push(format!(
                "{}: {} is {}",
                query.name,
                column.name,
                field.data_type()
            ));
        }
    }
    if let Some(alert) = &query.alert {
        for needed in alert
            .labels
            .iter()
            .map(String::as_str)
            .chain(["value", "threshold", "since"])
        {
            if !promised.contains(&needed) {
                problems.push(format!("{}: has no column {needed}", query.name));
            }
        }
    }
    if query.stored == Stored::ByDay && promised.first() != Some(&"date") {
        problems.push(format!("{}: is stored by day and has no date", query.name));
    }
    problems
}

#[tokio::test]
async fn header_and_plan_agree() {
    let world = World::empty().await;
    let session = world.analyzer.session().await.unwrap();
    let mut problems = Vec::new();
    for (_, view) in world.analyzer.catalog().views() {
        problems.extend(check(&session, view).await);
        assert!(
            view.params.is_empty(),
            "{}: a view has no parameters",
            view.name
        );
    }
    for query in world.analyzer.catalog().iter() {
        problems.extend(check(&session, query).await);
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[tokio::test]
async fn an_empty_lake_has_answers_without_rows() {
    let world = World::empty().await;
    for query in world.analyzer.catalog().iter() {
        let report = world.analyzer.report(&query.name, &sample(query)).await;
        let report = report.unwrap_or_else(|error| panic!("{}: {error}", query.name));
        // The two periods of the overview and the steps of its series are there, with nothing in them.
        if !query.name.starts_with("overview") {
            assert_eq!(report.table.num_rows(), 0, "{}", query.name);
        }
        for row in report.table.rows() {
            assert_eq!(
                row.f64("requests"),
                None,
                "{}: missing is not zero",
                query.name
            );
            assert_eq!(
                row.f64("cost_usd"),
                None,
                "{}: missing is not zero",
                query.name
            );
        }
        assert!(report.coverage.sources.is_empty());
    }
}

#[tokio::test]
async fn views_can_be_read_and_described() {
    let world = World::empty().await;
    let tables = world.analyzer.sql("show tables").await.unwrap();
    let names: Vec<_> = tables
        .rows()
        .filter_map(|row| row.text("table_name"))
        .collect();
    for (name, view) in world.analyzer.catalog().views() {
        assert!(names.contains(&name), "{name}");
        let read = world
            .analyzer
            .sql(&format!("select * from {name}"))
            .await
            .unwrap();
        let promised: Vec<_> = view.columns.iter().map(|c| c.name.clone()).collect();
        assert_eq!(read.column_names(), promised, "{name}");
    }
    let described = world.analyzer.sql("describe hourly_costs").await.unwrap();
    assert!(described.num_rows() > 10);
}

#[test]
fn times_are_read_as_rfc_3339_or_days() {
    let query = crate::catalog::Catalog::load()
        .unwrap()
        .get("routes")
        .unwrap();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let pairs = [
        pair("from", "2026-11-10"),
        pair("to", "2026-11-10T12:00:00+01:00"),
    ];
    let params = Params::parse(&query, pairs).unwrap();
    let time = |text: &str| ParamValue::Timestamp(text.parse::<DateTime<Utc>>().unwrap());
    assert_eq!(params.get("from"), Some(&time("2026-11-10T00:00:00Z")));
    assert_eq!(params.get("to"), Some(&time("2026-11-10T11:00:00Z")));
}

#[test]
fn a_parameter_that_does_not_fit_is_named() {
    let query = crate::catalog::Catalog::load()
        .unwrap()
        .get("slowest-traces")
        .unwrap();
    let parse = |pairs: &[(&str, &str)]| {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Params::parse(&query, pairs).unwrap_err().to_string()
    };
    let (from, to) = (("from", "2026-11-10"), ("to", "2026-11-11"));
    assert_eq!(
        parse(&[from, to, ("size", "3")]),
        "report \"slowest-traces\": there is no parameter \"size\"; it takes: from, to, api, stage, route, limit"
    );
    assert_eq!(
        parse(&[from]),
        "report \"slowest-traces\": parameter \"to\" is missing (timestamp, exclusive, UTC)"
    );
    assert_eq!(
        parse(&[from, to, ("limit", "many")]),
        "report \"slowest-traces\": parameter \"limit\" is a whole number, not \"many\""
    );
    assert!(parse(&[from, ("to", "yesterday")]).contains("such as 2026-11-23T08:00:00Z"));
}

#[test]
fn a_bad_header_is_named_with_its_line() {
    let parse = |text: &str| crate::header::parse("x", text).unwrap_err().to_string();
    let head = "-- title: T\n-- answers: A?\n";
    assert_eq!(
        parse(&format!("{head}-- column: a number what\nselect 1")),
        "x.sql:3: there is no type \"number\"; there are: text, timestamp, integer, double, boolean, decimal, date"
    );
    assert_eq!(
        parse(&format!("{head}-- param: a text maybe what\nselect 1")),
        "x.sql:3: parameter \"a\" is required, optional or default=VALUE, not \"maybe\""
    );
    assert_eq!(
        parse(&format!(
            "{head}-- column: a text x\n-- column: a text x\nselect 1"
        )),
        "x.sql:4: column \"a\" stands twice"
    );
    assert_eq!(
        parse("-- title: T\nselect 1"),
        "x.sql:1: the header has no \"-- answers:\""
    );
    assert_eq!(
        parse(&format!(
            "{head}-- alert: warning a\n-- column: a text x\nselect 1"
        )),
        "x.sql:4: \"-- alert:\" stands in every rule of alerts/, and nowhere else"
    );
}
