//! One pod, one answer.

use crds::{Gateway, Server, Settings, names};
use json_patch::Patch;
use k8s_openapi::api::core::v1::ResourceRequirements;
use serde_json::Value;

use crate::code::{Code, Denial};
use crate::intact::{self, Breach, is_proxy};
use crate::json::{annotation, is_governed, list, server_label, text};
use crate::ops::Ops;
use crate::prove::prove;
use crate::{amounts, conflict, drain, repair, resources, shape, sidecar, uninject, volume};

/// Names the container that `kubectl logs` and `exec` mean without `-c`.
pub(crate) const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

/// What `/inject` answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Injection {
    /// Let it through with these operations, all of them `add`; they apply, and leave an intact proxy.
    Patch {
        /// [`Code::Injected`] or [`Code::Repaired`].
        code: Code,
        /// Never empty.
        ops: Patch,
    },
    /// Let it through as it is.
    Allow(Code),
    /// Refuse it.
    Deny(Denial),
}

impl Injection {
    /// The outcome's name.
    pub fn code(&self) -> Code {
        match self {
            Self::Patch { code, .. } | Self::Allow(code) => *code,
            Self::Deny(denial) => denial.code,
        }
    }
}

/// We can't answer, and the pod isn't to blame; the webhook fails, and its failurePolicy refuses the pod.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Nothing to inject.
    #[error(
        "the platform's settings name no proxy image (proxyImages in ConfigMap mcp-runtime-settings)"
    )]
    NoImage,
    /// An object of ours doesn't become JSON.
    #[error("writing the {what} as JSON")]
    Write {
        /// Container or volume.
        what: &'static str,
        /// What serde said.
        #[source]
        source: serde_json::Error,
    },
    /// Our operations don't apply to the pod they were made for.
    #[error("applying our own patch")]
    Apply(#[source] json_patch::PatchError),
    /// They apply and leave something that the admission policy would refuse.
    #[error("checking our own patch: {}: {}", .0.field, .0.message)]
    NotIntact(Breach),
}

/// Puts the proxy of `server` into `pod`, or says why not.
///
/// `pod` is the object as the API server sent it. Whether it may belong to the server is asked
/// before, by [`belongs`](crate::belongs()). Injecting into the result again gives
/// [`Code::AlreadyInjected`].
///
/// # Errors
/// [`Fault`] when the platform's settings or this program are at fault.
pub fn inject(pod: &Value, server: &Server, settings: &Settings) -> Result<Injection, Fault> {
    if !is_governed(pod) {
        return Ok(Injection::Allow(Code::NotGoverned));
    }
    let Some(gateway) = &server.gateway else {
        return Ok(Injection::Deny(gateway_disabled(server)));
    };
    if let Some(denial) = shape::check(pod).or_else(|| conflict::of_pod(pod)) {
        return Ok(Injection::Deny(denial));
    }
    let injection = if list(pod, &["spec", "initContainers"]).iter().any(is_proxy) {
        existing(pod, server, gateway, settings)
    } else {
        fresh(pod, server, gateway, settings)?
    };
    match &injection {
        Injection::Patch { ops, .. } => prove(pod, ops, server, settings).map(|()| injection),
        _ => Ok(injection),
    }
}

/// A pod without a proxy.
fn fresh(
    pod: &Value,
    server: &Server,
    gateway: &Gateway,
    settings: &Settings,
) -> Result<Injection, Fault> {
    let (drain_seconds, resources) = match wishes(pod, gateway) {
        Ok(wishes) => wishes,
        Err(denial) => return Ok(Injection::Deny(denial)),
    };
    let image = sidecar::image(gateway, settings).ok_or(Fault::NoImage)?;
    let container = sidecar::container(server, gateway, image, resources, settings);
    let mut ops = Ops::on(pod);
    ops.prepend(&["spec", "initContainers"], json("container", &container)?);
    let mut volumes = Vec::new();
    for volume in [volume::policy(&server.name), volume::tokens(&server.name)] {
        let wanted = json("volume", &volume)?;
        match conflict::volumes_named(pod, &volume.name).as_slice() {
            [] => volumes.push(wanted),
            [found] if **found == wanted => (),
            _ => return Ok(Injection::Deny(conflict::volume(&volume.name))),
        }
    }
    ops.append(&["spec", "volumes"], volumes);
    let mut annotations = annotations(pod, server, settings, true);
    if let Some(note) = uninject::note(pod, drain_seconds) {
        annotations.push((names::ANNOTATION_INJECTED_OVER, note.into()));
    }
    ops.set_members(&["metadata", "annotations"], annotations);
    if let Some(seconds) = drain_seconds {
        drain::add(&mut ops, pod, seconds);
    }
    Ok(Injection::Patch {
        code: Code::Injected,
        ops: ops.finish(),
    })
}

/// What the pod says of its drain and of the proxy's size, where nothing in it keeps the proxy out.
fn wishes(pod: &Value, gateway: &Gateway) -> Result<(Option<u32>, ResourceRequirements), Denial> {
    let drain_seconds = drain::seconds(pod)?;
    let amounts = amounts::of_proxy(pod, &gateway.resources)?;
    match conflict::with_proxy(pod, gateway).or_else(|| resources::check(pod, &amounts)) {
        Some(denial) => Err(denial),
        None => Ok((drain_seconds, amounts)),
    }
}

/// A pod that comes with a container of the proxy's name: ours from an earlier round, or somebody's.
fn existing(pod: &Value, server: &Server, gateway: &Gateway, settings: &Settings) -> Injection {
    let mut ops = Ops::on(pod);
    match intact::check(pod, server, settings) {
        Ok(()) => (),
        Err(breaches) if repair::can_mend(&breaches) => repair::mend(&mut ops, pod),
        // What somebody added later says more of itself than of the proxy.
        Err(breaches) => {
            let conflict = conflict::with_proxy(pod, gateway);
            return Injection::Deny(conflict.unwrap_or_else(|| tampered(&breaches)));
        }
    }
    let annotations = annotations(pod, server, settings, false);
    ops.set_members(&["metadata", "annotations"], annotations);
    let ops = ops.finish();
    if ops.is_empty() {
        Injection::Allow(Code::AlreadyInjected)
    } else {
        Injection::Patch {
            code: Code::Repaired,
            ops,
        }
    }
}

/// What was injected, and which container is the server's; as far as they aren't there.
///
/// A proxy that is there keeps the stamp it has: it may be of another version than ours.
fn annotations(
    pod: &Value,
    server: &Server,
    settings: &Settings,
    restamp: bool,
) -> Vec<(&'static str, Value)> {
    let mut members = Vec::new();
    if restamp || annotation(pod, names::ANNOTATION_INJECTED).is_none() {
        let stamp = crds::injected(server, settings);
        members.push((names::ANNOTATION_INJECTED, stamp.into()));
    }
    if annotation(pod, DEFAULT_CONTAINER).is_none() {
        members.push((DEFAULT_CONTAINER, default_container(pod).into()));
    }
    members
}

/// The container of the server's name, or the first.
pub(crate) fn default_container(pod: &Value) -> &str {
    let containers = list(pod, &["spec", "containers"]);
    let server = server_label(pod);
    let named = |container: &&Value| text(container, &["name"]) == server;
    let main = containers.iter().find(named).or(containers.first());
    main.map_or("", |container| text(container, &["name"]))
}

fn gateway_disabled(server: &Server) -> Denial {
    Denial::new(
        Code::GatewayDisabled,
        format!("metadata.labels[{}]", names::LABEL_GATEWAY),
        format!(
            "required, while MCPServer {} has spec.gateway.enabled false",
            server.name
        ),
        "enable the gateway on the MCPServer, or take the label off the pod",
    )
}

fn tampered(breaches: &[Breach]) -> Denial {
    let (field, message) = match breaches {
        [first, ..] => (first.field.clone(), first.message.clone()),
        [] => (String::new(), String::new()),
    };
    Denial::new(
        Code::TamperedSidecar,
        field,
        format!("container mcp-proxy isn't the proxy as the injector makes it: {message}"),
        "take container mcp-proxy and its volumes out of the pod; they are put in when it is created",
    )
}

fn json(what: &'static str, object: &impl serde::Serialize) -> Result<Value, Fault> {
    serde_json::to_value(object).map_err(|source| Fault::Write { what, source })
}
