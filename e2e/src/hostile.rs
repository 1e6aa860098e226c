//! Another team's mutating webhook, one that undoes what ours did: served by the test itself, at
//! an address that the API server reaches.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use certs::LiveCertificate;
use crds::names;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use jiff::Timestamp;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

use crate::Namespace;
use crate::server::STATELESS_IMAGE;

/// Label of a pod that says what is to be done to it.
pub const LABEL_DEED: &str = "hostile-deed";
/// Label of a pod that says when.
pub const LABEL_TURN: &str = "hostile-turn";

/// What it does to a pod's proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// As webhooks compiled before native sidecars do.
    DropRestartPolicy,
    /// Behind every other init container.
    MoveLast,
    /// To `proxy`.
    Rename,
    /// To a server's.
    SwapImage,
    /// The policy's.
    RemoveVolume,
    /// A container that says it listens where the proxy does.
    TakePort,
}

impl Deed {
    /// All six.
    pub const ALL: [Self; 6] = [
        Self::DropRestartPolicy,
        Self::MoveLast,
        Self::Rename,
        Self::SwapImage,
        Self::RemoveVolume,
        Self::TakePort,
    ];

    /// As a label's value and a path.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DropRestartPolicy => "drop-restart-policy",
            Self::MoveLast => "move-last",
            Self::Rename => "rename",
            Self::SwapImage => "swap-image",
            Self::RemoveVolume => "remove-volume",
            Self::TakePort => "take-port",
        }
    }

    /// Does it to the spec of a pod; nothing where there is no proxy yet.
    fn to(self, spec: &mut Value) {
        match self {
            Self::TakePort => {
                let taker = json!({
                    "name": "taker",
                    "image": STATELESS_IMAGE,
                    "ports": [{"containerPort": names::DEFAULT_GATEWAY_PORT}],
                    "securityContext": {
                        "allowPrivilegeEscalation": false,
                        "capabilities": {"drop": ["ALL"]},
                    },
                });
                if let Some(containers) = spec["containers"].as_array_mut() {
                    containers.retain(|container| container["name"] != "taker");
                    containers.push(taker);
                }
            }
            Self::RemoveVolume => {
                if let Some(volumes) = spec["volumes"].as_array_mut() {
                    volumes.retain(|volume| volume["name"] != names::POLICY_VOLUME);
                }
            }
            _ => {
                if let Some(init) = spec["initContainers"].as_array_mut() {
                    self.to_the_proxy(init);
                }
            }
        }
    }

    fn to_the_proxy(self, init: &mut Vec<Value>) {
        let Some(place) = init
            .iter()
            .position(|container| container["name"] == names::PROXY_CONTAINER)
        else {
            return;
        };
        let mut proxy = init.remove(place);
        match self {
            Self::MoveLast => return init.push(proxy),
            Self::Rename => proxy["name"] = json!("proxy"),
            Self::SwapImage => proxy["image"] = json!(STATELESS_IMAGE),
            _ => {
                if let Some(members) = proxy.as_object_mut() {
                    members.remove("restartPolicy");
                }
            }
        }
        init.insert(place, proxy);
    }
}

/// When it is called, by the order of the configurations' names and its reinvocationPolicy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Before ours, once.
    Before,
    /// Before ours, and again because of what ours did.
    BeforeAgain,
    /// After ours, once.
    After,
    /// After ours, and again because of what ours repaired: it has the last word.
    AfterAgain,
}

impl Turn {
    /// All four.
    pub const ALL: [Self; 4] = [
        Self::Before,
        Self::BeforeAgain,
        Self::After,
        Self::AfterAgain,
    ];

    /// As a label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::BeforeAgain => "before-again",
            Self::After => "after",
            Self::AfterAgain => "after-again",
        }
    }

    /// The API server calls webhooks in the order of their configurations' names.
    fn configuration(self) -> String {
        let first = match self {
            Self::Before | Self::BeforeAgain => "a",
            Self::After | Self::AfterAgain => "z",
        };
        format!("{first}-mcp-test-{}-{}", self.as_str(), std::process::id())
    }

    const fn reinvocation(self) -> &'static str {
        match self {
            Self::Before | Self::After => "Never",
            Self::BeforeAgain | Self::AfterAgain => "IfNeeded",
        }
    }
}

/// The webhook, for as long as this lives.
pub struct Hostile {
    address: SocketAddr,
    authority: String,
    serving: AbortHandle,
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Hostile {
    /// Listens on `ip`, on any free port, with a certificate for it.
    pub async fn serve(ip: IpAddr) -> anyhow::Result<Self> {
        let now = Timestamp::now();
        let authority = certs::issue_ca(now)?;
        let leaf = certs::issue_leaf(&authority, &[ip.to_string()], now)?;
        let live = Arc::new(LiveCertificate::default());
        live.load(leaf.certificate.as_bytes(), leaf.key.as_bytes())?;
        let tls = TlsAcceptor::from(Arc::new(certs::server_config(live)?));
        let listener = TcpListener::bind((ip, 0))
            .await
            .with_context(|| format!("listening on {ip}"))?;
        let address = listener.local_addr()?;
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer_all(stream, tls.clone()));
            }
        });
        Ok(Self {
            address,
            authority: authority.certificate,
            serving: serving.abort_handle(),
        })
    }

    /// Tells the API server of it, for pods of this namespace alone. Take them away with
    /// [`remove`].
    pub async fn configure(&self, namespace: &Namespace) -> anyhow::Result<()> {
        let api: Api<MutatingWebhookConfiguration> = Api::all(namespace.cluster.client.clone());
        for turn in Turn::ALL {
            let configuration = self.configuration(turn, &namespace.name)?;
            api.create(&PostParams::default(), &configuration).await?;
        }
        Ok(())
    }

    fn configuration(
        &self,
        turn: Turn,
        namespace: &str,
    ) -> anyhow::Result<MutatingWebhookConfiguration> {
        let webhook = |deed: Deed| {
            json!({
                "name": format!("{}.hostile.example", deed.as_str()),
                "clientConfig": {
                    "url": format!("https://{}/{}", self.address, deed.as_str()),
                    "caBundle": BASE64_STANDARD.encode(&self.authority),
                },
                "rules": [{
                    "apiGroups": [""],
                    "apiVersions": ["v1"],
                    "operations": ["CREATE"],
                    "resources": ["pods"],
                }],
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "objectSelector": {"matchLabels": {
                    LABEL_DEED: deed.as_str(),
                    LABEL_TURN: turn.as_str(),
                }},
                "reinvocationPolicy": turn.reinvocation(),
                "failurePolicy": "Fail",
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
                "timeoutSeconds": 5,
            })
        };
        Ok(serde_json::from_value(json!({
            "metadata": {"name": turn.configuration(), "labels": {"mcp-runtime-test": "true"}},
            "webhooks": Deed::ALL.map(webhook),
        }))?)
    }
}

/// Takes the configurations away, as far as they are there.
pub async fn remove(client: kube::Client) -> anyhow::Result<()> {
    let api: Api<MutatingWebhookConfiguration> = Api::all(client);
    for turn in Turn::ALL {
        match api
            .delete(&turn.configuration(), &DeleteParams::default())
            .await
        {
            Err(kube::Error::Api(status)) if status.code == 404 => (),
            other => drop(other?),
        }
    }
    Ok(())
}

async fn answer_all(stream: TcpStream, tls: TlsAcceptor) {
    // Whoever breaks off is told nothing, and asks again.
    let Ok(stream) = tls.accept(stream).await else {
        return;
    };
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .await;
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let deed = Deed::ALL
        .into_iter()
        .find(|deed| request.uri().path().trim_start_matches('/') == deed.as_str());
    let body = request.into_body().collect().await;
    let review: Value = body
        .map(|body| serde_json::from_slice(&body.to_bytes()).unwrap_or_default())
        .unwrap_or_default();
    let mut spec = review["request"]["object"]["spec"].clone();
    if let Some(deed) = deed {
        deed.to(&mut spec);
    }
    // Whole, as webhooks do that write back an object of their own types.
    let patch = json!([{"op": "replace", "path": "/spec", "value": spec}]).to_string();
    let answer = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": {
            "uid": review["request"]["uid"],
            "allowed": true,
            "patchType": "JSONPatch",
            "patch": BASE64_STANDARD.encode(patch),
        },
    });
    let response = Response::builder()
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(answer.to_string())));
    Ok(response.unwrap_or_default())
}
