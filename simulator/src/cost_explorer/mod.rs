//! AWS Cost Explorer: the bill, grouped and filtered.
//!
//! Rules, names and errors as the API reference and the service's model state them; prices and
//! lines are [`crate::bill`]'s. Every answer is paged, also a small one, so that clients must
//! follow the pages.

mod expression;
mod input;
mod results;
#[cfg(test)]
mod tests;

use serde_json::json;

use crate::aws_errors::{AwsError, Refusal};
use crate::bill::BillLine;
use crate::server::answer::Answer;
use crate::server::ask::Ask;
use expression::{Dimension, Expression};
use input::Input;

/// Groups of a page, over all of its periods.
const PAGE: usize = 200;

/// Answers an operation of Cost Explorer.
pub(crate) fn handle(ask: &Ask<'_>) -> Result<Answer, AwsError> {
    match ask.call.operation.as_str() {
        "GetCostAndUsage" => get_cost_and_usage(ask),
        _ => Err(Refusal::UnknownOperation.shaped(ask.call)),
    }
}

fn validation(message: impl Into<String>) -> AwsError {
    AwsError::bad_request("ValidationException", message)
}

fn get_cost_and_usage(ask: &Ask<'_>) -> Result<Answer, AwsError> {
    let input = Input::parse(ask.body, ask.now)?;
    let lines: Vec<BillLine> = ask
        .everywhere()
        .flat_map(|world| world.bill().lines(input.from, input.to, ask.now))
        .collect();
    let account_id = ask.world.estate().account_id.as_str();
    let lines: Vec<&BillLine> = lines
        .iter()
        .filter(|line| {
            input
                .filter
                .as_ref()
                .is_none_or(|filter: &Expression| filter.holds(line, account_id))
        })
        .collect();
    let periods = results::by_period(&input, &lines, account_id);

    let from = input.offset()?;
    let (page, next) = results::page(&periods, from, ask.page(PAGE));
    let definitions: Vec<_> = input
        .group_by
        .iter()
        .map(|dimension| json!({ "Type": "DIMENSION", "Key": dimension.name() }))
        .collect();
    let mut answer = json!({ "ResultsByTime": page, "DimensionValueAttributes": [] });
    if !definitions.is_empty() {
        answer["GroupDefinitions"] = definitions.into();
    }
    if input.group_by.contains(&Dimension::LinkedAccount) {
        answer["DimensionValueAttributes"] =
            json!([{ "Value": account_id, "Attributes": { "description": "shop" } }]);
    }
    if let Some(next) = next {
        answer["NextPageToken"] = input.token(next).into();
    }
    Ok(ask.json(&answer))
}
