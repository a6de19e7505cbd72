//! How the shop behaves: what every route calls, how long it takes, how often it fails, and how
//! each function starts cold.

mod shop;

use std::collections::BTreeMap;

use self::shop::WRITE_INVOICE;
pub(super) use self::shop::{
    BACK_OFF_MS, BURST_ERROR, CONNECTED_MIN, HTTP_KILOBYTES, MESSAGE_KILOBYTES, RETRIED_UPDATE,
    RETRIES, ROUTES, RUNAWAY_THROTTLED, STARTS, WITHOUT_API,
};
use crate::{
    estate::{Estate, MachineId, QueueId, Target},
    model::{BucketId, FunctionId, TableId},
};

/// A positive value with a median and a spread: `median × exp(sigma × normal)`.
#[derive(Debug, Clone, Copy)]
pub(super) struct LogNormal {
    pub(super) median: f64,
    pub(super) sigma: f64,
}

/// How a function starts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    /// Share of its invocations that wait for an initialisation, over a usual week.
    pub(super) cold_rate: f64,
    /// Length of the initialisation, ms.
    pub(super) init_ms: LogNormal,
    /// Bytes that one invocation logs, START, END and REPORT included, without its calls.
    pub(super) log_bytes: u64,
}

/// One way in which a route is used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Behaviour {
    /// Relative frequency within the route.
    pub(super) weight: f64,
    /// Method that the client sends.
    pub(super) method: &'static str,
    /// Path that the client sends; `{kind}` is replaced by an identifier.
    pub(super) path: &'static str,
    /// The handler's own time, ms.
    pub(super) compute_ms: LogNormal,
    /// What it calls, in order.
    pub(super) calls: &'static [CallSpec],
    /// Status of a client's mistake and its probability.
    pub(super) client_error: (u16, f64),
    /// Probability that the handler fails.
    pub(super) error: f64,
}

/// A call that a handler makes.
#[derive(Debug, Clone, Copy)]
pub(super) struct CallSpec {
    pub(super) probability: f64,
    pub(super) ms: LogNormal,
    pub(super) target: TargetSpec,
}

/// What is called; ranges are inclusive.
#[derive(Debug, Clone, Copy)]
pub(super) enum TargetSpec {
    /// Read units in halves, as eventually consistent reads are counted; write units whole.
    Table {
        table: TableId,
        operation: &'static str,
        read_halves: (u64, u64),
        write: (u64, u64),
        /// The global secondary index that is read.
        index: Option<&'static str>,
        /// Write units that each index of the table takes up.
        index_write: u64,
    },
    Bucket {
        bucket: BucketId,
        operation: &'static str,
        bytes: (u64, u64),
    },
    Queue {
        queue: QueueId,
    },
    Machine {
        machine: MachineId,
    },
    Async {
        function: FunctionId,
        behaviour: &'static Behaviour,
    },
}

/// An operation on a table as the behaviours call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TableOperation {
    pub(crate) table: TableId,
    pub(crate) operation: &'static str,
    /// It is throttled now and then: some handler fails at it.
    pub(crate) throttled: bool,
}

/// Every operation on a table that some behaviour calls, in a fixed order.
pub(crate) fn table_operations() -> Vec<TableOperation> {
    let mut found: BTreeMap<(TableId, &'static str), bool> = BTreeMap::new();
    let behaviours = ROUTES
        .iter()
        .flat_map(|(_, behaviours)| behaviours.iter())
        .chain([&WRITE_INVOICE])
        .chain(WITHOUT_API.iter().map(|(_, behaviour)| behaviour));
    for behaviour in behaviours {
        let failing = behaviour.failing_call();
        for (index, call) in behaviour.calls.iter().enumerate() {
            if let TargetSpec::Table {
                table, operation, ..
            } = call.target
            {
                *found.entry((table, operation)).or_default() |=
                    failing == Some(index) && behaviour.error > 0.0;
            }
        }
    }
    found
        .into_iter()
        .map(|((table, operation), throttled)| TableOperation {
            table,
            operation,
            throttled,
        })
        .collect()
}

/// What a function does about what it is given by no API.
pub(super) fn without_api(function: FunctionId) -> Option<&'static Behaviour> {
    let own = WITHOUT_API.iter().find(|(own, _)| *own == function);
    own.map(|(_, behaviour)| behaviour)
}

/// The functions that are invoked asynchronously.
pub(crate) fn asynchronous(estate: &Estate) -> Vec<FunctionId> {
    let called = ROUTES
        .iter()
        .flat_map(|(_, behaviours)| behaviours.iter())
        .flat_map(|behaviour| behaviour.calls)
        .filter_map(|call| match call.target {
            TargetSpec::Async { function, .. } => Some(function),
            _ => None,
        });
    let scheduled = estate.schedules.iter().filter_map(|own| match own.target {
        Target::Function(function) => Some(function),
        Target::Machine(_) => None,
    });
    let notified = estate
        .buckets
        .iter()
        .flat_map(|bucket| bucket.notifications)
        .map(|own| own.function);
    called.chain(scheduled).chain(notified).collect()
}

impl Behaviour {
    /// The call at which a failing handler fails, and goes no further: its last one to a store.
    pub(super) fn failing_call(&self) -> Option<usize> {
        self.calls.iter().rposition(|spec| {
            matches!(
                spec.target,
                TargetSpec::Table { .. } | TargetSpec::Bucket { .. }
            )
        })
    }
}
