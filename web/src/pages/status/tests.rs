use super::*;
use crate::testing::{self, Cell};

#[tokio::test]
async fn neighbours_that_came_to_the_same_are_one_cell() {
    let (state, _folder) = testing::state().await;
    let ask = Ask::new("/status", None, &HeaderMap::new(), testing::now()).unwrap();
    let hour = |n: i64, outcome: &str| {
        let from = ask.range.from + TimeDelta::hours(n);
        let cells = [Cell::Time(from), Cell::Time(from + TimeDelta::hours(1))];
        cells
            .into_iter()
            .chain([Cell::Text(outcome.to_owned())])
            .collect::<Vec<_>>()
    };
    let rows = vec![
        hour(0, "complete"),
        hour(1, "complete"),
        hour(2, "throttled"),
        hour(9, "complete"),
    ];
    let report = testing::report(
        &state,
        &["ts", "window_end", "outcome"],
        rows,
        testing::coverage(1.0),
    )
    .await;
    let rows: Vec<Row<'_>> = report.table.rows().collect();
    let cells = cells(&ask, &rows);
    let classes: Vec<&str> = cells.iter().map(|cell| cell.class.as_str()).collect();
    assert_eq!(classes, ["o-complete", "o-throttled", "o-complete"]);
    assert!(
        cells[0].title.ends_with("2 windows complete"),
        "{}",
        cells[0].title
    );
    assert_eq!(summary(&rows), "4 windows: 3 complete, 1 throttled");
}

#[test]
fn an_unknown_outcome_looks_like_a_failure() {
    assert_eq!(class("complete"), "o-complete");
    assert_eq!(class("\"><script>"), "o-failed");
}

#[tokio::test]
async fn several_places_are_summed_with_the_worst_that_happened() {
    let (state, _folder) = testing::state().await;
    let ask = Ask::new("/status", None, &HeaderMap::new(), testing::now()).unwrap();
    let window = |account: &str, region: &str, source: &str, outcome: &str| {
        let text = |text: &str| Cell::Text(text.to_owned());
        vec![
            text(source),
            text(account),
            text(region),
            text(outcome),
            Cell::Time(ask.range.from),
            Cell::Time(ask.range.from + TimeDelta::hours(1)),
            Cell::Time(ask.range.to),
            Cell::Number(2.0),
            Cell::Number(3.0),
            Cell::Number(0.5),
            Cell::Number(0.0),
            Cell::Number(1.0),
            Cell::Number(1.0),
        ]
    };
    let columns = [
        "source",
        "account_id",
        "region",
        "outcome",
        "ts",
        "window_end",
        "collected_at",
        "rows",
        "calls",
        "cost_usd",
        "incomplete",
        "windows",
        "billed_units",
    ];
    let state = &state;
    let made = async |rows| testing::report(state, &columns, rows, testing::coverage(1.0)).await;
    let one = vec![
        window("1", "eu-central-1", "traces", "complete"),
        window("1", "global", "cost", "complete"),
    ];
    let filters = [
        "account_id",
        "region",
        "include",
        "exclude",
        "tags",
        "resources",
        "left_out",
    ];
    let filter = vec![
        Cell::Text("1".to_owned()),
        Cell::Text("eu-central-1".to_owned()),
        Cell::Text("shop-*".to_owned()),
        Cell::Text("*-test".to_owned()),
        Cell::Text("team=shop".to_owned()),
        Cell::Whole(40),
        Cell::Whole(12),
    ];
    let filters = testing::report(state, &filters, vec![filter], testing::coverage(1.0)).await;
    let page = |windows: &Report| {
        let status = Status::new(&ask, state, windows, windows, windows, &filters);
        status.render().unwrap()
    };
    let report = made(one).await;
    let html = page(&report);
    assert!(
        !html.contains("Accounts and regions"),
        "one place needs no table"
    );
    assert!(
        html.contains("12 of 40 resources are left out on purpose (only names like shop-*"),
        "{html}"
    );

    let several = vec![
        window("1", "eu-central-1", "traces", "complete"),
        window("2", "us-east-1", "traces", "complete"),
        window("2", "us-east-1", "lambda-metrics", "denied"),
        window("2", "global", "cost", "complete"),
    ];
    let report = made(several).await;
    let status = Status::new(&ask, state, &report, &report, &report, &filters);
    let rows: Vec<_> = status
        .places
        .iter()
        .map(|p| {
            (
                p.name.as_str(),
                p.outcome.as_str(),
                p.sources.as_str(),
                p.rows.as_str(),
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            ("1 · eu-central-1", "complete", "1", "2"),
            ("2 · global", "complete", "1", "2"),
            ("2 · us-east-1", "denied", "2", "4"),
        ]
    );
    assert!(page(&report).contains("Accounts and regions"));
}
