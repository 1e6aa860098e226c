//! What is answered before anybody is asked who they are.

use http::Method;
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use http::request::Parts;
use policy::{AuthMode, Reason};

use crate::{Proxy, Rules};

/// Where OAuth clients look for metadata (RFC 9728 section 3).
const OAUTH_METADATA: &str = "/.well-known/oauth-protected-resource";

/// Why an exchange ends before anybody is asked who they are, if it does.
pub(super) fn outside(proxy: &Proxy, rules: Option<&Rules>, head: &Parts) -> Option<Reason> {
    if proxy.drain.refuses(&head.method) {
        return Some(Reason::Draining);
    }
    let headers = &head.headers;
    let preflight = head.method == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if preflight {
        return Some(Reason::OriginDenied);
    }
    let is_metadata = head
        .uri
        .path()
        .strip_prefix(OAUTH_METADATA)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    match rules {
        Some(rules) if is_metadata && rules.policy.auth().mode == AuthMode::Oauth => {
            Some(Reason::AuthModeUnsupported)
        }
        Some(_) if is_metadata => Some(Reason::OauthNotEnabled),
        _ => None,
    }
}
