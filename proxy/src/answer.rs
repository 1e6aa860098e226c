//! Answers that are ours: JSON-RPC errors that say why and what to do, with the request's id
//! as it was written.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use policy::{Decision, Reason, SideEffect, Trust};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::audit::Record;
use crate::inspect::{Fault, Refusal};
use crate::{Body, Text};

#[derive(Serialize)]
struct ErrorResponse<'a> {
    jsonrpc: &'static str,
    id: Option<&'a RawValue>,
    error: ErrorObject<'a>,
}

#[derive(Serialize)]
struct ErrorObject<'a> {
    code: i32,
    message: String,
    data: ErrorData<'a>,
}

/// Camel case, as JSON-RPC peers expect.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorData<'a> {
    reason: Reason,
    #[serde(skip_serializing_if = "Option::is_none")]
    required_trust: Option<Trust>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effective_trust: Option<Trust>,
    #[serde(skip_serializing_if = "Option::is_none")]
    required_side_effect: Option<SideEffect>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision_id: Option<String>,
}

/// The answer to an exchange that was denied; `refusal` is what inspection found, if that is
/// why.
pub(crate) fn denial(
    mut record: Record,
    decision: &Decision,
    id: Option<&Text>,
    refusal: Option<&Refusal>,
) -> Response<Body> {
    let fault = refusal
        .filter(|refusal| refusal.reason() == decision.reason)
        .map(|refusal| refusal.fault);
    let status = status(decision.status);
    let body = error(decision, fault, id, record.decision_id(0));
    let mut response = answer(&mut record, status, body);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        let allowed = HeaderValue::from_static("GET, POST, DELETE");
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}

/// The answer to an exchange that ended before or after the decision.
pub(crate) fn stop(mut record: Record, reason: Reason, id: Option<&Text>) -> Response<Body> {
    let decision = Decision {
        reason,
        status: reason.status(),
        ..Decision::default()
    };
    let body = error(&decision, None, id, record.decision_id(0));
    answer(&mut record, status(decision.status), body)
}

/// The answers to a batch of which nothing goes up: one for each denied request, or 202 where
/// only notifications were denied.
pub(crate) fn batch_denial(
    mut record: Record,
    errors: &[Vec<u8>],
    first: &Decision,
) -> Response<Body> {
    if errors.is_empty() {
        record.answered(StatusCode::ACCEPTED.as_u16());
        let mut response = Response::new(Body::Whole(Bytes::new()));
        *response.status_mut() = StatusCode::ACCEPTED;
        return response;
    }
    let body = [&b"["[..], &errors.join(&b","[..]), b"]"].concat();
    answer(&mut record, status(first.status), body)
}

/// One JSON-RPC error response.
pub(crate) fn error(
    decision: &Decision,
    fault: Option<Fault>,
    id: Option<&Text>,
    decision_id: Option<Uuid>,
) -> Vec<u8> {
    let basis = &decision.basis;
    let status = decision.status.unwrap_or(StatusCode::FORBIDDEN.as_u16());
    let response = ErrorResponse {
        jsonrpc: "2.0",
        id: id.and_then(|id| serde_json::from_str(id.as_str()).ok()),
        error: ErrorObject {
            code: fault.map_or(i32::from(status), Fault::code),
            message: match fault {
                Some(fault) => format!("{fault} ({})", decision.reason),
                None => format!("{} ({})", decision.message(), decision.reason),
            },
            data: ErrorData {
                reason: decision.reason,
                required_trust: basis.required_trust,
                effective_trust: basis.effective_trust,
                required_side_effect: basis.required_side_effect,
                policy_version: basis.policy_version.as_deref(),
                decision_id: decision_id.map(|id| id.to_string()),
            },
        },
    };
    serde_json::to_vec(&response).unwrap_or_default()
}

fn answer(record: &mut Record, status: StatusCode, body: Vec<u8>) -> Response<Body> {
    record.answered(status.as_u16());
    record.sent(body.len());
    let mut response = Response::new(Body::Whole(body.into()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

fn status(code: Option<u16>) -> StatusCode {
    code.and_then(|code| StatusCode::from_u16(code).ok())
        .unwrap_or(StatusCode::FORBIDDEN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy::{Basis, Effect};

    #[test]
    fn an_error_says_why_with_the_id_as_written() {
        let decision = Decision {
            effect: Effect::Deny,
            reason: Reason::TrustTooLow,
            line: Some(12),
            status: Some(403),
            basis: Basis {
                required_trust: Some(Trust::High),
                admin_trust: Some(Trust::High),
                consented_trust: Some(Trust::Low),
                effective_trust: Some(Trust::Low),
                required_side_effect: Some(SideEffect::Write),
                policy_version: Some("v1".into()),
                ..Basis::default()
            },
            ..Decision::default()
        };
        let body = error(&decision, None, Some(&"1.0".into()), Some(Uuid::nil()));
        assert_eq!(
            String::from_utf8(body).unwrap(),
            concat!(
                r#"{"jsonrpc":"2.0","id":1.0,"error":{"code":403,"message":"This call needs trust high, "#,
                r#"and yours is low: present a session that consents to more. (trust_too_low)","#,
                r#""data":{"reason":"trust_too_low","requiredTrust":"high","effectiveTrust":"low","#,
                r#""requiredSideEffect":"write","policyVersion":"v1","#,
                r#""decisionId":"00000000-0000-0000-0000-000000000000"}}}"#
            )
        );
    }

    #[test]
    fn what_couldnt_be_read_is_answered_with_null_and_the_code_of_its_kind() {
        let decision = Decision {
            reason: Reason::RpcInspectionFailed,
            status: Some(400),
            ..Decision::default()
        };
        let body = error(&decision, Some(Fault::NotJson { at: 3 }), None, None);
        assert_eq!(
            String::from_utf8(body).unwrap(),
            concat!(
                r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"the body isn't one JSON value: "#,
                r#"it breaks off at byte 3 (rpc_inspection_failed)","data":{"reason":"rpc_inspection_failed"}}}"#
            )
        );
    }
}
