//! What there is to tell of one refused pod.

use serde_json::Value;

use crate::review::{Answer, Request};

/// The longest note that an event takes, in bytes.
const LONGEST_NOTE: usize = 1024;

/// One refusal, as far as its owner is to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    /// The pod's controller.
    pub(super) owner: Owner,
    /// The denial's code.
    pub(super) reason: &'static str,
    /// Its message.
    pub(super) note: String,
}

/// An object, as the pod's reference has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Owner {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
}

impl Notice {
    /// `None` where nothing was refused, nothing would have been created, or nobody owns the pod.
    pub(crate) fn of(request: &Request, answer: &Answer) -> Option<Self> {
        let denial = answer.denial.as_ref().filter(|_| !request.dry_run)?;
        let end = denial.message.floor_char_boundary(LONGEST_NOTE);
        Some(Self {
            owner: Owner::of(&request.object, &request.namespace)?,
            reason: answer.code,
            note: denial.message.get(..end).unwrap_or_default().to_owned(),
        })
    }
}

impl Owner {
    /// The object that controls the pod.
    pub(super) fn of(pod: &Value, namespace: &str) -> Option<Self> {
        let references = pod.pointer("/metadata/ownerReferences")?.as_array()?;
        let controls =
            |reference: &&Value| reference.get("controller").and_then(Value::as_bool) == Some(true);
        let reference = references.iter().find(controls)?;
        let text = |name: &str| {
            let text = reference.get(name).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        Some(Self {
            api_version: text("apiVersion"),
            kind: text("kind"),
            namespace: namespace.to_owned(),
            name: text("name"),
            uid: text("uid"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::Refusal;

    fn request(pod: &str) -> Request {
        Request {
            namespace: "demo".into(),
            object: serde_saphyr::from_str(pod).unwrap(),
            ..Request::default()
        }
    }

    fn denied(message: &str) -> Answer {
        let refusal = Refusal {
            status: 403,
            message: message.into(),
            causes: Vec::new(),
        };
        Answer::deny("HostNetwork", refusal)
    }

    const OWNED: &str = "
metadata:
  ownerReferences:
    - { apiVersion: v1, kind: Node, name: n, uid: u-0 }
    - { apiVersion: apps/v1, kind: ReplicaSet, name: shop-1, uid: u-1, controller: true }
";

    #[test]
    fn a_refusal_is_told_to_the_pods_controller() {
        let expected = Notice {
            owner: Owner {
                api_version: "apps/v1".into(),
                kind: "ReplicaSet".into(),
                namespace: "demo".into(),
                name: "shop-1".into(),
                uid: "u-1".into(),
            },
            reason: "HostNetwork",
            note: "HostNetwork: spec.hostNetwork: is true".into(),
        };
        let answer = denied("HostNetwork: spec.hostNetwork: is true");
        assert_eq!(Notice::of(&request(OWNED), &answer), Some(expected));
    }

    #[test]
    fn dry_runs_allowed_pods_and_pods_without_a_controller_are_told_to_nobody() {
        let dry = Request {
            dry_run: true,
            ..request(OWNED)
        };
        assert_eq!(Notice::of(&dry, &denied("x")), None);
        assert_eq!(
            Notice::of(&request(OWNED), &Answer::allow("Injected")),
            None
        );
        let bare = request("metadata: { name: p }");
        assert_eq!(Notice::of(&bare, &denied("x")), None);
        let owned = request(&OWNED.replace(", controller: true", ""));
        assert_eq!(Notice::of(&owned, &denied("x")), None);
    }

    #[test]
    fn a_note_is_as_long_as_an_event_takes() {
        let answer = denied(&"ü".repeat(2_000));
        let notice = Notice::of(&request(OWNED), &answer).unwrap();
        assert_eq!(notice.note.len(), LONGEST_NOTE);
    }
}
