//! The server's route.

use crds::words::AuthMode;
use crds::{RESOURCE_METADATA, Server, Settings};
use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule,
    IngressServiceBackend, IngressSpec, ServiceBackendPort,
};

use super::meta::{Pairs, meta};

pub(super) fn build_ingress(server: &Server, settings: &Settings) -> Ingress {
    let mut metadata = meta(server, &server.name);
    metadata.annotations = Some(annotations(server, settings)).filter(|all| !all.is_empty());
    let host = Some(server.ingress.host.clone()).filter(|host| !host.is_empty());
    Ingress {
        metadata,
        spec: Some(IngressSpec {
            ingress_class_name: Some(server.ingress.class.clone()),
            rules: Some(vec![IngressRule {
                host,
                http: Some(HTTPIngressRuleValue {
                    paths: paths(server),
                }),
            }]),
            ..IngressSpec::default()
        }),
        ..Ingress::default()
    }
}

/// The author's own win over what the class wants.
fn annotations(server: &Server, settings: &Settings) -> Pairs {
    let mut all = Pairs::new();
    if server.ingress.class == "traefik" {
        let entrypoints = match settings.default_ingress_entrypoints.as_str() {
            "" => "web",
            entrypoints => entrypoints,
        };
        let router = |option: &str| format!("traefik.ingress.kubernetes.io/router.{option}");
        all.insert(router("entrypoints"), entrypoints.into());
        if settings.default_ingress_tls {
            all.insert(router("tls"), "true".into());
        }
    }
    all.extend(server.ingress.annotations.clone());
    all
}

fn paths(server: &Server) -> Vec<HTTPIngressPath> {
    let route = std::iter::once(server.ingress.path.clone());
    let described = server.gateway.is_some() && server.auth.mode == AuthMode::Oauth;
    let metadata = described.then(|| format!("{RESOURCE_METADATA}{}", server.ingress.path));
    route
        .chain(metadata)
        .map(|path| prefix(server, path))
        .collect()
}

fn prefix(server: &Server, path: String) -> HTTPIngressPath {
    HTTPIngressPath {
        path: Some(path),
        path_type: "Prefix".into(),
        backend: IngressBackend {
            service: Some(IngressServiceBackend {
                name: server.name.clone(),
                port: Some(ServiceBackendPort {
                    number: Some(server.service_port),
                    name: None,
                }),
            }),
            resource: None,
        },
    }
}
