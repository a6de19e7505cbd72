//! The numbers of the shop: its routes' behaviours and its functions' starts.

use super::{Behaviour, CallSpec, LogNormal, Start, TargetSpec};
use crate::{
    estate::{MachineId, QueueId},
    model::{BucketId, FunctionId, TableId},
};

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

/// The invoice writer, which an order invokes asynchronously.
pub(super) const WRITE_INVOICE: Behaviour = behaviour(
    "",
    "",
    around(210.0, 0.4),
    (0, 0.0),
    0.004,
    &[
        read(ORDERS, "GetItem", (1, 3), GET),
        object(INVOICES, "PutObject", (28_000, 90_000), S3_PUT),
        write(ORDERS, "UpdateItem", (1, 2), PUT),
    ],
);

/// What functions do about what they are given by no API.
pub(in crate::traffic) const WITHOUT_API: &[(FunctionId, Behaviour)] = &[
    // shop-emails: a template and a mail server for each message.
    (
        FunctionId(17),
        behaviour(
            "",
            "",
            around(130.0, 0.4),
            (0, 0.0),
            0.002,
            &[read(ORDERS, "GetItem", (1, 3), GET)],
        ),
    ),
    // shop-projector: counts sales by product.
    (
        FunctionId(18),
        behaviour(
            "",
            "",
            around(6.0, 0.35),
            (0, 0.0),
            0.0004,
            &[write(PRODUCTS, "UpdateItem", (1, 1), PUT)],
        ),
    ),
    // shop-invoice-index.
    (
        FunctionId(19),
        behaviour(
            "",
            "",
            around(34.0, 0.4),
            (0, 0.0),
            0.002,
            &[
                object(INVOICES, "GetObject", (28_000, 90_000), S3_GET),
                write(PAYMENTS, "UpdateItem", (1, 2), PUT),
            ],
        ),
    ),
    // shop-cleanup: carts that nobody came back to.
    (
        FunctionId(20),
        behaviour(
            "",
            "",
            around(900.0, 0.35),
            (0, 0.0),
            0.006,
            &[
                read(CARTS, "Scan", (240, 900), SCAN),
                write(CARTS, "BatchWriteItem", (10, 25), around(21.0, 0.4)),
                write(CARTS, "BatchWriteItem", (4, 25), around(21.0, 0.4)),
            ],
        ),
    ),
    // fulfil-pick and fulfil-ship, the tasks of order-fulfilment.
    (
        FunctionId(21),
        behaviour(
            "",
            "",
            around(85.0, 0.4),
            (0, 0.0),
            0.003,
            &[
                read(ORDERS, "GetItem", (2, 5), GET),
                write(ORDERS, "UpdateItem", (1, 2), PUT),
            ],
        ),
    ),
    (
        FunctionId(22),
        behaviour(
            "",
            "",
            around(410.0, 0.5),
            (0, 0.0),
            0.008,
            &[write(ORDERS, "UpdateItem", (1, 2), PUT)],
        ),
    ),
    // price-fetch, the task of price-import.
    (
        FunctionId(23),
        behaviour(
            "",
            "",
            around(2_400.0, 0.35),
            (0, 0.0),
            0.01,
            &[
                write(PRODUCTS, "BatchWriteItem", (15, 25), around(21.0, 0.4)),
                write(PRODUCTS, "BatchWriteItem", (15, 25), around(21.0, 0.4)),
                write(PRODUCTS, "BatchWriteItem", (5, 25), around(21.0, 0.4)),
            ],
        ),
    ),
];

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

/// Share of its API's requests and behaviours of every route, in the order of the estate's routes.
pub(in crate::traffic) const ROUTES: &[(f64, &[Behaviour])] = &[
    (
        0.22,
        &[behaviour(
            "GET",
            "/products",
            around(22.0, 0.45),
            (400, 0.002),
            0.0008,
            &[
                read(PRODUCTS, "Query", (4, 16), QUERY),
                sometimes(0.25, object(MEDIA, "GetObject", (4_000, 60_000), S3_GET)),
            ],
        )],
    ),
    (
        0.27,
        &[behaviour(
            "GET",
            "/products/{product}",
            around(7.0, 0.4),
            (404, 0.021),
            0.0005,
            &[read(PRODUCTS, "GetItem", (1, 4), GET)],
        )],
    ),
    (
        0.14,
        &[behaviour(
            "GET",
            "/search",
            around(74.0, 0.6),
            (400, 0.011),
            0.002,
            &[
                read(PRODUCTS, "Query", (6, 40), QUERY),
                sometimes(
                    0.6,
                    read(PRODUCTS, "BatchGetItem", (8, 24), around(9.5, 0.4)),
                ),
            ],
        )],
    ),
    (
        0.11,
        &[behaviour(
            "GET",
            "/cart/{cart}",
            around(5.0, 0.4),
            (404, 0.034),
            0.0006,
            &[read(CARTS, "GetItem", (2, 6), GET)],
        )],
    ),
    (
        0.08,
        &[behaviour(
            "POST",
            "/cart/{cart}/items",
            around(9.0, 0.4),
            (400, 0.013),
            0.001,
            &[
                read(PRODUCTS, "GetItem", (1, 4), GET),
                write(CARTS, "UpdateItem", (2, 6), PUT),
            ],
        )],
    ),
    (
        0.035,
        &[behaviour(
            "POST",
            "/orders",
            around(68.0, 0.4),
            (400, 0.028),
            0.003,
            &[
                read(CARTS, "GetItem", (2, 6), GET),
                new_order((6, 12), TRANSACT),
                write(PAYMENTS, "PutItem", (1, 2), PUT),
                CallSpec {
                    probability: 1.0,
                    ms: around(8.0, 0.35),
                    target: TargetSpec::Queue { queue: QueueId(0) },
                },
                CallSpec {
                    probability: 1.0,
                    ms: around(24.0, 0.35),
                    target: TargetSpec::Machine {
                        machine: MachineId(0),
                    },
                },
                CallSpec {
                    probability: 1.0,
                    ms: around(16.0, 0.35),
                    target: TargetSpec::Async {
                        function: FunctionId(7),
                        behaviour: &WRITE_INVOICE,
                    },
                },
            ],
        )],
    ),
    (
        0.045,
        &[behaviour(
            "GET",
            "/orders/{order}",
            around(2.2, 0.35),
            (404, 0.016),
            0.0004,
            &[read(ORDERS, "GetItem", (2, 5), GET)],
        )],
    ),
    (
        0.03,
        &[behaviour(
            "POST",
            "/payments/webhook",
            around(46.0, 0.45),
            (400, 0.006),
            0.002,
            &[
                read(PAYMENTS, "GetItem", (2, 4), GET),
                write(PAYMENTS, "UpdateItem", (1, 2), PUT),
                sometimes(0.4, write(ORDERS, "UpdateItem", (1, 2), PUT)),
            ],
        )],
    ),
    (
        0.07,
        &[behaviour(
            "GET",
            "/recommendations/{customer}",
            around(88.0, 0.5),
            (404, 0.004),
            0.0025,
            &[
                query_index((4, 20), QUERY),
                sometimes(
                    0.35,
                    object(MEDIA, "GetObject", (180_000, 900_000), around(55.0, 0.5)),
                ),
                read(PRODUCTS, "BatchGetItem", (8, 20), around(9.5, 0.4)),
            ],
        )],
    ),
    (
        1.0,
        &[
            weighted(
                0.46,
                behaviour(
                    "GET",
                    "/customers/{customer}",
                    around(38.0, 0.5),
                    (404, 0.01),
                    0.002,
                    &[
                        read(ORDERS, "Query", (4, 30), QUERY),
                        read(PAYMENTS, "Query", (4, 20), QUERY),
                    ],
                ),
            ),
            weighted(
                0.28,
                behaviour(
                    "GET",
                    "/orders",
                    around(55.0, 0.5),
                    (400, 0.004),
                    0.003,
                    &[read(ORDERS, "Query", (20, 160), around(18.0, 0.5))],
                ),
            ),
            weighted(
                0.18,
                behaviour(
                    "PUT",
                    "/orders/{order}/state",
                    around(30.0, 0.4),
                    (409, 0.03),
                    0.004,
                    &[
                        read(ORDERS, "GetItem", (2, 5), GET),
                        write(ORDERS, "UpdateItem", (2, 4), PUT),
                    ],
                ),
            ),
            weighted(
                0.05,
                behaviour(
                    "POST",
                    "/refunds",
                    around(90.0, 0.4),
                    (400, 0.02),
                    0.006,
                    &[
                        read(PAYMENTS, "GetItem", (2, 4), GET),
                        write(PAYMENTS, "TransactWriteItems", (4, 8), TRANSACT),
                        object(INVOICES, "GetObject", (28_000, 90_000), S3_GET),
                    ],
                ),
            ),
            weighted(
                0.03,
                behaviour(
                    "GET",
                    "/reports/daily",
                    around(740.0, 0.5),
                    (400, 0.0),
                    0.012,
                    &[
                        read(ORDERS, "Scan", (120, 640), SCAN),
                        read(ORDERS, "Scan", (120, 640), SCAN),
                        read(PAYMENTS, "Scan", (120, 640), SCAN),
                    ],
                ),
            ),
        ],
    ),
    (
        0.46,
        &[behaviour(
            "GET",
            "/stores",
            around(11.0, 0.4),
            (400, 0.004),
            0.0006,
            &[],
        )],
    ),
    (
        0.37,
        &[behaviour(
            "GET",
            "/stores/{store}",
            around(3.5, 0.35),
            (404, 0.03),
            0.0005,
            &[],
        )],
    ),
    (
        0.11,
        &[behaviour(
            "POST",
            "/feedback",
            around(17.0, 0.45),
            (400, 0.04),
            0.004,
            &[write(CARTS, "PutItem", (1, 2), PUT)],
        )],
    ),
    (
        0.06,
        &[
            weighted(
                0.7,
                behaviour(
                    "GET",
                    "/wp-login.php",
                    around(1.2, 0.3),
                    (404, 1.0),
                    0.0,
                    &[],
                ),
            ),
            weighted(
                0.3,
                behaviour(
                    "GET",
                    "/favicon.ico",
                    around(1.2, 0.3),
                    (404, 0.2),
                    0.0,
                    &[],
                ),
            ),
        ],
    ),
    (
        0.12,
        &[behaviour(
            "",
            "$connect",
            around(5.0, 0.35),
            (403, 0.02),
            0.001,
            &[read(ORDERS, "GetItem", (2, 5), GET)],
        )],
    ),
    (
        0.12,
        &[behaviour(
            "",
            "$disconnect",
            around(2.5, 0.35),
            (400, 0.0),
            0.0005,
            &[],
        )],
    ),
    (
        0.72,
        &[behaviour(
            "",
            "track",
            around(7.0, 0.4),
            (400, 0.004),
            0.001,
            &[read(ORDERS, "GetItem", (2, 5), GET)],
        )],
    ),
    (
        0.04,
        &[behaviour(
            "",
            "$default",
            around(1.6, 0.3),
            (400, 0.3),
            0.0,
            &[],
        )],
    ),
];

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
