//! What functions do that no API calls.

use super::{
    Behaviour, CARTS, GET, INVOICES, ORDERS, PAYMENTS, PRODUCTS, PUT, S3_GET, S3_PUT, SCAN, around,
    behaviour, object, read, write,
};
use crate::model::FunctionId;

/// The invoice writer, which an order invokes asynchronously.
pub(in crate::traffic) const WRITE_INVOICE: Behaviour = behaviour(
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
