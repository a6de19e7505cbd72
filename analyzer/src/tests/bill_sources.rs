//! Which source's lines are the bill of a day, where several have it.

use millicent_lake::{CostLine, Outcome, Rows};

use crate::testing::{World, at, line, usd, window};

const LAMBDA: &str = "AWS Lambda";
const USAGE: &str = "EUC1-Lambda-GB-Second";

/// Lines of hours of a function, as an export has them.
fn exported(source: &str, day: &str, costs: &[&str]) -> Vec<CostLine> {
    let hours = costs.iter().enumerate().map(|(hour, cost)| CostLine {
        ts: at(&format!("{day} {hour:02}:00")),
        granularity: "hourly".to_owned(),
        resource_id: Some("arn:aws:lambda:eu-central-1:123456789012:function:f".to_owned()),
        source: source.to_owned(),
        ..line(day, LAMBDA, USAGE, cost, Some("1"))
    });
    hours.collect()
}

fn explored(day: &str, cost: &str) -> Vec<CostLine> {
    vec![line(day, LAMBDA, USAGE, cost, Some("1"))]
}

/// `date source cost settled` of each day of the bill.
async fn bill(lines: Vec<CostLine>) -> Vec<String> {
    let world = World::empty().await;
    // Cost Explorer was read on the 14th.
    let read = window(
        "cost",
        "2026-11-01 00:00",
        "2026-11-14 00:00",
        Outcome::Complete,
    );
    world.add(Rows::Collections(vec![read])).await;
    world.add(Rows::Costs(lines)).await;
    let sql = "select concat_ws(' ', date, source, cast(sum(cost_usd) as decimal(10, 2)), bool_and(settled)) as told \
               from bill group by date, account_id, source order by date, account_id";
    let table = world.analyzer.sql(sql).await.unwrap();
    let told = table.rows().map(|row| row.text("told").unwrap().to_owned());
    told.collect()
}

#[tokio::test]
async fn an_export_wins_the_days_that_it_proves_whole_and_nothing_counts_twice() {
    let mut lines = Vec::new();
    for day in [
        "2026-11-09",
        "2026-11-10",
        "2026-11-11",
        "2026-11-12",
        "2026-11-13",
    ] {
        lines.extend(explored(day, "3.00"));
    }
    for day in ["2026-11-09", "2026-11-10", "2026-11-11"] {
        lines.extend(exported("cur", day, &["1.00", "2.00"]));
        lines.extend(exported("focus", day, &["1.00", "2.00"]));
    }
    // Written early on the 13th: what was used on the 12th and 13th is there in part.
    lines.extend(exported("cur", "2026-11-12", &["1.00"]));
    lines.extend(exported("cur", "2026-11-13", &["0.01"]));
    assert_eq!(
        bill(lines).await,
        [
            "2026-11-09 cur 3.00 true",
            "2026-11-10 cur 3.00 true",
            "2026-11-11 cost-explorer 3.00 true",
            "2026-11-12 cost-explorer 3.00 false",
            "2026-11-13 cost-explorer 3.00 false",
        ]
    );
}

#[tokio::test]
async fn an_export_that_leaves_out_services_does_not_win() {
    let later = exported("cur", "2026-11-13", &["1.00"]);
    let mut lines = explored("2026-11-09", "3.00");
    // A cent and a hundredth less is late rounding; more is a service less.
    lines.extend(exported("cur", "2026-11-09", &["2.97"]));
    lines.extend(explored("2026-11-10", "3.00"));
    lines.extend(exported("cur", "2026-11-10", &["2.90"]));
    lines.extend(later);
    assert_eq!(
        bill(lines).await,
        [
            "2026-11-09 cur 2.97 true",
            "2026-11-10 cost-explorer 3.00 true",
            "2026-11-13 cur 1.00 false",
        ]
    );
}

#[tokio::test]
async fn credits_and_savings_plans_do_not_make_an_export_look_short() {
    let record = |line: CostLine, kind: &str, cost: &str| CostLine {
        record_type: kind.to_owned(),
        cost_usd: usd(cost),
        ..line
    };
    let mut lines = explored("2026-11-09", "3.00");
    let first = lines[0].clone();
    // Cost Explorer has what a savings plan covers at its price and takes it away again.
    lines.push(record(first.clone(), "SavingsPlanNegation", "-2.00"));
    lines.push(record(first.clone(), "SavingsPlanRecurringFee", "1.50"));
    // FOCUS bills it at nothing.
    let focus = exported("focus", "2026-11-09", &["1.00", "0.00"]);
    lines.push(record(focus[0].clone(), "SavingsPlanRecurringFee", "1.50"));
    lines.push(record(focus[0].clone(), "Credit", "-0.40"));
    lines.extend(focus);
    lines.extend(exported("focus", "2026-11-12", &["1.00"]));
    assert_eq!(
        bill(lines).await,
        ["2026-11-09 focus 2.10 true", "2026-11-12 focus 1.00 false"]
    );
}

#[tokio::test]
async fn each_account_has_its_own_best_source_and_a_monthly_file_has_no_days() {
    let mut lines = explored("2026-11-09", "3.00");
    let other = |mut line: CostLine| {
        line.account_id = "999999999999".to_owned();
        line
    };
    lines.extend(
        exported("cur", "2026-11-09", &["5.00"])
            .into_iter()
            .map(other),
    );
    lines.extend(
        exported("cur", "2026-11-12", &["1.00"])
            .into_iter()
            .map(other),
    );
    lines.push(CostLine {
        granularity: "monthly".to_owned(),
        source: "cur".to_owned(),
        ..line("2026-11-01", LAMBDA, USAGE, "100", None)
    });
    assert_eq!(
        bill(lines).await,
        [
            "2026-11-09 cost-explorer 3.00 true",
            "2026-11-09 cur 5.00 true",
            "2026-11-12 cur 1.00 false",
        ]
    );
}
