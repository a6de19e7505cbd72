//! The question, checked as Cost Explorer checks it.

use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use serde::Deserialize;
use serde_json::Value;

use crate::aws_errors::AwsError;
use crate::cost_explorer::expression::{Dimension, Expression};
use crate::cost_explorer::validation;
use crate::xray::ids::mix;

/// Months of history.
const HISTORY: u32 = 14;

/// Length of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Granularity {
    Daily,
    Monthly,
}

/// What an amount measures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Metric {
    /// Money; the account has neither reservations nor savings plans, so that all kinds agree.
    Cost(String),
    UsageQuantity,
    /// For instances only: always 0 here.
    NormalizedUsageAmount,
}

impl Metric {
    pub(super) fn name(&self) -> &str {
        match self {
            Metric::Cost(name) => name,
            Metric::UsageQuantity => "UsageQuantity",
            Metric::NormalizedUsageAmount => "NormalizedUsageAmount",
        }
    }
}

/// A question that can be answered.
#[derive(Debug)]
pub(super) struct Input {
    /// Inclusive.
    pub(super) from: NaiveDate,
    /// Exclusive.
    pub(super) to: NaiveDate,
    pub(super) granularity: Granularity,
    pub(super) metrics: Vec<Metric>,
    pub(super) group_by: Vec<Dimension>,
    pub(super) filter: Option<Expression>,
    token: Option<String>,
    key: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Raw {
    time_period: Option<Period>,
    granularity: Option<String>,
    metrics: Option<Vec<String>>,
    group_by: Option<Vec<Group>>,
    filter: Option<Value>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Period {
    start: String,
    end: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Group {
    r#type: Option<String>,
    key: Option<String>,
}

impl Input {
    pub(super) fn parse(body: &[u8], now: DateTime<Utc>) -> Result<Input, AwsError> {
        let serialisation = |error: serde_json::Error| {
            AwsError::bad_request("SerializationException", error.to_string())
        };
        let mut whole: Value = serde_json::from_slice(body).map_err(serialisation)?;
        let raw: Raw = serde_json::from_value(whole.clone()).map_err(serialisation)?;
        if let Some(fields) = whole.as_object_mut() {
            fields.remove("NextPageToken");
        }
        let key = whole
            .to_string()
            .bytes()
            .fold(0, |key, byte| mix(key ^ u64::from(byte)));

        let granularity = match raw.granularity.as_deref() {
            Some("DAILY") => Granularity::Daily,
            Some("MONTHLY") => Granularity::Monthly,
            Some("HOURLY") => {
                return Err(AwsError::bad_request(
                    "DataUnavailableException",
                    "Hourly data is not enabled for this account. Enable hourly granularity in the Cost Explorer settings.",
                ));
            }
            Some(other) => {
                return Err(validation(format!(
                    "Granularity {other:?} is not one of DAILY, MONTHLY, HOURLY"
                )));
            }
            None => return Err(validation("Granularity must not be null")),
        };
        let period = raw
            .time_period
            .ok_or_else(|| validation("TimePeriod must not be null"))?;
        let (from, to) = (date(&period.start, "Start")?, date(&period.end, "End")?);
        if from >= to {
            return Err(validation(
                "Start date (and hour) should be before end date (and hour)",
            ));
        }
        let month = now.date_naive().with_day(1).unwrap_or(from);
        if month
            .checked_add_months(Months::new(1))
            .is_some_and(|next| to > next)
        {
            return Err(validation("end date past the beginning of next month"));
        }
        if month
            .checked_sub_months(Months::new(HISTORY))
            .is_some_and(|oldest| from < oldest)
        {
            return Err(validation(format!(
                "You haven't enabled historical data beyond {HISTORY} months. Start date {from} is too far back."
            )));
        }
        let metrics = raw
            .metrics
            .unwrap_or_default()
            .iter()
            .map(|name| metric(name))
            .collect::<Result<Vec<_>, _>>()?;
        if metrics.is_empty() {
            return Err(validation("Metrics must not be empty"));
        }
        let groups = raw.group_by.unwrap_or_default();
        if groups.len() > 2 {
            return Err(validation("A maximum of 2 groupings are supported"));
        }
        let group_by = groups
            .into_iter()
            .map(group)
            .collect::<Result<Vec<_>, _>>()?;
        if let [first, second] = group_by.as_slice()
            && first == second
        {
            return Err(validation(format!("{} is grouped by twice", first.name())));
        }
        let filter = raw
            .filter
            .filter(|filter| !filter.is_null())
            .map(|filter| Expression::parse(&filter))
            .transpose()?;
        Ok(Input {
            from,
            to,
            granularity,
            metrics,
            group_by,
            filter,
            token: raw.next_page_token,
            key,
        })
    }

    /// Where the asked-for page begins.
    pub(super) fn offset(&self) -> Result<usize, AwsError> {
        let Some(token) = &self.token else {
            return Ok(0);
        };
        let parts = token.split_once('.').and_then(|(key, offset)| {
            Some((
                u64::from_str_radix(key, 16).ok()?,
                usize::from_str_radix(offset, 16).ok()?,
            ))
        });
        match parts {
            None => Err(AwsError::bad_request(
                "InvalidNextTokenException",
                "The pagination token is invalid.",
            )),
            Some((key, _)) if key != self.key => Err(AwsError::bad_request(
                "RequestChangedException",
                "Your request parameters changed between pages. Try again with the old parameters or without a pagination token.",
            )),
            Some((_, offset)) => Ok(offset),
        }
    }

    /// The token of the page that begins at an offset.
    pub(super) fn token(&self, offset: usize) -> String {
        format!("{:016x}.{offset:x}", self.key)
    }
}

fn date(text: &str, which: &str) -> Result<NaiveDate, AwsError> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .ok()
        .filter(|_| text.len() == 10)
        .ok_or_else(|| {
            validation(format!(
                "{which} time {text} is invalid. Valid format is: yyyy-MM-dd."
            ))
        })
}

fn metric(name: &str) -> Result<Metric, AwsError> {
    match name {
        "UnblendedCost" | "BlendedCost" | "AmortizedCost" | "NetUnblendedCost"
        | "NetAmortizedCost" => Ok(Metric::Cost(name.to_owned())),
        "UsageQuantity" => Ok(Metric::UsageQuantity),
        "NormalizedUsageAmount" => Ok(Metric::NormalizedUsageAmount),
        _ => Err(validation(format!(
            "Invalid metric name {name}. Valid values are AmortizedCost, BlendedCost, NetAmortizedCost, \
             NetUnblendedCost, NormalizedUsageAmount, UnblendedCost, UsageQuantity."
        ))),
    }
}

fn group(group: Group) -> Result<Dimension, AwsError> {
    match group.r#type.as_deref() {
        Some("DIMENSION") => Dimension::parse(&group.key.unwrap_or_default()),
        Some(kind @ ("TAG" | "COST_CATEGORY")) => {
            Err(validation(format!("{kind} is not active in this account")))
        }
        _ => Err(validation(
            "Group definition must have type DIMENSION, TAG or COST_CATEGORY",
        )),
    }
}
