//! Errors as each AWS protocol shapes them: one refusal, seven forms on the wire.
//!
//! Codes and statuses are those of the services' own models (botocore 1.44.5) and of the common
//! errors that every service's API reference lists.

use crate::server::answer::Answer;
use crate::server::service::{Call, Service, Wire};

/// An error that a service answers with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsError {
    /// The code that an SDK matches on, for example `InvalidRequestException`.
    pub code: String,
    /// What a person reads.
    pub message: String,
    /// HTTP status.
    pub status: u16,
}

impl AwsError {
    /// An error of a service's own model.
    pub fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        AwsError {
            code: code.into(),
            message: message.into(),
            status,
        }
    }

    /// A request that breaks a rule of the service: status 400.
    pub fn bad_request(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }
}

/// What every service can refuse, whatever the operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No `Authorization` header.
    MissingToken,
    /// An `Authorization` header that is not one of Signature Version 4.
    IncompleteSignature(String),
    /// Signed for another service.
    WrongService,
    /// Signed for another Region; the Region that was expected.
    WrongRegion {
        /// As in the credential scope.
        got: String,
        /// The Region that answers here.
        expected: String,
    },
    /// An access key that the account does not know.
    UnknownKey,
    /// A session that has ended.
    ExpiredToken,
    /// Too many calls.
    Throttled,
    /// The identity's policies don't allow the action.
    Denied {
        /// ARN of the caller.
        caller: String,
    },
    /// The service failed.
    Internal,
    /// There is no such operation here.
    UnknownOperation,
}

impl Refusal {
    /// The refusal as this call's service words it.
    pub(crate) fn shaped(&self, call: &Call) -> AwsError {
        let query = call.wire == Wire::Query;
        let s3 = call.service == Service::S3;
        // awsJson answers client errors of the front end with 400, the others with 403.
        let json = matches!(call.wire, Wire::Json10 | Wire::Json11);
        let front = if json { 400 } else { 403 };
        match self {
            Refusal::MissingToken if s3 => AwsError::new(403, "AccessDenied", "Access Denied"),
            Refusal::MissingToken if query => AwsError::new(
                403,
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
            ),
            Refusal::MissingToken => AwsError::new(
                front,
                "MissingAuthenticationTokenException",
                "Missing Authentication Token",
            ),
            Refusal::IncompleteSignature(what) if s3 => {
                AwsError::new(400, "AuthorizationHeaderMalformed", what.clone())
            }
            Refusal::IncompleteSignature(what) if query => {
                AwsError::new(400, "IncompleteSignature", what.clone())
            }
            Refusal::IncompleteSignature(what) => {
                AwsError::new(front, "IncompleteSignatureException", what.clone())
            }
            Refusal::WrongService if s3 => AwsError::new(
                400,
                "AuthorizationHeaderMalformed",
                "The authorization header is malformed; incorrect service. This endpoint belongs to \"s3\".",
            ),
            Refusal::WrongService => AwsError::new(
                front,
                if query {
                    "SignatureDoesNotMatch"
                } else {
                    "InvalidSignatureException"
                },
                format!(
                    "Credential should be scoped to correct service: '{}'. ",
                    call.service.signing_name()
                ),
            ),
            Refusal::WrongRegion { got, expected } if s3 => AwsError::new(
                400,
                "AuthorizationHeaderMalformed",
                format!(
                    "The authorization header is malformed; the region '{got}' is wrong; expecting '{expected}'"
                ),
            ),
            Refusal::WrongRegion { .. } => AwsError::new(
                front,
                if query {
                    "SignatureDoesNotMatch"
                } else {
                    "InvalidSignatureException"
                },
                "Credential should be scoped to a valid region. ",
            ),
            Refusal::UnknownKey if s3 => AwsError::new(
                403,
                "InvalidAccessKeyId",
                "The AWS Access Key Id you provided does not exist in our records.",
            ),
            Refusal::UnknownKey => AwsError::new(
                front,
                if query {
                    "InvalidClientTokenId"
                } else {
                    "UnrecognizedClientException"
                },
                "The security token included in the request is invalid.",
            ),
            Refusal::ExpiredToken if s3 => {
                AwsError::new(400, "ExpiredToken", "The provided token has expired.")
            }
            Refusal::ExpiredToken => AwsError::new(
                front,
                if query {
                    "ExpiredToken"
                } else {
                    "ExpiredTokenException"
                },
                "The security token included in the request is expired",
            ),
            Refusal::Throttled => throttled(call.service),
            Refusal::Denied { caller } => denied(call, caller),
            Refusal::Internal => internal(call.service),
            Refusal::UnknownOperation => unknown_operation(call),
        }
    }
}

fn throttled(service: Service) -> AwsError {
    match service {
        Service::CloudWatch => AwsError::new(400, "ThrottlingException", "Rate exceeded"),
        Service::XRay => AwsError::new(429, "ThrottledException", "Rate exceeded"),
        Service::CostExplorer => AwsError::new(400, "LimitExceededException", "Rate exceeded"),
        Service::Lambda => AwsError::new(429, "TooManyRequestsException", "Rate exceeded"),
        Service::ApiGateway | Service::ApiGatewayV2 => {
            AwsError::new(429, "TooManyRequestsException", "Too Many Requests")
        }
        Service::DynamoDb => AwsError::new(
            400,
            "ThrottlingException",
            "Rate of requests exceeds the allowed throughput.",
        ),
        Service::S3 => AwsError::new(503, "SlowDown", "Please reduce your request rate."),
        Service::Sts => AwsError::new(400, "Throttling", "Rate exceeded"),
        Service::StepFunctions | Service::Logs => {
            AwsError::new(400, "ThrottlingException", "Rate exceeded")
        }
        Service::Tagging => AwsError::new(400, "ThrottledException", "Rate exceeded"),
    }
}

fn denied(call: &Call, caller: &str) -> AwsError {
    let action = call.iam_action();
    let message = format!(
        "User: {caller} is not authorized to perform: {action} \
         because no identity-based policy allows the {action} action"
    );
    match call.service {
        Service::S3 | Service::Sts => AwsError::new(403, "AccessDenied", message),
        Service::CloudWatch
        | Service::CostExplorer
        | Service::DynamoDb
        | Service::StepFunctions
        | Service::Logs
        | Service::Tagging => AwsError::new(400, "AccessDeniedException", message),
        Service::XRay | Service::Lambda | Service::ApiGateway | Service::ApiGatewayV2 => {
            AwsError::new(403, "AccessDeniedException", message)
        }
    }
}

fn internal(service: Service) -> AwsError {
    match service {
        Service::CloudWatch => AwsError::new(500, "InternalServiceFault", "Internal service error"),
        Service::Lambda => AwsError::new(
            500,
            "ServiceException",
            "An error occurred and the request cannot be processed.",
        ),
        Service::DynamoDb => AwsError::new(
            500,
            "InternalServerError",
            "The request processing has failed because of an unknown error, exception or failure.",
        ),
        Service::S3 => AwsError::new(
            500,
            "InternalError",
            "We encountered an internal error. Please try again.",
        ),
        Service::Logs => AwsError::new(
            500,
            "ServiceUnavailableException",
            "The service cannot complete the request.",
        ),
        Service::Tagging => AwsError::new(
            500,
            "InternalServiceException",
            "The request processing failed because of an unknown error, exception, or failure.",
        ),
        Service::XRay
        | Service::CostExplorer
        | Service::ApiGateway
        | Service::ApiGatewayV2
        | Service::StepFunctions
        | Service::Sts => AwsError::new(
            500,
            "InternalFailure",
            "The request processing has failed because of an unknown error, exception or failure.",
        ),
    }
}

fn unknown_operation(call: &Call) -> AwsError {
    match call.wire {
        Wire::Query => AwsError::new(
            400,
            "InvalidAction",
            format!(
                "Could not find operation {} for version 2011-06-15",
                call.operation
            ),
        ),
        Wire::RestXml => AwsError::new(
            501,
            "NotImplemented",
            "A header or query you provided implies functionality that is not implemented",
        ),
        Wire::Cbor => AwsError::new(404, "UnknownOperationException", ""),
        Wire::Json10 | Wire::Json11 => AwsError::new(400, "UnknownOperationException", ""),
        Wire::RestJson => AwsError::new(404, "UnknownOperationException", ""),
    }
}

/// The error as bytes of the call's protocol.
pub(crate) fn answer(error: &AwsError, call: &Call, request_id: &str) -> Answer {
    let AwsError {
        code,
        message,
        status,
    } = error;
    match call.wire {
        Wire::Cbor => {
            let map = ciborium::Value::Map(vec![
                ("__type".into(), qualified(call, code).into()),
                ("message".into(), message.as_str().into()),
            ]);
            let mut body = Vec::new();
            // Writing to a vector cannot fail; an empty body would still say the status.
            let _ = ciborium::into_writer(&map, &mut body);
            let answer = Answer::cbor(*status, body);
            match call.service {
                Service::CloudWatch => {
                    answer.with("x-amzn-query-error", query_error(code, *status))
                }
                _ => answer,
            }
        }
        Wire::Json10 | Wire::Json11 => {
            let key = if call.service == Service::CostExplorer {
                "Message"
            } else {
                "message"
            };
            let body = serde_json::json!({ "__type": qualified(call, code), key: message });
            let answer = Answer::json(*status, call.wire, &body);
            match call.service {
                Service::CloudWatch => {
                    answer.with("x-amzn-query-error", query_error(code, *status))
                }
                _ => answer,
            }
        }
        Wire::RestJson => {
            let body = match call.service {
                Service::XRay => serde_json::json!({ "Message": message }),
                Service::Lambda if *status == 429 => serde_json::json!({
                    "Reason": "CallerRateLimitExceeded", "Type": "User", "message": message,
                }),
                Service::Lambda => serde_json::json!({
                    "Type": if *status < 500 { "User" } else { "Service" },
                    "Message": message,
                }),
                _ => serde_json::json!({ "message": message }),
            };
            Answer::json(*status, call.wire, &body).with("x-amzn-errortype", code.clone())
        }
        Wire::RestXml => {
            let body = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message>\
                 <RequestId>{request_id}</RequestId><HostId>{request_id}</HostId></Error>",
                escape(code),
                escape(message),
            );
            Answer::xml(*status, "application/xml", body)
        }
        Wire::Query => {
            let fault = if *status < 500 { "Sender" } else { "Receiver" };
            let body = format!(
                "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n    \
                 <Type>{fault}</Type>\n    <Code>{}</Code>\n    <Message>{}</Message>\n  </Error>\n  \
                 <RequestId>{request_id}</RequestId>\n</ErrorResponse>\n",
                escape(code),
                escape(message),
            );
            Answer::xml(*status, "text/xml", body)
        }
    }
}

/// Error shapes as Smithy protocols name them: with the namespace of the service's model.
fn qualified(call: &Call, code: &str) -> String {
    let own = !matches!(
        code,
        "MissingAuthenticationTokenException"
            | "IncompleteSignatureException"
            | "InvalidSignatureException"
            | "UnrecognizedClientException"
            | "ExpiredTokenException"
            | "UnknownOperationException"
            | "SerializationException"
    );
    match call.service {
        Service::CloudWatch
            if own && code != "ThrottlingException" && code != "AccessDeniedException" =>
        {
            format!("com.amazonaws.cloudwatch#{code}")
        }
        // Its model has its throttling error, and no common one.
        Service::Tagging if own && code != "AccessDeniedException" => {
            format!("com.amazonaws.resourcegroupstaggingapi#{code}")
        }
        Service::DynamoDb if own => format!("com.amazonaws.dynamodb.v20120810#{code}"),
        _ if call.service == Service::DynamoDb => format!("com.amazon.coral.service#{code}"),
        _ => code.to_owned(),
    }
}

/// CloudWatch once spoke the query protocol, and still tells its old codes in a header.
fn query_error(code: &str, status: u16) -> String {
    let old = match code {
        "ThrottlingException" => "Throttling",
        "AccessDeniedException" => "AccessDenied",
        "InternalServiceFault" => "InternalServiceError",
        "InvalidParameterValueException" => "InvalidParameterValue",
        "InvalidParameterCombinationException" => "InvalidParameterCombination",
        "MissingRequiredParameterException" => "MissingParameter",
        "MissingAuthenticationTokenException" => "MissingAuthenticationToken",
        "InvalidSignatureException" => "SignatureDoesNotMatch",
        "UnrecognizedClientException" => "InvalidClientTokenId",
        other => other,
    };
    format!("{old};{}", if status < 500 { "Sender" } else { "Receiver" })
}

/// Text for an XML element.
pub(crate) fn escape(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}
