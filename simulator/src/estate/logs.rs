//! Log groups: one of every function, and one of every express state machine.

use super::Estate;
use crate::model::FunctionId;
use crate::xray::ids::mix;

/// A log group of CloudWatch Logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogGroup {
    /// Name.
    pub name: String,
    /// ARN, without the `:*` at its end.
    pub arn: String,
    /// The function that logs there, if one does.
    pub function: Option<FunctionId>,
    /// Days that its events are kept; for ever if none.
    pub retention_days: Option<u32>,
    /// Compressed bytes that it holds.
    pub stored_bytes: u64,
}

impl Estate {
    /// Every log group, by name.
    pub fn log_groups(&self) -> Vec<LogGroup> {
        let functions = self.functions.iter().enumerate();
        let functions = functions.map(|(at, f)| (f.log_group(), Some(FunctionId(at as u16))));
        let machines = self.state_machines.iter().filter(|machine| machine.express);
        let machines = machines.map(|machine| (machine.log_group(), None));
        let mut groups: Vec<LogGroup> = functions
            .chain(machines)
            .map(|(name, function)| {
                let bits = name
                    .bytes()
                    .fold(7, |bits, byte| mix(bits ^ u64::from(byte)));
                LogGroup {
                    arn: format!(
                        "arn:aws:logs:{}:{}:log-group:{name}",
                        self.region, self.account_id
                    ),
                    name,
                    function,
                    // Nobody set it for some of them, as it goes.
                    retention_days: (bits % 4 != 0).then_some(14),
                    stored_bytes: 1_000_000 + bits % 900_000_000,
                }
            })
            .collect();
        groups.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        groups
    }
}
