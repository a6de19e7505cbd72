use super::*;

/// A file as AWS's are: a free tier, a price that begins above it, and a product that has no price on demand.
const FILE: &str = r#"{
    "products": {
        "A": {"productFamily": "Serverless", "attributes": {"servicecode": "AWSLambda", "regionCode": "eu-central-1",
            "location": "EU (Frankfurt)", "usagetype": "EUC1-Request", "operation": "Invoke"}},
        "B": {"productFamily": "Serverless", "attributes": {"servicecode": "AWSLambda", "regionCode": "eu-central-1",
            "usagetype": "EUC1-Lambda-GB-Second"}},
        "C": {"productFamily": "Serverless", "attributes": {"servicecode": "AWSLambda", "regionCode": "eu-central-1",
            "usagetype": "EUC1-Reserved"}},
        "D": {"attributes": {"servicecode": "AmazonEC2", "regionCode": "eu-central-1", "usagetype": "EUC1-BoxUsage"}},
        "E": {"attributes": {"servicecode": "AWSLambda", "regionCode": "eu-central-1", "usagetype": "EUC1-Edge"}},
        "F": {"attributes": {"servicecode": "AWSLambda", "regionCode": "eu-central-1", "usagetype": "EUC1-Edge"}}
    },
    "terms": {"OnDemand": {
        "A": {"A.T": {"effectiveDate": "2026-09-01T00:00:00Z", "priceDimensions": {
            "A.T.1": {"unit": "Requests", "beginRange": "0", "endRange": "Inf", "pricePerUnit": {"USD": "0.0000002000"}}}}},
        "B": {"B.T": {"effectiveDate": "2026-09-01T00:00:00Z", "priceDimensions": {
            "B.T.1": {"unit": "Second", "beginRange": "0", "endRange": "400000", "pricePerUnit": {"USD": "0.0000000000"}},
            "B.T.2": {"unit": "Second", "beginRange": "6000400000", "endRange": "Inf", "pricePerUnit": {"USD": "0.0000150000"}},
            "B.T.3": {"unit": "Second", "beginRange": "400000", "endRange": "6000400000", "pricePerUnit": {"USD": "0.0000166667"}}}}},
        "D": {"D.T": {"effectiveDate": "2026-09-01T00:00:00Z", "priceDimensions": {
            "D.T.1": {"unit": "Hrs", "beginRange": "0", "endRange": "Inf", "pricePerUnit": {"USD": "1"}}}}},
        "E": {"E.T": {"effectiveDate": "2026-09-01T00:00:00Z", "priceDimensions": {
            "E.T.1": {"unit": "Requests", "beginRange": "0", "endRange": "Inf", "pricePerUnit": {"USD": "1"}}}}},
        "F": {"F.T": {"effectiveDate": "2026-09-01T00:00:00Z", "priceDimensions": {
            "F.T.1": {"unit": "Requests", "beginRange": "0", "endRange": "Inf", "pricePerUnit": {"USD": "2"}}}}}
    }}
}"#;

#[test]
fn the_first_tier_that_costs_something_is_the_price() {
    let list: PriceList = serde_json::from_str(FILE).expect("a price list");
    let rows = rows(&list, DateTime::UNIX_EPOCH);
    let found: Vec<_> = rows
        .iter()
        .map(|row| (row.name.as_str(), row.configuration["price_usd"].as_str()))
        .collect();
    // Another service, what has no price on demand, and what has two are left out.
    assert_eq!(
        found,
        [
            ("EUC1-Lambda-GB-Second", "0.0000166667"),
            ("EUC1-Request", "0.0000002000"),
        ]
    );
    assert_eq!(rows[0].region, "eu-central-1");
    assert_eq!(rows[0].configuration["service"], "AWS Lambda");
}

#[test]
fn what_is_no_price_list_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let message = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        format!(
            "{:#}",
            read(&path, DateTime::UNIX_EPOCH).expect_err("refused")
        )
    };
    assert!(
        message("prices.csv", "\"FormatVersion\",\"v1.0\"")
            .contains("prices.csv is not a price list file of AWS")
    );
    assert!(
        message("empty.json", r#"{"products": {}, "terms": {}}"#)
            .contains("no on-demand price of a service")
    );
    let missing =
        read(&folder.path().join("none.json"), DateTime::UNIX_EPOCH).expect_err("refused");
    assert!(
        format!("{missing:#}").contains("cannot read"),
        "{missing:#}"
    );
}
