//! Filters over the lines of the bill.

use serde_json::Value;

use crate::aws_errors::AwsError;
use crate::bill::BillLine;
use crate::cost_explorer::validation;

/// What lines can be grouped and filtered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dimension {
    Service,
    UsageType,
    Operation,
    RecordType,
    Region,
    LinkedAccount,
}

impl Dimension {
    const ALL: [Dimension; 6] = [
        Dimension::Service,
        Dimension::UsageType,
        Dimension::Operation,
        Dimension::RecordType,
        Dimension::Region,
        Dimension::LinkedAccount,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Dimension::Service => "SERVICE",
            Dimension::UsageType => "USAGE_TYPE",
            Dimension::Operation => "OPERATION",
            Dimension::RecordType => "RECORD_TYPE",
            Dimension::Region => "REGION",
            Dimension::LinkedAccount => "LINKED_ACCOUNT",
        }
    }

    pub(super) fn parse(name: &str) -> Result<Dimension, AwsError> {
        Dimension::ALL
            .into_iter()
            .find(|dimension| dimension.name() == name)
            .ok_or_else(|| validation(format!("Dimension {name:?} is not one of this account's")))
    }

    pub(super) fn of<'a>(self, line: &'a BillLine, account_id: &'a str) -> &'a str {
        match self {
            Dimension::Service => line.service,
            Dimension::UsageType => &line.usage_type,
            Dimension::Operation => line.operation,
            Dimension::RecordType => line.record_type,
            Dimension::Region => &line.region,
            Dimension::LinkedAccount => account_id,
        }
    }
}

/// An expression as `Filter` holds it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Not(Box<Expression>),
    Values {
        dimension: Dimension,
        values: Vec<String>,
        how: Match,
        any_case: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    Equals,
    StartsWith,
    EndsWith,
    Contains,
    Absent,
}

impl Expression {
    pub(super) fn parse(value: &Value) -> Result<Expression, AwsError> {
        let fields = value
            .as_object()
            .ok_or_else(|| validation("Filter must be an expression"))?;
        let mut set = fields.iter().filter(|(_, value)| !value.is_null());
        let (Some((key, value)), None) = (set.next(), set.next()) else {
            return Err(validation(
                "An expression must have exactly one root: And, Or, Not or Dimensions",
            ));
        };
        match key.as_str() {
            "And" => Ok(Expression::And(parse_list(value, key)?)),
            "Or" => Ok(Expression::Or(parse_list(value, key)?)),
            "Not" => Ok(Expression::Not(Box::new(Expression::parse(value)?))),
            "Dimensions" => parse_values(value),
            "Tags" | "CostCategories" => Err(validation(format!(
                "{key} has no values in this account: filter by Dimensions"
            ))),
            _ => Err(validation(format!("Unknown expression {key}"))),
        }
    }

    pub(super) fn holds(&self, line: &BillLine, account_id: &str) -> bool {
        match self {
            Expression::And(all) => all.iter().all(|inner| inner.holds(line, account_id)),
            Expression::Or(any) => any.iter().any(|inner| inner.holds(line, account_id)),
            Expression::Not(inner) => !inner.holds(line, account_id),
            Expression::Values {
                dimension,
                values,
                how,
                any_case,
            } => {
                let fold = |text: &str| {
                    if *any_case {
                        text.to_lowercase()
                    } else {
                        text.to_owned()
                    }
                };
                let own = fold(dimension.of(line, account_id));
                if *how == Match::Absent {
                    return own.is_empty();
                }
                values
                    .iter()
                    .map(|value| fold(value))
                    .any(|value| match how {
                        Match::Equals => own == value,
                        Match::StartsWith => own.starts_with(&value),
                        Match::EndsWith => own.ends_with(&value),
                        Match::Contains => own.contains(&value),
                        Match::Absent => false,
                    })
            }
        }
    }
}

fn parse_list(value: &Value, key: &str) -> Result<Vec<Expression>, AwsError> {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    if items.len() < 2 {
        return Err(validation(format!(
            "{key} must have at least two expressions"
        )));
    }
    items.iter().map(Expression::parse).collect()
}

fn parse_values(value: &Value) -> Result<Expression, AwsError> {
    let dimension = Dimension::parse(value["Key"].as_str().unwrap_or_default())?;
    let texts = |key: &str| -> Vec<&str> {
        value[key]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    };
    let mut how = Match::Equals;
    let mut any_case = false;
    for option in texts("MatchOptions") {
        match option {
            "EQUALS" => how = Match::Equals,
            "STARTS_WITH" => how = Match::StartsWith,
            "ENDS_WITH" => how = Match::EndsWith,
            "CONTAINS" => how = Match::Contains,
            "ABSENT" => how = Match::Absent,
            "CASE_SENSITIVE" => any_case = false,
            "CASE_INSENSITIVE" => any_case = true,
            _ => return Err(validation(format!("Unknown match option {option:?}"))),
        }
    }
    let values: Vec<String> = texts("Values").into_iter().map(str::to_owned).collect();
    if values.is_empty() && how != Match::Absent {
        return Err(validation(format!(
            "Dimension {} has no values",
            dimension.name()
        )));
    }
    Ok(Expression::Values {
        dimension,
        values,
        how,
        any_case,
    })
}
