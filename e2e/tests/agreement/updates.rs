//! What an object had wrong before today's rules came holds up no other change; what an update breaks is
//! refused.
//!
//! Objects that break a rule are stored while the definitions say nothing of specs; then the
//! definitions become ours, and the API server is asked about updates.

use std::collections::BTreeSet;
use std::fmt::Debug;

use crds::generate::{Case, Cases, SEES_MORE};
use crds::{Kind, MCPAccessGrant, MCPAgentSession};
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::core::NamespaceResourceScope;
use mcp_e2e::{Cluster, Namespace, objects, wait};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::definitions::Definitions;
use super::refusal;

/// How many are looked through for rules that are broken alone.
const CASES: usize = 1500;
/// How many rules are found at least.
const RULES: usize = 40;

/// An object that breaks one rule, and the same one without that.
struct Pair {
    broken: Case,
    mended: Case,
}

impl Pair {
    /// The first of a rule; the names are told apart by `n`.
    fn of(n: usize, case: Case) -> Option<Self> {
        let mended = case.mended()?;
        let renamed = |case: &Case, word: &str| {
            let mut object = case.object.clone();
            object["metadata"]["name"] = format!("{word}-{n}").into();
            Case::of(case.kind, object)
        };
        let broken = renamed(&case, "broken");
        // Whose name is broken isn't any more.
        (broken.broken == case.broken).then(|| Self {
            mended: renamed(&mended, "mended"),
            broken,
        })
    }
}

/// One for each rule that has a CEL.
fn pairs() -> Vec<Pair> {
    let mut seen = BTreeSet::new();
    let of_a_rule = |case: &Case| match case.broken.as_slice() {
        [code] => !case.said.is_empty() && !SEES_MORE.contains(code),
        _ => false,
    };
    let pairs = Cases::default()
        .take(CASES)
        .enumerate()
        .filter(|(_, case)| of_a_rule(case))
        .filter_map(|(n, case)| Pair::of(n, case));
    pairs
        .filter(|pair| seen.insert((pair.broken.kind, pair.broken.broken.clone())))
        .collect()
}

/// A change of the spec that no rule looks at: of grants and sessions the one that takes access away.
fn unrelated(kind: Kind) -> Value {
    json!({"spec": match kind {
        Kind::Server => json!({"description": "of an update"}),
        Kind::Grant => json!({"disabled": true}),
        Kind::Session => json!({"revoked": true}),
    }})
}

fn with(case: &Case, change: &Value) -> Case {
    let mut object = case.object.clone();
    for (name, value) in change["spec"].as_object().into_iter().flatten() {
        object["spec"][name] = value.clone();
    }
    Case::of(case.kind, object)
}

struct Asked<'a> {
    definitions: &'a Definitions,
    namespace: &'a Namespace,
}

impl Asked<'_> {
    async fn create(&self, case: &Case) -> anyhow::Result<()> {
        let api = self.definitions.api(self.namespace, case.kind);
        let object = self.definitions.object(case)?;
        api.create(&PostParams::default(), &object).await?;
        Ok(())
    }

    /// What the API server says of a change to a stored object.
    async fn change(&self, case: &Case, change: &Value) -> anyhow::Result<Option<String>> {
        let how = PatchParams {
            dry_run: true,
            ..PatchParams::default()
        };
        let api = self.definitions.api(self.namespace, case.kind);
        let name = name(case);
        refusal(api.patch(&name, &how, &Patch::Merge(change)).await)
    }

    /// What it says where a stored object gets another's spec.
    async fn replace(&self, case: &Case, by: &Case) -> anyhow::Result<Option<String>> {
        let api = self.definitions.api(self.namespace, case.kind);
        let mut stored: DynamicObject = api.get(&name(case)).await?;
        stored.data["spec"] = by.object["spec"].clone();
        refusal(api.replace(&name(case), &objects::dry_run(), &stored).await)
    }
}

fn name(case: &Case) -> String {
    let name = case.object["metadata"]["name"].as_str();
    name.unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_wrong_before_holds_up_no_other_change_and_what_an_update_breaks_is_refused()
-> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "updates").await?;
    let definitions = Definitions::new(&cluster, "updates.mcpruntime.org");
    let asked = Asked {
        definitions: &definitions,
        namespace: &namespace,
    };
    let pairs = pairs();
    definitions.apply_lax(&namespace).await?;
    for pair in &pairs {
        asked.create(&pair.broken).await?;
        asked.create(&pair.mended).await?;
    }
    definitions.apply(&namespace).await?;
    for kind in Kind::ALL {
        let of_kind = pairs.iter().find(|pair| pair.broken.kind == kind);
        let broken = definitions.object(&of_kind.expect("one of each kind").broken)?;
        let api = definitions.api(&namespace, kind);
        wait::until("the rules to be in force", || async {
            refusal(api.create(&objects::dry_run(), &broken).await)
        })
        .await?;
    }

    let mut wrong = Vec::new();
    for Pair { broken, mended } in &pairs {
        let code = &broken.broken;
        let label = json!({"metadata": {"labels": {"changed": "yes"}}});
        for change in [label, unrelated(broken.kind)] {
            if let Some(told) = asked.change(broken, &change).await? {
                wrong.push(format!("{code:?} holds up {change}: {told}"));
            }
            let since = with(broken, &change).broken_since(broken);
            if !since.is_empty() {
                wrong.push(format!("{code:?} holds up {change} in Rust: {since:?}"));
            }
        }
        if broken.object["spec"] == mended.object["spec"] {
            // Of the metadata, which no update of ours changes.
            continue;
        }
        let told = asked.replace(mended, broken).await?.unwrap_or_default();
        let mut since = broken.broken_since(mended);
        since.dedup();
        let as_said = broken.said.iter().all(|said| told.contains(said.as_str()));
        if !as_said || since != *code {
            wrong.push(format!(
                "{code:?} may be broken: {told:?}, in Rust {since:?}"
            ));
        }
    }
    println!("updates rules={}", pairs.len());
    assert_eq!(wrong, Vec::<String>::new());
    assert!(pairs.len() >= RULES, "only {} rules", pairs.len());
    definitions.delete().await?;
    namespace.delete().await
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_a_grant_or_a_session_is_for_and_where_never_changes() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "unchanged").await?;
    let spec = "{serverRef: {name: notes}, subject: {humanID: ann}}";
    for kind in ["MCPAccessGrant", "MCPAgentSession"] {
        let manifest = format!(
            "{{apiVersion: mcpruntime.org/v1alpha1, kind: {kind}, metadata: {{name: ann}}, spec: {spec}}}"
        );
        namespace.create_all(&manifest).await?;
    }
    unchanged::<MCPAccessGrant>(&namespace).await?;
    unchanged::<MCPAgentSession>(&namespace).await?;
    namespace.delete().await
}

async fn unchanged<K>(namespace: &Namespace) -> anyhow::Result<()>
where
    K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned,
{
    for (field, spec) in [
        ("spec.serverRef", json!({"serverRef": {"name": "other"}})),
        ("spec.subject", json!({"subject": {"humanID": "bob"}})),
    ] {
        let changed = namespace.patch::<K>("ann", json!({"spec": spec})).await;
        let (code, told) =
            objects::refusal(&changed.expect_err("it is changed")).expect("an answer");
        assert_eq!(code, 422, "{told}");
        assert!(
            told.contains(field) && told.contains("can't be changed"),
            "{told}"
        );
    }
    Ok(())
}
