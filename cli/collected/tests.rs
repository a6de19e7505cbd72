use chrono::DateTime;
use millicent_collector::windows::Window;
use millicent_collector::{Incident, PassSummary, Place, Plan, Unreached};
use millicent_lake::Outcome;

use super::*;

fn place(account: &str, region: &str) -> Place {
    Place {
        account: account.to_owned(),
        account_id: "123456789012".to_owned(),
        region: region.to_owned(),
    }
}

fn planned(source: Source, units: Option<u64>, cost: Option<Decimal>) -> PlannedSource {
    PlannedSource {
        source,
        windows: 3,
        calls: units,
        billed_units: units,
        cost_usd: cost,
        basis: "a page a request",
    }
}

fn plan_of(sources: Vec<PlannedSource>) -> Plan {
    Plan {
        sources,
        budget_usd_per_day: None,
        spent_today_usd: Decimal::ZERO,
    }
}

#[test]
fn a_plan_says_what_it_does_not_know() {
    let text = super::plan(&EstatePlan {
        places: vec![(
            place("default", "eu-central-1"),
            plan_of(vec![
                planned(Source::Traces, None, None),
                planned(Source::Cost, Some(6), Some(Decimal::new(6, 2))),
            ]),
        )],
        unreached: Vec::new(),
        budget_usd_per_day: Some(Decimal::ONE),
        spent_today_usd: Decimal::ZERO,
    });
    assert_eq!(
        text,
        "source  windows  calls  billed units   cost  known from\n\
         ──────  ───────  ─────  ────────────  ─────  ────────────────\n\
         traces        3      ?             ?      ?  a page a request\n\
         cost          3      6             6  $0.06  a page a request\n\
         The next pass costs at least $0.06 at AWS's list price; $0 spent today of a budget of $1.\n"
    );
}

#[test]
fn a_plan_of_several_places_adds_up_and_says_who_is_not_in_it() {
    let sources = |units| {
        plan_of(vec![planned(
            Source::Cost,
            Some(units),
            Some(Decimal::new(units as i64, 2)),
        )])
    };
    let text = super::plan(&EstatePlan {
        places: vec![
            (place("shop", "eu-central-1"), sources(6)),
            (place("shop", "us-east-1"), sources(2)),
        ],
        unreached: vec![(
            place("data", "eu-central-1"),
            Unreached {
                outcome: Outcome::Denied,
                message: "account `data`: no AWS credentials".to_owned(),
            },
        )],
        budget_usd_per_day: None,
        spent_today_usd: Decimal::ZERO,
    });
    assert!(
        text.contains("cost          6      8             8  $0.08"),
        "{text}"
    );
    assert!(
        text.contains("shop     us-east-1           3  $0.02"),
        "{text}"
    );
    assert!(
        text.contains("Not in it: data eu-central-1: account `data`: no AWS credentials"),
        "{text}"
    );
    assert!(text.contains("The next pass costs $0.08"), "{text}");
}

fn summary_of(account: &str, incidents: usize) -> PlaceSummary {
    let window = Window::new(DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH);
    let incident = Incident {
        window,
        outcome: Outcome::Denied,
        message: "ce:GetCostAndUsage is denied".to_owned(),
    };
    PlaceSummary {
        place: place(account, "eu-central-1"),
        unreached: None,
        pass: PassSummary {
            sources: vec![SourceSummary {
                source: Source::Cost,
                windows: 5,
                complete: 5 - incidents as u64,
                rows: 0,
                calls: 5,
                billed_units: 5,
                cost_usd: Decimal::new(5, 2),
                incidents: vec![incident; incidents],
            }],
            cancelled: false,
        },
    }
}

#[test]
fn a_source_that_failed_is_named_and_the_pass_fails() {
    let pass = EstateSummary {
        places: vec![summary_of("default", 5)],
    };
    let text = summary(&pass);
    assert_eq!(
        text.matches("denied: ce:GetCostAndUsage is denied").count(),
        3,
        "{text}"
    );
    assert!(text.contains("cost: and 2 more"), "{text}");
    let error = failed(&pass).unwrap_err().to_string();
    assert!(
        error.contains("not everything was collected: cost;"),
        "{error}"
    );
    assert!(failed(&EstateSummary { places: Vec::new() }).is_ok());
}

#[test]
fn of_several_places_those_that_failed_are_named() {
    let mut unreached = summary_of("data", 0);
    unreached.pass = PassSummary::default();
    unreached.unreached = Some(Unreached {
        outcome: Outcome::Denied,
        message: "the role can't be assumed".to_owned(),
    });
    let pass = EstateSummary {
        places: vec![summary_of("shop", 0), summary_of("web", 1), unreached],
    };
    let text = summary(&pass);
    assert!(text.contains("web eu-central-1, cost, "), "{text}");
    assert!(
        text.contains("data eu-central-1: denied: the role can't be assumed"),
        "{text}"
    );
    assert!(
        text.contains("cost         10         9     0     10  $0.1"),
        "{text}"
    );
    assert_eq!(
        failed(&pass).unwrap_err().to_string(),
        "not everything was collected: web eu-central-1: cost; data eu-central-1: not reached; \
         what is missing is due again with the next pass"
    );
}
