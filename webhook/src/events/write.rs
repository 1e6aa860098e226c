//! One event onto the API server.

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::{Event, EventSeries};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, OwnerReference};
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt as _};
use serde_json::json;

use super::ledger::{Step, Written};
use super::notice::Owner;

/// As much of the owner's name as leaves room for a suffix in the event's.
const LONGEST_NAME: usize = 230;

/// An event that isn't there.
#[derive(Debug, thiserror::Error)]
#[error("leaving an event on {kind} {namespace}/{name}")]
pub(super) struct WriteError {
    kind: String,
    namespace: String,
    name: String,
    #[source]
    source: kube::Error,
}

/// Writes as one replica.
pub(super) struct Writer {
    client: Client,
    instance: String,
}

impl Writer {
    pub(super) fn new(client: Client, instance: String) -> Self {
        Self { client, instance }
    }

    /// Creates an event, or counts one up.
    pub(super) async fn write(&self, step: Step) -> Result<Written, WriteError> {
        let owner = step.key.0.clone();
        self.send(step).await.map_err(|source| WriteError {
            kind: owner.kind,
            namespace: owner.namespace,
            name: owner.name,
            source,
        })
    }

    async fn send(&self, step: Step) -> Result<Written, kube::Error> {
        let now = Timestamp::now();
        let (owner, reason) = step.key;
        let api: Api<Event> = Api::namespaced(self.client.clone(), &owner.namespace);
        let series = (step.count > 1).then_some(EventSeries {
            count: step.count,
            last_observed_time: MicroTime(now),
        });
        if let Some(event) = step.series {
            let patch = Patch::Merge(json!({ "series": series }));
            let params = PatchParams::default();
            api.patch(&event.name, &params, &patch).await?;
            return Ok(event);
        }
        let owner = self.workload(owner).await;
        let mut event = event(&owner, reason, &step.note, &self.instance, now);
        event.series = series;
        let name = event.name_any();
        api.create(&PostParams::default(), &event).await?;
        Ok(Written {
            name,
            note: step.note,
        })
    }

    /// The Deployment above a ReplicaSet, which people look at; else the owner itself.
    async fn workload(&self, owner: Owner) -> Owner {
        if owner.kind != "ReplicaSet" || owner.api_version != "apps/v1" {
            return owner;
        }
        let api: Api<ReplicaSet> = Api::namespaced(self.client.clone(), &owner.namespace);
        let replica_set = api.get_metadata_opt(&owner.name).await;
        let replica_set = replica_set.ok().flatten();
        let namesake = |found: &ObjectMeta| found.uid.as_deref() != Some(&owner.uid);
        let references = replica_set
            .map(|found| found.metadata)
            .filter(|found| !namesake(found))
            .and_then(|found| found.owner_references);
        let above = references.into_iter().flatten();
        let mut above = above.filter(|reference| reference.controller == Some(true));
        above.next().map_or(owner.clone(), |reference| Owner {
            namespace: owner.namespace,
            ..of(reference)
        })
    }
}

fn of(reference: OwnerReference) -> Owner {
    Owner {
        api_version: reference.api_version,
        kind: reference.kind,
        namespace: String::new(),
        name: reference.name,
        uid: reference.uid,
    }
}

fn event(owner: &Owner, reason: &str, note: &str, instance: &str, now: Timestamp) -> Event {
    let end = owner.name.floor_char_boundary(LONGEST_NAME);
    let name = owner.name.get(..end).unwrap_or_default();
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{name}.{:x}", now.as_nanosecond())),
            namespace: text(&owner.namespace),
            ..ObjectMeta::default()
        },
        regarding: Some(ObjectReference {
            api_version: text(&owner.api_version),
            kind: text(&owner.kind),
            namespace: text(&owner.namespace),
            name: text(&owner.name),
            uid: text(&owner.uid),
            ..ObjectReference::default()
        }),
        type_: Some("Warning".into()),
        reason: Some(reason.into()),
        action: Some("Inject".into()),
        note: Some(note.into()),
        event_time: Some(MicroTime(now)),
        reporting_controller: Some(crds::names::WEBHOOK_ACCOUNT.into()),
        reporting_instance: Some(instance.into()),
        ..Event::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn an_event_says_who_did_what_to_whose_pod_and_why() {
        let owner = Owner {
            api_version: "batch/v1".into(),
            kind: "Job".into(),
            namespace: "demo".into(),
            name: "import".into(),
            uid: "u-1".into(),
        };
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let event = event(
            &owner,
            "HostPID",
            "HostPID: spec.hostPID: is true",
            "w-1",
            now,
        );
        let expected: Value = serde_saphyr::from_str(
            "
apiVersion: events.k8s.io/v1
kind: Event
metadata: { name: import.18867251edfa0000, namespace: demo }
eventTime: 2026-01-01T00:00:00.000000Z
reportingController: mcp-runtime-webhook
reportingInstance: w-1
action: Inject
reason: HostPID
type: Warning
note: 'HostPID: spec.hostPID: is true'
regarding: { apiVersion: batch/v1, kind: Job, namespace: demo, name: import, uid: u-1 }
",
        )
        .unwrap();
        assert_eq!(serde_json::to_value(event).unwrap(), expected);
    }
}
