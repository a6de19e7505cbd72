//! What there is in the account: functions, REST APIs, their stages and routes. A row of
//! `resources` is written only for what changed, so a changed row marks a deploy.

mod changes;
mod functions;
mod rest_apis;

use millicent_lake::{Outcome, Resource};

use crate::collector::Inner;
use crate::meter::Meter;
use crate::trouble::Trouble;

/// An inventory, and how it differs from the one before.
pub(crate) struct Inventory {
    /// Everything that is there now; where it could not be listed, what was there before.
    pub(crate) resources: Vec<Resource>,
    /// Rows to write.
    pub(crate) changes: Vec<Resource>,
    /// What could not be listed.
    pub(crate) troubles: Vec<Trouble>,
}

impl Inventory {
    /// What is known without asking.
    pub(crate) fn known(resources: Vec<Resource>) -> Self {
        Self {
            resources,
            changes: Vec::new(),
            troubles: Vec::new(),
        }
    }

    /// What the inventory came to: the worst of what happened if nothing could be listed.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        let first = self.troubles.first()?;
        let message = self
            .troubles
            .iter()
            .map(|trouble| trouble.message.as_str())
            .collect::<Vec<_>>()
            .join("; ");
        let outcome = if self.troubles.len() == LISTINGS {
            first.outcome
        } else {
            Outcome::Partial
        };
        Some(Trouble { outcome, message })
    }
}

/// Functions, and APIs with all that hangs on them.
const LISTINGS: usize = 2;

/// Lists the account. What can't be listed is taken as it was known.
pub(crate) async fn discover(inner: &Inner, meter: &Meter, known: Vec<Resource>) -> Inventory {
    let (functions, apis) = tokio::join!(
        functions::list(inner, meter, &known),
        rest_apis::list(inner, meter)
    );
    let mut found = Vec::new();
    let mut troubles = Vec::new();
    let mut listed: Vec<&str> = Vec::new();
    for (kinds, listing) in [
        (&["function"][..], functions),
        (&["rest-api", "stage", "route"][..], apis),
    ] {
        match listing {
            Ok(resources) => {
                found.extend(resources);
                listed.extend(kinds);
            }
            Err(trouble) => {
                troubles.push(trouble);
                let still = |resource: &&Resource| kinds.contains(&resource.kind.as_str());
                found.extend(known.iter().filter(still).cloned());
            }
        }
    }
    let changes = changes::between(&known, &found, &listed, inner.clock.now());
    Inventory {
        resources: found,
        changes,
        troubles,
    }
}
