//! What a pass knows of the account while it reads windows.

use std::sync::Arc;

use millicent_lake::Resource;

use crate::discovery::{Gap, Inventory};
use crate::filter::Filter;
use crate::routes::RouteTable;
use crate::source::System;
use crate::traces::Destination;
use crate::trouble::Trouble;

/// What is known of the account when windows are read.
#[derive(Clone)]
pub(crate) struct Knowledge {
    pub(crate) resources: Arc<Vec<Resource>>,
    pub(crate) routes: Arc<RouteTable>,
    pub(crate) trace_destination: Arc<Destination>,
    gaps: Arc<Vec<Gap>>,
    /// Why anything may be unknown.
    unknown: Option<Trouble>,
}

impl Knowledge {
    /// The resources of an inventory that are collected; routes are known all the same, for the
    /// traces.
    pub(crate) fn new(inventory: Inventory, filter: &Filter) -> Self {
        Self {
            routes: Arc::new(RouteTable::new(&inventory.resources)),
            resources: Arc::new(filter.keep(inventory.resources)),
            trace_destination: Arc::default(),
            gaps: Arc::new(inventory.gaps),
            unknown: None,
        }
    }

    /// Says why resources of every kind may be unknown rather than absent.
    pub(crate) fn doubted(mut self, why: Option<Trouble>) -> Self {
        self.unknown = why;
        self
    }

    /// Why resources of a system may be unknown rather than absent.
    pub(crate) fn unknown(&self, system: System) -> Option<&Trouble> {
        let kind = match system {
            System::Lambda => "function",
            System::ApiGateway => "stage",
            System::DynamoDb => "table",
            System::S3 => "bucket",
            System::StepFunctions => "state-machine",
            System::Logs => "log-group",
        };
        self.gaps
            .iter()
            .find(|gap| gap.kinds.contains(&kind))
            .map(|gap| &gap.trouble)
            .or(self.unknown.as_ref())
    }
}
