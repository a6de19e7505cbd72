//! Who collects what, where two entries of the configuration turn out to be the same account.

use std::collections::{BTreeMap, BTreeSet};

/// The places and bills that are taken.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// Account id and region → the entry that collects it.
    places: BTreeMap<(String, String), String>,
    /// Account ids whose bill somebody reads.
    bills: BTreeSet<String>,
}

impl Claims {
    /// Takes a place for an entry.
    ///
    /// # Errors
    /// The entry that has it already.
    pub(super) fn place(
        &mut self,
        account_id: &str,
        region: &str,
        entry: &str,
    ) -> Result<(), String> {
        let key = (account_id.to_owned(), region.to_owned());
        match self.places.get(&key) {
            Some(other) => Err(other.clone()),
            None => {
                self.places.insert(key, entry.to_owned());
                Ok(())
            }
        }
    }

    /// True for the first who asks for an account's bill.
    pub(super) fn bill(&mut self, account_id: &str) -> bool {
        self.bills.insert(account_id.to_owned())
    }
}
