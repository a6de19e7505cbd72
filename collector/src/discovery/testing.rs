//! Rows for tests of discovery.

use millicent_lake::Resource;

use crate::testing::{ACCOUNT, REGION};

pub(super) fn resource(kind: &str, name: &str, pairs: &[(&str, &str)]) -> Resource {
    Resource {
        ts: chrono::DateTime::UNIX_EPOCH,
        account_id: ACCOUNT.into(),
        region: REGION.into(),
        kind: kind.into(),
        name: name.into(),
        arn: format!("arn:{kind}:{name}"),
        configuration: pairs
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect(),
        tags: [].into(),
        deleted: false,
    }
}
