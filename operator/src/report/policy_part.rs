//! Whether the policy is in force, told from what the proxies answered.

use super::Verdict;
use crate::delivery::{PodStanding, Standing};

/// The policy and how far the server's ready pods are with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PolicyView {
    /// The revision that is in the ConfigMap.
    pub(crate) revision: String,
    /// Every ready pod.
    pub(crate) pods: Vec<PodStanding>,
}

/// What can be said of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Enforcement {
    /// Some pods haven't been asked yet and none of the others is behind: what was said before
    /// may still be true, and in a moment it is known.
    Unknown,
    /// This.
    Known(Verdict),
}

/// How many pods a message names.
const NAMED: usize = 3;

impl PolicyView {
    pub(super) fn enforcement(&self) -> Enforcement {
        let runs = |pod: &&PodStanding| pod.standing.answered.as_deref() == Some(&*self.revision);
        let there = self.pods.iter().filter(runs).count();
        let behind: Vec<&PodStanding> = self.pods.iter().filter(|pod| !runs(pod)).collect();
        let total = self.pods.len();
        if total == 0 {
            return Enforcement::Known(Verdict::yes("NoProxies", "no pod is ready"));
        }
        if behind.is_empty() {
            let message = format!("{there} of {total} proxies run the policy");
            return Enforcement::Known(Verdict::yes("Enforced", message));
        }
        if behind.iter().all(|pod| !pod.standing.known()) {
            return Enforcement::Unknown;
        }
        let refused = behind.iter().any(|pod| pod.standing.refused.is_some());
        let reason = if refused {
            "TouchRefused"
        } else {
            "ProxyBehind"
        };
        let who: Vec<String> = behind.iter().take(NAMED).map(|pod| why(pod)).collect();
        let message = format!(
            "{there} of {total} proxies run the policy; {}",
            who.join("; ")
        );
        Enforcement::Known(Verdict::no(reason, message))
    }

    /// The one revision that every ready proxy answered.
    pub(super) fn agreed(&self) -> Option<&str> {
        let first = self.pods.first()?.standing.answered.as_deref()?;
        let all = self
            .pods
            .iter()
            .all(|pod| pod.standing.answered.as_deref() == Some(first));
        all.then_some(first)
    }
}

fn why(pod: &PodStanding) -> String {
    let PodStanding { pod, standing } = pod;
    let Standing {
        answered,
        silent,
        reload_error,
        refused,
    } = standing;
    let reason = match (refused, reload_error, silent, answered) {
        (Some(refused), ..) => format!("the API server refused its annotation: {refused}"),
        (_, Some(error), ..) => format!("it doesn't load it: {error}"),
        (_, _, Some(silent), _) => format!("it doesn't answer: {silent}"),
        (_, _, _, Some(_)) => "it hasn't got it yet".to_owned(),
        (None, None, None, None) => "it wasn't asked yet".to_owned(),
    };
    format!("pod {pod}: {reason}")
}
