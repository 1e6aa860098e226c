//! Where the server is, and what a request's path is there.

use std::str::FromStr;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

/// The server behind this proxy, from `--upstream`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Host and port, as connected to.
    pub authority: Authority,
    /// Where its paths begin; empty, or `/…` without a slash at the end.
    pub base: String,
}

/// `--upstream` can't be used.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// Not a URL.
    #[error("{url:?} is no URL such as http://127.0.0.1:8088")]
    Url {
        /// As given.
        url: String,
        /// What the parser said.
        #[source]
        source: http::uri::InvalidUri,
    },
    /// Another scheme, no host, user information or a query.
    #[error(
        "{url:?} must be http://HOST:PORT, with a path where the server's paths have one in common"
    )]
    Form {
        /// As given.
        url: String,
    },
}

impl FromStr for Upstream {
    type Err = UpstreamError;

    fn from_str(url: &str) -> Result<Self, UpstreamError> {
        let uri = Uri::try_from(url).map_err(|source| UpstreamError::Url {
            url: url.to_owned(),
            source,
        })?;
        let form = || UpstreamError::Form {
            url: url.to_owned(),
        };
        let authority = uri.authority().cloned().ok_or_else(form)?;
        let plain = uri.scheme() == Some(&Scheme::HTTP)
            && uri.query().is_none()
            && !authority.as_str().contains('@');
        if !plain {
            return Err(form());
        }
        Ok(Self {
            authority,
            base: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}

impl Upstream {
    /// Host and port to connect to; port 80 where none was given.
    pub fn address(&self) -> (&str, u16) {
        let host = self.authority.host();
        let host = host.strip_prefix('[').unwrap_or(host);
        let host = host.strip_suffix(']').unwrap_or(host);
        (host, self.authority.port_u16().unwrap_or(80))
    }

    /// Whether requests stay on this machine, or in this pod.
    pub fn is_loopback(&self) -> bool {
        let (host, _) = self.address();
        host == "localhost"
            || host
                .parse()
                .is_ok_and(|address: std::net::IpAddr| address.to_canonical().is_loopback())
    }

    /// The request's target on the server: `strip` is taken off the front of the path where
    /// it covers whole segments, the base put before it; the query stays.
    pub fn target(&self, request: &Uri, strip: &str) -> Option<PathAndQuery> {
        let strip = strip.trim_end_matches('/');
        let path = request.path();
        let kept = match path.strip_prefix(strip) {
            Some("") => "/",
            Some(rest) if rest.starts_with('/') => rest,
            _ => path,
        };
        if self.base.is_empty() && kept.len() == path.len() {
            return request.path_and_query().cloned();
        }
        let mut target = format!("{}{kept}", self.base);
        if let Some(query) = request.query() {
            target.push('?');
            target.push_str(query);
        }
        PathAndQuery::try_from(target).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(upstream: &str, request: &str, strip: &str) -> String {
        let upstream: Upstream = upstream.parse().unwrap();
        let request: Uri = request.parse().unwrap();
        upstream.target(&request, strip).unwrap().to_string()
    }

    #[test]
    fn a_prefix_is_taken_off_in_whole_segments() {
        let server = "http://127.0.0.1:1";
        assert_eq!(target(server, "/mcp?a=1", ""), "/mcp?a=1");
        assert_eq!(target(server, "/demo/mcp?a=1", "/demo"), "/mcp?a=1");
        assert_eq!(target(server, "/demo", "/demo/"), "/");
        assert_eq!(target(server, "/demo?a", "/demo"), "/?a");
        assert_eq!(target(server, "/demos/mcp", "/demo"), "/demos/mcp");
        assert_eq!(target(server, "/other/mcp", "/demo"), "/other/mcp");
        assert_eq!(target(server, "http://h/demo/mcp", "/demo"), "/mcp");
    }

    #[test]
    fn the_servers_own_base_comes_before_it() {
        assert_eq!(
            target("http://localhost:1/base/", "/demo/mcp", "/demo"),
            "/base/mcp"
        );
        assert_eq!(target("http://localhost:1/base", "/?q", ""), "/base/?q");
    }

    #[test]
    fn only_plain_http_urls_are_upstreams() {
        for url in [
            "https://h:1",
            "127.0.0.1:80",
            "/mcp",
            "http://u@h:1",
            "http://h/?q",
            "http://",
            "h h",
        ] {
            assert!(url.parse::<Upstream>().is_err(), "{url}");
        }
    }

    #[test]
    fn the_address_is_host_and_port_without_brackets() {
        for (url, address, loopback) in [
            ("http://127.0.0.1:8088", ("127.0.0.1", 8088), true),
            ("http://[::1]:9/x", ("::1", 9), true),
            ("http://localhost", ("localhost", 80), true),
            ("http://10.1.2.3:8088", ("10.1.2.3", 8088), false),
        ] {
            let upstream: Upstream = url.parse().unwrap();
            assert_eq!(
                (upstream.address(), upstream.is_loopback()),
                (address, loopback)
            );
        }
    }
}
