//! The numbers of the shop: its routes' behaviours and its functions' starts.

mod routes;
mod without_api;

pub(in crate::traffic) use self::{
    routes::ROUTES,
    without_api::{WITHOUT_API, WRITE_INVOICE},
};
use super::{Behaviour, CallSpec, LogNormal, Start, TargetSpec};
use crate::model::{BucketId, TableId};

const fn around(median: f64, sigma: f64) -> LogNormal {
    LogNormal { median, sigma }
}

const fn read(table: u16, operation: &'static str, halves: (u64, u64), ms: LogNormal) -> CallSpec {
    let target = TargetSpec::Table {
        table: TableId(table),
        operation,
        read_halves: halves,
        write: (0, 0),
        index: None,
        index_write: 0,
    };
    CallSpec {
        probability: 1.0,
        ms,
        target,
    }
}

const fn write(table: u16, operation: &'static str, units: (u64, u64), ms: LogNormal) -> CallSpec {
    let target = TargetSpec::Table {
        table: TableId(table),
        operation,
        read_halves: (0, 0),
        write: units,
        index: None,
        index_write: 0,
    };
    CallSpec {
        probability: 1.0,
        ms,
        target,
    }
}

/// A query of the orders by customer.
const fn query_index(halves: (u64, u64), ms: LogNormal) -> CallSpec {
    let target = TargetSpec::Table {
        table: TableId(ORDERS),
        operation: "Query",
        read_halves: halves,
        write: (0, 0),
        index: Some("by-customer"),
        index_write: 0,
    };
    CallSpec {
        probability: 1.0,
        ms,
        target,
    }
}

/// A new order, which the index takes up; later changes of it are not projected.
const fn new_order(units: (u64, u64), ms: LogNormal) -> CallSpec {
    let target = TargetSpec::Table {
        table: TableId(ORDERS),
        operation: "TransactWriteItems",
        read_halves: (0, 0),
        write: units,
        index: None,
        index_write: 1,
    };
    CallSpec {
        probability: 1.0,
        ms,
        target,
    }
}

const fn object(
    bucket: u16,
    operation: &'static str,
    bytes: (u64, u64),
    ms: LogNormal,
) -> CallSpec {
    let target = TargetSpec::Bucket {
        bucket: BucketId(bucket),
        operation,
        bytes,
    };
    CallSpec {
        probability: 1.0,
        ms,
        target,
    }
}

const fn sometimes(probability: f64, call: CallSpec) -> CallSpec {
    CallSpec {
        probability,
        ms: call.ms,
        target: call.target,
    }
}

const PRODUCTS: u16 = 0;
const CARTS: u16 = 1;
const ORDERS: u16 = 2;
const PAYMENTS: u16 = 3;
const MEDIA: u16 = 0;
const INVOICES: u16 = 1;

const GET: LogNormal = around(3.6, 0.35);
const QUERY: LogNormal = around(7.5, 0.45);
const PUT: LogNormal = around(6.2, 0.35);
const TRANSACT: LogNormal = around(14.0, 0.35);
const SCAN: LogNormal = around(60.0, 0.5);
const S3_GET: LogNormal = around(24.0, 0.5);
const S3_PUT: LogNormal = around(42.0, 0.45);

const fn behaviour(
    method: &'static str,
    path: &'static str,
    compute_ms: LogNormal,
    client_error: (u16, f64),
    error: f64,
    calls: &'static [CallSpec],
) -> Behaviour {
    Behaviour {
        weight: 1.0,
        method,
        path,
        compute_ms,
        calls,
        client_error,
        error,
    }
}

const fn weighted(weight: f64, b: Behaviour) -> Behaviour {
    Behaviour { weight, ..b }
}

/// One update of a payment within the runaway retry loop; it is made dozens of times.
pub(in crate::traffic) const RETRIED_UPDATE: CallSpec =
    write(PAYMENTS, "UpdateItem", (2, 4), around(8.0, 0.4));
/// How often the loop turns in one request, inclusive.
pub(in crate::traffic) const RETRIES: (u64, u64) = (36, 60);
/// Back-off between two turns, ms.
pub(in crate::traffic) const BACK_OFF_MS: LogNormal = around(110.0, 0.3);
/// Share of the looping route's invocations that Lambda throttles while it loops.
pub(in crate::traffic) const RUNAWAY_THROTTLED: f64 = 0.015;
/// Share of requests that fail in the error burst.
pub(in crate::traffic) const BURST_ERROR: f64 = 0.6;

/// Bytes of a request to an HTTP API and its answer, in thousands.
pub(in crate::traffic) const HTTP_KILOBYTES: LogNormal = around(2.6, 0.7);

/// Bytes of a message of a WebSocket API, in thousands.
pub(in crate::traffic) const MESSAGE_KILOBYTES: LogNormal = around(0.4, 0.6);
/// Minutes that a client stays connected.
pub(in crate::traffic) const CONNECTED_MIN: LogNormal = around(6.5, 0.8);

/// Start of every function, in the order of the estate's functions.
#[rustfmt::skip]
pub(in crate::traffic) const STARTS: &[Start] = &[
    Start { cold_rate: 0.004,  init_ms: around(270.0, 0.18),   log_bytes: 620 },
    Start { cold_rate: 0.013,  init_ms: around(1_950.0, 0.16), log_bytes: 1_140 },
    Start { cold_rate: 0.007,  init_ms: around(240.0, 0.18),   log_bytes: 540 },
    Start { cold_rate: 0.028,  init_ms: around(1_620.0, 0.16), log_bytes: 2_480 },
    Start { cold_rate: 0.0035, init_ms: around(215.0, 0.12),   log_bytes: 410 },
    Start { cold_rate: 0.021,  init_ms: around(330.0, 0.2),    log_bytes: 1_310 },
    Start { cold_rate: 0.024,  init_ms: around(1_080.0, 0.22), log_bytes: 930 },
    Start { cold_rate: 0.05,   init_ms: around(420.0, 0.2),    log_bytes: 1_020 },
    Start { cold_rate: 0.062,  init_ms: around(860.0, 0.2),    log_bytes: 1_760 },
    // The storefront's HTTP API, one function a route.
    Start { cold_rate: 0.018,  init_ms: around(235.0, 0.18),   log_bytes: 590 },
    Start { cold_rate: 0.021,  init_ms: around(230.0, 0.18),   log_bytes: 520 },
    Start { cold_rate: 0.05,   init_ms: around(640.0, 0.2),    log_bytes: 880 },
    Start { cold_rate: 0.06,   init_ms: around(205.0, 0.15),   log_bytes: 470 },
    // The WebSocket API's, and what is no API's.
    Start { cold_rate: 0.05,   init_ms: around(220.0, 0.15),   log_bytes: 450 },
    Start { cold_rate: 0.05,   init_ms: around(220.0, 0.15),   log_bytes: 430 },
    Start { cold_rate: 0.03,   init_ms: around(225.0, 0.15),   log_bytes: 480 },
    Start { cold_rate: 0.07,   init_ms: around(215.0, 0.15),   log_bytes: 440 },
    Start { cold_rate: 0.055,  init_ms: around(520.0, 0.2),    log_bytes: 1_190 },
    Start { cold_rate: 0.015,  init_ms: around(1_480.0, 0.16), log_bytes: 610 },
    Start { cold_rate: 0.05,   init_ms: around(390.0, 0.2),    log_bytes: 560 },
    Start { cold_rate: 0.04,   init_ms: around(310.0, 0.2),    log_bytes: 1_830 },
    Start { cold_rate: 0.035,  init_ms: around(260.0, 0.18),   log_bytes: 720 },
    Start { cold_rate: 0.035,  init_ms: around(285.0, 0.18),   log_bytes: 810 },
    Start { cold_rate: 0.03,   init_ms: around(930.0, 0.2),    log_bytes: 1_540 },
];
