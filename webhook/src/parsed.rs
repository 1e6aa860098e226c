//! Servers as last parsed: a Deployment's pods come by the hundred, and their server stays the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crds::{MCPServer, Problems, Server, Settings};

/// More than these aren't kept.
const MOST: usize = 1000;

/// What was made of what.
#[derive(Debug)]
struct Entry {
    object: Arc<MCPServer>,
    settings: Arc<Settings>,
    server: Arc<Server>,
}

/// By namespace and name. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parsed(Arc<Mutex<HashMap<(String, String), Entry>>>);

impl Parsed {
    /// What [`crds::parse`] says, or said of the very same object and settings.
    pub(crate) fn parse(
        &self,
        object: Arc<MCPServer>,
        settings: &Arc<Settings>,
    ) -> Result<Arc<Server>, Problems> {
        let of = |text: &Option<String>| text.clone().unwrap_or_default();
        let key = (of(&object.metadata.namespace), of(&object.metadata.name));
        if let Some(server) = self.known(&key, &object, settings) {
            return Ok(server);
        }
        let server = Arc::new(crds::parse(&object, settings)?);
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MOST {
            entries.clear();
        }
        let entry = Entry {
            object,
            settings: Arc::clone(settings),
            server: Arc::clone(&server),
        };
        entries.insert(key, entry);
        Ok(server)
    }

    fn known(
        &self,
        key: &(String, String),
        object: &Arc<MCPServer>,
        settings: &Arc<Settings>,
    ) -> Option<Arc<Server>> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(key)?;
        let same = Arc::ptr_eq(&entry.object, object) && Arc::ptr_eq(&entry.settings, settings);
        same.then(|| Arc::clone(&entry.server))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(port: u16) -> Arc<MCPServer> {
        let object = json!({
            "apiVersion": "mcpruntime.org/v1alpha1", "kind": "MCPServer",
            "metadata": {"name": "a", "namespace": "b"},
            "spec": {"image": "a:1", "port": port},
        });
        Arc::new(serde_json::from_value(object).unwrap())
    }

    #[test]
    fn a_server_is_parsed_again_when_it_or_the_settings_are_others() {
        let (parsed, settings) = (Parsed::default(), Arc::new(Settings::default()));
        let first = object(8001);
        let parse = |object: &Arc<MCPServer>, settings: &Arc<Settings>| {
            parsed.parse(Arc::clone(object), settings).unwrap()
        };
        let server = parse(&first, &settings);
        assert!(Arc::ptr_eq(&server, &parse(&first, &settings)));
        assert_eq!(parse(&object(8002), &settings).port, 8002);
        let others = Arc::new(Settings {
            default_ingress_host: "h.example.org".into(),
            ..Settings::default()
        });
        assert_eq!(parse(&first, &others).ingress.host, "h.example.org");
    }
}
