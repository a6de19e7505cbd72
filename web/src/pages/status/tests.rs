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
