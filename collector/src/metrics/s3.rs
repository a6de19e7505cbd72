//! S3: how much is stored, by bucket and storage class, once a day; and requests, where a bucket has a
//! metrics configuration.
//!
//! Reference: "Amazon S3 metrics and dimensions" in Amazon S3's user guide. Storage has an average and
//! nothing else, one a day, stamped 00:00 UTC and published up to days later. Request metrics are
//! best effort, and there is none of a kind of request that did not occur.

use millicent_lake::Resource;

use super::active::Listed;
use super::series::{
    BYTES, COUNT, DAILY, Dimension, LATENCY, MILLISECONDS, Metric, Of, SUM, Series,
};
use crate::source::System;

/// By storage class.
const STORAGE: &[Metric] = &[
    ("BucketSizeBytes", BYTES, DAILY),
    ("NumberOfObjects", COUNT, DAILY),
];

/// By metrics configuration.
const REQUESTS: &[Metric] = &[
    ("AllRequests", COUNT, SUM),
    ("GetRequests", COUNT, SUM),
    ("PutRequests", COUNT, SUM),
    ("DeleteRequests", COUNT, SUM),
    ("HeadRequests", COUNT, SUM),
    ("PostRequests", COUNT, SUM),
    ("SelectRequests", COUNT, SUM),
    ("ListRequests", COUNT, SUM),
    ("BytesDownloaded", BYTES, SUM),
    ("BytesUploaded", BYTES, SUM),
    ("4xxErrors", COUNT, SUM),
    ("5xxErrors", COUNT, SUM),
    ("FirstByteLatency", MILLISECONDS, LATENCY),
    ("TotalRequestLatency", MILLISECONDS, LATENCY),
];

fn of(bucket: &str, part: Dimension) -> Of {
    Of {
        system: System::S3,
        resource: bucket.to_owned(),
        stage: None,
        route: None,
        operation: Some(part.1.clone()),
        dimensions: vec![("BucketName", bucket.to_owned()), part],
    }
}

/// What every bucket with something in it has. Other classes than the standard one are only known
/// from the list of metrics.
pub(super) fn known(resources: &[Resource]) -> Vec<Series> {
    let classes = ["StandardStorage", "AllStorageTypes"];
    resources
        .iter()
        .filter(|resource| resource.kind == "bucket")
        .flat_map(|bucket| {
            STORAGE.iter().zip(classes).map(|(metric, class)| {
                of(&bucket.name, ("StorageType", class.to_owned())).series(metric)
            })
        })
        .collect()
}

/// The series that a listed metric is.
pub(super) fn listed(listed: &Listed) -> Option<Series> {
    if let Some([bucket, class]) = listed.exactly(["BucketName", "StorageType"]) {
        return of(bucket, ("StorageType", class.to_owned())).listed(STORAGE, listed);
    }
    let [bucket, filter] = listed.exactly(["BucketName", "FilterId"])?;
    of(bucket, ("FilterId", filter.to_owned())).listed(REQUESTS, listed)
}

#[cfg(test)]
mod tests {
    use super::super::series::samples;
    use super::*;

    #[test]
    fn storage_is_daily_and_by_class() {
        let known = known(&[samples::resource("bucket", "invoices", &[])]);
        let operations: Vec<_> = known.iter().map(|s| s.operation.as_deref()).collect();
        assert_eq!(
            operations,
            [Some("StandardStorage"), Some("AllStorageTypes")]
        );
        assert!(known.iter().all(Series::is_daily));
        let dimensions = [
            ("BucketName", "invoices"),
            ("StorageType", "DeepArchiveStorage"),
        ];
        let deep = listed(&samples::listed("BucketSizeBytes", &dimensions)).unwrap();
        assert!(deep.is_daily());
        assert_eq!(deep.operation.as_deref(), Some("DeepArchiveStorage"));
    }

    #[test]
    fn requests_are_by_configuration_and_by_the_minute() {
        let dimensions = [("BucketName", "invoices"), ("FilterId", "EntireBucket")];
        let gets = listed(&samples::listed("GetRequests", &dimensions)).unwrap();
        assert!(!gets.is_daily());
        assert_eq!(gets.operation.as_deref(), Some("EntireBucket"));
    }
}
