//! A value of a report, written by the unit that its column's name ends with.

use millicent_analyzer::Kind;
use serde_json::Value;

use crate::format;

/// A value by the unit that its column's name ends with.
pub(super) fn cell(column: &str, kind: Kind, value: &Value) -> String {
    let number = match value {
        Value::Null => return format::MISSING.to_owned(),
        Value::Number(number) => number.as_f64(),
        Value::String(text) => {
            if let Ok(ts) = chrono::DateTime::parse_from_rfc3339(text) {
                return format::second(ts.with_timezone(&chrono::Utc));
            }
            // A decimal is exact, so it is a text; it is always money.
            (kind == Kind::Decimal).then(|| text.parse().ok()).flatten()
        }
        _ => None,
    };
    match number {
        Some(number) => quantity(column, kind, number),
        None => match value {
            Value::String(text) => text.clone(),
            Value::Bool(true) => "yes".to_owned(),
            Value::Bool(false) => "no".to_owned(),
            other => other.to_string(),
        },
    }
}

fn quantity(column: &str, kind: Kind, number: f64) -> String {
    let ends = |ends: &[&str]| ends.iter().any(|end| column.ends_with(end));
    if kind == Kind::Decimal || ends(&["_usd"]) {
        format::usd(number)
    } else if ends(&["_ms"]) {
        format::ms(number)
    } else if column.contains("_rate")
        || column.contains("share")
        || matches!(column, "cost_estimated" | "covered" | "off")
    {
        format::percent(number)
    } else if ends(&["_percent"]) {
        format::percent(number / 100.0)
    } else if ends(&["_mb"]) {
        format!("{} MB", format::count_exact(number))
    } else if ends(&["_gb"]) {
        format!("{} GB", format::digits(number))
    } else if column.starts_with("bytes") {
        format::bytes(number)
    } else if number.fract() == 0.0 {
        format::count_exact(number)
    } else {
        format::digits(number)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cells_are_written_by_the_unit_in_the_name() {
        let double = |column: &str, value| cell(column, Kind::Double, &value);
        assert_eq!(double("p95_ms", json!(340.2)), "340 ms");
        assert_eq!(double("error_rate", json!(0.008)), "0.8%");
        assert_eq!(double("share_of_cost", json!(0.5)), "50%");
        assert_eq!(double("cost_estimated", json!(1.0)), "100%");
        assert_eq!(double("rise_percent", json!(412.0)), "412%");
        assert_eq!(double("memory_mb", json!(1_769.0)), "1,769 MB");
        assert_eq!(double("size_gb", json!(0.0312)), "0.031 GB");
        assert_eq!(double("bytes", json!(1.5 * 1024.0 * 1024.0)), "1.5 MB");
        assert_eq!(double("requests", json!(12_345)), "12,345");
        assert_eq!(double("invocations", json!(12_345.678)), "12,346");
        assert_eq!(double("effective_size", json!(1.2345)), "1.2");
        assert_eq!(double("requests", Value::Null), "—");
        let decimal = |column: &str, value| cell(column, Kind::Decimal, &value);
        assert_eq!(decimal("cost_usd", json!("0.0042")), "$0.0042");
        assert_eq!(decimal("threshold", json!("5.000000000000")), "$5.00");
        let text = |column: &str, value| cell(column, Kind::Text, &value);
        assert_eq!(text("route", json!("GET /<b>")), "GET /<b>");
        assert_eq!(text("account_id", json!("123456789012")), "123456789012");
        let time = json!("2026-11-24T08:00:00Z");
        assert_eq!(cell("ts", Kind::Timestamp, &time), "2026-11-24 08:00:00");
        assert_eq!(cell("cold_start", Kind::Boolean, &json!(true)), "yes");
    }
}
