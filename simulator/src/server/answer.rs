//! What a service answers, before faults and HTTP have their way with it.

use crate::server::service::Wire;

/// Status, headers and body of an answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: u16,
    /// Headers, `content-type` among them.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The whole body.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// JSON with the content type of its protocol.
    pub(crate) fn json(status: u16, wire: Wire, body: &serde_json::Value) -> Self {
        Self::json_bytes(status, wire, body.to_string().into_bytes())
    }

    /// JSON that is written already.
    pub(crate) fn json_bytes(status: u16, wire: Wire, body: Vec<u8>) -> Self {
        let content_type = match wire {
            Wire::Json10 => "application/x-amz-json-1.0",
            Wire::Json11 => "application/x-amz-json-1.1",
            _ => "application/json",
        };
        Answer {
            status,
            headers: vec![("content-type", content_type.to_owned())],
            body,
        }
    }

    /// Smithy RPC v2 CBOR.
    pub(crate) fn cbor(status: u16, body: Vec<u8>) -> Self {
        Answer {
            status,
            headers: vec![
                ("content-type", "application/cbor".to_owned()),
                ("smithy-protocol", "rpc-v2-cbor".to_owned()),
            ],
            body,
        }
    }

    /// XML.
    pub(crate) fn xml(status: u16, content_type: &str, body: String) -> Self {
        Answer {
            status,
            headers: vec![("content-type", content_type.to_owned())],
            body: body.into_bytes(),
        }
    }

    /// With one more header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}
