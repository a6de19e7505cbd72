//! Alert rules over a route that gets dearer, and a day that does.

use millicent_lake::Rows;

use crate::Params;
use crate::testing::{World, at, function, function_metric, requests, route, usd};

#[tokio::test]
async fn a_route_that_got_dearer_fires_and_tells_its_driver() {
    let world = World::empty().await;
    let mut metrics = Vec::new();
    for day in 3..=10 {
        for hour in 0..24 {
            let ts = format!("2026-11-{day:02} {hour:02}:00");
            let slow = day == 10 && hour >= 6;
            metrics.push(requests("shop", Some("GET /a"), &ts, 100.0));
            metrics.push(function_metric("f", "Invocations", &ts, 100.0));
            metrics.push(function_metric(
                "f",
                "Duration",
                &ts,
                if slow { 3e6 } else { 1e5 },
            ));
        }
    }
    world.add(Rows::Metrics(metrics)).await;
    let found = vec![
        function("f", "2026-11-01 00:00", "1024"),
        route("shop", "GET /a", "f"),
    ];
    world.add(Rows::Resources(found)).await;
    let params = Params::new().set("to", at("2026-11-10 10:30"));
    let report = world
        .analyzer
        .report("alerts/cost-per-request", &params)
        .await
        .unwrap();
    let row = report.table.rows().next().expect("it fires");
    assert_eq!(row.timestamp("since"), Some(at("2026-11-10 06:00")));
    assert_eq!(row.text("driver"), Some("AWS Lambda: 100% of the rise"));
    assert_eq!(row.f64("requests"), Some(300.0));
    let calm = Params::new().set("to", at("2026-11-10 05:30"));
    let report = world
        .analyzer
        .report("alerts/cost-per-request", &calm)
        .await
        .unwrap();
    assert_eq!(report.table.num_rows(), 0);

    let budget = |usd: f64| {
        let params = Params::new()
            .set("from", at("2026-11-10 00:00"))
            .set("to", at("2026-11-10 10:30"));
        params.set("budget_usd", usd)
    };
    // Calm hours cost 0.0021 USD, the others 0.05.
    let report = world
        .analyzer
        .report("alerts/daily-budget", &budget(0.1))
        .await
        .unwrap();
    let row = report.table.rows().next().expect("it fires");
    assert_eq!(row.timestamp("since"), Some(at("2026-11-10 08:00")));
    assert_eq!(row.decimal("threshold"), Some(usd("0.1")));
    let report = world
        .analyzer
        .report("alerts/daily-budget", &budget(9.0))
        .await
        .unwrap();
    assert_eq!(report.table.num_rows(), 0);
}
