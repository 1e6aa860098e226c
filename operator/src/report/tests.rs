use std::sync::Arc;

use crds::{MCPServer, MCPServerStatus, Problem, Problems, Settings};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::core::Status;
use serde::Deserialize;
use serde_json::{Value, json};

use super::policy_part::Enforcement;
use super::*;
use crate::about::About;
use crate::apply::{Applied, Part};
use crate::caches::Owned;
use crate::delivery::{PodStanding, Standing};
use crate::drift::{Drift, Wanted, outlook};
use crate::golden::{Case, of_kind};
use crate::pods::{PodView, Theirs};
use crate::roll_again::Again;

/// What the proxies of a case answered; not a Kubernetes kind.
#[derive(Deserialize)]
struct Answers {
    revision: String,
    #[serde(default)]
    pods: Vec<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    pod: String,
    answered: Option<String>,
    silent: Option<String>,
    reload_error: Option<String>,
    refused: Option<String>,
}

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn part<K: serde::de::DeserializeOwned>(input: &[Value], kind: &str) -> Part<K> {
    of_kind(input, kind)
        .into_iter()
        .next()
        .map(|object| Ok(Arc::new(Owned(object))))
}

fn view(input: &[Value]) -> Option<PolicyView> {
    let answers: Answers = of_kind(input, "Answers").into_iter().next()?;
    let standing = |answer: Answer| PodStanding {
        pod: answer.pod,
        standing: Standing {
            answered: answer.answered,
            silent: answer.silent,
            reload_error: answer.reload_error,
            refused: answer.refused,
        },
    };
    let pods = answers.pods.into_iter().map(standing).collect();
    Some(PolicyView {
        revision: answers.revision,
        pods,
    })
}

fn status_of(input: &[Value], applied: &Applied) -> MCPServerStatus {
    let settings = Settings {
        proxy_images: vec!["p".into()],
        ..Settings::default()
    };
    let object: MCPServer = of_kind(input, "MCPServer").remove(0);
    let server = crds::parse(&object, &settings).unwrap();
    let policy = view(input);
    let wanted = Wanted::of(&server, &settings);
    // The cases write `current` for what a version and a hash would be.
    let view_of = |pod: &Pod| {
        let mut pod = PodView::new(pod);
        let current = pod.injected.as_deref() == Some("current");
        pod.injected = current.then(|| wanted.injected.clone()).or(pod.injected);
        Arc::new(pod)
    };
    let mut pods: Vec<_> = of_kind::<Pod>(input, "Pod").iter().map(view_of).collect();
    let mut drift = Drift::among(&pods, &wanted);
    if drift.outdated > 0 {
        drift.outlook = Some(outlook(&server, None, &Again::No));
    }
    let theirs = Theirs::among(pods.iter().map(|pod| &**pod));
    pods.retain(|pod| pod.ready);
    let seen = Observed {
        server: &server,
        settings: &settings,
        policy_written: policy.as_ref().map(|_| Ok(())),
        policy: &policy.clone().unwrap_or_default(),
        applied,
        pods: &pods,
        theirs,
        drift: &drift,
    };
    observed(&seen, &object.status.unwrap_or_default(), now())
}

fn golden(name: &str) {
    let case = Case::new(&format!("report/{name}"));
    let input = case.input();
    let applied = Applied {
        deployment: part(&input, "Deployment"),
        service: part(&input, "Service"),
        ingress: part(&input, "Ingress"),
        ..Applied::default()
    };
    case.expect(&[status_of(&input, &applied)]);
}

#[test]
fn a_server_whose_pods_are_coming_waits_for_its_deployment() {
    golden("pending");
}

#[test]
fn a_server_of_which_all_is_ready_has_its_url_and_its_enforced_revision() {
    golden("ready");
}

#[test]
fn a_proxy_that_is_behind_is_named_and_the_enforced_revision_stays() {
    golden("behind");
}

#[test]
fn outdated_proxies_are_counted_and_enforce_all_the_same() {
    golden("outdated");
}

#[test]
fn a_refused_touch_is_not_taken_for_a_slow_proxy() {
    golden("refused-touch");
}

#[test]
fn what_no_proxy_implements_stalls_the_server() {
    golden("unsupported");
}

#[test]
fn pods_that_admission_refuses_are_reported_in_its_words() {
    golden("pods-refused");
}

#[test]
fn a_server_without_gateway_says_nothing_of_policy() {
    golden("gateway-off");
}

#[test]
fn an_external_workload_is_ready_with_all_its_labelled_pods() {
    golden("external");
}

#[test]
fn an_external_workload_is_partly_ready_while_some_of_its_pods_are() {
    golden("external-partly");
}

#[test]
fn an_external_workload_without_pods_is_pending() {
    golden("external-pending");
}

#[test]
fn the_deployment_from_before_serves_until_the_other_workload_does() {
    golden("external-handover");
}

fn ready_case() -> (Vec<Value>, Applied) {
    let input = Case::new("report/ready").input();
    let applied = Applied {
        deployment: part(&input, "Deployment"),
        service: part(&input, "Service"),
        ingress: part(&input, "Ingress"),
        ..Applied::default()
    };
    (input, applied)
}

fn refused(code: u16) -> ApplyError {
    let status = Status::failure("the API server's words", "Reason").with_code(code);
    ApplyError::Write(WriteError::Request {
        verb: "applying",
        about: About::named::<Ingress>("team-a", "everything"),
        source: kube::Error::Api(status.boxed()),
    })
}

fn condition<'a>(status: &'a MCPServerStatus, kind: &str) -> &'a Condition {
    status
        .conditions
        .iter()
        .find(|condition| condition.type_ == kind)
        .unwrap()
}

#[test]
fn a_refused_part_stalls_the_server_and_leaves_the_others_conditions() {
    let (input, mut applied) = ready_case();
    applied.ingress = Some(Err(refused(403)));
    let status = status_of(&input, &applied);
    assert_eq!(status.phase.as_deref(), Some("Error"));
    assert_eq!(condition(&status, "Stalled").status, "True");
    assert_eq!(condition(&status, "IngressReady").reason, "Refused");
    assert_eq!(
        condition(&status, "IngressReady").message,
        "applying Ingress team-a/everything: the API server's words"
    );
    assert_eq!(condition(&status, "DeploymentReady").status, "True");
    assert_eq!(condition(&status, "PolicyReady").status, "True");
}

#[test]
fn a_server_whose_route_another_has_says_so_and_has_no_url() {
    let (input, applied) = ready_case();
    let applied = Applied {
        ingress: Some(Err(ApplyError::RouteTaken(
            "MCPServer older has this route".into(),
        ))),
        ..applied
    };
    let status = status_of(&input, &applied);
    let found = condition(&status, "IngressReady");
    assert_eq!(
        (&*found.status, &*found.reason, &*found.message),
        (
            "False",
            "RouteConflict",
            "MCPServer older has this route; write another publicPathPrefix or ingressHost"
        )
    );
    assert_eq!((status.phase.as_deref(), status.url), (Some("Error"), None));
}

#[test]
fn a_passing_failure_leaves_every_condition_as_it_was() {
    let (mut input, applied) = ready_case();
    let well = status_of(&input, &applied);
    for document in &mut input {
        if document["kind"] == "MCPServer" {
            document["status"] = serde_json::to_value(&well).unwrap();
        }
    }
    for code in [409, 429, 500, 503] {
        let applied = Applied {
            ingress: Some(Err(refused(code))),
            ..ready_case().1
        };
        assert_eq!(
            difference(&well, &status_of(&input, &applied)),
            None,
            "{code}"
        );
    }
}

#[test]
fn stalled_is_true_exactly_in_phase_error() {
    let (input, applied) = ready_case();
    let well = status_of(&input, &applied);
    assert_eq!(
        (well.phase.as_deref(), &*condition(&well, "Stalled").status),
        (Some("Ready"), "False")
    );
    let problems = Problems(vec![Problem {
        code: "c",
        field: "spec.gateway.image".into(),
        value: "x".into(),
        message: "isn't in the platform's list".into(),
        remedy: "write one of: p".into(),
    }]);
    let status = invalid(&well, Some(2), &problems, None, now());
    assert_eq!(status.phase.as_deref(), Some("Error"));
    assert_eq!(condition(&status, "Stalled").status, "True");
    assert_eq!(condition(&status, "Stalled").reason, "InvalidSpec");
    let message = "spec.gateway.image: \"x\": isn't in the platform's list; write one of: p";
    assert_eq!(status.message.as_deref(), Some(message));
    assert_eq!(
        condition(&status, "DeploymentReady"),
        condition(&well, "DeploymentReady")
    );
    assert_eq!(status.url, well.url);
}

#[test]
fn pods_that_were_not_asked_yet_change_nothing_that_was_said() {
    let standing = |answered: Option<&str>| PodStanding {
        pod: "p".into(),
        standing: Standing {
            answered: answered.map(str::to_owned),
            ..Standing::default()
        },
    };
    let view = |pods: Vec<PodStanding>| PolicyView {
        revision: "r".into(),
        pods,
    };
    assert_eq!(
        view(vec![standing(None), standing(Some("r"))]).enforcement(),
        Enforcement::Unknown
    );
    let behind = view(vec![standing(None), standing(Some("old"))]).enforcement();
    assert!(matches!(behind, Enforcement::Known(verdict) if verdict.reason == "ProxyBehind"));
}

#[test]
fn the_difference_takes_away_what_is_no_more() {
    let old = json!({ "phase": "Ready", "url": "u", "tools": { "total": 1 } });
    let new = json!({ "phase": "Pending", "tools": { "total": 1 } });
    assert_eq!(
        difference(&old, &new),
        Some(json!({ "phase": "Pending", "url": null }))
    );
    assert_eq!(difference(&new, &new), None);
}
