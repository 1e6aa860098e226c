//! Rust and the API server say the same of objects made by chance.
//!
//! The definitions are registered under a group of the test's own, which no webhook looks at: what
//! the API server says there is schema and CEL alone.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crds::Kind;
use crds::generate::{Case, Cases, SEES_MORE};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, Client};
use mcp_e2e::{Cluster, Namespace, wait};

const GROUP: &str = "agreement.mcpruntime.org";
/// How many objects, where `MCP_CASES` doesn't say.
const CASES: usize = 1000;
/// Dry runs at a time.
const AT_ONCE: usize = 16;

fn copies() -> Vec<CustomResourceDefinition> {
    let copy = |mut definition: CustomResourceDefinition| {
        let names = &mut definition.spec.names;
        (names.short_names, names.categories) = (None, None);
        definition.metadata.name = Some(format!("{}.{GROUP}", names.plural));
        definition.spec.group = GROUP.to_owned();
        definition
    };
    crds::crds().into_iter().map(copy).collect()
}

fn resource(kind: Kind) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(GROUP, "v1alpha1", kind.as_str()))
}

fn api(namespace: &Namespace, kind: Kind) -> Api<DynamicObject> {
    let client: Client = namespace.cluster.client.clone();
    Api::namespaced_with(client, &namespace.name, &resource(kind))
}

/// The API server's refusal; `None` where it would take the object.
async fn refusal(namespace: &Namespace, case: &Case) -> anyhow::Result<Option<String>> {
    let mut object = case.object.clone();
    object["apiVersion"] = format!("{GROUP}/v1alpha1").into();
    let object: DynamicObject = serde_json::from_value(object)?;
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    match api(namespace, case.kind).create(&dry, &object).await {
        Ok(_) => Ok(None),
        Err(kube::Error::Api(status)) if status.code == 422 => Ok(Some(status.message.clone())),
        Err(error) => Err(error.into()),
    }
}

/// Why the two don't agree, where they don't.
fn disagreement(case: &Case, refusal: Option<&str>) -> Option<String> {
    let seen_by_rust_alone = case.broken.iter().all(|code| SEES_MORE.contains(code));
    let agree = match refusal {
        None => seen_by_rust_alone,
        Some(told) => {
            // The API server leaves rules out where the shape is wrong.
            let shape = case.said.len() < case.broken.len();
            !case.broken.is_empty()
                && (shape || case.said.iter().all(|said| told.contains(said.as_str())))
        }
    };
    (!agree).then(|| {
        format!(
            "{}: Rust says {:?} {:?}, the API server {refusal:?}",
            case.object, case.broken, case.said
        )
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_and_the_api_server_agree_on_objects_made_by_chance() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let definitions: Api<CustomResourceDefinition> = Api::all(cluster.client.clone());
    for copy in copies() {
        let name = copy.metadata.name.clone().unwrap_or_default();
        let apply = PatchParams::apply("mcp-e2e").force();
        definitions
            .patch(&name, &apply, &Patch::Apply(&copy))
            .await?;
    }
    let namespace = Namespace::create(&cluster, "agreement").await?;
    for kind in Kind::ALL {
        wait::until("the definitions to be served", || async {
            Ok(api(&namespace, kind)
                .list(&Default::default())
                .await
                .ok()
                .map(|_| ()))
        })
        .await?;
    }

    let wanted = std::env::var("MCP_CASES").ok();
    let wanted = wanted.and_then(|n| n.parse().ok()).unwrap_or(CASES);
    let begun = Instant::now();
    let mut cases = Cases::default();
    // Every other one after the defaults that the webhook adds: CEL holds with it and without.
    let all: Vec<Case> = cases
        .by_ref()
        .take(wanted)
        .enumerate()
        .map(|(n, case)| if n % 2 == 0 { case } else { case.defaulted() })
        .collect();
    let made = begun.elapsed();
    let asked = Instant::now();
    let answers: Vec<(usize, Option<String>)> = stream::iter(0..all.len())
        .map(|n| {
            let (namespace, case) = (&namespace, &all[n]);
            async move { anyhow::Ok((n, refusal(namespace, case).await?)) }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    report(&all, &answers, made, asked.elapsed());

    let told: Vec<String> = answers
        .iter()
        .filter_map(|(n, refusal)| disagreement(&all[*n], refusal.as_deref()))
        .collect();
    assert!(
        told.is_empty(),
        "{} of {wanted} disagree, such as\n{}",
        told.len(),
        told.iter().take(5).cloned().collect::<Vec<_>>().join("\n")
    );
    for definition in copies() {
        let name = definition.metadata.name.unwrap_or_default();
        definitions
            .delete(&name, &DeleteParams::background())
            .await?;
    }
    namespace.delete().await
}

/// Which share was invalid, and how often a rule was the only one broken.
fn report(all: &[Case], answers: &[(usize, Option<String>)], made: Duration, asked: Duration) {
    let mut alone: BTreeMap<(Kind, &str), usize> = BTreeMap::new();
    for case in all {
        if let [code] = case.broken.as_slice() {
            *alone.entry((case.kind, code)).or_default() += 1;
        }
    }
    let invalid = answers
        .iter()
        .filter(|(_, refusal)| refusal.is_some())
        .count();
    let rarest = alone.iter().min_by_key(|(_, n)| **n);
    println!(
        "agreement objects={} invalid={invalid} rules_broken_alone={} rarest={rarest:?} made_s={:.1} asked_s={:.1}",
        all.len(),
        alone.len(),
        made.as_secs_f64(),
        asked.as_secs_f64()
    );
    // The share and the least count are what makes agreement mean something.
    assert!((20..=80).contains(&(invalid * 100 / all.len().max(1))));
}
