//! The settings file, read again when it changes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use crds::Settings;

/// How often the file is looked at. A ConfigMap's mount changes by a symbolic link, which file
/// watches miss; reading a kilobyte costs nothing.
const EVERY: Duration = Duration::from_secs(2);

/// The settings can't be had.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file can't be read.
    #[error("reading the settings in {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It isn't settings.
    #[error("reading the settings in {}: {message}", path.display())]
    Yaml {
        /// The file.
        path: PathBuf,
        /// What the parser said, with the line.
        message: String,
    },
}

/// A settings file and what was last read from it.
#[derive(Debug)]
pub struct SettingsFile {
    path: PathBuf,
    text: String,
    current: Arc<ArcSwap<Settings>>,
}

impl SettingsFile {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// [`SettingsError`] when it isn't there or isn't settings.
    pub fn open(path: &Path) -> Result<Self, SettingsError> {
        let text = read(path)?;
        let settings = parse(path, &text)?;
        Ok(Self {
            path: path.to_owned(),
            text,
            current: Arc::new(ArcSwap::from_pointee(settings)),
        })
    }

    /// The settings of the moment, for all who need them.
    pub fn current(&self) -> Arc<ArcSwap<Settings>> {
        Arc::clone(&self.current)
    }

    /// Looks again; true where there is something new. An error leaves the settings as they are.
    ///
    /// # Errors
    /// [`SettingsError`] when the file isn't there or isn't settings.
    pub fn refresh(&mut self) -> Result<bool, SettingsError> {
        let text = read(&self.path)?;
        if text == self.text {
            return Ok(false);
        }
        // Remembered also where it can't be parsed: said once, not every two seconds.
        self.text = text;
        let settings = parse(&self.path, &self.text)?;
        self.current.store(Arc::new(settings));
        Ok(true)
    }

    /// Looks again for ever.
    pub async fn follow(mut self) {
        let mut said = String::new();
        loop {
            tokio::time::sleep(EVERY).await;
            let told = match self.refresh() {
                Ok(true) => {
                    tracing::info!(path = %self.path.display(), "settings changed");
                    String::new()
                }
                Ok(false) => continue,
                Err(error) => format!("{:#}", anyhow::Error::new(error)),
            };
            if !told.is_empty() && told != said {
                tracing::warn!(error = told, "settings stay as they are");
            }
            said = told;
        }
    }
}

fn read(path: &Path) -> Result<String, SettingsError> {
    std::fs::read_to_string(path).map_err(|source| SettingsError::Read {
        path: path.to_owned(),
        source,
    })
}

fn parse(path: &Path, text: &str) -> Result<Settings, SettingsError> {
    serde_saphyr::from_str(text).map_err(|error| SettingsError::Yaml {
        path: path.to_owned(),
        message: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_seen_and_a_mistake_leaves_the_last_good_in_force() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("settings.yaml");
        std::fs::write(&path, "clusterName: one\n").unwrap();
        let mut file = SettingsFile::open(&path).unwrap();
        let current = file.current();
        assert!(!file.refresh().unwrap());

        std::fs::write(&path, "clusterName: two\n").unwrap();
        assert!(file.refresh().unwrap());
        assert_eq!(current.load().cluster_name, "two");

        std::fs::write(&path, "clusterNme: three\n").unwrap();
        let error = file.refresh().unwrap_err();
        assert!(error.to_string().contains("clusterNme"), "{error}");
        assert!(!file.refresh().unwrap());
        assert_eq!(current.load().cluster_name, "two");
    }

    #[test]
    fn a_missing_file_is_an_error_that_names_it() {
        let error = SettingsFile::open(Path::new("/nowhere/s.yaml")).unwrap_err();
        assert_eq!(error.to_string(), "reading the settings in /nowhere/s.yaml");
    }
}
