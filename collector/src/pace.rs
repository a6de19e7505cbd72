//! Token buckets at AWS's documented rates, a little below them: other tools ask the same account.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A token bucket. Whoever takes more than there is waits until it has been refilled, in turn.
#[derive(Debug)]
pub(crate) struct Bucket {
    per_second: f64,
    burst: f64,
    state: Mutex<(Option<Instant>, f64)>,
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn new(per_second: f64, burst: f64) -> Self {
        Self {
            per_second,
            burst,
            state: Mutex::new((None, burst)),
        }
    }

    /// Takes so many tokens, waiting for them.
    pub(crate) async fn take(&self, tokens: f64) {
        let wait = self.debt_after(tokens, Instant::now());
        if wait > Duration::ZERO {
            tokio::time::sleep(wait).await;
        }
    }

    fn debt_after(&self, tokens: f64, now: Instant) -> Duration {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, left) = *state;
        let refill = last.map_or(0.0, |last| {
            now.saturating_duration_since(last).as_secs_f64() * self.per_second
        });
        let left = (left + refill).min(self.burst) - tokens;
        *state = (Some(now), left);
        Duration::from_secs_f64((-left / self.per_second).max(0.0))
    }
}

/// The buckets of one account and region.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Lambda's control plane: 15 a second over all of its operations.
    pub(crate) lambda: Bucket,
    /// API Gateway's management: 10 a second, bursts of 40, over all of its operations.
    pub(crate) apigateway: Bucket,
    /// `GetResources`: 5 in 2 seconds.
    pub(crate) apigateway_resources: Bucket,
    /// DynamoDB publishes no rate of its control plane; ten a second is safe.
    pub(crate) dynamodb: Bucket,
    /// S3 publishes no rate of its buckets' configurations; twenty a second is safe.
    pub(crate) s3: Bucket,
    /// `DescribeStateMachine`: 200, refilled by 20 a second; `ListStateMachines` by 5, which one call of
    /// a page of 1,000 never meets.
    pub(crate) states: Bucket,
    /// `DescribeLogGroups`: 10 a second.
    pub(crate) logs: Bucket,
    /// The tagging API publishes no rate; five a second, of a hundred resources each, is safe.
    pub(crate) tagging: Bucket,
    /// `ListMetrics`: 25 a second.
    pub(crate) list_metrics: Bucket,
    /// `GetMetricData`: 500 a second by today's documents, 50 by older ones.
    pub(crate) metric_calls: Bucket,
    /// Data points of windows that start in the last three hours: 180,000 a second.
    pub(crate) recent_points: Bucket,
    /// Data points of older windows: 396,000 a second.
    pub(crate) older_points: Bucket,
    /// Cost Explorer publishes no rate; one a second is safe.
    pub(crate) cost: Bucket,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            lambda: Bucket::new(12.0, 15.0),
            apigateway: Bucket::new(8.0, 30.0),
            apigateway_resources: Bucket::new(2.0, 4.0),
            dynamodb: Bucket::new(10.0, 20.0),
            s3: Bucket::new(20.0, 40.0),
            states: Bucket::new(15.0, 50.0),
            logs: Bucket::new(7.0, 7.0),
            tagging: Bucket::new(5.0, 5.0),
            list_metrics: Bucket::new(15.0, 15.0),
            metric_calls: Bucket::new(40.0, 40.0),
            recent_points: Bucket::new(150_000.0, 150_000.0),
            older_points: Bucket::new(350_000.0, 350_000.0),
            cost: Bucket::new(1.0, 4.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_lets_the_burst_through_and_then_its_rate() {
        let bucket = Bucket::new(10.0, 3.0);
        let start = Instant::now();
        for _ in 0..3 {
            assert_eq!(bucket.debt_after(1.0, start), Duration::ZERO);
        }
        assert_eq!(bucket.debt_after(1.0, start), Duration::from_millis(100));
        assert_eq!(bucket.debt_after(1.0, start), Duration::from_millis(200));
        let later = start + Duration::from_secs(60);
        assert_eq!(bucket.debt_after(3.0, later), Duration::ZERO);
    }
}
