//! Data Exports: the account's bill as a CUR 2.0 export in a bucket, gzipped CSV by billing period.
//!
//! The layout is the user guide's: the data under `data/BILLING_PERIOD=…`, the manifest that names
//! the files under `metadata/BILLING_PERIOD=…`, and, as in exports that are overwritten, what is
//! left of a longer refresh as an empty file that no manifest names. The lines are
//! [`crate::bill`]'s at the time of the refresh, split by resource where AWS names one.

mod cur;
mod split;

use std::{
    collections::HashMap,
    io::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, Datelike, Months, NaiveDate, TimeDelta, Utc};
use flate2::{Compression, GzBuilder};

use crate::{World, bill::midnight, xray::ids::mix};

/// Folder of the export in its bucket.
pub const PREFIX: &str = "cur";
/// Name of the export.
pub const NAME: &str = "shop-bill";

/// Seconds between two refreshes.
const REFRESH_S: i64 = 8 * 3_600;
/// A month is rewritten for so long after its end.
const FINAL_AFTER: TimeDelta = TimeDelta::days(15);
/// Lines of a file.
const LINES: usize = 1_000;

/// An object of the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) key: String,
    /// When the export wrote it.
    pub(crate) written: DateTime<Utc>,
    pub(crate) body: Vec<u8>,
}

impl Object {
    /// Without quotes.
    pub(crate) fn etag(&self) -> String {
        let fold = |seed| {
            self.body
                .iter()
                .fold(seed, |bits, byte| mix(bits ^ u64::from(*byte)))
        };
        format!("{:016x}{:016x}", fold(1), fold(2))
    }
}

/// Months that were written, by account, Region, month and refresh.
#[derive(Debug, Default)]
pub(crate) struct Exports {
    months: Mutex<HashMap<Key, Arc<Vec<Object>>>>,
}

type Key = (String, String, NaiveDate, DateTime<Utc>);

impl Exports {
    /// Every object of the bucket at that time, by key. `worlds` are the account's Regions, home
    /// first.
    pub(crate) fn objects(&self, worlds: &[&World], now: DateTime<Utc>) -> Vec<Arc<Vec<Object>>> {
        let Some(home) = worlds.first() else {
            return Vec::new();
        };
        let refresh = now.timestamp().div_euclid(REFRESH_S) * REFRESH_S;
        let refresh = DateTime::from_timestamp(refresh, 0).unwrap_or(now);
        let birth = home.estate().birth.date_naive();
        let mut month = birth.with_day(1).unwrap_or(birth);
        let mut all = Vec::new();
        while midnight(month) < refresh {
            let end = month
                .checked_add_months(Months::new(1))
                .unwrap_or(NaiveDate::MAX);
            let written = refresh.min(midnight(end) + FINAL_AFTER);
            let config = home.config();
            let key = (
                config.account_id.clone(),
                config.region.clone(),
                month,
                written,
            );
            let known = self.lock().get(&key).cloned();
            let objects = known.unwrap_or_else(|| {
                let made = Arc::new(write(worlds, month..end, written));
                self.lock().insert(key, Arc::clone(&made));
                made
            });
            all.push(objects);
            month = end;
        }
        all
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Arc<Vec<Object>>>> {
        // An insertion is whole or not there.
        self.months.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A month's objects: data files, an empty one that was left over, the manifest.
fn write(
    worlds: &[&World],
    month: std::ops::Range<NaiveDate>,
    written: DateTime<Utc>,
) -> Vec<Object> {
    let period = format!(
        "BILLING_PERIOD={:04}-{:02}",
        month.start.year(),
        month.start.month()
    );
    let lines: Vec<String> = worlds
        .iter()
        .flat_map(|world| {
            let lines = world.bill().lines(month.start, month.end, written);
            split::by_resource(world, lines, written)
        })
        .map(|line| cur::line(worlds[0], &month, &line))
        .collect();
    let object = |key: String, body: Vec<u8>| Object { key, written, body };
    let data = |number: usize| format!("{PREFIX}/{NAME}/data/{period}/{NAME}-{number:05}.csv.gz");
    let mut objects: Vec<Object> = lines
        .chunks(LINES)
        .enumerate()
        .map(|(at, lines)| object(data(at + 1), gzip(&cur::file(lines))))
        .collect();
    let named: Vec<String> = objects
        .iter()
        .map(|file| format!("s3://{}/{}", crate::estate::EXPORTS_BUCKET, file.key))
        .collect();
    objects.push(object(data(objects.len() + 1), Vec::new()));
    objects.push(object(
        format!("{PREFIX}/{NAME}/metadata/{period}/{NAME}-Manifest.json"),
        serde_json::json!({ "dataFiles": named })
            .to_string()
            .into_bytes(),
    ));
    objects
}

fn gzip(text: &str) -> Vec<u8> {
    let mut writer = GzBuilder::new().write(Vec::new(), Compression::fast());
    // Writing to a vector cannot fail.
    let _ = writer.write_all(text.as_bytes());
    writer.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests;
