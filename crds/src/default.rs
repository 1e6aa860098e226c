//! Fills in what an object leaves out, on raw JSON: it adds what is absent, touches nothing that is there and
//! passes over what it can't read.
//!
//! Static defaults are the schema's, read from there; what depends on the object's name, on its other fields or
//! on the platform is here. The webhook sends the additions to the API server, [`parse`](crate::parse()) makes
//! them in memory: an object from before the webhook means the same.

use serde_json::{Map, Value, json};

use crate::{
    Add, Kind, Settings,
    nodes::{Path, at},
    routes::path_of,
    schema,
};

/// What `object` leaves out, in an order in which the additions can be applied. Never fails: what it can't read
/// is left to the schema. Applying the result and asking again gives nothing.
pub fn default(kind: Kind, object: &Value, settings: &Settings) -> Vec<Add> {
    fill(kind, &mut object.clone(), settings)
}

/// Fills in what `object` leaves out; tells what that was, as [`default`] does. Each addition has been applied here,
/// so it can be applied elsewhere.
pub fn fill(kind: Kind, object: &mut Value, settings: &Settings) -> Vec<Add> {
    let mut filling = Filling {
        object,
        adds: Vec::new(),
    };
    if kind == Kind::Server {
        filling.sections_of_the_gateway();
    }
    filling.defaults_of_the_schema(kind);
    if kind == Kind::Server {
        filling.image_tag();
        filling.route(settings);
        filling.upstream();
        filling.analytics(settings);
    }
    filling.adds
}

/// Applies an addition; false where its parent isn't there, or it is there already.
pub(crate) fn apply(object: &mut Value, add: &Add) -> bool {
    let Some((parent, name)) = add.path.rsplit_once('/') else {
        return false;
    };
    let Some(Value::Object(members)) = object.pointer_mut(parent) else {
        return false;
    };
    let absent = !members.contains_key(name);
    if absent {
        members.insert(name.to_owned(), add.value.clone());
    }
    absent
}

struct Filling<'a> {
    object: &'a mut Value,
    adds: Vec<Add>,
}

impl Filling<'_> {
    fn add(&mut self, path: &str, value: Value) {
        let path = path.to_owned();
        self.add_all([Add { path, value }]);
    }

    fn add_all(&mut self, adds: impl IntoIterator<Item = Add>) {
        for add in adds {
            if apply(self.object, &add) {
                self.adds.push(add);
            }
        }
    }

    fn is_object(&self, path: &str) -> bool {
        at(self.object, path).is_some_and(Value::is_object)
    }

    fn has(&self, path: &str) -> bool {
        at(self.object, path).is_some()
    }

    fn text(&self, path: &str) -> &str {
        at(self.object, path)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    fn gateway_on(&self) -> bool {
        at(self.object, "/spec/gateway/enabled") == Some(&Value::Bool(true))
    }

    /// A gateway decides by all three, so they are written out where the author left them out.
    fn sections_of_the_gateway(&mut self) {
        if !self.gateway_on() {
            return;
        }
        let spec = schema::defaults(Kind::Server).below("spec");
        for section in ["auth", "policy", "session"] {
            let path = format!("/spec/{section}");
            if self.has(&path) {
                continue;
            }
            let mut value = Value::Object(Map::new());
            let mut adds = Vec::new();
            if let Some(defaults) = spec.and_then(|spec| spec.below(section)) {
                defaults.missing(&value, &Path::Root, &mut adds);
            }
            for add in &adds {
                apply(&mut value, add);
            }
            self.add(&path, value);
        }
    }

    fn defaults_of_the_schema(&mut self, kind: Kind) {
        let mut adds = Vec::new();
        schema::defaults(kind).missing(self.object, &Path::Root, &mut adds);
        self.add_all(adds);
    }

    fn image_tag(&mut self) {
        let image = self.text("/spec/image").trim();
        if !image.is_empty() && !crate::image::has_tag_or_digest(image) {
            self.add("/spec/imageTag", json!("latest"));
        }
    }

    /// A host without a prefix means the author's own path; neither means the platform's host, under the name.
    fn route(&mut self, settings: &Settings) {
        let name = self.text("/metadata/name").to_owned();
        if name.is_empty() || !self.is_object("/spec") {
            return;
        }
        if !self.has("/spec/ingressHost") && !self.has("/spec/publicPathPrefix") {
            self.add("/spec/publicPathPrefix", json!(name));
            if !settings.default_ingress_host.is_empty() {
                self.add("/spec/ingressHost", json!(settings.default_ingress_host));
            }
        }
        self.add("/spec/ingressPath", json!(path_of(&name, None, None)));
    }

    /// Stored as the Go project has it, so it doesn't follow a port that changes later: `upstream_elsewhere` says so.
    fn upstream(&mut self) {
        if self.gateway_on()
            && let Some(port) = at(self.object, "/spec/port").and_then(Value::as_i64)
        {
            self.add(
                "/spec/gateway/upstreamURL",
                json!(format!("http://127.0.0.1:{port}")),
            );
        }
    }

    fn analytics(&mut self, settings: &Settings) {
        let disabled = at(self.object, "/spec/analytics/disabled") == Some(&Value::Bool(true));
        let name = self.text("/metadata/name").to_owned();
        if disabled || name.is_empty() || !self.is_object("/spec/analytics") {
            return;
        }
        self.add("/spec/analytics/source", json!(format!("{name}-gateway")));
        if !settings.ingest_url.is_empty() {
            self.add("/spec/analytics/ingestURL", json!(settings.ingest_url));
        }
    }
}
