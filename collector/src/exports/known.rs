//! What was read of which export, as the lake remembers it: a row of `resources` of the kind
//! `bill-export` for each billing period, written after the period's lines.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use millicent_lake::{Lake, LakeError, Resource, Rows};

use super::dialect::Dialect;
use super::period::Period;
use super::place::Found;

const KIND: &str = "bill-export";
const REGION: &str = "global";

/// What was read, by export and billing period.
pub(super) struct Known {
    account_id: String,
    rows: Vec<Resource>,
}

impl Known {
    /// Reads what the lake remembers.
    pub(super) async fn read(lake: &Lake, account_id: &str) -> Result<Known, LakeError> {
        let mut rows = lake.current_resources(account_id, REGION).await?;
        rows.retain(|row| row.kind == KIND);
        Ok(Known {
            account_id: account_id.to_owned(),
            rows,
        })
    }

    /// Table and billing period of what was found, if all of it stands in the lake: it was read as it
    /// is now, and no other export was read in its place since.
    pub(super) fn stands(&self, found: &Found) -> Option<Vec<(String, Period)>> {
        let read: Vec<&Resource> = self
            .rows
            .iter()
            .filter(|row| text(row, "export") == found.root)
            .filter(|row| {
                found
                    .period
                    .is_none_or(|period| period_of(row) == Some(period))
            })
            .collect();
        let stands = |row: &&Resource| {
            let later = |other: &Resource| {
                text(other, "source") == text(row, "source")
                    && period_of(other) == period_of(row)
                    && other.ts > row.ts
            };
            text(row, "stamp") == found.stamp && !self.rows.iter().any(later)
        };
        if read.is_empty() || !read.iter().all(stands) {
            return None;
        }
        read.iter()
            .map(|row| Some((text(row, "source").to_owned(), period_of(row)?)))
            .collect()
    }

    /// Remembers that a period was read.
    pub(super) async fn remember(
        &mut self,
        lake: &Lake,
        found: &Found,
        dialect: Dialect,
        period: Period,
        at: DateTime<Utc>,
    ) -> Result<(), LakeError> {
        let configuration = [
            ("export", found.root.clone()),
            ("billing_period", period.to_string()),
            ("source", dialect.source().to_owned()),
            ("written", found.written.to_rfc3339()),
            ("stamp", found.stamp.clone()),
        ];
        let row = Resource {
            ts: at,
            account_id: self.account_id.clone(),
            region: REGION.to_owned(),
            kind: KIND.to_owned(),
            name: format!("{} {period}", found.root),
            arn: format!("{}#{period}", found.root),
            configuration: configuration
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
            tags: BTreeMap::new(),
            deleted: false,
        };
        lake.append(Rows::Resources(vec![row.clone()])).await?;
        self.rows.retain(|known| known.arn != row.arn);
        self.rows.push(row);
        Ok(())
    }
}

fn text<'a>(row: &'a Resource, key: &str) -> &'a str {
    row.configuration.get(key).map_or("", String::as_str)
}

fn period_of(row: &Resource) -> Option<Period> {
    Period::parse(text(row, "billing_period"))
}
