//! Whether a role may be sent work, and if not, what it waits for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The gates of one process; ready when every one is open. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    closed: Arc<Mutex<BTreeMap<&'static str, String>>>,
}

/// One thing a process waits for.
#[derive(Clone, Debug)]
pub struct Gate {
    name: &'static str,
    readiness: Readiness,
}

impl Readiness {
    /// A gate, closed until it is opened; `reason` is what `/ready` says meanwhile.
    pub fn gate(&self, name: &'static str, reason: &str) -> Gate {
        let gate = Gate {
            name,
            readiness: self.clone(),
        };
        gate.close(reason);
        gate
    }

    /// What is being waited for, as `name: reason`; empty when ready.
    pub fn reasons(&self) -> Vec<String> {
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        closed
            .iter()
            .map(|(name, reason)| format!("{name}: {reason}"))
            .collect()
    }
}

impl Gate {
    /// The wait is over.
    pub fn open(&self) {
        let mut closed = self
            .readiness
            .closed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        closed.remove(self.name);
    }

    /// Not, or no longer, ready.
    pub fn close(&self, reason: &str) {
        let mut closed = self
            .readiness
            .closed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        closed.insert(self.name, reason.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_once_every_gate_is_open() {
        let readiness = Readiness::default();
        let cache = readiness.gate("cache", "not synced");
        let certificate = readiness.gate("certificate", "none yet");
        assert_eq!(
            readiness.reasons(),
            ["cache: not synced", "certificate: none yet"]
        );
        cache.open();
        certificate.open();
        assert!(readiness.reasons().is_empty());
        certificate.close("expired");
        assert_eq!(readiness.reasons(), ["certificate: expired"]);
    }
}
