//! Files of an export → the lake: read on a thread of their own, written as parts come, committed a
//! billing period at a time when everything was read.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use millicent_lake::{Lake, LakeError, Replacement, Rows, Slice, Table};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::assemble::{Assembler, Part};
use super::dialect::Dialect;
use super::error::ExportError;
use super::file;
use super::period::Period;
use super::place::{DataFile, Found, Place, blocking};
use crate::meter::Meter;
use crate::trouble::{Trouble, chain};

/// Why something was not loaded.
#[derive(Debug)]
pub(super) enum LoadError {
    /// Something is wrong with the export, or it can't be reached.
    Trouble(Trouble),
    /// The lake can't be written.
    Lake(LakeError),
    /// The pass was cancelled.
    Stopped,
}

impl From<Trouble> for LoadError {
    fn from(trouble: Trouble) -> Self {
        LoadError::Trouble(trouble)
    }
}

impl From<LakeError> for LoadError {
    fn from(error: LakeError) -> Self {
        LoadError::Lake(error)
    }
}

impl From<ExportError> for LoadError {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Stopped => LoadError::Stopped,
            error => LoadError::Trouble(Trouble::failed(chain(&error))),
        }
    }
}

/// What stands in the lake now.
#[derive(Debug, PartialEq)]
pub(super) struct Loaded {
    pub(super) dialect: Dialect,
    /// Rows by billing period.
    pub(super) periods: BTreeMap<Period, u64>,
}

/// Reads the files and replaces their billing periods. `claim` refuses a period of another export.
/// On any error nothing is changed.
pub(super) async fn load(
    lake: &Lake,
    place: &Place,
    found: &Found,
    files: &[DataFile],
    meter: &Meter,
    cancel: &CancellationToken,
    claim: &(dyn Fn(&str, Period) -> Result<(), Trouble> + Send + Sync),
) -> Result<Loaded, LoadError> {
    let (parts, mut coming) = mpsc::channel::<Part>(1);
    let stop = cancel.clone();
    let hand_on = move |part: Part| match stop.is_cancelled() {
        true => Err(ExportError::Stopped),
        // Nobody listens any more when the lake can't be written.
        false => parts.blocking_send(part).map_err(|_| ExportError::Stopped),
    };
    let assembler = Assembler::new(found.period, found.written, Box::new(hand_on));
    let reading = read(place, files, assembler, meter, cancel);
    let writing = async move {
        let mut periods = BTreeMap::new();
        let written = write(lake, &mut coming, &mut periods, claim).await;
        (periods, written)
    };
    let (read, (mut periods, written)) = tokio::join!(reading, writing);
    let done = written.and(read).and_then(|dialect| {
        if cancel.is_cancelled() {
            return Err(LoadError::Stopped);
        }
        let dialect = dialect.ok_or_else(|| {
            Trouble::failed(format!("{} names no file that can be read", found.root))
        })?;
        // A month without a line is a month without a line.
        if let (Some(period), true) = (found.period, periods.is_empty()) {
            claim(dialect.source(), period)?;
            periods.insert(period, begin(lake, dialect.source(), period)?);
        }
        Ok(dialect)
    });
    let dialect = match done {
        Ok(dialect) => dialect,
        Err(error) => {
            for replacement in periods.into_values() {
                replacement.discard().await;
            }
            return Err(error);
        }
    };
    let mut loaded = Loaded {
        dialect,
        periods: BTreeMap::new(),
    };
    for (period, replacement) in periods {
        loaded.periods.insert(period, replacement.commit().await?);
    }
    Ok(loaded)
}

async fn read(
    place: &Place,
    files: &[DataFile],
    mut assembler: Assembler,
    meter: &Meter,
    cancel: &CancellationToken,
) -> Result<Option<Dialect>, LoadError> {
    for data in files {
        if cancel.is_cancelled() {
            return Err(LoadError::Stopped);
        }
        let readable = place.fetch(data, meter).await?;
        let name = data.name.clone();
        let read = blocking(move || {
            file::read(readable.path(), &name, &mut assembler).map(|()| assembler)
        });
        assembler = read.await??;
    }
    Ok(blocking(move || assembler.finish()).await??)
}

async fn write(
    lake: &Lake,
    coming: &mut mpsc::Receiver<Part>,
    periods: &mut BTreeMap<Period, Replacement>,
    claim: &(dyn Fn(&str, Period) -> Result<(), Trouble> + Send + Sync),
) -> Result<(), LoadError> {
    while let Some(part) = coming.recv().await {
        let result = write_part(lake, part, periods, claim).await;
        if result.is_err() {
            coming.close();
            return result;
        }
    }
    Ok(())
}

async fn write_part(
    lake: &Lake,
    part: Part,
    periods: &mut BTreeMap<Period, Replacement>,
    claim: &(dyn Fn(&str, Period) -> Result<(), Trouble> + Send + Sync),
) -> Result<(), LoadError> {
    let Some(first) = part.lines.first() else {
        return Ok(());
    };
    let replacement = match periods.entry(part.period) {
        Entry::Occupied(begun) => begun.into_mut(),
        Entry::Vacant(new) => {
            claim(&first.source, part.period)?;
            new.insert(begin(lake, &first.source, part.period)?)
        }
    };
    replacement.write(Rows::Costs(part.lines)).await?;
    Ok(())
}

fn begin(lake: &Lake, source: &str, period: Period) -> Result<Replacement, LakeError> {
    let window = period.window();
    lake.begin_replace(Slice {
        table: Table::Costs,
        equal: vec![("source", source.to_owned())],
        from: window.from,
        to: window.to,
    })
}
