//! What the routes do.

use super::{
    Behaviour, CARTS, CallSpec, GET, INVOICES, MEDIA, ORDERS, PAYMENTS, PRODUCTS, PUT, QUERY,
    S3_GET, SCAN, TRANSACT, TargetSpec, WRITE_INVOICE, around, behaviour, new_order, object,
    query_index, read, sometimes, weighted, write,
};
use crate::{
    estate::{MachineId, QueueId},
    model::FunctionId,
};

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
