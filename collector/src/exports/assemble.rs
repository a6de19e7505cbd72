//! Lines of an export → lines of the lake's bill, in parts that fit in memory.
//!
//! The rules:
//!
//! - *Cost* is the unblended cost: CUR's `line_item_unblended_cost`, FOCUS's `BilledCost`. Every line of the
//!   bill is kept, credits, tax, fees and savings-plan lines too, under Cost Explorer's record types.
//! - *Time*: a line of an hour or less is `hourly`, any other `daily` at the day on which it begins, as Cost Explorer
//!   has fees and taxes of a month on its first day. Only a file whose usage is all by the month is
//!   `monthly`. A charge for another time than its billing period's, such as a refund, counts at
//!   the nearest hour or day of the period on whose bill it is.
//! - *Quantity* is what was used (`line_item_usage_amount`; `ConsumedQuantity`, or where that is null
//!   `PricingQuantity`), of usage only.
//! - *Estimated* is a line without an invoice, where the file has a column for it, and until two weeks after
//!   the period's end.
//! - Lines that differ in nothing but amounts are one, added up exactly and then rounded to the lake's 12 places.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use millicent_lake::CostLine;
use rust_decimal::Decimal;

use super::dialect::{Dialect, Field, Layout};
use super::error::ExportError;
use super::period::Period;
use super::row::{Row, Wrong};
use super::rules;
use crate::cost::decimal::PLACES;
use crate::windows::floor;

/// Lines of the bill that are held before some are handed on.
const HELD: usize = 32_768;
/// No month is shorter.
const SHORTEST_MONTH: TimeDelta = TimeDelta::days(28);

/// Lines of one billing period.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) period: Period,
    pub(crate) lines: Vec<CostLine>,
}

/// What tells lines of the bill apart.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    ts: DateTime<Utc>,
    hourly: bool,
    month_long: bool,
    account_id: Arc<str>,
    region: Option<Arc<str>>,
    service: Arc<str>,
    usage_type: Option<Arc<str>>,
    operation: Option<Arc<str>>,
    record_type: Arc<str>,
    resource_id: Option<Arc<str>>,
    tags: Arc<BTreeMap<String, String>>,
    unit: Option<Arc<str>>,
    estimated: bool,
}

#[derive(Debug, Default)]
struct Amounts {
    cost: Decimal,
    quantity: Option<Decimal>,
}

/// Values that many lines share. Forgotten when they are too many to be shared by many.
struct Pool<T: ?Sized>(HashSet<Arc<T>>);

impl<T: ?Sized> Default for Pool<T> {
    fn default() -> Self {
        Self(HashSet::new())
    }
}

impl<T: ?Sized + Eq + Hash + ToOwned> Pool<T>
where
    Arc<T>: From<T::Owned>,
{
    fn shared(&mut self, value: &T) -> Arc<T> {
        if let Some(known) = self.0.get(value) {
            return Arc::clone(known);
        }
        if self.0.len() >= HELD {
            self.0.clear();
        }
        let new: Arc<T> = value.to_owned().into();
        self.0.insert(Arc::clone(&new));
        new
    }
}

type Day = HashMap<Key, Amounts>;
type HandOn = Box<dyn FnMut(Part) -> Result<(), ExportError> + Send>;

/// Collects the lines of the files of an export.
pub(crate) struct Assembler {
    /// As the manifest says; a file without one says it in each line.
    period: Option<Period>,
    /// When AWS wrote the export.
    written: DateTime<Utc>,
    hand_on: HandOn,
    /// The file under way.
    file: String,
    layout: Option<Layout>,
    /// Lines of the bill by day, so that the parts are whole days as far as memory allows.
    days: BTreeMap<(Period, NaiveDate), Day>,
    held: usize,
    texts: Pool<str>,
    tags: Pool<BTreeMap<String, String>>,
    /// Some usage is by the hour or the day.
    finer_than_months: bool,
}

impl Assembler {
    /// Hands parts on to `hand_on` whenever enough has come together.
    pub(crate) fn new(period: Option<Period>, written: DateTime<Utc>, hand_on: HandOn) -> Self {
        Self {
            period,
            written,
            hand_on,
            file: String::new(),
            layout: None,
            days: BTreeMap::new(),
            held: 0,
            texts: Pool::default(),
            tags: Pool::default(),
            finer_than_months: false,
        }
    }

    /// A file begins.
    pub(super) fn open(&mut self, layout: &Layout, file: &str) -> Result<(), ExportError> {
        if let Some(before) = &self.layout
            && before.dialect != layout.dialect
        {
            return Err(ExportError::Mixed {
                file: file.to_owned(),
                found: layout.dialect.title(),
                expected: before.dialect.title(),
            });
        }
        self.layout = Some(layout.clone());
        self.file = file.to_owned();
        Ok(())
    }

    /// Takes a line.
    pub(super) fn take(&mut self, row: &dyn Row, line: u64) -> Result<(), ExportError> {
        let Some(layout) = self.layout.take() else {
            return Ok(());
        };
        let taken = self.add(&layout, row, line);
        self.layout = Some(layout);
        taken?;
        if self.held >= HELD {
            self.hand_on_fullest()?;
        }
        Ok(())
    }

    /// Hands on what is left. Gives the table that the files were of.
    pub(crate) fn finish(mut self) -> Result<Option<Dialect>, ExportError> {
        while self.held > 0 {
            self.hand_on_fullest()?;
        }
        Ok(self.layout.map(|layout| layout.dialect))
    }

    fn add(&mut self, layout: &Layout, row: &dyn Row, line: u64) -> Result<(), ExportError> {
        let value = |wrong: Wrong| ExportError::Value {
            file: self.file.clone(),
            line,
            column: layout.name(wrong.field),
            found: wrong.found,
            expected: wrong.expected,
        };
        let needed = |field, expected| {
            value(Wrong {
                field,
                found: "empty".to_owned(),
                expected,
            })
        };
        let text = |field| row.text(field);
        if let Some(currency) = row.text(Field::Currency)
            && currency != "USD"
        {
            return Err(ExportError::Currency {
                file: self.file.clone(),
                line,
                currency: currency.into_owned(),
            });
        }
        if let Some(provider) = row.text(Field::Provider)
            && !provider.contains("AWS")
            && !provider.contains("Amazon")
        {
            return Err(ExportError::Provider {
                file: self.file.clone(),
                line,
                provider: provider.into_owned(),
            });
        }
        let period = self.period_of(row, line, &value, &needed)?;
        let dialect = layout.dialect;
        let kind = row
            .text(Field::Record)
            .ok_or_else(|| needed(Field::Record, "a kind of charge such as Usage"))?;
        let record_type = rules::record_type(dialect, &kind, row);
        let usage = record_type == "Usage";
        let cost = row
            .decimal(Field::Cost)
            .map_err(value)?
            .ok_or_else(|| needed(Field::Cost, "a number"))?;
        let (quantity, unit) = match row.decimal(Field::Quantity).map_err(value)? {
            _ if !usage => (None, None),
            Some(quantity) => (Some(quantity), text(Field::Unit)),
            None => (
                row.decimal(Field::PricingQuantity).map_err(value)?,
                text(Field::PricingUnit),
            ),
        };
        let start = row
            .time(Field::Start)
            .map_err(value)?
            .ok_or_else(|| needed(Field::Start, "a time"))?;
        let length = row
            .time(Field::End)
            .map_err(value)?
            .map_or(TimeDelta::days(1), |end| end - start);
        let hourly = length <= TimeDelta::hours(1);
        let step = match hourly {
            true => TimeDelta::hours(1),
            false => TimeDelta::days(1),
        };
        let window = period.window();
        let ts = floor(start.clamp(window.from, window.to - step), step);
        let month_long = usage && length >= SHORTEST_MONTH;
        let account = text(Field::Account)
            .or_else(|| text(Field::Payer))
            .ok_or_else(|| needed(Field::Account, "an account"))?;
        let usage_type = text(Field::UsageType);
        let region = rules::region(row, usage_type.as_deref());
        let service =
            rules::service(row, &record_type).ok_or_else(|| needed(Field::Service, "a service"))?;
        let tags = row.map(Field::Tags).map_err(value)?;
        let texts = &mut self.texts;
        let mut shared = |text: Option<Cow<'_, str>>| text.map(|text| texts.shared(&*text));
        let key = Key {
            ts,
            hourly,
            month_long,
            region: shared(region.map(Cow::Owned)),
            usage_type: shared(usage_type),
            operation: shared(text(Field::Operation)),
            resource_id: shared(text(Field::Resource)),
            unit: shared(unit),
            account_id: self.texts.shared(&*account),
            service: self.texts.shared(&*service),
            record_type: self.texts.shared(&*record_type),
            tags: self.tags.shared(&tags),
            estimated: !period.is_final(self.written)
                && (layout.at(Field::Invoice).is_none() || row.text(Field::Invoice).is_none()),
        };
        self.finer_than_months |= usage && !month_long;

        let day = self.days.entry((period, ts.date_naive())).or_default();
        let before = day.len();
        let amounts = day.entry(key).or_default();
        let added = amounts.cost.checked_add(cost);
        let counted = match (amounts.quantity, quantity) {
            (Some(before), Some(more)) => before.checked_add(more).map(Some),
            (before, more) => Some(before.or(more)),
        };
        let (Some(cost), Some(quantity)) = (added, counted) else {
            return Err(ExportError::Overflow {
                file: self.file.clone(),
                line,
            });
        };
        *amounts = Amounts { cost, quantity };
        self.held += day.len() - before;
        Ok(())
    }

    /// The billing period of a line: the column's, which must not contradict the manifest.
    fn period_of(
        &self,
        row: &dyn Row,
        line: u64,
        value: &dyn Fn(Wrong) -> ExportError,
        needed: &dyn Fn(Field, &'static str) -> ExportError,
    ) -> Result<Period, ExportError> {
        let said = row.time(Field::Period).map_err(value)?.map(Period::of);
        match (self.period, said) {
            (None, None) => Err(needed(Field::Period, "the first day of a month")),
            (Some(expected), Some(found)) if expected != found => Err(ExportError::OtherPeriod {
                file: self.file.clone(),
                line,
                found: found.to_string(),
                expected: expected.to_string(),
            }),
            (Some(period), _) | (None, Some(period)) => Ok(period),
        }
    }

    fn hand_on_fullest(&mut self) -> Result<(), ExportError> {
        let fullest = self.days.iter().max_by_key(|(_, day)| day.len());
        let Some(at) = fullest.map(|(at, _)| *at) else {
            self.held = 0;
            return Ok(());
        };
        let day = self.days.remove(&at).unwrap_or_default();
        self.held -= day.len();
        let source = self.layout.as_ref().map_or("", |l| l.dialect.source());
        let monthly = !self.finer_than_months;
        let owned = |text: Option<Arc<str>>| text.map(|text| text.as_ref().to_owned());
        let lines = day.into_iter().map(|(key, amounts)| CostLine {
            ts: key.ts,
            granularity: match (key.hourly, key.month_long && monthly) {
                (true, _) => "hourly",
                (_, true) => "monthly",
                _ => "daily",
            }
            .to_owned(),
            account_id: key.account_id.as_ref().to_owned(),
            region: owned(key.region),
            service: key.service.as_ref().to_owned(),
            usage_type: owned(key.usage_type),
            operation: owned(key.operation),
            record_type: key.record_type.as_ref().to_owned(),
            resource_id: owned(key.resource_id),
            tags: key.tags.as_ref().clone(),
            cost_usd: amounts.cost.round_dp(PLACES),
            quantity: amounts.quantity.map(|quantity| quantity.round_dp(PLACES)),
            unit: owned(key.unit),
            estimated: key.estimated,
            source: source.to_owned(),
        });
        (self.hand_on)(Part {
            period: at.0,
            lines: lines.collect(),
        })
    }
}
