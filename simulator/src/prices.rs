//! What the simulated account pays: AWS's list prices, free tiers and one discount.
//!
//! Prices are those of us-east-1 as of 2026-09, whatever the account's region: they are known to
//! the last digit, and whoever reads the bill must derive its prices from it, not know them.

use crate::metrics::usage::Meter;

/// 1e-12 USD.
pub type Pico = i128;

/// Every price of the serverless services is less by so many percent, agreed with AWS.
pub const DISCOUNT_PERCENT: i128 = 7;

/// Free tiers belong to the payer, whose other accounts use most of them: this account gets so
/// many percent.
pub const FREE_TIER_PERCENT: i128 = 2;

/// Bytes of the GB that storage and logs are billed by.
pub const GB: i128 = 1 << 30;

/// How usage of one meter is billed.
#[derive(Debug)]
pub struct Rate {
    /// As Cost Explorer names it.
    pub service: &'static str,
    /// Without the region's prefix.
    pub usage_type: &'static str,
    /// As Cost Explorer names it.
    pub operation: &'static str,
    /// Of the quantity.
    pub unit: &'static str,
    /// What the meter counts in one unit.
    pub in_a_unit: i128,
    /// Price of a unit, and the monthly quantity up to which it holds.
    pub tiers: &'static [(i128, Pico)],
    /// Units a month that cost nothing, for the payer.
    pub free_units: i128,
}

const NO_END: i128 = i128::MAX;
const BILLION: i128 = 1_000_000_000;
const MILLION: i128 = 1_000_000;
/// Billed milliseconds × MB in a GB-second.
const GB_SECOND: i128 = 1_000 * 1_024;

/// How a meter is billed.
pub fn rate(meter: Meter) -> Rate {
    let (service, usage_type, operation, unit, in_a_unit, tiers, free_units): (
        _,
        _,
        _,
        _,
        _,
        &'static [_],
        _,
    ) = match meter {
        Meter::ApiRequests => (
            "Amazon API Gateway",
            "ApiGatewayRequest",
            "ApiGatewayRequest",
            "Requests",
            1,
            &[
                (333 * MILLION, 3_500_000),
                (BILLION, 2_800_000),
                (20 * BILLION, 2_380_000),
                (NO_END, 1_510_000),
            ],
            0,
        ),
        Meter::HttpApiRequests => (
            "Amazon API Gateway",
            "ApiGatewayHttpRequest",
            "ApiGatewayHttpApi",
            "Requests",
            1,
            &[(300 * MILLION, 1_000_000), (NO_END, 900_000)],
            0,
        ),
        Meter::Messages => (
            "Amazon API Gateway",
            "ApiGatewayMessage",
            "ApiGatewayWebSocket",
            "Messages",
            1,
            &[(BILLION, 1_000_000), (NO_END, 800_000)],
            0,
        ),
        Meter::ConnectionMinutes => (
            "Amazon API Gateway",
            "ApiGatewayMinute",
            "ApiGatewayWebSocket",
            "Minutes",
            1,
            &[(NO_END, 250_000)],
            0,
        ),
        Meter::LambdaRequestsX86 => (
            "AWS Lambda",
            "Request",
            "Invoke",
            "Requests",
            1,
            &[(NO_END, 200_000)],
            MILLION,
        ),
        Meter::LambdaRequestsArm => (
            "AWS Lambda",
            "Request-ARM",
            "Invoke",
            "Requests",
            1,
            &[(NO_END, 200_000)],
            MILLION,
        ),
        Meter::LambdaMbMsX86 => (
            "AWS Lambda",
            "Lambda-GB-Second",
            "Invoke",
            "Second",
            GB_SECOND,
            &[
                (6 * BILLION, 16_666_700),
                (15 * BILLION, 15_000_000),
                (NO_END, 13_333_400),
            ],
            400_000,
        ),
        Meter::LambdaMbMsArm => (
            "AWS Lambda",
            "Lambda-GB-Second-ARM",
            "Invoke",
            "Lambda-GB-Second",
            GB_SECOND,
            &[
                (7_500 * MILLION, 13_333_400),
                (18_750 * MILLION, 12_000_100),
                (NO_END, 10_666_700),
            ],
            400_000,
        ),
        Meter::LambdaProvisionedMbMsX86 => (
            "AWS Lambda",
            "Lambda-Provisioned-GB-Second",
            "Invoke",
            "Lambda-GB-Second",
            GB_SECOND,
            &[(NO_END, 9_722_200)],
            0,
        ),
        Meter::LambdaProvisionedMbMsArm => (
            "AWS Lambda",
            "Lambda-Provisioned-GB-Second-ARM",
            "Invoke",
            "Lambda-GB-Second",
            GB_SECOND,
            &[(NO_END, 7_777_800)],
            0,
        ),
        Meter::TableReadMilliUnits => (
            "Amazon DynamoDB",
            "ReadRequestUnits",
            "PayPerRequestThroughput",
            "ReadRequestUnits",
            1_000,
            &[(NO_END, 125_000)],
            0,
        ),
        Meter::TableWriteMilliUnits => (
            "Amazon DynamoDB",
            "WriteRequestUnits",
            "PayPerRequestThroughput",
            "WriteRequestUnits",
            1_000,
            &[(NO_END, 625_000)],
            0,
        ),
        Meter::BucketTier1 => (
            "Amazon Simple Storage Service",
            "Requests-Tier1",
            "PutObject",
            "Requests",
            1,
            &[(NO_END, 5_000_000)],
            0,
        ),
        Meter::BucketTier2 => (
            "Amazon Simple Storage Service",
            "Requests-Tier2",
            "GetObject",
            "Requests",
            1,
            &[(NO_END, 400_000)],
            0,
        ),
        Meter::StateTransitions => (
            "AWS Step Functions",
            "StateTransition",
            "",
            "StateTransitions",
            1,
            &[(NO_END, 25_000_000)],
            4_000,
        ),
        Meter::ExpressRequests => (
            "AWS Step Functions",
            "StepFunctions-Request",
            "",
            "Requests",
            1,
            &[(NO_END, 1_000_000)],
            0,
        ),
        Meter::ExpressMbMs => (
            "AWS Step Functions",
            "StepFunctions-GB-Second",
            "",
            "GB-Second",
            GB_SECOND,
            &[
                (3_600 * 1_000, 16_670_000),
                (18_000 * 1_000, 8_330_000),
                (NO_END, 4_560_000),
            ],
            0,
        ),
        Meter::Traces => (
            "AWS X-Ray",
            "XRay-TracesStored",
            "XRay-Traces-Stored",
            "Traces",
            1,
            &[(NO_END, 5_000_000)],
            100_000,
        ),
        Meter::LogBytes => (
            "AmazonCloudWatch",
            "DataProcessing-Bytes",
            "PutLogEvents",
            "GB",
            GB,
            &[(NO_END, 500_000_000_000)],
            5,
        ),
    };
    Rate {
        service,
        usage_type,
        operation,
        unit,
        in_a_unit,
        tiers,
        free_units,
    }
}

impl Rate {
    /// What of the meter is free for this account in a month.
    pub fn free(&self) -> i128 {
        self.free_units * self.in_a_unit * FREE_TIER_PERCENT / 100
    }

    /// Cost of `amount` after `before` of the same month, both as the meter counts and without
    /// what is free.
    pub fn cost(&self, before: i128, amount: i128) -> Pico {
        let (mut from, end) = (before, before + amount);
        let mut cost = 0;
        for (up_to, price) in self.tiers {
            let up_to = up_to.saturating_mul(self.in_a_unit);
            if from < end && from < up_to {
                let to = end.min(up_to);
                cost += (to - from) * price;
                from = to;
            }
        }
        crate::decimal::divide(cost * (100 - DISCOUNT_PERCENT), 100 * self.in_a_unit)
    }
}

/// Prices of what no request causes, a unit.
pub mod fixed {
    use super::Pico;

    /// Provisioned concurrency of x86 functions, GB-second.
    pub const PROVISIONED_GB_S: Pico = 4_166_700;
    /// Provisioned concurrency of arm functions, GB-second.
    pub const PROVISIONED_ARM_GB_S: Pico = 3_333_400;
    /// S3 Standard, GB-month.
    pub const BUCKET_GB_MONTH: Pico = 23_000_000_000;
    /// DynamoDB, GB-month.
    pub const TABLE_GB_MONTH: Pico = 250_000_000_000;
    /// DynamoDB storage that is free for the payer, GB.
    pub const TABLE_FREE_GB: i128 = 25;
    /// CloudWatch, a detailed metric for a month.
    pub const METRIC_MONTH: Pico = 300_000_000_000;
    /// CloudWatch, a standard alarm for a month.
    pub const ALARM_MONTH: Pico = 100_000_000_000;
    /// A NAT gateway for an hour.
    pub const NAT_HOUR: Pico = 45_000_000_000;
    /// A GB through it.
    pub const NAT_GB: Pico = 45_000_000_000;
    /// Route 53, a hosted zone for a month.
    pub const ZONE_MONTH: Pico = 500_000_000_000;
    /// Route 53, a query.
    pub const DNS_QUERY: Pico = 400_000;
}

/// A usage type with its region's prefix, as the bill has it.
///
/// us-east-1 has none for most services, but `USE1-` for API Gateway, Step Functions and X-Ray.
pub fn usage_type(region: &str, suffix: &str) -> String {
    let prefix = match region {
        "us-east-1"
            if ["ApiGateway", "XRay", "StateTransition", "StepFunctions"]
                .iter()
                .any(|start| suffix.starts_with(start)) =>
        {
            "USE1-"
        }
        "us-east-1" => "",
        "us-east-2" => "USE2-",
        "us-west-2" => "USW2-",
        "eu-west-1" => "EU-",
        "eu-west-2" => "EUW2-",
        "eu-north-1" => "EUN1-",
        "ap-northeast-1" => "APN1-",
        "ap-southeast-1" => "APS1-",
        _ => "EUC1-",
    };
    format!("{prefix}{suffix}")
}
