//! Where the account's spans go. With Transaction Search they go to CloudWatch Logs, and X-Ray keeps
//! only the indexed share of the traces: the others can't be found by its calls.

use tokio::sync::OnceCell;

use crate::collector::Inner;
use crate::meter::Meter;
use crate::trouble::Operation;

const GET_DESTINATION: Operation = Operation("xray:GetTraceSegmentDestination");
const GET_INDEXING_RULES: Operation = Operation("xray:GetIndexingRules");

/// Asked once for all windows of a pass.
#[derive(Debug, Default)]
pub(crate) struct Destination(OnceCell<Option<String>>);

impl Destination {
    /// What can't be seen of the traces, for a person to read; nothing if X-Ray has all of them,
    /// or does not tell.
    pub(super) async fn unseen(&self, inner: &Inner, meter: &Meter) -> Option<String> {
        self.0.get_or_init(|| ask(inner, meter)).await.clone()
    }
}

async fn ask(inner: &Inner, meter: &Meter) -> Option<String> {
    let destination = inner
        .aws
        .xray
        .get_trace_segment_destination()
        .customize()
        .interceptor(meter.attempts())
        .send()
        .await
        .map_err(|error| GET_DESTINATION.trouble(error));
    let destination = match destination {
        Ok(answer) => answer.destination,
        Err(trouble) => {
            tracing::debug!(error = %trouble, "it is not known where spans go");
            return None;
        }
    };
    if destination.is_none_or(|to| to.as_str() != "CloudWatchLogs") {
        return None;
    }
    let share = indexed_percent(inner, meter).await;
    if share.is_some_and(|percent| percent >= 100.0) {
        return None;
    }
    let share = share.map_or_else(
        || "only a share of the traces".to_owned(),
        |percent| format!("only {percent}% of the traces"),
    );
    Some(format!(
        "spans go to CloudWatch Logs (Transaction Search) and X-Ray indexes {share}: the others are not seen. \
         Raise the indexed share in CloudWatch's settings, under X-Ray traces, to see more"
    ))
}

/// What the default rule indexes of all traces.
async fn indexed_percent(inner: &Inner, meter: &Meter) -> Option<f64> {
    let rules = inner
        .aws
        .xray
        .get_indexing_rules()
        .customize()
        .interceptor(meter.attempts())
        .send()
        .await
        .map_err(|error| GET_INDEXING_RULES.trouble(error));
    match rules {
        Ok(rules) => rules
            .indexing_rules()
            .iter()
            .filter_map(|rule| rule.rule()?.as_probabilistic().ok())
            .map(|rule| rule.desired_sampling_percentage())
            .reduce(f64::max),
        Err(trouble) => {
            tracing::debug!(error = %trouble, "the indexed share of traces is not known");
            None
        }
    }
}
