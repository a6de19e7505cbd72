//! Lambda functions. Environment variables, which `ListFunctions` returns too, are never kept.

use std::collections::BTreeMap;

use aws_sdk_lambda::types::FunctionConfiguration;
use millicent_lake::{Outcome, Resource};

use crate::collector::Inner;
use crate::meter::Meter;
use crate::trouble::{Operation, Trouble};

const LIST_FUNCTIONS: Operation = Operation("lambda:ListFunctions");
const LIST_TAGS: Operation = Operation("lambda:ListTags");

/// Up to so many functions have their tags read each time; beyond, only new and changed ones do:
/// tags take a call each, at Lambda's 15 a second.
const TAGS_EACH_TIME: usize = 100;

pub(super) async fn list(
    inner: &Inner,
    meter: &Meter,
    known: &[Resource],
) -> Result<Vec<Resource>, Trouble> {
    let mut functions = Vec::new();
    let mut marker = None;
    loop {
        inner.pace.lambda.take(1.0).await;
        let page = inner
            .aws
            .lambda
            .list_functions()
            .set_marker(marker)
            .customize()
            .interceptor(meter.attempts())
            .send()
            .await
            .map_err(|error| LIST_FUNCTIONS.trouble(error))?;
        functions.extend(
            page.functions()
                .iter()
                .filter_map(|function| resource(inner, function)),
        );
        marker = page.next_marker.filter(|marker| !marker.is_empty());
        if marker.is_none() {
            break;
        }
    }
    read_tags(inner, meter, known, &mut functions).await;
    Ok(functions)
}

/// Tags are a comfort: where they can't be read, those known before stay, and the rest goes on.
async fn read_tags(inner: &Inner, meter: &Meter, known: &[Resource], functions: &mut [Resource]) {
    let all = functions.len() <= TAGS_EACH_TIME;
    let mut ask = true;
    for function in functions {
        let before = known
            .iter()
            .find(|r| r.kind == function.kind && r.arn == function.arn);
        let unchanged = before.is_some_and(|r| r.configuration == function.configuration);
        if ask && (all || !unchanged) {
            inner.pace.lambda.take(1.0).await;
            let tags = inner
                .aws
                .lambda
                .list_tags()
                .resource(&function.arn)
                .customize()
                .interceptor(meter.attempts())
                .send()
                .await
                .map_err(|error| LIST_TAGS.trouble(error));
            match tags {
                Ok(tags) => {
                    function.tags = tags.tags.unwrap_or_default().into_iter().collect();
                    continue;
                }
                Err(trouble) => {
                    ask = trouble.outcome == Outcome::Failed;
                    tracing::debug!(function = function.name, error = %trouble, "tags of a function can't be read");
                }
            }
        }
        if let Some(before) = before {
            function.tags.clone_from(&before.tags);
        }
    }
}

fn resource(inner: &Inner, function: &FunctionConfiguration) -> Option<Resource> {
    let mut configuration = BTreeMap::new();
    let mut put = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            configuration.insert(key.to_owned(), value);
        }
    };
    put("memory_mb", function.memory_size().map(|mb| mb.to_string()));
    // A function has one architecture; AWS leaves the list empty for the oldest.
    let architecture = function.architectures().first().map(|a| a.as_str());
    put(
        "architecture",
        Some(architecture.unwrap_or("x86_64").to_owned()),
    );
    put("runtime", function.runtime().map(|r| r.as_str().to_owned()));
    put(
        "handler_timeout_s",
        function.timeout().map(|s| s.to_string()),
    );
    put(
        "package_type",
        function.package_type().map(|p| p.as_str().to_owned()),
    );
    let tracing = function.tracing_config().and_then(|t| t.mode());
    put("tracing", tracing.map(|mode| mode.as_str().to_owned()));
    put("last_modified", function.last_modified().map(str::to_owned));
    put("code_sha256", function.code_sha256().map(str::to_owned));
    let logging = function.logging_config();
    let format = logging.and_then(|l| l.log_format());
    put("log_format", format.map(|f| f.as_str().to_owned()));
    put(
        "log_group",
        logging.and_then(|l| l.log_group()).map(str::to_owned),
    );
    let storage = function.ephemeral_storage().map(|s| s.size().to_string());
    put("ephemeral_storage_mb", storage);
    let snap_start = function.snap_start().and_then(|s| s.apply_on());
    put("snap_start", snap_start.map(|s| s.as_str().to_owned()));
    Some(Resource {
        ts: inner.clock.now(),
        account_id: inner.aws.account_id.clone(),
        region: inner.config.region.clone(),
        kind: "function".to_owned(),
        name: function.function_name()?.to_owned(),
        arn: function.function_arn()?.to_owned(),
        configuration,
        tags: BTreeMap::new(),
        deleted: false,
    })
}
