//! What a pass knows of the account while it reads windows.

use std::sync::Arc;

use millicent_lake::Resource;

use crate::discovery::Inventory;
use crate::routes::RouteTable;
use crate::trouble::Trouble;

/// What is known of the account when windows are read.
#[derive(Clone)]
pub(crate) struct Knowledge {
    pub(crate) resources: Arc<Vec<Resource>>,
    pub(crate) routes: Arc<RouteTable>,
    /// Why a kind of resource may be unknown rather than absent.
    pub(crate) unknown: Option<Trouble>,
}

impl Knowledge {
    pub(crate) fn new(inventory: Inventory) -> Self {
        Self {
            routes: Arc::new(RouteTable::new(&inventory.resources)),
            resources: Arc::new(inventory.resources),
            unknown: inventory.troubles.into_iter().next(),
        }
    }
}
