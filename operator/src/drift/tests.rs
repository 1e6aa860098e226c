use std::sync::Arc;

use crds::MCPServer;
use k8s_openapi::api::core::v1::Pod;

use super::*;
use crate::build::build;

fn settings(image: &str) -> Settings {
    Settings {
        proxy_images: vec![image.into()],
        ..Settings::default()
    }
}

fn server(rest: &str, settings: &Settings) -> Server {
    let text = format!(
        "apiVersion: mcpruntime.org/v1alpha1\nkind: MCPServer\n\
         metadata: {{ name: s, namespace: d, uid: u }}\n\
         spec:\n  image: registry.example.com/s:1\n{rest}"
    );
    let object: MCPServer = serde_saphyr::from_str(&text).unwrap();
    crds::parse(&object, settings).unwrap()
}

const GOVERNED: &str = "  gateway: { enabled: true }\n";

fn deployment(server: &Server, settings: &Settings) -> Deployment {
    build(server, None, None, settings).deployment.unwrap()
}

/// The Deployment as the API server has it after an apply, with a restart by someone else.
fn applied(mut deployment: Deployment) -> Owned<Deployment> {
    let fields = serde_json::json!({ "f:spec": { "f:template": {
        "f:metadata": { "f:annotations": { "f:mcpruntime.org/injection-inputs": {} } },
        "f:spec": { "f:serviceAccountName": {} },
    } } });
    let entry = serde_json::json!([
        { "manager": "mcp-runtime-operator", "operation": "Apply", "fieldsV1": fields },
    ]);
    deployment.metadata.managed_fields = serde_json::from_value(entry).unwrap();
    let template = &mut deployment.spec.as_mut().unwrap().template;
    let annotations = &mut template.metadata.as_mut().unwrap().annotations;
    let restarted = ("kubectl.kubernetes.io/restartedAt".into(), "now".into());
    annotations.get_or_insert_default().extend([restarted]);
    Owned(deployment)
}

fn inputs_after(before: &Server, after: &Server, new: &Settings, wait: bool) -> String {
    let live = applied(deployment(before, &settings("proxy:1")));
    let inputs = crds::injection_inputs(after, new);
    let held = hold(deployment(after, new), Some(&live), &inputs, wait);
    written_inputs(&held).unwrap().to_owned()
}

#[test]
fn a_new_proxy_waits_where_it_is_to_wait() {
    let (old, new) = (settings("proxy:1"), settings("proxy:2"));
    let server = server(GOVERNED, &old);
    let of = |settings| crds::injection_inputs(&server, settings).to_string();
    assert_eq!(inputs_after(&server, &server, &new, true), of(&old));
    assert_eq!(inputs_after(&server, &server, &new, false), of(&new));
    // Nothing is there to be kept.
    let fresh = deployment(&server, &new);
    let inputs = crds::injection_inputs(&server, &new);
    assert_eq!(hold(fresh.clone(), None, &inputs, true), fresh);
}

#[test]
fn any_other_change_of_the_template_takes_the_new_proxy_with_it() {
    let (old, new) = (settings("proxy:1"), settings("proxy:2"));
    let before = server(GOVERNED, &old);
    let with_env = format!("{GOVERNED}  envVars: [{{ name: A, value: b }}]\n");
    let after = server(&with_env, &new);
    let wanted = crds::injection_inputs(&after, &new).to_string();
    assert_eq!(inputs_after(&before, &after, &new, true), wanted);
}

#[test]
fn a_change_of_the_servers_own_gateway_is_a_rollout() {
    let (old, new) = (settings("proxy:1"), settings("proxy:2"));
    let before = server(GOVERNED, &old);
    let after = server("  gateway: { enabled: true, stripPrefix: /x }\n", &new);
    let wanted = crds::injection_inputs(&after, &new).to_string();
    assert_eq!(inputs_after(&before, &after, &new, true), wanted);
}

#[test]
fn more_replicas_are_no_rollout() {
    let (old, new) = (settings("proxy:1"), settings("proxy:2"));
    let before = server(GOVERNED, &old);
    let after = server(
        &format!("{GOVERNED}  replicas: 3\n  stateless: true\n"),
        &new,
    );
    let kept = crds::injection_inputs(&before, &old).to_string();
    assert_eq!(inputs_after(&before, &after, &new, true), kept);
}

#[test]
fn a_pod_is_outdated_unless_it_has_exactly_what_is_injected_now() {
    let old = settings("proxy:1");
    let wanted = Wanted::of(&server(GOVERNED, &old), &old);
    let pod = |annotation: &str| {
        let text = format!("metadata: {{ name: p, annotations: {{ {annotation} }} }}\n");
        Arc::new(PodView::new(&serde_saphyr::from_str::<Pod>(&text).unwrap()))
    };
    let current = pod(&format!("mcpruntime.org/injected: {}", wanted.injected));
    let other = pod("mcpruntime.org/injected: 0.0.9@feed");
    let drift = Drift::among(&[current, other, pod("")], &wanted);
    assert_eq!((drift.current, drift.outdated), (1, 2));
}

#[test]
fn what_becomes_of_outdated_proxies_is_said() {
    let settings = settings("proxy:1");
    let said = |rest: &str, webhook, again| {
        let server = server(&format!("{GOVERNED}{rest}"), &settings);
        outlook(&server, webhook, &again)
    };
    let rolls = "  rollout: { proxyUpgrade: auto }\n";
    let waits = "  rollout: { proxyUpgrade: manual }\n";
    let (webhook, older) = (None, Some("older"));
    assert_eq!(said(rolls, webhook, Again::No), Outlook::Rolling);
    assert_eq!(said("", webhook, Again::No), Outlook::Rolling);
    assert_eq!(
        said(rolls, older, Again::No),
        Outlook::Webhook("older".into())
    );
    assert_eq!(said(rolls, webhook, Again::GivenUp), Outlook::GivenUp);
    assert_eq!(said(waits, older, Again::No), Outlook::NextRollout);
    let external = "  workload: external\n";
    assert_eq!(said(external, older, Again::No), Outlook::Theirs);
}

#[test]
fn the_page_about_upgrades_has_the_words() {
    let page = include_str!("../../../docs/upgrading.md");
    let why = "no replica of it is ready".to_owned();
    for outlook in [Outlook::Rolling, Outlook::Webhook(why), Outlook::GivenUp] {
        assert!(page.contains(&outlook.to_string()), "{outlook}");
    }
}
