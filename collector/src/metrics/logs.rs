//! CloudWatch Logs: what comes into each log group, which is what its ingestion is billed by.
//!
//! Reference: "CloudWatch Logs metrics and dimensions" in Amazon CloudWatch Logs' user guide. Bytes are
//! uncompressed. The groups are those that CloudWatch lists: nobody's log line is left out because
//! its group is of no function.

use millicent_lake::Resource;

use super::active::Listed;
use super::series::{BYTES, COUNT, Metric, Of, SUM, Series};
use crate::source::System;

const LOG_GROUP: &[Metric] = &[
    ("IncomingBytes", BYTES, SUM),
    ("IncomingLogEvents", COUNT, SUM),
];

fn log_group(name: &str) -> Of {
    Of {
        system: System::Logs,
        dimensions: vec![("LogGroupName", name.to_owned())],
        resource: name.to_owned(),
        stage: None,
        route: None,
        operation: None,
    }
}

/// What every log group has.
pub(super) fn known(resources: &[Resource]) -> Vec<Series> {
    resources
        .iter()
        .filter(|resource| resource.kind == "log-group")
        .flat_map(|resource| log_group(&resource.name).all(LOG_GROUP).collect::<Vec<_>>())
        .collect()
}

/// The series that a listed metric is.
pub(super) fn listed(listed: &Listed) -> Option<Series> {
    let [name] = listed.exactly(["LogGroupName"])?;
    log_group(name).listed(LOG_GROUP, listed)
}

#[cfg(test)]
mod tests {
    use super::super::series::samples;
    use super::*;

    #[test]
    fn a_log_group_is_told_by_bytes_and_events_and_not_by_who_subscribes_to_it() {
        let name = "/aws/lambda/get-order";
        let known = known(&[samples::resource("log-group", name, &[])]);
        let group = ("LogGroupName", name);
        let listed_of = |metric, dimensions: &[_]| listed(&samples::listed(metric, dimensions));
        assert_eq!(
            listed_of("IncomingBytes", &[group]).as_ref(),
            Some(&known[0])
        );
        assert_eq!(
            listed_of("IncomingLogEvents", &[group]).as_ref(),
            Some(&known[1])
        );
        assert_eq!(listed_of("ForwardedBytes", &[group]), None);
        assert_eq!(listed_of("IncomingBytes", &[]), None);
    }
}
