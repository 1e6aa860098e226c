//! Flags and environment, under the Go project's names, and the proxy they make.

use std::io::Write;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use crate::audit::{AuditLog, Origin};
use crate::forward::{Pool, Upstream};
use crate::metrics::Metrics;
use crate::policy_source::{Gaps, Loader, PolicySource};
use crate::proxy::Clock;
use crate::{Proxy, drain};

/// What a proxy is told on its command line and by its environment.
#[derive(Clone, Debug, Args)]
pub struct ServeArgs {
    /// Policy document; until it can be read, every request is answered 503
    #[arg(long, env = "POLICY_FILE", value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// The server behind this proxy, http://HOST:PORT
    #[arg(
        long,
        env = "UPSTREAM_URL",
        value_name = "URL",
        required_unless_present = "check"
    )]
    pub upstream: Option<Upstream>,
    /// Port, or address and port, for traffic
    #[arg(long, env = "PORT", value_name = "PORT", default_value = "8091")]
    pub listen: Listen,
    /// Port, or address and port, for health, status and metrics
    #[arg(
        long,
        env = "METRICS_PORT",
        value_name = "PORT",
        default_value = "9103"
    )]
    pub admin_listen: Listen,
    /// Taken off the front of paths before they go to the server
    #[arg(long, env = "STRIP_PREFIX", value_name = "PATH", default_value = "")]
    pub strip_prefix: String,
    /// URL that callers use, for OAuth metadata
    #[arg(long, env = "EXTERNAL_BASE_URL", value_name = "URL")]
    pub external_base_url: Option<String>,
    /// The server's name in events while no policy is loaded
    #[arg(long, env = "MCP_SERVER_NAME", value_name = "NAME", default_value = "")]
    pub server_name: String,
    /// The server's namespace; set in a cluster, where the environment fills no gaps of the policy
    #[arg(
        long,
        env = "MCP_SERVER_NAMESPACE",
        value_name = "NAMESPACE",
        default_value = ""
    )]
    pub server_namespace: String,
    /// The cluster's name in events, where the policy doesn't say
    #[arg(
        long,
        env = "MCP_CLUSTER_NAME",
        value_name = "NAME",
        default_value = ""
    )]
    pub cluster_name: String,
    /// Hops in front whose X-Forwarded-* headers are believed
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub trusted_hops: usize,
    /// Seconds that calls in flight have to finish after SIGTERM
    #[arg(long, value_name = "SECONDS", default_value_t = 2)]
    pub drain_seconds: u64,
    /// Read the policy, print its revision and counts, and exit: 0 valid, 1 not, 2 unreadable
    #[arg(long)]
    pub check: bool,
    /// How audit events leave
    #[command(flatten, next_help_heading = "Audit")]
    pub audit: AuditArgs,
    /// What fills gaps of the policy
    #[command(
        flatten,
        next_help_heading = "Members that the policy leaves out (without --server-namespace)"
    )]
    pub gaps: GapArgs,
}

/// How audit events leave.
#[derive(Clone, Debug, Args)]
pub struct AuditArgs {
    /// Write one JSON line for each event to stdout
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    pub audit_stdout: bool,
    /// Where events are posted (not supported yet: they go to stdout alone)
    #[arg(long, env = "ANALYTICS_INGEST_URL", value_name = "URL")]
    pub audit_sink: Option<String>,
    /// Form of what is posted
    #[arg(long, value_enum, default_value_t)]
    pub audit_format: AuditFormat,
    /// `source` of events
    #[arg(
        long,
        env = "ANALYTICS_SOURCE",
        value_name = "TEXT",
        default_value = "mcp-gateway"
    )]
    pub audit_source: String,
    /// `event_type` of events
    #[arg(
        long,
        env = "ANALYTICS_EVENT_TYPE",
        value_name = "TEXT",
        default_value = "mcp.request"
    )]
    pub audit_event_type: String,
    /// Bytes of events that are kept while the sink is away
    #[arg(long, value_name = "BYTES", default_value = "16Mi")]
    pub audit_spool_bytes: String,
}

/// Form of what is posted to the sink.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum AuditFormat {
    /// Many events a request, a line each.
    #[default]
    Ndjson,
    /// One event a request.
    Single,
}

/// What fills members that the policy leaves out.
#[derive(Clone, Debug, Args)]
pub struct GapArgs {
    /// policy.mode
    #[arg(
        long,
        env = "POLICY_MODE",
        value_name = "MODE",
        default_value = "",
        hide = true
    )]
    pub policy_mode: String,
    /// policy.default_decision
    #[arg(
        long,
        env = "POLICY_DEFAULT_DECISION",
        value_name = "DECISION",
        default_value = "",
        hide = true
    )]
    pub policy_default_decision: String,
    /// policy.policy_version
    #[arg(
        long,
        env = "POLICY_VERSION",
        value_name = "TEXT",
        default_value = "",
        hide = true
    )]
    pub policy_version: String,
    /// auth.human_id_header
    #[arg(
        long,
        env = "HUMAN_ID_HEADER",
        value_name = "NAME",
        default_value = "",
        hide = true
    )]
    pub human_id_header: String,
    /// auth.agent_id_header
    #[arg(
        long,
        env = "AGENT_ID_HEADER",
        value_name = "NAME",
        default_value = "",
        hide = true
    )]
    pub agent_id_header: String,
    /// auth.team_id_header
    #[arg(
        long,
        env = "TEAM_ID_HEADER",
        value_name = "NAME",
        default_value = "",
        hide = true
    )]
    pub team_id_header: String,
    /// auth.session_id_header
    #[arg(
        long,
        env = "SESSION_ID_HEADER",
        value_name = "NAME",
        default_value = "",
        hide = true
    )]
    pub session_id_header: String,
}

/// An address to listen on; a bare port stands for every address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen(pub SocketAddr);

/// It isn't an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither a port (8091) nor an address and port (127.0.0.1:8091, [::1]:8091)")]
pub struct ListenError;

impl FromStr for Listen {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        if let Ok(port) = text.parse() {
            return Ok(Self((Ipv6Addr::UNSPECIFIED, port).into()));
        }
        text.parse().map(Self).map_err(|_| ListenError)
    }
}

/// A proxy to be.
pub struct Config {
    /// Traffic.
    pub listen: SocketAddr,
    /// Health, status, metrics.
    pub admin_listen: SocketAddr,
    /// Policy document.
    pub policy: Option<PathBuf>,
    /// What fills its gaps.
    pub gaps: Gaps,
    /// The server.
    pub upstream: Upstream,
    /// Taken off the front of paths.
    pub strip_prefix: String,
    /// Hops whose `X-Forwarded-*` is believed.
    pub trusted_hops: usize,
    /// What events say of where they come from.
    pub origin: Origin,
    /// Where events are written, a line each; `None` drops them.
    pub events: Option<Box<dyn Write + Send>>,
    /// What calls in flight have after SIGTERM.
    pub drain: Duration,
    /// The time.
    pub clock: Clock,
}

impl Config {
    /// What the arguments say; warns of what they ask for in vain.
    pub fn new(args: ServeArgs, upstream: Upstream) -> Self {
        let gaps = args.gaps();
        if let Some(sink) = &args.audit.audit_sink {
            tracing::warn!(sink, "Unsupported: posting events; they go to stdout alone");
        }
        if args.external_base_url.is_some() {
            tracing::info!("the external base URL has no use before OAuth is supported");
        }
        if !upstream.is_loopback() {
            tracing::warn!(upstream = %upstream.authority, "the server isn't on this machine: whoever reaches it passes this proxy by");
        }
        Self {
            listen: args.listen.0,
            admin_listen: args.admin_listen.0,
            policy: args.policy,
            gaps,
            upstream,
            strip_prefix: args.strip_prefix,
            trusted_hops: args.trusted_hops,
            origin: Origin {
                source: args.audit.audit_source.into(),
                event_type: args.audit.audit_event_type.into(),
                stream_opened: "mcp.stream.opened".into(),
                server: args.server_name.into(),
                namespace: args.server_namespace.into(),
                cluster: args.cluster_name.into(),
            },
            events: args
                .audit
                .audit_stdout
                .then(|| Box::new(std::io::stdout()) as Box<dyn Write + Send>),
            drain: Duration::from_secs(args.drain_seconds),
            clock: Arc::new(Timestamp::now),
        }
    }

    /// The proxy, and what loads its policy; nothing is loaded yet.
    ///
    /// # Errors
    /// When the audit log's thread can't be started.
    pub fn into_proxy(self) -> std::io::Result<(Proxy, Loader)> {
        let metrics = Metrics::default();
        let session_idle = Arc::default();
        let loader = Loader::new(
            self.policy,
            self.gaps,
            metrics.clone(),
            Arc::clone(&session_idle),
            Arc::clone(&self.clock),
        );
        let proxy = Proxy {
            strip_prefix: self.strip_prefix,
            trusted_hops: self.trusted_hops,
            origin: self.origin,
            policy: Arc::new(PolicySource::default()),
            pool: Pool::new(self.upstream),
            audit: AuditLog::start(self.events)?,
            metrics,
            session_idle,
            drain: drain::Drain::default(),
            clock: self.clock,
        };
        Ok((proxy, loader))
    }
}

impl ServeArgs {
    /// What fills gaps of the policy: nothing in a cluster, where whoever may edit a pod's
    /// environment must not be able to loosen its policy.
    pub fn gaps(&self) -> Gaps {
        if !self.server_namespace.is_empty() {
            return Gaps::default();
        }
        let args = self.gaps.clone();
        Gaps {
            mode: args.policy_mode,
            default_decision: args.policy_default_decision,
            policy_version: args.policy_version,
            human_id_header: args.human_id_header,
            agent_id_header: args.agent_id_header,
            team_id_header: args.team_id_header,
            session_id_header: args.session_id_header,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_port_stands_for_every_address() {
        assert_eq!("8091".parse(), Ok(Listen("[::]:8091".parse().unwrap())));
        assert_eq!(
            "127.0.0.1:1".parse(),
            Ok(Listen("127.0.0.1:1".parse().unwrap()))
        );
        for text in ["", "x", "70000", "localhost:1", ":1"] {
            assert_eq!(text.parse::<Listen>(), Err(ListenError), "{text}");
        }
    }
}
