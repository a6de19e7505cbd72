use proptest::prelude::*;

use super::*;

fn resource(kind: &str, name: &str, said: &[(&str, &str)], tags: &[(&str, &str)]) -> Resource {
    let map = |pairs: &[(&str, &str)]| {
        let owned = pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        owned.collect::<BTreeMap<_, _>>()
    };
    Resource {
        ts: DateTime::UNIX_EPOCH,
        account_id: "1".to_owned(),
        region: "eu-central-1".to_owned(),
        kind: kind.to_owned(),
        name: name.to_owned(),
        arn: format!("{kind}:{name}"),
        configuration: map(said),
        tags: map(tags),
        deleted: false,
    }
}

fn estate() -> Vec<Resource> {
    vec![
        resource("function", "shop-orders", &[], &[("team", "shop")]),
        resource("function", "pay-cards", &[], &[("team", "payments")]),
        resource("alias", "pay-cards:live", &[("function", "pay-cards")], &[]),
        resource(
            "log-group",
            "/aws/lambda/pay-cards",
            &[("function", "pay-cards")],
            &[],
        ),
        resource("log-group", "/shop/audit", &[], &[]),
        resource("rest-api", "shop", &[("api_id", "a1")], &[("team", "shop")]),
        resource("stage", "shop/prod", &[("api_id", "a1")], &[]),
        resource("route", "GET /pay-cards", &[("api_id", "a1")], &[]),
        resource("table", "pay-ledger", &[], &[("team", "payments")]),
        resource("index", "pay-ledger/index/by-day", &[], &[]),
        resource("bucket", "shop-invoices", &[], &[]),
        resource("bill-export", "2026-11", &[], &[]),
    ]
}

fn kept(filter: &Filter) -> Vec<String> {
    filter.keep(estate()).into_iter().map(|r| r.name).collect()
}

fn patterns(patterns: &[&str]) -> Vec<String> {
    patterns.iter().map(|p| (*p).to_owned()).collect()
}

#[test]
fn a_filter_that_is_off_keeps_everything() {
    assert_eq!(Filter::default().keep(estate()), estate());
}

#[test]
fn what_hangs_on_a_resource_goes_with_it() {
    let filter = Filter {
        include: patterns(&["pay-*"]),
        ..Filter::default()
    };
    assert_eq!(
        kept(&filter),
        [
            "pay-cards",
            "pay-cards:live",
            "/aws/lambda/pay-cards",
            "pay-ledger",
            "pay-ledger/index/by-day",
            "2026-11"
        ],
        "a route goes by its API's name and not by its own"
    );
    let filter = Filter {
        exclude: patterns(&["pay-*", "shop"]),
        ..Filter::default()
    };
    assert_eq!(
        kept(&filter),
        ["shop-orders", "/shop/audit", "shop-invoices", "2026-11"]
    );
}

#[test]
fn what_is_excluded_is_out_even_when_it_is_included() {
    let filter = Filter {
        include: patterns(&["*"]),
        exclude: patterns(&["/aws/lambda/*"]),
        ..Filter::default()
    };
    let kept = kept(&filter);
    assert_eq!(kept.len(), estate().len() - 1);
    assert!(!kept.iter().any(|name| name.starts_with("/aws/lambda")));
}

#[test]
fn tags_are_those_of_the_owner_too_and_all_must_match() {
    let with = |tags: &[(&str, &str)]| Filter {
        tags: tags
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect(),
        ..Filter::default()
    };
    assert_eq!(
        kept(&with(&[("team", "pay*")])),
        [
            "pay-cards",
            "pay-cards:live",
            "/aws/lambda/pay-cards",
            "pay-ledger",
            "pay-ledger/index/by-day",
            "2026-11"
        ]
    );
    assert_eq!(
        kept(&with(&[("team", "shop"), ("env", "prod")])),
        ["2026-11"]
    );
}

#[test]
fn that_a_filter_is_on_is_a_row_as_long_as_it_is() {
    let filter = Filter {
        include: patterns(&["pay-*"]),
        ..Filter::default()
    };
    let place = ("1", "eu-central-1");
    let now = DateTime::UNIX_EPOCH;
    let row = filter.row(&[], &estate(), place, now).unwrap();
    assert_eq!(row.configuration["include"], "pay-*");
    assert_eq!(row.configuration["left_out"], "6");
    assert_eq!(row.configuration["resources"], "11");
    let known = [row];
    assert_eq!(
        filter.row(&known, &estate(), place, now),
        None,
        "said already"
    );
    let off = Filter::default()
        .row(&known, &estate(), place, now)
        .unwrap();
    assert!(off.deleted);
    assert_eq!(Filter::default().row(&[], &estate(), place, now), None);
}

#[test]
fn a_pattern_is_of_the_whole_name() {
    for (pattern, name, fits) in [
        ("shop", "shop", true),
        ("shop", "shop-2", false),
        ("shop-*", "shop-", true),
        ("*-prod", "a-prod-b-prod", true),
        ("*a*b*", "xxaxxbxx", true),
        ("*a*b*", "xxbxxa", false),
        ("sh?p", "sh\u{f6}p", true),
        ("?", "", false),
        ("**", "", true),
        ("", "", true),
        ("", "a", false),
    ] {
        assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
    }
}

proptest! {
    /// The matcher against its definition: a star takes some of the name, or nothing.
    #[test]
    fn a_pattern_matches_as_it_is_defined(pattern in "[ab*?]{0,6}", name in "[ab]{0,8}") {
        fn defined(pattern: &[u8], name: &[u8]) -> bool {
            match (pattern.first(), name.first()) {
                (None, None) => true,
                (Some(b'*'), _) => {
                    defined(&pattern[1..], name) || (!name.is_empty() && defined(pattern, &name[1..]))
                }
                (Some(p), Some(n)) => (*p == b'?' || p == n) && defined(&pattern[1..], &name[1..]),
                _ => false,
            }
        }
        prop_assert_eq!(matches(&pattern, &name), defined(pattern.as_bytes(), name.as_bytes()));
    }
}
