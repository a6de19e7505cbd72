use super::*;
use crate::testing::{
    self,
    Cell::{Missing, Number, Text, Time, Whole},
};

/// Figures of an account whose week before is collected to this share.
async fn data(state: &WebState, ask: &Ask, week_before: f64) -> Data {
    let coverage = || testing::coverage(0.998);
    let ts = ask.range.from;
    let overview = vec![
        vec![
            Text("current".into()),
            Number(4.5),
            Whole(1_000),
            Number(0.01),
            Missing,
        ],
        vec![
            Text("previous".into()),
            Number(3.0),
            Whole(1_000),
            Number(0.02),
            Missing,
        ],
    ];
    let route = |name: &str, cost| {
        vec![
            Text("a".into()),
            Text("b".into()),
            Text(name.into()),
            Number(cost),
            Number(0.5),
        ]
    };
    Data {
        overview: testing::report(
            state,
            &[
                "period",
                "cost_usd",
                "requests",
                "error_rate",
                "cold_start_rate",
            ],
            overview,
            coverage(),
        )
        .await,
        before: coverage(),
        series: testing::report(
            state,
            &["ts", "cost_usd", "requests", "errors", "p95_ms"],
            vec![vec![Time(ts), Number(0.1), Whole(40), Whole(0), Missing]],
            coverage(),
        )
        .await,
        hours: testing::report(
            state,
            &["ts", "cost_usd"],
            vec![vec![Time(ts), Number(0.1)]],
            coverage(),
        )
        .await,
        route_series: testing::report(
            state,
            &["ts", "cost_usd", "requests"],
            vec![
                vec![Time(ts), Number(0.05), Number(20.0)],
                vec![Time(ts), Number(0.01), Missing],
            ],
            coverage(),
        )
        .await,
        routes: testing::report(
            state,
            &["api", "stage", "route", "cost_usd", "share_of_cost"],
            vec![route("GET /cheap", 0.1), route("GET /\"><img src=x>", 3.0)],
            coverage(),
        )
        .await,
        changes: testing::report(
            state,
            &["api", "stage", "route", "change_usd", "duration_usd"],
            vec![vec![
                Text("a".into()),
                Text("b".into()),
                Text("GET /<moved>".into()),
                Number(0.59),
                Number(0.59),
            ]],
            coverage(),
        )
        .await,
        week_before: testing::coverage(week_before),
        services: testing::report(
            state,
            &["service", "cost_usd"],
            vec![
                vec![Text("AWS Lambda".into()), Number(1.0)],
                vec![Text("AWS Lambda".into()), Number(2.0)],
                vec![Text("Tax".into()), Number(1.0)],
            ],
            coverage(),
        )
        .await,
    }
}

#[tokio::test]
async fn figures_of_the_account() {
    let (state, _folder) = testing::state().await;
    let ask = Ask::new("/", None, &HeaderMap::new(), testing::now()).unwrap();
    let data = data(&state, &ask, 1.0).await;
    let html = Overview::new(&ask, &state, &data, Vec::new())
        .unwrap()
        .render()
        .unwrap();
    for text in [
        "$4.50",
        "50% more",
        "50% fewer",
        "as before",
        "No data in this range yet.",
        "75%",
        "As of 08:44 UTC",
        "GET /&#60;moved&#62;",
        "+$0.59",
    ] {
        assert!(html.contains(text), "{text} is not in the page");
    }
    assert!(!html.contains("<img") && !html.contains("NaN"));
    let (dear, cheap) = (
        html.find("img src").unwrap(),
        html.find("GET /cheap").unwrap(),
    );
    assert!(dear < cheap, "the dearest comes first");
    assert!(
        html.contains("<p class=\"value\">—</p>"),
        "missing cold starts are a dash"
    );
}

#[tokio::test]
async fn nothing_is_compared_with_hours_that_are_not_there() {
    let (state, _folder) = testing::state().await;
    let ask = Ask::new("/", None, &HeaderMap::new(), testing::now()).unwrap();
    let data = data(&state, &ask, 0.4).await;
    let page = Overview::new(&ask, &state, &data, Vec::new()).unwrap();
    assert!(page.moved.is_empty());
    assert!(page.render().unwrap().contains("nothing fair to compare"));
}

#[tokio::test]
async fn an_empty_lake_has_no_alerts() {
    let (state, _folder) = testing::state().await;
    let ask = Ask::new("/", None, &HeaderMap::new(), testing::now()).unwrap();
    assert!(active_alerts(&state, &ask).await.is_empty());
}
