//! The settings while they change: their file is a mounted ConfigMap, and the webhook reads the
//! same one.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crds::Settings;

use crate::args::Args;
use crate::chain::Chain;

/// A mounted ConfigMap is changed by the kubelet about once a minute: looking more often would
/// see nothing more.
const LOOK: Duration = Duration::from_secs(5);

/// The settings in force. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct LiveSettings(Arc<RwLock<Arc<Settings>>>);

impl LiveSettings {
    pub(crate) fn new(settings: Settings) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(settings))))
    }

    /// As of now; a reconcile takes them once.
    pub(crate) fn now(&self) -> Arc<Settings> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// True when they were others before.
    fn replace(&self, settings: Settings) -> bool {
        let mut present = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let changed = **present != settings;
        if changed {
            *present = Arc::new(settings);
        }
        changed
    }
}

/// Reads the file again and again, without end; `changed` is called when it says something new.
/// While it can't be read, the last settings stay.
pub(crate) async fn follow(args: Args, live: LiveSettings, changed: impl Fn() + Send) {
    let path: PathBuf = args.settings.clone();
    let mut looks = tokio::time::interval(LOOK);
    loop {
        looks.tick().await;
        match args.effective_settings() {
            Ok(settings) => {
                if live.replace(settings) {
                    tracing::info!(file = %path.display(), "settings changed");
                    changed();
                }
            }
            Err(error) => tracing::warn!(error = %Chain(&error), "settings stay as they are"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_replaced_only_by_others() {
        let live = LiveSettings::new(Settings::default());
        assert!(!live.replace(Settings::default()));
        let other = Settings {
            cluster_name: "other".into(),
            ..Settings::default()
        };
        assert!(live.replace(other.clone()));
        assert_eq!(*live.now(), other);
    }
}
