//! `costs`: one line of the bill.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::columns::columns;

/// One line of the bill.
#[derive(Debug, Clone, PartialEq)]
pub struct CostLine {
    /// Start of the period, UTC.
    pub ts: DateTime<Utc>,
    /// `hourly`, `daily` or `monthly`.
    pub granularity: String,
    /// Account that is billed for the usage.
    pub account_id: String,
    /// From the usage type's prefix; `None` for what has no region (tax).
    pub region: Option<String>,
    /// Cost Explorer's SERVICE, for example `AWS Lambda`.
    pub service: String,
    /// Usage type with its prefix, for example `EUC1-Lambda-GB-Second`.
    pub usage_type: Option<String>,
    /// Operation, where the source has it.
    pub operation: Option<String>,
    /// `Usage`, `Tax`, `Credit`, … as Cost Explorer's RECORD_TYPE.
    pub record_type: String,
    /// ARN or name, where the source has it.
    pub resource_id: Option<String>,
    /// Cost allocation tags, where the source has them.
    pub tags: BTreeMap<String, String>,
    /// Unblended cost.
    pub cost_usd: Decimal,
    /// Amount used, in `unit`; `None` where the source has none.
    pub quantity: Option<Decimal>,
    /// Unit of `quantity`.
    pub unit: Option<String>,
    /// The source says that it can still change.
    pub estimated: bool,
    /// `cost-explorer`, `cur` or `focus`.
    pub source: String,
}

columns!(CostLine, date of ts, [
    ts, granularity, account_id, region, service, usage_type, operation, record_type, resource_id, tags, cost_usd, quantity, unit, estimated, source,
]);

/// Order of the rows in a file.
pub(crate) const SORTED_BY: &[&str] = &["service", "usage_type", "resource_id"];

/// Columns whose smallest and largest value each file's log entry has.
pub(crate) const INDEXED: &[&str] = &["source", "account_id", "ts"];
