//! Which series a window asks for: what CloudWatch lists as active in its time. What an account is
//! billed for then follows what happens in it, and not how much is deployed.

use millicent_lake::Resource;

use super::active::{LISTED_FOR, Listing};
use super::series::{Series, without_doubles};
use super::{apigateway, dynamodb, lambda, logs};
use crate::collector::Inner;
use crate::knowledge::Knowledge;
use crate::meter::Meter;
use crate::source::System;
use crate::trouble::Trouble;
use crate::windows::Window;

/// Up to so many series of functions and APIs are asked for without a look at what is active: a new
/// function shows before it is listed, and what that costs is little.
const ASK_ALL_UP_TO: usize = 100;

/// The series of a system that a window asks for.
///
/// # Errors
/// Where `ListMetrics` can't be asked and it matters, and where neither it nor discovery tells what
/// there is.
pub(crate) async fn series_for(
    inner: &Inner,
    meter: &Meter,
    system: System,
    known: &Knowledge,
    window: Window,
) -> Result<Vec<Series>, Trouble> {
    let of_resources = known_series(system, &known.resources);
    let few = asks_all(system) && of_resources.len() <= ASK_ALL_UP_TO;
    let listing = inner
        .active
        .listing(inner, meter, system.namespace(), window);
    match listing.await {
        Ok(listing) => {
            let mut series = listed_series(system, &known.resources, &listing);
            // What has been silent for long is listed no more, but its data are kept.
            let silent = window.from < inner.clock.now() - LISTED_FOR;
            if few || silent {
                series.extend(of_resources);
            }
            if let Some(trouble) = known.unknown(system) {
                tracing::info!(
                    namespace = system.namespace(), series = series.len(), error = %trouble,
                    "the account could not be listed whole: resources go by the names in CloudWatch's metrics"
                );
            }
            Ok(without_doubles(series))
        }
        Err(trouble) if of_resources.is_empty() => match known.unknown(system) {
            Some(unknown) => Err(Trouble {
                outcome: unknown.outcome,
                message: format!(
                    "it is not known what to ask for: {}; {}",
                    unknown.message, trouble.message
                ),
            }),
            None => Ok(Vec::new()),
        },
        Err(trouble) if few => {
            tracing::info!(
                namespace = system.namespace(), error = %trouble,
                "active metrics can't be listed: all of the known resources are asked for"
            );
            Ok(without_doubles(of_resources))
        }
        Err(trouble) => Err(Trouble {
            outcome: trouble.outcome,
            message: format!(
                "{}. It tells which metrics have data; asking for all that there could be would be billed",
                trouble.message.trim_end_matches('.')
            ),
        }),
    }
}

/// What the resources have for sure.
fn known_series(system: System, resources: &[Resource]) -> Vec<Series> {
    match system {
        System::Lambda => lambda::known(resources),
        System::ApiGateway => apigateway::known(resources),
        System::DynamoDb => dynamodb::known(resources),
        System::Logs => logs::known(resources),
        System::S3 | System::StepFunctions => Vec::new(),
    }
}

/// What of the listed metrics is collected.
fn listed_series(system: System, resources: &[Resource], listing: &Listing) -> Vec<Series> {
    let names = apigateway::Names::new(resources);
    let of_system = |listed| match system {
        System::Lambda => lambda::listed(listed),
        System::ApiGateway => apigateway::listed(&names, listed),
        System::DynamoDb => dynamodb::listed(listed),
        System::Logs => logs::listed(listed),
        System::S3 | System::StepFunctions => None,
    };
    listing.metrics.iter().filter_map(of_system).collect()
}

fn asks_all(system: System) -> bool {
    matches!(system, System::Lambda | System::ApiGateway)
}
