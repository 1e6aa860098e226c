//! The policy in force: read from a file, swapped as a whole, kept when the next one is bad.
//! In: the path of a document, whose session shards lie beside it.
//! Out: [`Rules`], the same for the whole of an exchange.

mod files;
mod load;
mod watch;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use jiff::Timestamp;

use crate::metrics::Metrics;
use crate::proxy::Clock;
use crate::session_idle::SessionIdle;
use crate::{Rules, error_chain};

pub(crate) use files::Files;
pub use load::Gaps;
pub(crate) use load::{LoadError, Loaded, load};
pub(crate) use watch::follow;

/// The policy in force, and how the last attempt to renew it went.
#[derive(Debug, Default)]
pub struct PolicySource {
    rules: ArcSwapOption<Rules>,
    status: Mutex<Status>,
}

/// How loading stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// When the rules in force were loaded.
    pub loaded_at: Option<Timestamp>,
    /// Why the file as it is now can't be put in force; `None` when it is.
    pub last_error: Option<String>,
}

impl PolicySource {
    /// The rules in force; `None` until a valid document was read.
    pub fn rules(&self) -> Option<Arc<Rules>> {
        self.rules.load_full()
    }

    /// How loading stands.
    pub fn status(&self) -> Status {
        self.status
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn report(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.status.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Reads the file and puts it in force.
pub struct Loader {
    /// The file; without one nothing is ever allowed.
    pub path: Option<PathBuf>,
    /// What fills members that the document leaves out.
    pub gaps: Gaps,
    /// Counts reloads.
    pub metrics: Metrics,
    /// Forgets sessions that are gone.
    pub session_idle: Arc<SessionIdle>,
    /// The time.
    pub clock: Clock,
    last_good: Option<Arc<Rules>>,
    last_read: Option<u64>,
}

impl Loader {
    /// For this file, not read yet.
    pub fn new(
        path: Option<PathBuf>,
        gaps: Gaps,
        metrics: Metrics,
        session_idle: Arc<SessionIdle>,
        clock: Clock,
    ) -> Self {
        Self {
            path,
            gaps,
            metrics,
            session_idle,
            clock,
            last_good: None,
            last_read: None,
        }
    }

    /// Reads the file and puts it in force where it is good; where it isn't, what was in force
    /// stays, the error is reported, and nobody else is told.
    pub fn reload(&mut self, source: &PolicySource) {
        let Some(path) = &self.path else {
            let error = "no policy file was given (--policy)".to_owned();
            return source.report(|status| status.last_error = Some(error));
        };
        match Files::read(path) {
            Ok(files) => {
                let digest = files.digest();
                if self.last_read == Some(digest) {
                    return;
                }
                let last_good = self.last_good.as_deref();
                let shards = |name: &str| files.shard(name);
                let loaded = load(&files.document, &shards, &self.gaps, last_good);
                // Files that were taken away while they were read are the next event's.
                if matches!(loaded, Loaded::Whole(_)) || files.are_at(path) {
                    self.last_read = Some(digest);
                    self.put_in_force(source, loaded);
                }
            }
            Err(error) => {
                self.last_read = None;
                let path = path.clone();
                let error = LoadError::Read {
                    path,
                    source: error,
                };
                self.put_in_force(source, Loaded::Nothing(error));
            }
        }
    }

    fn put_in_force(&mut self, source: &PolicySource, loaded: Loaded) {
        let now = (self.clock)();
        self.metrics
            .reloaded(matches!(loaded, Loaded::Whole(_)), now.as_second());
        match loaded {
            Loaded::Whole(rules) => {
                tracing::info!(
                    revision = %rules.policy.revision(),
                    grants = rules.policy.grant_count(),
                    sessions = rules.policy.session_count(),
                    "policy in force"
                );
                let rules = Arc::new(*rules);
                self.last_good = Some(Arc::clone(&rules));
                source.rules.store(Some(Arc::clone(&rules)));
                self.session_idle
                    .retain(|session| rules.tracks_idle && rules.policy.holds_session(session));
                source.report(|status| {
                    *status = Status {
                        loaded_at: Some(now),
                        last_error: None,
                    };
                });
            }
            Loaded::DenialsOnly {
                rules,
                lasting,
                error,
            } => {
                tracing::warn!(
                    error = error_chain(&error),
                    "policy not in force, but its denials are"
                );
                source.rules.store(Some(Arc::new(*rules)));
                if let Some(lasting) = lasting {
                    self.last_good = Some(Arc::new(*lasting));
                }
                source.report(|status| status.last_error = Some(error_chain(&error)));
            }
            Loaded::Nothing(error) => {
                tracing::warn!(error = error_chain(&error), "policy not in force");
                source.report(|status| status.last_error = Some(error_chain(&error)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const GOOD: &str = r#"{"schema_version":"v1","server":{"name":"x","namespace":"d"},"sessions":[{"name":"s","namespace":"d","human_id":"ann"}]}"#;

    fn loader(path: &Path) -> (Loader, PolicySource) {
        let loader = Loader::new(
            Some(path.to_owned()),
            Gaps::default(),
            Metrics::default(),
            Arc::default(),
            Arc::new(|| Timestamp::UNIX_EPOCH),
        );
        (loader, PolicySource::default())
    }

    #[test]
    fn a_bad_document_leaves_the_last_good_one_in_force_and_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.json");
        let (mut loader, source) = loader(&path);
        std::fs::write(&path, GOOD).unwrap();
        loader.reload(&source);
        let good = source.rules().unwrap();
        for bad in [
            "",
            "{",
            "[]",
            &GOOD.replace("v1", "v9"),
            &GOOD.replace("\"ann\"", "7"),
        ] {
            std::fs::write(&path, bad).unwrap();
            loader.reload(&source);
            let rules = source.rules().unwrap();
            assert_eq!(rules.policy.revision(), good.policy.revision(), "{bad}");
            assert!(source.status().last_error.is_some(), "{bad}");
        }
        std::fs::remove_file(&path).unwrap();
        loader.reload(&source);
        let error = source.status().last_error.unwrap();
        assert!(
            error.contains("policy.json") && error.contains("No such file"),
            "{error}"
        );
        std::fs::write(&path, GOOD).unwrap();
        loader.reload(&source);
        assert_eq!(source.status().last_error, None);
    }

    #[test]
    fn without_any_good_document_there_are_no_rules() {
        let folder = tempfile::tempdir().unwrap();
        let (mut loader, source) = loader(&folder.path().join("policy.json"));
        loader.reload(&source);
        assert!(source.rules().is_none());
        assert!(source.status().last_error.is_some());
    }

    #[test]
    fn of_a_document_with_unknown_members_only_the_denials_are_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.json");
        let (mut loader, source) = loader(&path);
        std::fs::write(&path, GOOD).unwrap();
        loader.reload(&source);
        let before = source.rules().unwrap();
        let newer = GOOD.replace("\"human_id\"", "\"revoked\":true,\"quota\":3,\"human_id\"");
        std::fs::write(&path, newer).unwrap();
        loader.reload(&source);
        let error = source.status().last_error.unwrap();
        assert!(
            error.contains("unknown_member") && error.contains("quota"),
            "{error}"
        );
        let rules = source.rules().unwrap();
        assert_eq!(rules.policy.revision(), before.policy.revision());
        let request = policy::Request {
            subject: Ok(policy::Subject {
                human: "ann",
                ..policy::Subject::default()
            }),
            session: Some("s"),
            method: Some("ping"),
            ..policy::Request::default()
        };
        let reason = |rules: &Rules| {
            policy::decide(Some(&rules.policy), &request, Timestamp::UNIX_EPOCH).reason
        };
        assert_eq!(reason(&before), policy::Reason::Allowed);
        assert_eq!(reason(&rules), policy::Reason::SessionRevoked);
    }
}
