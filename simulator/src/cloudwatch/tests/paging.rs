use std::collections::BTreeMap;

use ciborium::Value;

use super::{FUNCTION, Points, at, call, field, query, request, results, text, world};

fn some_queries() -> Vec<Value> {
    let function = [("FunctionName", FUNCTION)];
    vec![
        query("m1", "AWS/Lambda", "Duration", &function, "p99", 60),
        query("m2", "AWS/Lambda", "Nothing", &function, "Sum", 60),
        query(
            "m3",
            "AWS/ApiGateway",
            "Count",
            &[("ApiName", "shop")],
            "Sum",
            300,
        ),
        query("m4", "AWS/Lambda", "Invocations", &[], "Sum", 3_600),
        query(
            "m5",
            "AWS/S3",
            "BucketSizeBytes",
            &[
                ("BucketName", "shop-media-eu"),
                ("StorageType", "StandardStorage"),
            ],
            "Average",
            86_400,
        ),
    ]
}

#[test]
fn pages_together_are_the_whole() {
    let world = world(5);
    let (from, to) = (at("2026-11-22T20:00:00Z"), at("2026-11-23T02:00:00Z"));
    for order in ["TimestampAscending", "TimestampDescending"] {
        let order: (&str, Value) = ("ScanBy", order.into());
        let whole = call(
            &world,
            "GetMetricData",
            &request(some_queries(), from, to, std::slice::from_ref(&order)),
        )
        .unwrap();
        assert!(field(&whole, "NextToken").is_none());
        let whole = results(&whole);
        assert!(whole.iter().all(|(_, status, _)| status == "Complete"));
        let points: usize = whole.iter().map(|(_, _, points)| points.len()).sum();
        assert!(points > 350, "{points}");
        for size in [1, 7, 100, points - 1, points] {
            let mut merged: BTreeMap<String, Points> = BTreeMap::new();
            let mut token: Option<String> = None;
            let mut pages = 0;
            loop {
                let mut more = vec![order.clone(), ("MaxDatapoints", (size as i64).into())];
                more.extend(token.take().map(|token| ("NextToken", token.into())));
                let page = call(
                    &world,
                    "GetMetricData",
                    &request(some_queries(), from, to, &more),
                )
                .unwrap();
                let found = results(&page);
                assert!(
                    found
                        .iter()
                        .map(|(_, _, points)| points.len())
                        .sum::<usize>()
                        <= size
                );
                for (id, _, points) in &found {
                    merged.entry(id.clone()).or_default().extend(points);
                }
                pages += 1;
                match field(&page, "NextToken") {
                    Some(next) => {
                        assert!(found.iter().any(|(_, status, _)| status == "PartialData"));
                        token = Some(next.as_text().unwrap().to_owned());
                    }
                    None => {
                        assert!(found.iter().all(|(_, status, _)| status == "Complete"));
                        break;
                    }
                }
            }
            assert_eq!(pages, points.div_ceil(size));
            for (id, _, points) in &whole {
                assert_eq!(merged.get(id), Some(points), "{id} in pages of {size}");
            }
        }
    }
}

#[test]
fn a_token_belongs_to_its_request() {
    let world = world(5);
    let (from, to) = (at("2026-11-22T20:00:00Z"), at("2026-11-22T22:00:00Z"));
    let small = ("MaxDatapoints", Value::from(3));
    let page = call(
        &world,
        "GetMetricData",
        &request(some_queries(), from, to, std::slice::from_ref(&small)),
    )
    .unwrap();
    let token: Value = text(&page, "NextToken").into();
    let other = request(
        some_queries(),
        from,
        to + 3_600,
        &[small.clone(), ("NextToken", token)],
    );
    assert_eq!(
        call(&world, "GetMetricData", &other).unwrap_err().code,
        "InvalidNextToken"
    );
    let garbage = request(
        some_queries(),
        from,
        to,
        &[small, ("NextToken", "äöü-nonsense".into())],
    );
    assert_eq!(
        call(&world, "GetMetricData", &garbage).unwrap_err().code,
        "InvalidNextToken"
    );
}
