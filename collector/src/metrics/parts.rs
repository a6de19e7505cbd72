//! Rows of a window on their way into the lake: written in parts when there are many, so that neither a
//! large account nor a long history takes more memory.

use millicent_lake::{Lake, LakeError, MetricSeries, Replacement, Rows, Slice};

use crate::task::Collected;
use crate::trouble::{Trouble, chain};

/// Rows of a part: some ten megabytes while it is written.
const MOST_ROWS: usize = 25_000;

/// The rows of one window.
pub(super) struct Parts {
    slice: Slice,
    series: Vec<MetricSeries>,
    /// Points of the series.
    rows: usize,
    /// From the second part on.
    written: Option<Replacement>,
    lake: Lake,
}

impl Parts {
    pub(super) fn begin(lake: &Lake, slice: Slice) -> Self {
        Self {
            slice,
            series: Vec::new(),
            rows: 0,
            written: None,
            lake: lake.clone(),
        }
    }

    /// Adds points; writes what has come together when it is enough for a part.
    pub(super) async fn add(&mut self, series: MetricSeries) -> Result<(), Trouble> {
        self.rows += series.points.len();
        self.series.push(series);
        if self.rows < MOST_ROWS {
            return Ok(());
        }
        self.write().await
    }

    async fn write(&mut self) -> Result<(), Trouble> {
        let series = std::mem::take(&mut self.series);
        self.rows = 0;
        let written = match &mut self.written {
            Some(written) => written,
            None => {
                let begun = self.lake.begin_replace(self.slice.clone());
                self.written.insert(begun.map_err(unwritable)?)
            }
        };
        let rows = Rows::MetricSeries(series);
        written.write(rows).await.map_err(unwritable)
    }

    /// All of them, still to be committed.
    pub(super) async fn end(mut self) -> Result<Collected, Trouble> {
        if self.written.is_some() && self.rows > 0 {
            self.write().await?;
        }
        Ok(match self.written {
            Some(written) => Collected::in_parts(written),
            None => Collected::whole(self.slice, Rows::MetricSeries(self.series)),
        })
    }
}

fn unwritable(error: LakeError) -> Trouble {
    Trouble::failed(chain(&error))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use ciborium::Value as Cbor;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::testing::{Response, Scripted, map, metric_data};
    use crate::{Clock, CollectConfig, Source, System};

    const FUNCTIONS: usize = 250;
    const MINUTES: usize = 240;

    #[tokio::test]
    async fn a_window_of_many_parts_is_whole() {
        let aws = Scripted::start(|request| match request.operation {
            "ListMetrics" => {
                let listed = |n: usize| {
                    let dimension = map([
                        ("Name", "FunctionName".into()),
                        ("Value", format!("f{n}").into()),
                    ]);
                    map([
                        ("Namespace", "AWS/Lambda".into()),
                        ("MetricName", "Invocations".into()),
                        ("Dimensions", Cbor::Array(vec![dimension])),
                    ])
                };
                let metrics = (0..FUNCTIONS).map(listed).collect();
                Some(Response::cbor(&map([("Metrics", Cbor::Array(metrics))])))
            }
            "GetMetricData" => Some(metric_data(request, "Complete", &[1.0; MINUTES])),
            "ListFunctions" => Some(Response::json(&serde_json::json!({"Functions": []}))),
            _ => None,
        })
        .await;
        let config = CollectConfig {
            sources: vec![Source::Discovery, Source::Metrics(System::Lambda)],
            history: TimeDelta::hours(4),
            ..aws.config()
        };
        let collector = aws.collector(config).await;
        let cancel = CancellationToken::new();
        let pass = collector.pass(aws.clock.now(), &cancel, &|_| {}).await;
        let summary = pass.unwrap();
        assert!(summary.is_complete(), "{summary:?}");
        // The settled four hours, and the live part with as many minutes as it has.
        let live = 45;
        let whole = FUNCTIONS * (MINUTES + live);
        const { assert!(FUNCTIONS * MINUTES > MOST_ROWS) };
        assert_eq!(summary.sources[1].rows as usize, whole, "{summary:?}");
    }
}
