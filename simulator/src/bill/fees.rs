//! Lines that no request causes: storage, monitoring, other services, tax and a credit.

use chrono::{Datelike, NaiveDate, TimeDelta};

use super::{BillLine, Origin, draw, midnight};
use crate::{
    World,
    decimal::{Decimal12, divide},
    estate::Protocol,
    model::{BucketId, FunctionId},
    prices::{self, DISCOUNT_PERCENT, FREE_TIER_PERCENT, GB, Pico, fixed},
};

const OTHER_SERVICE: &str = "a service that no route uses";
const DATED: i128 = 24;
/// Metrics of a bucket's requests that CloudWatch keeps where they are asked for.
const BUCKET_METRICS: i128 = 9;

/// Everything that a line is but its cost.
struct Fee {
    service: &'static str,
    usage_type: &'static str,
    operation: &'static str,
    unit: &'static str,
    /// Of the whole day, as a fraction.
    quantity: (i128, i128),
    price: Pico,
    discounted: bool,
    reason: &'static str,
}

/// The lines of a day of which the bill has so many hours.
pub(super) fn lines(world: &World, day: NaiveDate, hours: i64) -> Vec<BillLine> {
    let home = world.config().home;
    let mut lines: Vec<BillLine> = daily(world, day)
        .into_iter()
        .filter(|fee| home || fee.reason != OTHER_SERVICE)
        .map(|fee| line(world, day, i128::from(hours), &fee))
        .collect();
    if home && day.day() == 1 {
        let zone = Fee {
            service: "Amazon Route 53",
            usage_type: "HostedZone",
            operation: "",
            unit: "HostedZone",
            quantity: (1, 1),
            price: fixed::ZONE_MONTH,
            discounted: false,
            reason: OTHER_SERVICE,
        };
        lines.push(line(world, day, DATED, &zone));
        lines.push(tax(world, day));
    }
    if home && day == (world.config().anchor - TimeDelta::days(6)).date_naive() {
        lines.push(credit(world, day));
    }
    lines
}

fn daily(world: &World, day: NaiveDate) -> Vec<Fee> {
    let estate = world.estate();
    let month = i128::from(day.num_days_in_month());
    let since_birth = (day - estate.birth.date_naive()).num_days();
    let buckets: u64 = (0..estate.buckets.len())
        .map(|b| estate.bucket_size(BucketId(b as u16), since_birth).0)
        .sum();
    let tables: u64 = estate.tables.iter().map(|table| table.bytes).sum();
    let free = fixed::TABLE_FREE_GB * GB * FREE_TIER_PERCENT / 100;
    // Five metrics of every method of a REST API, six of every route of another API.
    let detailed: i128 = estate
        .routes
        .iter()
        .map(|r| &estate.apis[usize::from(r.api.0)])
        .filter(|api| api.detailed_metrics)
        .map(|api| match api.protocol {
            Protocol::Rest => 5,
            Protocol::Http | Protocol::WebSocket => 6,
        })
        .sum();
    let counted = estate.buckets.iter().flat_map(|bucket| bucket.metrics);
    let counted = counted.filter(|own| own.prefix.is_none()).count() as i128;
    let seed = world.config().seed;
    // MB that are kept ready.
    let ready = |arm| -> i128 {
        let functions = (0..).map(FunctionId).zip(&estate.functions);
        let own = functions.filter(|(_, function)| function.is_arm() == arm);
        own.map(|(id, function)| {
            let at = midnight(day).timestamp_micros();
            i128::from(function.provisioned_concurrency * estate.memory_mb(id, at))
        })
        .sum()
    };
    let fee = |service, usage_type, operation, unit, quantity, price, discounted, reason| Fee {
        service,
        usage_type,
        operation,
        unit,
        quantity,
        price,
        discounted,
        reason,
    };
    let mut fees = vec![
        fee(
            "Amazon Simple Storage Service",
            "TimedStorage-ByteHrs",
            "StandardStorage",
            "GB-Mo",
            (i128::from(buckets), GB * month),
            fixed::BUCKET_GB_MONTH,
            true,
            "storage costs by time, not by request",
        ),
        fee(
            "Amazon DynamoDB",
            "TimedStorage-ByteHrs",
            "StandardStorage",
            "GB-Mo",
            ((i128::from(tables) - free).max(0), GB * month),
            fixed::TABLE_GB_MONTH,
            true,
            "storage costs by time, not by request",
        ),
        fee(
            "AmazonCloudWatch",
            "CW:MetricMonitorUsage",
            "MetricStorage:AWS/ApiGateway",
            "Metrics",
            (detailed, month),
            fixed::METRIC_MONTH,
            true,
            "detailed metrics cost by time, not by request",
        ),
        fee(
            "AmazonCloudWatch",
            "CW:MetricMonitorUsage",
            "MetricStorage:AWS/S3",
            "Metrics",
            (counted * BUCKET_METRICS, month),
            fixed::METRIC_MONTH,
            true,
            "detailed metrics cost by time, not by request",
        ),
        fee(
            "AmazonCloudWatch",
            "CW:AlarmMonitorUsage",
            "Unknown",
            "Alarms",
            (6, month),
            fixed::ALARM_MONTH,
            true,
            "alarms cost by time, not by request",
        ),
        fee(
            "EC2 - Other",
            "NatGateway-Hours",
            "NatGateway",
            "Hrs",
            (24, 1),
            fixed::NAT_HOUR,
            false,
            OTHER_SERVICE,
        ),
        fee(
            "EC2 - Other",
            "NatGateway-Bytes",
            "NatGateway",
            "GB",
            (i128::from(2_400 + draw(seed, day, 32) % 2_900), 1_000),
            fixed::NAT_GB,
            false,
            OTHER_SERVICE,
        ),
        fee(
            "Amazon Route 53",
            "DNS-Queries",
            "A",
            "Queries",
            (i128::from(21_000 + draw(seed, day, 33) % 9_000), 1),
            fixed::DNS_QUERY,
            false,
            OTHER_SERVICE,
        ),
    ];
    for (usage_type, ready, price) in [
        (
            "Lambda-Provisioned-Concurrency",
            ready(false),
            fixed::PROVISIONED_GB_S,
        ),
        (
            "Lambda-Provisioned-Concurrency-ARM",
            ready(true),
            fixed::PROVISIONED_ARM_GB_S,
        ),
    ] {
        if ready > 0 {
            let gb_seconds = (ready * 86_400, 1_024);
            let reason = "provisioned concurrency costs by time, not by request";
            fees.push(fee(
                "AWS Lambda",
                usage_type,
                "Invoke",
                "Lambda-GB-Second",
                gb_seconds,
                price,
                true,
                reason,
            ));
        }
    }
    fees
}

fn line(world: &World, day: NaiveDate, hours: i128, fee: &Fee) -> BillLine {
    let (numerator, denominator) = (fee.quantity.0 * hours, fee.quantity.1 * 24);
    let percent = if fee.discounted {
        100 - DISCOUNT_PERCENT
    } else {
        100
    };
    let global = fee.service == "Amazon Route 53";
    let region = world.config().region.as_str();
    BillLine {
        date: day,
        service: fee.service,
        usage_type: if global {
            fee.usage_type.to_owned()
        } else {
            prices::usage_type(region, fee.usage_type)
        },
        operation: fee.operation,
        record_type: "Usage",
        region: if global {
            "global".to_owned()
        } else {
            region.to_owned()
        },
        quantity: Decimal12::ratio(numerator, denominator),
        unit: fee.unit,
        cost: Decimal12(divide(numerator * fee.price * percent, denominator * 100)),
        estimated: false,
        origin: Origin::Other(fee.reason),
    }
}

/// Tax on the month, told on its first day.
fn tax(world: &World, day: NaiveDate) -> BillLine {
    let cents = 1_600 + draw(world.config().seed, day, 34) % 900;
    BillLine {
        date: day,
        service: "Tax",
        usage_type: String::new(),
        operation: "",
        record_type: "Tax",
        region: String::new(),
        quantity: Decimal12(Decimal12::ONE),
        unit: "",
        cost: Decimal12::ratio(i128::from(cents), 100),
        estimated: false,
        origin: Origin::Other("tax on the invoice"),
    }
}

/// A promotional credit, once.
fn credit(world: &World, day: NaiveDate) -> BillLine {
    let region = world.config().region.as_str();
    BillLine {
        date: day,
        service: "AWS Lambda",
        usage_type: prices::usage_type(region, "Lambda-GB-Second"),
        operation: "Invoke",
        record_type: "Credit",
        region: region.to_owned(),
        quantity: Decimal12(0),
        unit: "Second",
        cost: Decimal12::ratio(-250, 100),
        estimated: false,
        origin: Origin::Other("a promotional credit"),
    }
}
