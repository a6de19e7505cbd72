//! Whole passes against a scripted AWS, over the real SDK.

use std::sync::Mutex;

use chrono::TimeDelta;
use ciborium::Value as Cbor;
use millicent_lake::Table;
use serde_json::json;

use super::*;
use crate::source::System;
use crate::testing::{ACCOUNT, REGION, Request, Response, Scripted, get, map, metric_data};

/// What the lake has recorded of a source.
async fn recorded(aws: &Scripted, source: Source) -> Vec<Collection> {
    let region = if source == Source::Cost {
        "global"
    } else {
        REGION
    };
    aws.lake
        .collections(source.name(), ACCOUNT, region, DateTime::UNIX_EPOCH)
        .await
        .unwrap()
}

/// Rows of a table, by its own statistics.
async fn rows(aws: &Scripted, table: Table) -> usize {
    let table = aws.lake.delta_table(table).await.unwrap();
    let log = table.snapshot().unwrap().log_data();
    log.into_iter()
        .map(|file| file.num_records().unwrap())
        .sum()
}

async fn pass(collector: &Collector, aws: &Scripted) -> PassSummary {
    let told: Mutex<Vec<Progress>> = Mutex::default();
    let summary = collector
        .pass(aws.clock.now(), &CancellationToken::new(), &|step| {
            told.lock().unwrap().push(step)
        })
        .await
        .unwrap();
    for step in told.into_inner().unwrap() {
        assert!(step.done <= step.total, "{step:?}");
    }
    summary
}

fn of(summary: &PassSummary, source: Source) -> &SourceSummary {
    summary.sources.iter().find(|s| s.source == source).unwrap()
}

#[tokio::test]
async fn a_first_pass_collects_everything_and_a_second_finds_nothing_due() {
    let aws = Scripted::start(|_| None).await;
    let collector = aws.collector(aws.config()).await;
    assert_eq!(collector.account_id(), ACCOUNT);

    let plan = collector.plan(aws.clock.now()).await.unwrap();
    let planned = |source| {
        plan.sources
            .iter()
            .find(|p| p.source == source)
            .unwrap()
            .clone()
    };
    let summary = pass(&collector, &aws).await;
    assert!(summary.is_complete(), "{summary:#?}");
    let without_exports = Source::ALL.len() - 1;
    assert_eq!(summary.sources.len(), without_exports);
    for source in [
        Source::Metrics(System::Lambda),
        Source::Metrics(System::ApiGateway),
        Source::Cost,
    ] {
        let (planned, done) = (planned(source), of(&summary, source));
        assert_eq!(planned.windows, done.windows, "{source:?}");
        assert_eq!(planned.calls, Some(done.calls), "{source:?}");
        assert_eq!(planned.billed_units, Some(done.billed_units), "{source:?}");
        assert_eq!(planned.cost_usd, Some(done.cost_usd), "{source:?}");
    }
    assert_eq!(of(&summary, Source::Cost).cost_usd, Decimal::new(2, 2));
    // Five metrics of the function, five each of the stage and the route.
    let lambda = of(&summary, Source::Metrics(System::Lambda));
    assert_eq!(lambda.billed_units, 5 * lambda.windows);
    let api = of(&summary, Source::Metrics(System::ApiGateway));
    assert_eq!(api.billed_units, 10 * api.windows);

    let resources = aws.lake.current_resources(ACCOUNT, REGION).await.unwrap();
    let mut kinds: Vec<_> = resources
        .iter()
        .map(|r| (r.kind.as_str(), r.name.as_str()))
        .collect();
    kinds.sort();
    assert_eq!(
        kinds,
        [
            ("function", "get-order"),
            ("rest-api", "shop"),
            ("route", "GET /orders/{id}"),
            ("stage", "shop/prod"),
        ]
    );
    let route = resources.iter().find(|r| r.kind == "route").unwrap();
    assert_eq!(route.configuration["integration_target"], "get-order");
    let function = resources.iter().find(|r| r.kind == "function").unwrap();
    assert_eq!(function.configuration["memory_mb"], "512");
    assert_eq!(function.tags["team"], "orders");
    assert!(
        !format!("{resources:?}").contains("hunter2"),
        "environment variables are kept"
    );

    let again = pass(&collector, &aws).await;
    assert!(again.sources.iter().all(|s| s.windows == 0), "{again:#?}");
}

#[tokio::test]
async fn a_denied_source_costs_its_own_windows_only() {
    let aws = Scripted::start(|request| {
        let denied = request.operation == "GetMetricData";
        denied.then(|| Response::error(request.operation, 400, "AccessDeniedException"))
    })
    .await;
    let collector = aws.collector(aws.config()).await;
    let summary = pass(&collector, &aws).await;
    let incident = &of(&summary, Source::Metrics(System::Lambda)).incidents[0];
    assert_eq!(incident.outcome, Outcome::Denied);
    assert!(
        incident
            .message
            .contains("Allow the action cloudwatch:GetMetricData"),
        "{incident:?}"
    );
    for source in [Source::Discovery, Source::Traces, Source::Cost] {
        assert!(of(&summary, source).incidents.is_empty(), "{source:?}");
    }
    let rows = recorded(&aws, Source::Metrics(System::Lambda)).await;
    assert!(rows.len() > 1 && rows.iter().all(|row| row.outcome == Outcome::Denied));
    assert_eq!(aws.calls_of("GetMetricData"), 2, "one probe a source");

    // Not asked again at once, but within the hour.
    assert_eq!(
        of(
            &pass(&collector, &aws).await,
            Source::Metrics(System::Lambda)
        )
        .windows,
        0
    );
    aws.clock.advance(TimeDelta::minutes(61));
    assert_eq!(
        of(
            &pass(&collector, &aws).await,
            Source::Metrics(System::Lambda)
        )
        .windows,
        1
    );
}

#[tokio::test]
async fn throttling_and_its_retries_are_counted_and_nothing_is_lost() {
    let aws = Scripted::start(|request| {
        let throttled = request.operation == "GetTraceSummaries" && request.nth < 2;
        throttled.then(|| Response::error(request.operation, 429, "ThrottledException"))
    })
    .await;
    let collector = aws.collector(aws.config()).await;
    let summary = pass(&collector, &aws).await;
    let traces = of(&summary, Source::Traces);
    assert_eq!(traces.incidents[0].outcome, Outcome::Throttled);
    assert_eq!(
        (traces.windows, traces.calls),
        (1, 3),
        "where spans go, and two tries of one call"
    );

    // A new process tries at once, and reads everything.
    let collector = aws.collector(aws.config()).await;
    assert!(pass(&collector, &aws).await.is_complete());
    let rows = recorded(&aws, Source::Traces).await;
    assert!(rows.iter().all(|row| row.outcome == Outcome::Complete));
    // A settled window is also asked for what was updated in it.
    let settled: DateTime<Utc> = "2026-11-24T08:00:00Z".parse().unwrap();
    let settled = rows.iter().filter(|row| row.window_end <= settled).count();
    assert!(settled > 0);
    assert_eq!(
        rows.iter().map(|row| row.calls).sum::<i64>(),
        3 + 1 + (rows.len() + settled) as i64
    );
}

#[tokio::test]
async fn a_truncated_answer_has_failed_and_is_never_complete() {
    let aws = Scripted::start(|request| {
        (request.operation == "GetMetricData")
            .then(|| metric_data(request, "Complete", &[1.0]).truncated())
    })
    .await;
    let collector = aws.collector(aws.config()).await;
    let summary = pass(&collector, &aws).await;
    let incident = &of(&summary, Source::Metrics(System::Lambda)).incidents[0];
    assert_eq!(incident.outcome, Outcome::Failed, "{incident:?}");
    assert!(
        incident.message.starts_with("cloudwatch:GetMetricData"),
        "{incident:?}"
    );
    assert!(rows(&aws, Table::Metrics).await == 0);
}

/// First page: the first minute and a token; second page: the rest.
fn two_pages(request: &Request) -> Response {
    let asked = request.cbor();
    let first = get(&asked, "NextToken").is_none();
    let status = if first { "PartialData" } else { "Complete" };
    let Cbor::Map(mut answer) =
        ciborium::from_reader(metric_data(request, status, &[1.0, 2.0]).body()).unwrap()
    else {
        panic!()
    };
    let keep = usize::from(!first);
    for result in answer[0].1.as_array_mut().unwrap() {
        for (key, values) in result.as_map_mut().unwrap() {
            if matches!(key.as_text(), Some("Timestamps" | "Values")) {
                *values = Cbor::Array(vec![values.as_array().unwrap()[keep].clone()]);
            }
        }
    }
    if first {
        answer.push(("NextToken".into(), "more".into()));
    }
    Response::cbor(&Cbor::Map(answer))
}

#[tokio::test]
async fn pages_are_merged_by_id() {
    let aws = Scripted::start(|request| {
        (request.operation == "GetMetricData").then(|| two_pages(request))
    })
    .await;
    let config = CollectConfig {
        sources: vec![Source::Discovery, Source::Metrics(System::Lambda)],
        ..aws.config()
    };
    let summary = pass(&aws.collector(config).await, &aws).await;
    assert!(summary.is_complete(), "{summary:#?}");
    let lambda = of(&summary, Source::Metrics(System::Lambda));
    let calls = aws.calls_of("GetMetricData") as i64;
    assert_eq!(calls, 2 * lambda.windows as i64, "two pages a window");
    assert_eq!(
        lambda.rows,
        2 * 5 * lambda.windows,
        "two minutes of five metrics a window"
    );
}

#[tokio::test]
async fn an_internal_error_of_one_query_is_asked_again_and_never_complete() {
    let errors = |until: usize| {
        move |request: &Request| {
            (request.operation == "GetMetricData" && request.nth < until)
                .then(|| metric_data(request, "InternalError", &[]))
        }
    };
    for (until, outcome) in [(2, Outcome::Complete), (usize::MAX, Outcome::Partial)] {
        let aws = Scripted::start(errors(until)).await;
        let config = CollectConfig {
            history: TimeDelta::hours(1),
            sources: vec![Source::Discovery, Source::Metrics(System::Lambda)],
            ..aws.config()
        };
        pass(&aws.collector(config).await, &aws).await;
        let recorded = recorded(&aws, Source::Metrics(System::Lambda)).await;
        assert_eq!(recorded.last().unwrap().outcome, outcome);
    }
}

#[tokio::test]
async fn a_query_that_no_page_speaks_of_is_missing() {
    let aws = Scripted::start(|request| {
        let nothing = map([("MetricDataResults", Cbor::Array(vec![]))]);
        (request.operation == "GetMetricData").then(|| Response::cbor(&nothing))
    })
    .await;
    let config = CollectConfig {
        history: TimeDelta::hours(1),
        sources: vec![Source::Discovery, Source::Metrics(System::Lambda)],
        ..aws.config()
    };
    let summary = pass(&aws.collector(config).await, &aws).await;
    let incident = &of(&summary, Source::Metrics(System::Lambda)).incidents[0];
    assert_eq!(incident.outcome, Outcome::Partial);
    assert!(
        incident.message.contains("p95 Duration of get-order"),
        "{incident:?}"
    );
}

/// Seven traces, listed behind an empty page; two are unprocessed at first, one is too large.
fn traces(request: &Request) -> Option<Response> {
    let start = 1_795_509_000; // 2026-11-24T08:30:00Z
    let id = |n: usize| format!("1-{:08x}-{n:024x}", start + n);
    match request.operation {
        "GetTraceSummaries" => {
            let asked = request.json();
            assert_eq!(asked["TimeRangeType"], "TraceId");
            let (from, to) = (asked["StartTime"].as_f64()?, asked["EndTime"].as_f64()?);
            let inside = |n: &usize| (from..to).contains(&((start + n) as f64));
            if asked["NextToken"].is_null() {
                return Some(Response::json(
                    &json!({"TraceSummaries": [], "NextToken": "1"}),
                ));
            }
            let found: Vec<_> = (0..7)
                .filter(inside)
                .map(|n| json!({"Id": id(n), "StartTime": (start + n) as f64 + 0.25}))
                .collect();
            Some(Response::json(
                &json!({"TracesProcessedCount": found.len(), "TraceSummaries": found}),
            ))
        }
        "BatchGetTraces" => {
            let asked = request.json();
            let ids = asked["TraceIds"].as_array()?;
            assert!(ids.len() <= 5);
            let late = |id: &&serde_json::Value| {
                request.nth == 0 && id.as_str().unwrap().ends_with(['1', '2'])
            };
            let given = ids.iter().filter(|id| !late(id)).map(|trace| {
                let document = json!({
                    "id": "00000000000000aa", "name": "shop/prod", "origin": "AWS::ApiGateway::Stage",
                    "start_time": 1.795509000e9, "end_time": 1.7955090001e9,
                    "aws": {"api_gateway": {"stage": "prod"}},
                    "http": {"request": {"method": "GET", "url": "https://x/prod/orders/7?token=secret"}}
                });
                let large = *trace == json!(id(6));
                json!({"Id": trace, "LimitExceeded": large, "Segments": [{"Id": "00000000000000aa", "Document": document.to_string()}]})
            });
            let given: Vec<_> = given.collect();
            let late: Vec<_> = ids.iter().filter(late).collect();
            Some(Response::json(
                &json!({"Traces": given, "UnprocessedTraceIds": late}),
            ))
        }
        _ => None,
    }
}

#[tokio::test]
async fn traces_are_read_whole_and_what_is_missing_is_told() {
    let aws = Scripted::start(traces).await;
    let config = CollectConfig {
        sources: vec![Source::Discovery, Source::Traces],
        ..aws.config()
    };
    let summary = pass(&aws.collector(config).await, &aws).await;
    let summary = of(&summary, Source::Traces);
    assert_eq!(summary.rows, 7);
    // Seven scanned, seven retrieved.
    assert_eq!(summary.billed_units, 14);
    assert_eq!(summary.incidents[0].outcome, Outcome::Partial);
    assert!(
        summary.incidents[0]
            .message
            .contains("1 of 7 traces are over"),
        "{summary:?}"
    );
    assert_eq!(rows(&aws, Table::Spans).await, 7);
}

#[tokio::test]
async fn the_daily_budget_stops_paid_calls_until_the_next_day() {
    let aws = Scripted::start(|_| None).await;
    let config = CollectConfig {
        // One window of the function's metrics costs $0.00005; the bill $0.02.
        budget_usd_per_day: Some("0.0001".parse().unwrap()),
        sources: vec![
            Source::Discovery,
            Source::Metrics(System::Lambda),
            Source::Cost,
        ],
        ..aws.config()
    };
    let collector = aws.collector(config.clone()).await;
    let summary = pass(&collector, &aws).await;
    assert!(of(&summary, Source::Discovery).incidents.is_empty());
    assert_eq!(
        of(&summary, Source::Cost).incidents[0].outcome,
        Outcome::OverBudget
    );
    assert_eq!(aws.calls_of("GetCostAndUsage"), 0);
    assert_eq!(aws.calls_of("GetMetricData"), 2);
    assert!(summary.cost_usd() <= config.budget_usd_per_day.unwrap());

    // What was spent is in the lake: a new process does not start from nothing.
    let collector = aws.collector(config).await;
    aws.clock.advance(TimeDelta::hours(2));
    pass(&collector, &aws).await;
    assert_eq!(aws.calls_of("GetMetricData"), 2);
    aws.clock.advance(TimeDelta::hours(14));
    pass(&collector, &aws).await;
    assert_eq!(aws.calls_of("GetMetricData"), 4);
}

#[tokio::test]
async fn a_settled_hour_is_read_again_and_keeps_its_costs() {
    let aws = Scripted::start(|_| None).await;
    let config = CollectConfig {
        sources: vec![
            Source::Discovery,
            Source::Metrics(System::Lambda),
            Source::Traces,
        ],
        ..aws.config()
    };
    let collector = aws.collector(config).await;
    let mut cost = pass(&collector, &aws).await.cost_usd();
    let mut count = rows(&aws, Table::Metrics).await;
    for _ in 0..18 {
        aws.clock.advance(TimeDelta::minutes(5));
        cost += pass(&collector, &aws).await.cost_usd();
        let now = rows(&aws, Table::Metrics).await;
        assert!(now >= count - 5, "windows are replaced, not lost");
        count = now;
    }
    let recorded = recorded(&aws, Source::Metrics(System::Lambda)).await;
    assert!(
        recorded
            .windows(2)
            .all(|pair| pair[0].window_end == pair[1].ts),
        "{recorded:#?}"
    );
    assert_eq!(
        recorded.iter().map(|row| row.cost_usd).sum::<Decimal>(),
        cost
    );
    assert_eq!(
        recorded.last().unwrap().window_end,
        "2026-11-24T10:15:00Z".parse::<DateTime<Utc>>().unwrap()
    );
}

#[tokio::test]
async fn nobody_at_the_endpoint_is_said_with_its_address() {
    let aws = Scripted::start(|_| None).await;
    let config = CollectConfig {
        endpoint_url: Some("http://127.0.0.1:9".into()),
        ..aws.config()
    };
    let clock: Arc<dyn Clock> = aws.clock.clone();
    let error = Collector::connect(config, aws.lake.clone(), clock)
        .await
        .err()
        .unwrap();
    assert!(
        error
            .to_string()
            .contains("can't be reached at http://127.0.0.1:9"),
        "{error}"
    );
}

#[tokio::test]
async fn credentials_that_aws_refuses_are_said_so() {
    let aws = Scripted::start(|request| {
        let body = "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidClientTokenId</Code>\
                    <Message>The security token is invalid</Message></Error></ErrorResponse>";
        (request.operation == "GetCallerIdentity").then(|| Response::xml(403, body))
    })
    .await;
    let clock: Arc<dyn Clock> = aws.clock.clone();
    let error = Collector::connect(aws.config(), aws.lake.clone(), clock)
        .await
        .err()
        .unwrap();
    assert!(matches!(error, CollectError::Identity(_)), "{error:?}");
    assert!(
        error.to_string().contains("InvalidClientTokenId"),
        "{error}"
    );
}

#[tokio::test]
async fn a_cancelled_pass_ends_and_the_next_goes_on() {
    let aws = Scripted::start(|_| None).await;
    let collector = aws.collector(aws.config()).await;
    let cancel = CancellationToken::new();
    let stop = |step: Progress| {
        if step.source == "lambda-metrics" && step.done == 1 {
            cancel.cancel();
        }
    };
    let summary = collector
        .pass(aws.clock.now(), &cancel, &stop)
        .await
        .unwrap();
    assert!(summary.cancelled && !summary.is_complete());
    assert!(pass(&collector, &aws).await.is_complete());
    assert!(
        pass(&collector, &aws)
            .await
            .sources
            .iter()
            .all(|s| s.windows == 0)
    );
}

#[tokio::test]
async fn a_day_that_is_not_billed_yet_is_neither_zero_nor_a_failure() {
    let aws = Scripted::start(|request| {
        let first = "2026-11-01";
        let usage = request.operation == "GetCostAndUsage"
            && request.json()["GroupBy"][1]["Key"] == "USAGE_TYPE";
        usage.then(|| {
            let metric = |amount: &str, unit: &str| json!({"Amount": amount, "Unit": unit});
            let groups = json!([{"Keys": ["AWS Lambda", "EUC1-Request"], "Metrics": {
                "UnblendedCost": metric("0.2", "USD"), "UsageQuantity": metric("1000000", "Requests")}}]);
            let day = |start: &str, end: &str, groups: serde_json::Value| {
                json!({"TimePeriod": {"Start": start, "End": end}, "Estimated": true, "Groups": groups})
            };
            Response::json(&json!({"ResultsByTime": [
                day(first, "2026-11-02", groups.clone()),
                day("2026-11-22", "2026-11-23", groups),
                day("2026-11-23", "2026-11-24", json!([])),
            ]}))
        })
    })
    .await;
    let config = CollectConfig {
        sources: vec![Source::Cost],
        ..aws.config()
    };
    let summary = pass(&aws.collector(config).await, &aws).await;
    assert!(summary.is_complete(), "{summary:#?}");
    let recorded = recorded(&aws, Source::Cost).await;
    let told: Vec<_> = recorded
        .iter()
        .map(|row| (row.window_end.date_naive().to_string(), row.outcome))
        .collect();
    assert_eq!(
        told,
        [
            ("2026-11-23".to_owned(), Outcome::Complete),
            ("2026-11-24".to_owned(), Outcome::Partial)
        ]
    );
    assert_eq!(
        recorded.iter().map(|row| row.cost_usd).sum::<Decimal>(),
        Decimal::new(2, 2)
    );
    assert_eq!(rows(&aws, Table::Costs).await, 2);
}

#[tokio::test]
async fn what_a_filter_leaves_out_is_not_asked_for_and_the_lake_says_that_it_is_on() {
    let aws = Scripted::start(|_| None).await;
    let mut config = CollectConfig {
        sources: vec![
            Source::Discovery,
            Source::Metrics(System::Lambda),
            Source::Metrics(System::ApiGateway),
        ],
        ..aws.config()
    };
    config.filter.exclude = vec!["get-*".to_owned()];
    let collector = aws.collector(config.clone()).await;
    let planned = collector.plan(aws.clock.now()).await.unwrap();
    let summary = pass(&collector, &aws).await;
    assert!(summary.is_complete(), "{summary:#?}");
    for source in [
        Source::Metrics(System::Lambda),
        Source::Metrics(System::ApiGateway),
    ] {
        let units = of(&summary, source).billed_units;
        let planned = planned.sources.iter().find(|p| p.source == source).unwrap();
        assert_eq!(planned.billed_units, Some(units), "{source:?}");
        assert_eq!(
            units == 0,
            source == Source::Metrics(System::Lambda),
            "{source:?}"
        );
    }
    let filter = async || {
        let resources = aws.lake.current_resources(ACCOUNT, REGION).await.unwrap();
        let functions = resources.iter().filter(|r| r.kind == "function").count();
        assert_eq!(functions, 1, "the inventory is whole");
        resources
            .into_iter()
            .find(|r| r.kind == "collection-filter")
    };
    let row = filter().await.unwrap();
    assert_eq!(row.configuration["exclude"], "get-*");
    assert_ne!(row.configuration["left_out"], "0");

    config.filter.exclude.clear();
    aws.clock.advance(TimeDelta::hours(1));
    let summary = pass(&aws.collector(config).await, &aws).await;
    assert!(of(&summary, Source::Metrics(System::Lambda)).billed_units > 0);
    assert_eq!(filter().await, None);
}

#[tokio::test]
async fn a_part_of_the_history_is_collected_and_the_rest_is_due_later() {
    let aws = Scripted::start(|_| None).await;
    let lambda = Source::Metrics(System::Lambda);
    let end: DateTime<Utc> = "2026-11-24T06:00:00Z".parse().unwrap();
    let config = CollectConfig {
        sources: vec![Source::Discovery, lambda, Source::Traces],
        ..aws.config()
    };
    let part = CollectConfig {
        until: Some(end),
        ..config.clone()
    };
    let collector = aws.collector(part).await;
    assert!(pass(&collector, &aws).await.is_complete());
    for source in [lambda, Source::Traces] {
        let rows = recorded(&aws, source).await;
        assert_eq!(rows.first().unwrap().ts, end - TimeDelta::hours(3));
        assert_eq!(rows.last().unwrap().window_end, end, "{source:?}");
    }
    assert_eq!(of(&pass(&collector, &aws).await, lambda).windows, 0);
    // The rest joins on, without asking for that part again.
    let collector = aws.collector(config).await;
    assert!(pass(&collector, &aws).await.is_complete());
    let rows = recorded(&aws, lambda).await;
    assert!(rows.windows(2).all(|pair| pair[0].window_end == pair[1].ts));
    assert!(rows.iter().any(|row| row.ts == end));
}
