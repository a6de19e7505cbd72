//! The catalog: every analysis is a SQL file in `queries/`, embedded, with a parsed header.

use std::collections::BTreeMap;
use std::sync::Arc;

use include_dir::{Dir, include_dir};

use crate::error::AnalyzeError;
use crate::header;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../queries");

/// Type of a parameter or a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Text.
    Text,
    /// UTC, microseconds.
    Timestamp,
    /// 64 bits, signed.
    Integer,
    /// 64 bits.
    Double,
    /// True or false.
    Boolean,
    /// Money: `Decimal128(38, 12)`.
    Decimal,
    /// A UTC day.
    Date,
}

impl Kind {
    /// Every kind with its name in a header.
    pub const ALL: [(Kind, &'static str); 7] = [
        (Kind::Text, "text"),
        (Kind::Timestamp, "timestamp"),
        (Kind::Integer, "integer"),
        (Kind::Double, "double"),
        (Kind::Boolean, "boolean"),
        (Kind::Decimal, "decimal"),
        (Kind::Date, "date"),
    ];

    /// Its name in a header.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Timestamp => "timestamp",
            Kind::Integer => "integer",
            Kind::Double => "double",
            Kind::Boolean => "boolean",
            Kind::Decimal => "decimal",
            Kind::Date => "date",
        }
    }
}

/// A parameter of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct ParamSpec {
    /// Its name; `$name` in the SQL.
    pub name: String,
    /// Its type.
    pub kind: Kind,
    /// The query cannot run without it.
    pub required: bool,
    /// Value when it is not given, as text; without one it is null.
    pub default: Option<String>,
    /// What it means.
    pub doc: String,
}

/// A column of a query's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnSpec {
    /// Its name, with the unit in it.
    pub name: String,
    /// Its type.
    pub kind: Kind,
    /// What it means.
    pub doc: String,
}

/// What an alert rule says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertSpec {
    /// `warning` or `critical`.
    pub severity: String,
    /// Columns that tell one alert of the rule from another; none if there is at most one.
    pub labels: Vec<String>,
}

/// How the rows of a view come to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stored {
    /// Not stored: expanded where it is used.
    No,
    /// Computed for each day on its own, again only for days that changed. Such a view reads the
    /// day's rows of the lake only, and has a column `date`.
    ByDay,
    /// Computed once per state of the lake.
    Whole,
}

/// A file of the catalog.
#[derive(Debug, Clone)]
pub struct Query {
    /// Path below `queries/` without `.sql`, for example `routes` or `alerts/daily-budget`.
    pub name: String,
    /// A few words.
    pub title: String,
    /// The question that it answers.
    pub answers: String,
    /// Parameters, in the order of the header.
    pub params: Vec<ParamSpec>,
    /// Columns, in order.
    pub columns: Vec<ColumnSpec>,
    /// Set for a rule in `alerts/`.
    pub alert: Option<AlertSpec>,
    /// The file's text.
    pub sql: String,
    pub(crate) stored: Stored,
}

impl Query {
    /// The parameter of that name.
    pub fn param(&self, name: &str) -> Option<&ParamSpec> {
        self.params.iter().find(|p| p.name == name)
    }
}

/// Every query and view.
#[derive(Debug)]
pub struct Catalog {
    queries: BTreeMap<String, Arc<Query>>,
    views: BTreeMap<String, Arc<Query>>,
}

impl Catalog {
    /// The embedded catalog.
    ///
    /// # Errors
    /// A header that is not valid, with its file and line.
    pub fn load() -> Result<Catalog, AnalyzeError> {
        let mut catalog = Catalog {
            queries: BTreeMap::new(),
            views: BTreeMap::new(),
        };
        let mut folders = vec![&FILES];
        while let Some(folder) = folders.pop() {
            folders.extend(folder.dirs());
            for file in folder.files() {
                let path = file.path().to_string_lossy().replace('\\', "/");
                let (Some(name), Some(text)) = (path.strip_suffix(".sql"), file.contents_utf8())
                else {
                    continue;
                };
                let query = Arc::new(header::parse(name, text)?);
                match name.strip_prefix("views/") {
                    Some(view) => catalog.views.insert(view.to_owned(), query),
                    None => catalog.queries.insert(name.to_owned(), query),
                };
            }
        }
        Ok(catalog)
    }

    /// The query of that name, for example `routes` or `alerts/daily-budget`.
    ///
    /// # Errors
    /// [`AnalyzeError::UnknownReport`].
    pub fn get(&self, name: &str) -> Result<Arc<Query>, AnalyzeError> {
        self.queries
            .get(name)
            .cloned()
            .ok_or_else(|| AnalyzeError::UnknownReport {
                name: name.to_owned(),
                known: self.queries.keys().cloned().collect::<Vec<_>>().join(", "),
            })
    }

    /// Every query by name, alert rules included, views not.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Query>> {
        self.queries.values()
    }

    /// The alert rules.
    pub fn alerts(&self) -> impl Iterator<Item = &Arc<Query>> {
        self.iter().filter(|query| query.alert.is_some())
    }

    /// The views that SQL can read beside the lake's tables; the name of `views/x` is `x`.
    pub fn views(&self) -> impl Iterator<Item = (&str, &Arc<Query>)> {
        self.views
            .iter()
            .map(|(name, query)| (name.as_str(), query))
    }
}
