//! What a spec may ask for that nothing acts on yet. Each denies, or is said in status and in a warning.

use crate::{
    MCPServerSpec, Settings, WarningCode,
    parsed::Unsupported,
    words::{AuthMode, RolloutStrategy},
};

pub(super) fn of(spec: &MCPServerSpec, settings: &Settings) -> Vec<Unsupported> {
    let gateway = spec
        .gateway
        .as_ref()
        .is_some_and(|gateway| gateway.enabled == Some(true));
    let mode = spec
        .auth
        .as_ref()
        .and_then(|auth| auth.mode.as_deref())
        .unwrap_or_default();
    let strategy = spec
        .rollout
        .as_ref()
        .and_then(|rollout| rollout.strategy.as_deref());
    let class = spec.ingress_class.as_deref().unwrap_or_default();
    let analytics = spec
        .analytics
        .as_ref()
        .is_some_and(|analytics| analytics.disabled != Some(true));
    let provisioned = spec.use_provisioned_registry.unwrap_or_default();
    let cases = [
        (gateway && [AuthMode::Oauth, AuthMode::Mtls].iter().any(|known| known.as_str() == mode)).then(|| Unsupported {
            code: WarningCode::UnsupportedAuthMode,
            field: "spec.auth.mode",
            message: format!("the gateway doesn't know mode {mode} yet and denies every call; header and none work"),
            denies: true,
        }),
        (strategy == Some(RolloutStrategy::Canary.as_str())).then(|| Unsupported {
            code: WarningCode::UnsupportedCanary,
            field: "spec.rollout.strategy",
            message: "the canary runs the same image as the other replicas: one of its own can't be given yet".to_owned(),
            denies: false,
        }),
        (gateway && analytics).then(|| Unsupported {
            code: WarningCode::UnsupportedAnalytics,
            field: "spec.analytics",
            message: "audit events aren't sent anywhere yet; they are on the gateway's standard output".to_owned(),
            denies: false,
        }),
        (!["", "traefik"].contains(&class)).then(|| Unsupported {
            code: WarningCode::UnsupportedIngressClass,
            field: "spec.ingressClass",
            message: format!("the Ingress gets class {class} and none of the annotations that class may need"),
            denies: false,
        }),
        (provisioned && settings.provisioned_registry.is_empty()).then(|| Unsupported {
            code: WarningCode::UnsupportedProvisionedRegistry,
            field: "spec.useProvisionedRegistry",
            message: "the platform has no registry of its own; the image is pulled from where its name says".to_owned(),
            denies: false,
        }),
    ];
    cases.into_iter().flatten().collect()
}
