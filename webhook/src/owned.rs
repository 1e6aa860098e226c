//! Whose a ReplicaSet was a moment ago: a scale-up makes its pods by the hundred, and each asks.
//!
//! Used to let a pod through, never to refuse one. The uids in it are compared as ever; what may
//! be out of date is that a ReplicaSet still has its owner, for half a minute.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long it is believed.
const FRESH: Duration = Duration::from_secs(30);
/// More than these aren't kept.
const MOST: usize = 1000;

/// The ReplicaSet above a pod and the Deployment above that, as far as there are any.
pub(crate) type Chain = (Option<Value>, Option<Value>);

/// By namespace and name of the ReplicaSet. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Owned(Arc<Mutex<HashMap<(String, String), Entry>>>);

#[derive(Debug)]
struct Entry {
    seen: Instant,
    chain: Arc<Chain>,
}

impl Owned {
    /// What was seen lately.
    pub(crate) fn lately(&self, namespace: &str, name: &str, now: Instant) -> Option<Arc<Chain>> {
        let key = (namespace.to_owned(), name.to_owned());
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(&key)?;
        let fresh = now.duration_since(entry.seen) < FRESH;
        fresh.then(|| Arc::clone(&entry.chain))
    }

    /// Keeps what was just seen.
    pub(crate) fn keep(&self, namespace: &str, name: &str, chain: Chain, now: Instant) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MOST {
            entries.retain(|_, entry| now.duration_since(entry.seen) < FRESH);
        }
        if entries.len() >= MOST {
            entries.clear();
        }
        let entry = Entry {
            seen: now,
            chain: Arc::new(chain),
        };
        entries.insert((namespace.to_owned(), name.to_owned()), entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_seen_is_believed_for_half_a_minute() {
        let (owned, start) = (Owned::default(), Instant::now());
        let chain = (Some(json!({"kind": "ReplicaSet"})), None);
        owned.keep("demo", "weather-1", chain.clone(), start);
        let soon = start + Duration::from_secs(29);
        let found = owned.lately("demo", "weather-1", soon);
        assert_eq!(found.as_deref(), Some(&chain));
        assert_eq!(owned.lately("other", "weather-1", soon), None);
        assert_eq!(owned.lately("demo", "weather-1", start + FRESH), None);
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let (owned, now) = (Owned::default(), Instant::now());
        for n in 0..=MOST {
            owned.keep("demo", &n.to_string(), (None, None), now);
        }
        assert!(owned.0.lock().unwrap().len() <= MOST);
        assert!(owned.lately("demo", &MOST.to_string(), now).is_some());
    }
}
