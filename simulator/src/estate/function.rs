//! Lambda functions and what of them changes.

use chrono::{DateTime, Utc};

use super::{DEPLOYED, Estate, Tag};
use crate::{
    config::time,
    model::{FunctionId, Micros},
};

/// The format of a function's platform log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// `REPORT RequestId: …`.
    Text,
    /// `{"type":"platform.report", …}`.
    Json,
}

/// A Lambda function; what a deploy changes is in [`Configuration`].
#[derive(Debug, Clone)]
pub struct Function {
    /// Name.
    pub name: &'static str,
    /// ARN.
    pub arn: String,
    /// `x86_64` or `arm64`.
    pub architecture: &'static str,
    /// For example `nodejs22.x`.
    pub runtime: &'static str,
    /// Entry point in its code.
    pub handler: &'static str,
    /// Seconds.
    pub timeout_s: u32,
    /// Bytes of the package.
    pub code_size: u64,
    /// How its platform lines are written.
    pub log_format: LogFormat,
    /// Environments that are kept ready for its alias [`ALIAS`]; none if 0.
    pub provisioned_concurrency: u32,
    /// Its published versions start from a snapshot.
    pub snap_start: bool,
    /// The first part of its function URL, which asks for signed requests; none without one.
    pub url_id: Option<&'static str>,
    /// Tags.
    pub tags: &'static [Tag],
    pub(super) memory_mb: u32,
}

/// The alias that every function has. Functions are called without it, but for those with
/// provisioned concurrency or snapshots, which are not there for `$LATEST`.
pub const ALIAS: &str = "live";

impl Function {
    /// Runs on Graviton, and is billed so.
    pub fn is_arm(&self) -> bool {
        self.architecture == "arm64"
    }

    /// It is called by its alias [`ALIAS`].
    pub fn is_called_by_alias(&self) -> bool {
        self.provisioned_concurrency > 0 || self.snap_start
    }

    /// The ARN that it is called by.
    pub fn called_arn(&self) -> String {
        if self.is_called_by_alias() {
            format!("{}:{ALIAS}", self.arn)
        } else {
            self.arn.clone()
        }
    }

    /// Its function URL, if it has one.
    pub fn url(&self, region: &str) -> Option<String> {
        self.url_id
            .map(|id| format!("https://{id}.lambda-url.{region}.on.aws/"))
    }

    /// Where it logs.
    pub fn log_group(&self) -> String {
        format!("/aws/lambda/{}", self.name)
    }
}

/// What of a function's configuration changes when it is deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// MB.
    pub memory_mb: u32,
    /// Number of the newest version.
    pub version: u32,
    /// Base64 of 32 bytes.
    pub code_sha256: String,
    /// When it was deployed.
    pub last_modified: DateTime<Utc>,
    /// A UUID, new on every change.
    pub revision_id: String,
}

impl Estate {
    /// A function's memory in MB when a request starts at that time.
    pub fn memory_mb(&self, id: FunctionId, at: Micros) -> u32 {
        let deployed = id == DEPLOYED && at >= self.deploy_at;
        self.functions[usize::from(id.0)].memory_mb * (1 + u32::from(deployed))
    }

    /// A function's configuration as it was at that time.
    pub fn configuration(&self, id: FunctionId, at: Micros) -> Configuration {
        self.deployed(id, id == DEPLOYED && at >= self.deploy_at)
    }

    /// The configurations of a function's published versions at that time, oldest first.
    pub fn versions(&self, id: FunctionId, at: Micros) -> Vec<Configuration> {
        let newest = self.configuration(id, at).version;
        (1..=newest)
            .map(|version| self.deployed(id, version > 1))
            .collect()
    }

    fn deployed(&self, id: FunctionId, deployed: bool) -> Configuration {
        // Every function was last deployed at another time in the weeks before the account's birth.
        let place = i64::from(id.0 % 90);
        let age_s = 86_400 * (3 + 4 * place) + 4_321 * (place + 1);
        let last_modified = if deployed {
            time(self.deploy_at)
        } else {
            self.birth - chrono::TimeDelta::seconds(age_s)
        };
        let mut mixed =
            0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(2 * u64::from(id.0) + 1 + u64::from(deployed));
        let mut next = || {
            mixed = (mixed ^ (mixed >> 29))
                .wrapping_mul(0xbf58_476d_1ce4_e5b9)
                .wrapping_add(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 32)
        };
        let (a, b) = (next(), next());
        Configuration {
            memory_mb: self.functions[usize::from(id.0)].memory_mb * (1 + u32::from(deployed)),
            version: 1 + u32::from(deployed),
            code_sha256: base64_of(&[next(), next(), next(), next()]),
            last_modified,
            revision_id: format!(
                "{:08x}-{:04x}-4{:03x}-9{:03x}-{:012x}",
                a >> 32,
                (a >> 16) & 0xffff,
                a & 0xfff,
                b >> 52,
                b & 0xffff_ffff_ffff
            ),
        }
    }
}

/// Base64, with padding, of 32 bytes.
fn base64_of(words: &[u64; 4]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_be_bytes()).collect();
    let mut text = String::with_capacity(44);
    for chunk in bytes.chunks(3) {
        let word = chunk
            .iter()
            .fold(0_u32, |word, byte| (word << 8) | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= chunk.len() {
                char::from(letter)
            } else {
                '='
            });
        }
    }
    text
}
