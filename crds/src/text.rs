//! What a string must look like to be the thing it names. Each of these has a twin in the rules' CEL.

use std::net::{IpAddr, Ipv4Addr};

/// DNS-1035 label: what a Service may be called.
pub(crate) fn is_dns_1035_label(text: &str) -> bool {
    is_label(text) && text.starts_with(|c: char| c.is_ascii_lowercase())
}

/// DNS-1123 label, at most 63 characters.
pub(crate) fn is_label(text: &str) -> bool {
    text.len() <= 63 && is_label_of_any_length(text)
}

/// DNS-1123 subdomain: what most objects may be called.
pub(crate) fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label_of_any_length)
}

/// A host of a route: a DNS name, perhaps with a wildcard in front.
pub(crate) fn is_host(text: &str) -> bool {
    is_subdomain(text.strip_prefix("*.").unwrap_or(text))
}

fn is_label_of_any_length(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(inner) && text.ends_with(inner) && text.chars().all(|c| inner(c) || c == '-')
}

/// A header's name, of the characters that every proxy lets through.
pub(crate) fn is_header(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
}

/// An environment variable's name.
pub(crate) fn is_env_name(text: &str) -> bool {
    is_key(text) && !text.starts_with(|c: char| c.is_ascii_digit())
}

/// A key of a Secret or ConfigMap, which becomes a file's name.
pub(crate) fn is_key(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
        && text != "."
        && !text.starts_with("..")
}

/// One identifier: nothing that a header would trim or split at.
pub(crate) fn has_no_space(text: &str) -> bool {
    !text.contains([' ', '\t', '\r', '\n'])
}

/// A path of plain segments, none of them `.` or `..`. Slashes may stand at both ends; `/` alone is one.
pub(crate) fn is_path(text: &str) -> bool {
    let segment = |part: &str| {
        part != "."
            && part != ".."
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c))
    };
    !text.is_empty() && !text.contains("//") && text.split('/').all(segment)
}

/// A SPIFFE trust domain.
pub(crate) fn is_trust_domain(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._".contains(c))
}

/// An address and the length of its network's prefix (RFC 4632, RFC 4291); none of IPv4 in the clothes of IPv6.
pub(crate) fn is_cidr(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else {
        return false;
    };
    let most = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(address)) if address.to_ipv4_mapped().is_none() => 128,
        _ => return false,
    };
    let canonical = length == "0" || !length.starts_with(['0', '+']);
    canonical && length.parse::<u8>().is_ok_and(|length| length <= most)
}

/// `http://` or `https://`, a host without user info, then whatever is printable.
pub(crate) fn is_http_url(text: &str) -> bool {
    let Some(rest) = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
    else {
        return false;
    };
    let (host, tail) = split_at_any(rest, &['/', '?']);
    !host.is_empty()
        && host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ".:[]_-".contains(c))
        && tail.chars().all(|c| c.is_ascii_graphic())
}

/// `http://` on a loopback address: what a gateway may send requests to, as all who ask say it.
pub fn is_loopback_url(text: &str) -> bool {
    loopback_port(text).is_some()
}

/// The port of an `http://` URL on a loopback address; 80 where it names none. `None` for any other URL.
pub(crate) fn loopback_port(text: &str) -> Option<u16> {
    let (authority, path) = split_at_any(text.strip_prefix("http://")?, &['/']);
    if !path.chars().all(|c| c.is_ascii_graphic()) {
        return None;
    }
    let (host, port) = match authority.strip_prefix("[::1]") {
        Some(after) => ("[::1]", after),
        None => split_at_any(authority, &[':']),
    };
    let loopback = host == "localhost"
        || host == "[::1]"
        || host
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback());
    match port.strip_prefix(':') {
        _ if !loopback => None,
        Some(digits) => digits
            .parse()
            .ok()
            .filter(|port| *port > 0 && !digits.starts_with(['0', '+'])),
        None => port.is_empty().then_some(80),
    }
}

fn split_at_any<'a>(text: &'a str, ends: &[char]) -> (&'a str, &'a str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

/// A Go duration above nought, by its form.
pub(crate) fn is_duration(text: &str) -> bool {
    policy::parse_duration(text).is_some_and(|duration| !duration.is_zero())
}

/// A number of pods, or a percentage of them up to `most`.
pub(crate) fn is_amount(text: &str, most: u32) -> bool {
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    match text.strip_suffix('%') {
        Some(percent) => {
            digits(percent) && percent.parse::<u32>().is_ok_and(|percent| percent <= most)
        }
        None => digits(text) && text.len() <= 9,
    }
}

/// No pods at all, as a number or a percentage.
pub(crate) fn is_nought(text: &str) -> bool {
    let digits = text.strip_suffix('%').unwrap_or(text);
    !digits.is_empty() && digits.chars().all(|c| c == '0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_urls_into_the_own_pod_are_upstreams() {
        for good in [
            "http://127.0.0.1:8088",
            "http://127.9.0.2:1",
            "http://localhost",
            "http://[::1]:1/",
            "http://127.0.0.1:8088/a:b",
            "http://127.0.0.1:8088/@team/mcp",
        ] {
            assert!(is_loopback_url(good), "{good}");
        }
        for bad in [
            "",
            "https://127.0.0.1",
            "http://127.0.0.1.evil.org",
            "http://127.0.0.1@evil.org",
            "http://127.0.0.1:80@evil.org/",
            "http://127.0.0.1:",
            "http://127.0.0.1:123456",
            "http://localhost:80x",
            "http://10.0.0.1:80",
            "http://127.0.0.1?@evil.org/",
        ] {
            assert!(!is_loopback_url(bad), "{bad}");
        }
    }
}
