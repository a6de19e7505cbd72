//! Lambda functions with their aliases and URLs. Environment variables, which `ListFunctions` returns
//! too, are never kept.

mod aliases;
mod turn;
mod urls;

use std::collections::HashSet;

use aws_sdk_lambda::types::FunctionConfiguration;
use millicent_lake::Resource;

use super::listing::{Each, Found, Pages, row, settings};
use crate::collector::Inner;
use crate::meter::Meter;
use crate::trouble::{Operation, Trouble};

pub(super) const KINDS: &[&str] = &["function", "alias", "version", "function-url"];

const LIST_FUNCTIONS: Operation = Operation("lambda:ListFunctions");
pub(super) async fn list(
    inner: &Inner,
    meter: &Meter,
    known: &[Resource],
) -> Result<Found, Trouble> {
    let mut functions = Vec::new();
    let mut pages = Pages::of(LIST_FUNCTIONS);
    loop {
        inner.pace.lambda.take(1.0).await;
        let page = inner
            .aws
            .lambda
            .list_functions()
            .set_marker(pages.token())
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
        if !pages.turn(page.next_marker)? {
            break;
        }
    }
    let mut found = Found::whole(functions);
    let hanging_on = hanging_on(inner, meter, known, &found.resources).await;
    found.add(hanging_on);
    Ok(found)
}

/// Aliases and URLs of the functions whose turn it is, and those that were known of the others.
async fn hanging_on(
    inner: &Inner,
    meter: &Meter,
    known: &[Resource],
    functions: &[Resource],
) -> Found {
    let asked = turn::of(
        functions,
        known,
        inner.clock.now(),
        inner.config.discovery_every,
    );
    let names = || {
        let asked = functions.iter().filter(|f| asked.contains(&f.name));
        asked.map(|f| (f.name.clone(), None)).collect::<Vec<_>>()
    };
    let each = |what, kinds| Each {
        what,
        kinds,
        known,
        owner: function_of,
    };
    let mut found = each("functions' aliases", &["alias", "version"])
        .ask(names(), async |name| {
            aliases::of(inner, meter, known, &name).await
        })
        .await;
    let urls = each("functions' URLs", &["function-url"])
        .ask(names(), async |name| urls::of(inner, meter, &name).await)
        .await;
    found.add(urls);

    let others: HashSet<&str> = functions
        .iter()
        .map(|f| f.name.as_str())
        .filter(|name| !asked.contains(*name))
        .collect();
    let still = known.iter().filter(|row| {
        row.kind != "function"
            && KINDS.contains(&row.kind.as_str())
            && function_of(row).is_some_and(|name| others.contains(name))
    });
    found.resources.extend(still.cloned());
    found
}

fn function_of(row: &Resource) -> Option<&str> {
    row.configuration.get("function").map(String::as_str)
}

fn resource(inner: &Inner, function: &FunctionConfiguration) -> Option<Resource> {
    let logging = function.logging_config();
    let text = |text: &str| text.to_owned();
    let configuration = settings([
        ("memory_mb", function.memory_size().map(|mb| mb.to_string())),
        (
            "architecture",
            // A function has one; AWS leaves the list empty for the oldest.
            Some(text(
                function
                    .architectures()
                    .first()
                    .map_or("x86_64", |a| a.as_str()),
            )),
        ),
        ("runtime", function.runtime().map(|r| text(r.as_str()))),
        (
            "handler_timeout_s",
            function.timeout().map(|s| s.to_string()),
        ),
        (
            "package_type",
            function.package_type().map(|p| text(p.as_str())),
        ),
        (
            "tracing",
            function
                .tracing_config()
                .and_then(|t| t.mode())
                .map(|mode| text(mode.as_str())),
        ),
        ("last_modified", function.last_modified().map(text)),
        ("code_sha256", function.code_sha256().map(text)),
        (
            "log_format",
            logging
                .and_then(|l| l.log_format())
                .map(|format| text(format.as_str())),
        ),
        (
            "system_log_level",
            logging
                .and_then(|l| l.system_log_level())
                .map(|level| text(level.as_str())),
        ),
        ("log_group", logging.and_then(|l| l.log_group()).map(text)),
        (
            "ephemeral_storage_mb",
            function.ephemeral_storage().map(|s| s.size().to_string()),
        ),
        (
            "snap_start",
            function
                .snap_start()
                .and_then(|s| s.apply_on())
                .map(|on| text(on.as_str())),
        ),
    ]);
    Some(row(
        inner,
        "function",
        function.function_name()?,
        function.function_arn()?,
        configuration,
    ))
}
