use chrono::TimeDelta;

use super::*;
use crate::error::PageError;
use crate::testing::{
    self,
    Cell::{Missing, Number, Text, Time, Whole},
};

fn ask(query: &str) -> Ask {
    Ask::new("/routes", Some(query), &HeaderMap::new(), testing::now()).unwrap()
}

#[test]
fn the_order_is_in_the_url() {
    let sort = Sort::parse(&ask("")).unwrap();
    assert_eq!((sort.column.key, sort.descending), ("cost", true));
    let sort = Sort::parse(&ask("sort=route")).unwrap();
    assert!(!sort.descending);
    let sort = Sort::parse(&ask("sort=p95&dir=asc")).unwrap();
    assert_eq!((sort.column.key, sort.descending), ("p95", false));
}

#[test]
fn a_wrong_order_is_the_readers_mistake() {
    for (query, name) in [("sort=magic", "sort"), ("dir=up", "dir")] {
        match Sort::parse(&ask(query)) {
            Err(PageError::Parameter { name: got, .. }) => assert_eq!(got, name),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_second_click_turns_the_order_and_keeps_the_rest() {
    let ask = ask("range=7d&q=orders&sort=cost&dir=desc");
    let sort = Sort::parse(&ask).unwrap();
    let cost = header(&ask, sort, &COLUMNS[1]);
    assert_eq!(
        (cost.sorted, cost.href.as_str()),
        ("descending", "/routes?range=7d&q=orders&sort=cost&dir=asc")
    );
    let p95 = header(&ask, sort, &COLUMNS[7]);
    assert_eq!(
        (p95.sorted, p95.href.as_str()),
        ("", "/routes?range=7d&q=orders&sort=p95&dir=desc")
    );
}

#[tokio::test]
async fn rows_are_filtered_sorted_and_summed() {
    let (state, _folder) = testing::state().await;
    let row = |route: &str, requests, cost| {
        vec![
            Text("shop".into()),
            Text("prod".into()),
            Text(route.into()),
            Whole(requests),
            cost,
        ]
    };
    let rows = vec![
        row("GET /orders", 100, Number(0.1)),
        row("POST /orders", 200, Missing),
        row("GET /carts", 300, Number(0.3)),
        row("PUT /orders/<b>", 400, Number(0.2)),
    ];
    let columns = ["api", "stage", "route", "requests", "cost_usd"];
    let report = testing::report(&state, &columns, rows, testing::coverage(1.0)).await;
    let latencies = testing::report(
        &state,
        &["api", "stage", "route", "p95_ms", "basis"],
        vec![vec![
            Text("shop".into()),
            Text("prod".into()),
            Text("GET /orders".into()),
            Number(87.0),
            Text("histograms".into()),
        ]],
        testing::coverage(1.0),
    )
    .await;
    let series = testing::report(
        &state,
        &["api", "stage", "route", "ts", "requests", "cost_usd"],
        vec![vec![
            Text("shop".into()),
            Text("prod".into()),
            Text("GET /orders".into()),
            Time(testing::now() - TimeDelta::hours(5)),
            Whole(1),
            Missing,
        ]],
        testing::coverage(1.0),
    )
    .await;
    let ask = ask("q=ORDERS+shop");
    let sort = Sort::parse(&ask).unwrap();
    let latencies = Latencies::new(&latencies);
    let reports = (&report, &latencies);
    let page = Routes::new(&ask, &state, sort, reports, &series, shape_step_s(&ask));
    let order: Vec<&str> = page.rows.iter().map(|line| line.route.as_str()).collect();
    assert_eq!(
        order,
        ["PUT /orders/<b>", "GET /orders", "POST /orders"],
        "what is missing comes last"
    );
    let total = page.total.as_ref().unwrap();
    assert_eq!(
        (total.requests.as_str(), total.cost.as_str()),
        ("700", "$0.30")
    );
    let html = page.render().unwrap();
    assert!(html.contains("3 of 4 routes") && html.contains("aria-sort=\"descending\""));
    assert!(!html.contains("<b>") && html.contains("class=\"spark\""));
    assert!(html.contains("87 ms") && html.contains("from histograms of all requests"));
}
