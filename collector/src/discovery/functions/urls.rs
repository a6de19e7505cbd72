//! URLs of functions, of their own and of their aliases.

use aws_sdk_lambda::types::FunctionUrlConfig;
use millicent_lake::Resource;

use super::super::listing::{Found, Pages, is_gone, row, settings};
use crate::collector::Inner;
use crate::meter::Meter;
use crate::trouble::{Operation, Trouble};

const LIST_URLS: Operation = Operation("lambda:ListFunctionUrlConfigs");

pub(super) async fn of(inner: &Inner, meter: &Meter, function: &str) -> Result<Found, Trouble> {
    let mut rows = Vec::new();
    let mut pages = Pages::of(LIST_URLS);
    loop {
        inner.pace.lambda.take(1.0).await;
        let page = inner
            .aws
            .lambda
            .list_function_url_configs()
            .function_name(function)
            .set_marker(pages.token())
            .customize()
            .interceptor(meter.attempts())
            .send()
            .await;
        let page = match page {
            Ok(page) => page,
            Err(error) if is_gone(&error) => return Ok(Found::default()),
            Err(error) => return Err(LIST_URLS.trouble(error)),
        };
        rows.extend(
            page.function_url_configs
                .iter()
                .map(|u| url_row(inner, function, u)),
        );
        if !pages.turn(page.next_marker)? {
            return Ok(Found::whole(rows));
        }
    }
}

fn url_row(inner: &Inner, function: &str, url: &FunctionUrlConfig) -> Resource {
    let qualifier = url.function_arn().split(':').nth(7);
    let configuration = settings([
        ("function", Some(function.to_owned())),
        ("url", Some(url.function_url().to_owned())),
        ("auth_type", Some(url.auth_type().as_str().to_owned())),
        ("qualifier", qualifier.map(str::to_owned)),
    ]);
    row(
        inner,
        "function-url",
        function,
        url.function_arn(),
        configuration,
    )
}
