//! Answers that are ours: JSON-RPC errors that say why and what to do, with the request's id
//! as it was written.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use policy::{Basis, Decision, Reason, SideEffect, Trust};
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
                None => format!("{} ({})", advice(decision.reason, basis), decision.reason),
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

/// What a person can do about it. Speaks of the caller's own affairs only.
fn advice(reason: Reason, basis: &Basis) -> String {
    let text = match reason {
        Reason::TrustTooLow => return trust_too_low(basis),
        Reason::SideEffectNotAllowed => {
            let effect = basis
                .required_side_effect
                .map_or("of this kind", SideEffect::as_str);
            return format!(
                "no grant of yours allows side effects {effect}; ask for one that does"
            );
        }
        Reason::PolicyUnavailable => "no policy is in force yet; try again shortly",
        Reason::MissingIdentity => {
            "say who is calling: send this server's identity headers, each once"
        }
        Reason::AuthModeUnsupported => {
            "nobody can be authenticated: this proxy lacks the server's auth mode"
        }
        Reason::MissingSession => {
            "this server asks for a session; present one in its session header"
        }
        Reason::SessionNotFound => "the session presented isn't one of yours on this server",
        Reason::SessionRevoked => "the session was revoked; ask for a new one",
        Reason::SessionExpired => "the session is over; ask for a new one",
        Reason::MethodNotGoverned => "no rule speaks of this method, so nobody may call it",
        Reason::NoMatchingGrant => "no grant on this server is for you; ask for one",
        Reason::ToolDenied => "a grant of yours forbids this tool",
        Reason::ToolNotGranted => "no grant of yours allows this tool; ask for one that does",
        Reason::ToolSideEffectUnknown => {
            "the server doesn't declare what this tool does, so nobody may call it"
        }
        Reason::UpstreamTokenUnavailable => "the session's token for the server isn't mounted",
        Reason::UpstreamUnavailable => "the server behind this proxy can't be reached; try again",
        Reason::UpstreamTimeout => "the server behind this proxy didn't answer in time",
        Reason::Draining => "this replica goes away; connect again",
        Reason::OriginDenied => "this server takes no requests from other origins",
        Reason::OauthNotEnabled => "this server doesn't use OAuth",
        _ => "denied",
    };
    text.to_owned()
}

fn trust_too_low(basis: &Basis) -> String {
    let word = |trust: Option<Trust>| trust.map_or("unknown", Trust::as_str);
    let consent = match basis.consented_trust {
        Some(trust) => format!(", your session consents to {trust}"),
        None => String::new(),
    };
    format!(
        "this call takes trust {}, yours is {}: your grant gives {}{consent}",
        word(basis.required_trust),
        word(basis.effective_trust),
        word(basis.admin_trust),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy::Effect;

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
                r#"{"jsonrpc":"2.0","id":1.0,"error":{"code":403,"message":"this call takes trust high, "#,
                r#"yours is low: your grant gives high, your session consents to low (trust_too_low)","#,
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

    #[test]
    fn every_reason_of_a_denial_has_its_advice_or_its_fault() {
        let faults = [
            Reason::RpcInspectionFailed,
            Reason::UnsupportedMediaType,
            Reason::RequestTooLarge,
            Reason::HeaderMismatch,
            Reason::MethodNotAllowed,
        ];
        // What only later versions of the proxy can give.
        let absent = [
            Reason::MissingBearerToken,
            Reason::InvalidToken,
            Reason::MissingClientCertificate,
            Reason::UntrustedProxy,
            Reason::MissingVerifiedIdentity,
            Reason::InvalidSpiffeIdentity,
            Reason::OauthConfigMissing,
            Reason::OauthIssuerMissing,
            Reason::OauthProviderUnavailable,
            Reason::RateLimited,
            Reason::TooManyRequestsInFlight,
            Reason::SessionBoundElsewhere,
            Reason::ToolChanged,
            Reason::Undecided,
        ];
        for reason in Reason::ALL {
            let expected =
                reason.status().is_none() || faults.contains(reason) || absent.contains(reason);
            assert_eq!(
                advice(*reason, &Basis::default()) == "denied",
                expected,
                "{reason}"
            );
        }
    }
}
