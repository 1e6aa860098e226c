//! Every label, annotation, port, path and object name that two parts must agree on.

/// API group of the three resources.
pub const GROUP: &str = "mcpruntime.org";
/// Their only version.
pub const VERSION: &str = "v1alpha1";

/// Namespace of the platform's own Deployments.
pub const PLATFORM_NAMESPACE: &str = "mcp-runtime";
/// The operator's ServiceAccount in [`PLATFORM_NAMESPACE`].
pub const OPERATOR_ACCOUNT: &str = "mcp-runtime-operator";
/// The webhook's ServiceAccount in [`PLATFORM_NAMESPACE`].
pub const WEBHOOK_ACCOUNT: &str = "mcp-runtime-webhook";
/// The webhook's Service in [`PLATFORM_NAMESPACE`].
pub const WEBHOOK_SERVICE: &str = "mcp-runtime-webhook";
/// Field manager of everything the operator applies.
pub const FIELD_MANAGER: &str = "mcp-runtime-operator";
/// ConfigMap with the settings that both roles read, key [`SETTINGS_KEY`].
pub const SETTINGS_CONFIG_MAP: &str = "mcp-runtime-settings";
/// Key of the settings in their ConfigMap.
pub const SETTINGS_KEY: &str = "settings.yaml";
/// Secret with the CA's key and certificate; the operator's alone.
pub const CA_SECRET: &str = "mcp-runtime-ca";
/// Secret with the webhook's serving certificate (`tls.crt`, `tls.key`).
pub const WEBHOOK_TLS_SECRET: &str = "mcp-runtime-webhook-tls";
/// Secret with the pair that cert-manager issues for the webhook; the operator reads it alone.
pub const WEBHOOK_CM_TLS_SECRET: &str = "mcp-runtime-webhook-cm-tls";
/// Annotation of [`CA_SECRET`] and [`WEBHOOK_TLS_SECRET`]: any new value asks for a new certificate.
pub const ANNOTATION_ROTATE: &str = "mcpruntime.org/rotate";
/// The value of [`ANNOTATION_ROTATE`] that the operator has answered.
pub const ANNOTATION_ROTATED: &str = "mcpruntime.org/rotated";
/// Annotation of [`WEBHOOK_TLS_SECRET`]: who issued it, as `webhookTls` of the settings spells it.
pub const ANNOTATION_CERTIFICATE_FROM: &str = "mcpruntime.org/certificate-from";
/// Name of both webhook configurations.
pub const WEBHOOK_CONFIGURATION: &str = "mcp-runtime";
/// Field manager of what `mcp-runtime admission disable` applies: who applies nothing as this
/// manager has undone it.
pub const ADMISSION_SWITCH: &str = "mcp-runtime-admission-switch";
/// Name of the match condition, always false, that keeps a webhook from being called.
pub const ADMISSION_OFF_CONDITION: &str = "disabled-by-mcp-runtime-admission";
/// Webhook configuration annotation: when the operator ends the disabling (RFC 3339).
pub const ANNOTATION_DISABLED_UNTIL: &str = "mcpruntime.org/admission-disabled-until";

/// Admission policy: no governed pod is created without an intact proxy.
pub const INTACT_PROXY_POLICY: &str = "mcp-runtime-intact-proxy";
/// Admission policy: what can't change about a governed pod.
pub const INTACT_PROXY_UPDATE_POLICY: &str = "mcp-runtime-intact-proxy-update";

/// Pod label: the MCPServer (same namespace) the pod belongs to.
pub const LABEL_SERVER: &str = "mcpruntime.org/server";
/// Pod label that makes a pod governed, with value [`GATEWAY_REQUIRED`].
pub const LABEL_GATEWAY: &str = "mcpruntime.org/gateway";
/// The one value of [`LABEL_GATEWAY`].
pub const GATEWAY_REQUIRED: &str = "required";
/// `stable` or `canary`.
pub const LABEL_TRACK: &str = "mcpruntime.org/rollout-track";
/// The server's name, as the Go project has it.
pub const LABEL_APP: &str = "app";
/// Recommended label, value [`MANAGED_BY`].
pub const LABEL_MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Value of [`LABEL_MANAGED_BY`].
pub const MANAGED_BY: &str = "mcp-runtime";

/// Pod annotation: `version@hash` of what was injected.
pub const ANNOTATION_INJECTED: &str = "mcpruntime.org/injected";
/// Pod annotation the operator writes so that the kubelet syncs at once: `<revision[:12]>.<n>`.
pub const ANNOTATION_POLICY_TOUCH: &str = "mcpruntime.org/policy-touch";
/// Pod annotation: seconds of drain for pods that aren't of our own Deployments.
pub const ANNOTATION_DRAIN_SECONDS: &str = "mcpruntime.org/drain-seconds";
/// Pod annotation: the CPU that its proxy asks for, instead of the server's.
pub const ANNOTATION_PROXY_CPU_REQUEST: &str = "mcpruntime.org/proxy-cpu-request";
/// Pod annotation: the CPU that its proxy may use, instead of the server's.
pub const ANNOTATION_PROXY_CPU_LIMIT: &str = "mcpruntime.org/proxy-cpu-limit";
/// Pod annotation: the memory that its proxy asks for, instead of the server's.
pub const ANNOTATION_PROXY_MEMORY_REQUEST: &str = "mcpruntime.org/proxy-memory-request";
/// Pod annotation: the memory that its proxy may use, instead of the server's.
pub const ANNOTATION_PROXY_MEMORY_LIMIT: &str = "mcpruntime.org/proxy-memory-limit";
/// MCPServer annotation: `true` stops reconciling.
pub const ANNOTATION_PAUSED: &str = "mcpruntime.org/paused";
/// Pod annotation: what injection wrote over, so that it can be taken out again.
pub const ANNOTATION_INJECTED_OVER: &str = "mcpruntime.org/injected-over";
/// Deployment annotation: when its refused pods were asked for again after an outage.
pub const ANNOTATION_RETRIED: &str = "mcpruntime.org/retried-at";
/// Pod template annotation: hash of what injection depends on, so that a change rolls the pods.
pub const ANNOTATION_INJECTION_INPUTS: &str = "mcpruntime.org/injection-inputs";

/// Name of the sidecar container.
pub const PROXY_CONTAINER: &str = "mcp-proxy";
/// Name of the sidecar's gateway port, which the Service targets.
pub const PROXY_PORT_NAME: &str = "mcp-proxy";
/// Name of the sidecar's metrics and health port.
pub const PROXY_METRICS_PORT_NAME: &str = "mcp-metrics";
/// The proxy's user; never the server's.
pub const PROXY_UID: i64 = 65533;
/// The user of servers and of the platform's own pods.
pub const WORKLOAD_UID: i64 = 65532;
/// Port of the server's container.
pub const DEFAULT_PORT: i32 = 8088;
/// Port of the Service.
pub const DEFAULT_SERVICE_PORT: i32 = 80;
/// Port of the gateway.
pub const DEFAULT_GATEWAY_PORT: i32 = 8091;
/// Port of the proxy's metrics and health.
pub const PROXY_METRICS_PORT: i32 = 9103;
/// Port of the webhook.
pub const WEBHOOK_PORT: i32 = 9443;
/// Port of the webhook's health, and of what it says that it injects.
pub const WEBHOOK_HEALTH_PORT: u16 = 8081;

/// Volume of the policy ConfigMap in a governed pod.
pub const POLICY_VOLUME: &str = "mcp-policy";
/// Where it is mounted in the proxy.
pub const POLICY_MOUNT: &str = "/var/run/mcp-runtime/policy";
/// The document's key in the ConfigMap and its file name.
pub const POLICY_KEY: &str = "policy.json";
/// The key set's key in the ConfigMap; `{"keys":[]}` outside kubernetes mode.
pub const JWKS_KEY: &str = "jwks.json";
/// Volume of the optional upstream tokens.
pub const TOKENS_VOLUME: &str = "mcp-upstream-tokens";
/// Where it is mounted in the proxy.
pub const TOKENS_MOUNT: &str = "/var/run/mcp-runtime/upstream-tokens";
/// How many session shards a server can have.
pub const SESSION_SHARDS: usize = policy::SESSION_SHARDS;
/// Key of a shard in its ConfigMap.
pub const SESSION_SHARD_KEY: &str = "sessions.ndjson.gz";

/// ConfigMap of a server's policy document.
pub fn policy_config_map(server: &str) -> String {
    format!("{server}-gateway-policy")
}

/// ConfigMap of a server's session shard `n`.
pub fn session_shard_config_map(server: &str, n: usize) -> String {
    format!("{server}-gateway-sessions-{n}")
}

/// File of session shard `n`, beside the mounted document.
pub fn session_shard_file(n: usize) -> String {
    policy::shard_file(n)
}

/// The one Secret from which a server's proxies take upstream tokens.
pub fn upstream_tokens_secret(server: &str) -> String {
    format!("{server}-upstream-tokens")
}

/// The operator as the API server names it.
pub fn operator_username() -> String {
    format!("system:serviceaccount:{PLATFORM_NAMESPACE}:{OPERATOR_ACCOUNT}")
}
