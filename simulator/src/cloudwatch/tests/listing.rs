use ciborium::Value;

use super::{call, call_as, field, map, text, world};
use crate::{World, cloudwatch::View};

fn list(world: &World, more: &[(&str, Value)], view: &View) -> (Vec<Value>, usize) {
    let mut found = Vec::new();
    let mut token: Option<String> = None;
    let mut pages = 0;
    loop {
        let mut input = more.to_vec();
        input.extend(token.take().map(|token| ("NextToken", token.into())));
        let page = call_as(world, "ListMetrics", &map(&input), view).unwrap();
        found.extend(
            field(&page, "Metrics")
                .unwrap()
                .as_array()
                .unwrap()
                .iter()
                .cloned(),
        );
        pages += 1;
        match field(&page, "NextToken") {
            Some(next) => token = Some(next.as_text().unwrap().to_owned()),
            None => return (found, pages),
        }
    }
}

#[test]
fn metrics_are_listed_filtered_and_paged() {
    let world = world(5);
    let view = View {
        now: world.now(),
        lag_minutes: 0,
        page_size: None,
    };
    let cut = View {
        page_size: Some(10),
        ..view
    };
    let (all, pages) = list(&world, &[], &view);
    let series = world.series().all().len();
    assert_eq!((all.len(), pages), (series, series.div_ceil(500)));
    let (again, pages) = list(&world, &[], &cut);
    assert_eq!((again, pages), (all.clone(), all.len().div_ceil(10)));

    let names = |value: &[(&str, Option<&str>)]| {
        let filter = |(name, value): &(&str, Option<&str>)| {
            let mut entries = vec![("Name", Value::from(*name))];
            entries.extend(value.map(|value| ("Value", Value::from(value))));
            map(&entries)
        };
        (
            "Dimensions",
            Value::Array(value.iter().map(filter).collect()),
        )
    };
    let count = |more: &[(&str, Value)]| list(&world, more, &view).0.len();
    let gateway = || ("Namespace", Value::from("AWS/ApiGateway"));
    // Of REST APIs nine methods, two APIs and their stages; five metrics of each.
    let rest = names(&[("ApiName", None)]);
    assert_eq!(count(&[gateway(), rest]), (9 + 2 + 2) * 5);
    let methods = names(&[("ApiName", None), ("Resource", None)]);
    assert_eq!(count(&[gateway(), methods]), 45);
    assert_eq!(
        count(&[
            gateway(),
            names(&[("Resource", Some("/orders")), ("Method", Some("POST"))])
        ]),
        5
    );
    let functions = world.estate().functions.len();
    let duration = ("MetricName", "Duration".into());
    let plain = names(&[("FunctionName", None)]);
    let of_functions = count(&[duration.clone(), plain]);
    assert!(of_functions >= 2 * functions, "{of_functions}");
    assert_eq!(count(&[duration]), 1 + of_functions);
    assert_eq!(count(&[("Namespace", "AWS/Nothing".into())]), 0);

    let wrong = call(
        &world,
        "ListMetrics",
        &map(&[("RecentlyActive", "PT4H".into())]),
    )
    .unwrap_err();
    assert_eq!(wrong.code, "InvalidParameterValueException");
    let (recent, _) = list(&world, &[("RecentlyActive", "PT3H".into())], &view);
    assert!(recent.iter().all(|metric| all.contains(metric)));
    assert!(
        recent
            .iter()
            .all(|metric| text(metric, "MetricName") != "BucketSizeBytes"),
        "storage is told at midnight"
    );
    assert!(recent.len() > 150, "{}", recent.len());
}
