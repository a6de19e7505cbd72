//! Which source's lines are the bill of a day, where several have it.

use millicent_lake::{CostLine, Outcome, Rows};

use crate::testing::{
    World, at, function, function_metric, line, requests, resource, route, usd, window,
};

const LAMBDA: &str = "AWS Lambda";
const USAGE: &str = "EUC1-Lambda-GB-Second";
const FOUND: &str = "2026-11-09 00:00";
const TS: &str = "2026-11-10 08:00";

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

/// A line that names its resource is that one's; what names none is for what no other line names.
#[tokio::test]
async fn a_line_is_for_the_resource_that_it_names() {
    let world = World::empty().await;
    let api = |name: &str, id: &str| resource("rest-api", name, FOUND, &[("api_id", id)]);
    let mut found = vec![api("shop", "a1b2c3"), api("back", "d4e5f6")];
    let mut metrics = Vec::new();
    // The same duration of each, so that by usage each had a third.
    for name in ["f", "g", "h"] {
        found.push(function(name, FOUND, "1024"));
        found.push(route("shop", &format!("GET /{name}"), name));
        metrics.push(function_metric(name, "Invocations", TS, 10.0));
        metrics.push(function_metric(name, "Duration", TS, 1_000.0));
        metrics.push(requests("shop", Some(&format!("GET /{name}")), TS, 10.0));
    }
    metrics.push(requests("back", Some("GET /b"), TS, 70.0));
    world.add(Rows::Resources(found)).await;
    world.add(Rows::Metrics(metrics)).await;
    let named = |arn: &str, service: &str, usage_type: &str, cost: &str| CostLine {
        resource_id: Some(arn.to_owned()),
        source: "cur".to_owned(),
        estimated: false,
        ..line("2026-11-10", service, usage_type, cost, Some("1000"))
    };
    let of_function = |name: &str, cost| {
        let arn = format!("arn:aws:lambda:eu-central-1:123456789012:function:{name}");
        named(&arn, LAMBDA, USAGE, cost)
    };
    let gateway = |id: &str, cost| {
        let arn = format!("arn:aws:apigateway:eu-central-1::/restapis/{id}/stages/prod");
        named(&arn, "Amazon API Gateway", "EUC1-ApiGatewayRequest", cost)
    };
    let lines = vec![
        of_function("f:live", "6"),
        of_function("deleted", "2"),
        CostLine {
            resource_id: None,
            quantity: Some(usd("2.01")),
            ..of_function("", "3")
        },
        gateway("a1b2c3", "9"),
        gateway("d4e5f6", "4"),
    ];
    world.add(Rows::Costs(lines)).await;
    let sql = "select coalesce(route, place || coalesce(' ' || resource, '')) as whose, service, sum(cost_usd) as usd, min(basis) as basis \
               from bill_shares group by 1, 2 order by 2, 1";
    let told = world.analyzer.sql(sql).await.unwrap();
    let told: Vec<_> = told
        .rows()
        .map(|row| {
            let cost = row.decimal("usd").unwrap().round_dp(9).normalize();
            format!(
                "{} {cost}: {}",
                row.text("whose").unwrap(),
                row.text("basis").unwrap()
            )
        })
        .collect();
    let only = "the only route that calls it";
    assert_eq!(
        told,
        [
            // All that is billed for a function is its own, although it used a hundredth of the quantity.
            format!("GET /f 6: billed for the resource; {only}"),
            // These two share what names nobody.
            format!("GET /g 1.5: {only}"),
            format!("GET /h 1.5: {only}"),
            "unexplained deleted 2: no usage was seen".to_owned(),
            "GET /b 4: billed for the resource; requests counted by method".to_owned(),
            "GET /f 3: billed for the resource; requests counted by method".to_owned(),
            "GET /g 3: billed for the resource; requests counted by method".to_owned(),
            "GET /h 3: billed for the resource; requests counted by method".to_owned(),
        ]
    );
}
