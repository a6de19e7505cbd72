//! Tables and buckets.

use super::Tag;
use crate::model::FunctionId;

/// How a table is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Billing {
    /// Per request.
    OnDemand,
    /// By capacity units, used or not.
    Provisioned {
        /// Read capacity units.
        read: u32,
        /// Write capacity units.
        write: u32,
    },
}

/// A DynamoDB table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Name.
    pub name: &'static str,
    /// ARN.
    pub arn: String,
    /// The hash key, a string.
    pub hash_key: &'static str,
    /// Items.
    pub items: u64,
    /// Bytes stored.
    pub bytes: u64,
    /// How it is paid for.
    pub billing: Billing,
    /// Global secondary indexes.
    pub indexes: &'static [Index],
    /// When its stream was turned on, which names the stream; none without a stream.
    pub stream: Option<&'static str>,
    /// Tags.
    pub tags: &'static [Tag],
}

impl Table {
    /// The ARN of its stream.
    pub fn stream_arn(&self) -> Option<String> {
        self.stream
            .map(|label| format!("{}/stream/{label}", self.arn))
    }
}

/// A global secondary index.
#[derive(Debug, Clone)]
pub struct Index {
    /// Name.
    pub name: &'static str,
    /// The hash key, a string.
    pub hash_key: &'static str,
    /// Items.
    pub items: u64,
    /// Bytes stored.
    pub bytes: u64,
}

/// An S3 bucket.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// Name.
    pub name: &'static str,
    /// Objects at the account's birth.
    pub objects: u64,
    /// Bytes at the account's birth, all in S3 Standard.
    pub bytes: u64,
    /// Bytes by which it grows a day.
    pub bytes_a_day: u64,
    /// Objects by which it grows a day.
    pub objects_a_day: u64,
    /// Configurations of request metrics.
    pub metrics: &'static [RequestMetrics],
    /// What is told of new objects.
    pub notifications: &'static [Notification],
    /// Tags.
    pub tags: &'static [Tag],
}

/// A configuration of a bucket's request metrics: the dimension `FilterId`.
#[derive(Debug, Clone)]
pub struct RequestMetrics {
    /// Its id.
    pub id: &'static str,
    /// The keys that it counts begin so; none for the whole bucket.
    pub prefix: Option<&'static str>,
}

/// A function that is invoked for new objects.
#[derive(Debug, Clone)]
pub struct Notification {
    /// Its id.
    pub id: &'static str,
    /// For example `s3:ObjectCreated:*`.
    pub event: &'static str,
    /// The keys begin so.
    pub prefix: &'static str,
    /// Which function.
    pub function: FunctionId,
}
