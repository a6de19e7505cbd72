use super::*;
use crate::testing::{
    self,
    Cell::{self, Flag, Missing, Number, Text, Time, Whole},
};

const HOSTILE: &str = "GET /<script>alert('1')</script>\"";

fn ask(query: &str) -> Ask {
    Ask::new("/route", Some(query), &HeaderMap::new(), testing::now()).unwrap()
}

async fn data(state: &WebState, ask: &Ask) -> Data {
    let key = || {
        vec![
            Text("shop".into()),
            Text("prod".into()),
            Text(HOSTILE.into()),
        ]
    };
    let at = |minutes: i64| Time(ask.range.to - TimeDelta::minutes(minutes));
    let of_key = |cells: Vec<Cell>| key().into_iter().chain(cells).collect::<Vec<_>>();
    let coverage = || testing::coverage(0.926);
    let report = async |columns: &[&str], rows: Vec<Vec<Cell>>| {
        testing::report(state, columns, rows, coverage()).await
    };
    let routes = ["api", "stage", "route", "requests", "p95_ms", "cost_usd"];
    let percentiles = async |p95| {
        let columns = ["api", "stage", "route", "p95_ms", "basis", "traces"];
        let row = of_key(vec![p95, Text("histograms".into()), Whole(0)]);
        Latencies::new(&report(&columns, vec![row]).await)
    };
    Data {
        latencies: percentiles(Number(287.0)).await,
        latencies_before: percentiles(Number(300.0)).await,
        changes: report(
            &[
                "api",
                "stage",
                "route",
                "before_usd",
                "after_usd",
                "change_usd",
                "calls_usd",
            ],
            vec![of_key([0.1, 0.69, 0.59, 0.59].map(Number).into())],
        )
        .await,
        week_before: testing::coverage(1.0),
        now: report(
            &routes,
            vec![of_key(vec![Whole(1_200), Missing, Number(0.42)])],
        )
        .await,
        before: report(
            &routes,
            vec![of_key(vec![Whole(1_000), Number(300.0), Number(0.40)])],
        )
        .await,
        series: report(
            &["ts", "period_s", "p50_ms", "p95_ms", "p99_ms"],
            vec![
                vec![at(60), Whole(60), Number(20.0), Number(90.0), Number(300.0)],
                vec![at(59), Whole(60), Number(21.0), Number(95.0), Number(310.0)],
                vec![at(20), Whole(60), Number(22.0), Missing, Number(320.0)],
            ],
        )
        .await,
        cost_steps: report(&["api", "stage", "route", "ts"], vec![of_key(vec![at(60)])]).await,
        steps: report(
            &[
                "api", "stage", "route", "ts", "requests", "errors", "cost_usd",
            ],
            vec![of_key(vec![at(60), Whole(600), Whole(3), Number(0.2)])],
        )
        .await,
        cost: report(
            &["service", "cost_usd", "basis", "cost_estimated"],
            vec![vec![
                Text("AWS Lambda".into()),
                Number(0.3),
                Text("traced time".into()),
                Number(1.0),
            ]],
        )
        .await,
        traces: report(
            &["trace_id", "ts", "duration_ms", "status", "cold_start"],
            vec![vec![
                Text("1-<b>".into()),
                at(30),
                Number(1_240.0),
                Whole(502),
                Flag(true),
            ]],
        )
        .await,
        deploys: report(
            &["ts", "name"],
            vec![
                vec![at(58), Text("orders<i>".into())],
                vec![at(57), Text("cart".into())],
            ],
        )
        .await,
    }
}

#[tokio::test]
async fn one_route_with_everything_that_is_known_of_it() {
    let (state, _folder) = testing::state().await;
    let key = Key {
        api: "shop".into(),
        stage: "prod".into(),
        route: HOSTILE.into(),
    };
    let ask = ask("range=24h");
    let data = data(&state, &ask).await;
    let html = RoutePage::new(&ask, &state, key, &data)
        .unwrap()
        .render()
        .unwrap();
    for tag in ["<script>alert", "<b>", "orders<i>", "NaN"] {
        assert!(!html.contains(tag), "{tag} is in the page");
    }
    for text in [
        "$0.42",
        "92% of the range collected",
        "traced time",
        "1.24 s",
        "502",
        "orders&#60;i&#62;, cart",
    ] {
        assert!(html.contains(text), "{text} is not in the page");
    }
    assert!(
        html.contains("<p class=\"value\">—</p>"),
        "missing cold starts are a dash"
    );
    assert!(html.contains("287 ms") && html.contains("from histograms of all requests"));
    assert!(
        html.contains("This range is not fully collected"),
        "nor is its cost held against the week before"
    );
    assert!(
        !html.contains("13% more"),
        "what is not fully collected is not compared"
    );
}

#[tokio::test]
async fn a_dearer_route_says_why() {
    let (state, _folder) = testing::state().await;
    let key = Key {
        api: "shop".into(),
        stage: "prod".into(),
        route: HOSTILE.into(),
    };
    let ask = ask("range=24h");
    let mut data = data(&state, &ask).await;
    data.now.coverage = testing::coverage(1.0);
    let (moved, _) = super::moved(&ask, &key, &data);
    let moved = moved.unwrap();
    assert_eq!((&*moved.change, &*moved.before), ("+$0.59", "$0.10"));
    assert_eq!(moved.parts[0].name, "Calls");
    data.week_before = testing::coverage(0.3);
    assert!(super::moved(&ask, &key, &data).0.is_none());
}

#[tokio::test]
async fn an_unknown_route_suggests_those_like_it() {
    let (state, _folder) = testing::state().await;
    let ask = ask("range=7d");
    let row = |route: &str| vec![Text("shop".into()), Text("prod".into()), Text(route.into())];
    let rows = vec![
        row("POST /checkout"),
        row("GET /orders"),
        row("GET /orders/{id}"),
    ];
    let report = testing::report(
        &state,
        &["api", "stage", "route"],
        rows,
        testing::coverage(1.0),
    )
    .await;
    let key = Key {
        api: "shop".into(),
        stage: "prod".into(),
        route: "GET /order".into(),
    };
    match unknown(&ask, &key, &report) {
        PageError::NotFound { what, suggestions } => {
            assert!(what.contains("GET /order"));
            assert_eq!(suggestions[0].0, "GET /orders · shop / prod");
            assert_eq!(
                suggestions[0].1,
                "/route?api=shop&stage=prod&route=GET+%2Forders&range=7d"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn likeness_counts_edits() {
    assert_eq!(distance("get /orders", "get /orders"), 0);
    assert_eq!(distance("get /order", "get /orders"), 1);
    assert_eq!(distance("", "abc"), 3);
    assert!(
        distance("get /orders", "get /orders/{id}") < distance("get /orders", "post /checkout")
    );
}
