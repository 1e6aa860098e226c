//! Manifests judged together, as they would be once all of them are applied.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    Grant, Lookup, MCPServer, Manifest, Problem, Problems, Server, Settings, Warning, WarningCode,
    grant_warnings, parse, parse_grant, parse_session, read,
    routes::{Route, Routes},
    session_warnings, warnings,
    warnings::{unknown_remedy, unknown_rules},
};

/// Namespace and name.
type Key = (String, String);

/// What stands for the cluster: objects of the three kinds, and Secrets.
#[derive(Clone, Debug, Default)]
pub struct Set {
    settings: Settings,
    /// `None` where it is there and can't be used.
    servers: BTreeMap<Key, Option<Server>>,
    grants: BTreeMap<Key, Grant>,
    routes: Routes,
    /// The keys of each Secret.
    secrets: BTreeMap<Key, BTreeSet<String>>,
}

/// What is said of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// Why it is refused; none where it is valid.
    pub problems: Problems,
    /// What deserves a word.
    pub warnings: Vec<Warning>,
}

impl Set {
    /// An empty one.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }

    /// Adds an object, in the place of one of its name; one of another kind is nothing to it. Objects have their namespace.
    pub fn add(&mut self, object: &Value) {
        match read(object) {
            Ok(Manifest::Server(server)) => {
                let parsed = parse(&server, &self.settings).ok();
                self.routes.put(Route::of(&server));
                self.servers.insert(key(object), parsed);
            }
            Ok(Manifest::Grant(grant)) => {
                self.grants.remove(&key(object));
                let parsed = parse_grant(&grant).ok();
                self.grants.extend(parsed.map(|grant| (key(object), grant)));
            }
            Ok(Manifest::Session(_)) => {}
            Err(_) if crate::Kind::of(object) == Some(crate::Kind::Server) => {
                let key = key(object);
                self.routes.remove(&key.0, &key.1);
                self.servers.insert(key, None);
            }
            Err(_) if is_secret(object) => {
                self.secrets.insert(key(object), keys_of(object));
            }
            Err(_) => {}
        }
    }

    /// What is wrong with an object of the three kinds, and what deserves a word, as of `now`: the checks of its
    /// shape as strict as kubectl's, those of its meaning, and those beside the rest of the set.
    pub fn judge(&self, object: &Value, now: Timestamp) -> Judgement {
        let told = read(object).and_then(|manifest| match manifest {
            Manifest::Server(server) => self.server(&server),
            Manifest::Grant(grant) => {
                let grant = parse_grant(&grant)?;
                let server = self.look_up(&grant.server_namespace, &grant.server);
                Ok(strict(
                    grant_warnings(&grant, server, self.grants.values()),
                    &grant,
                    server,
                ))
            }
            Manifest::Session(session) => {
                let session = parse_session(&session)?;
                let server = self.look_up(&session.server_namespace, &session.server);
                Ok(Judgement {
                    problems: Problems::default(),
                    warnings: session_warnings(&session, server, now),
                })
            }
        });
        told.unwrap_or_else(|problems| Judgement {
            problems,
            warnings: Vec::new(),
        })
    }

    fn look_up(&self, namespace: &str, name: &str) -> Lookup<'_> {
        match self.servers.get(&(namespace.to_owned(), name.to_owned())) {
            Some(Some(server)) => Lookup::Found(server),
            Some(None) => Lookup::Unknown,
            None => Lookup::Missing,
        }
    }

    fn server(&self, object: &MCPServer) -> Result<Judgement, Problems> {
        let server = parse(object, &self.settings)?;
        let route = Route::of(object);
        let taken = self.routes.owner(&route, &self.settings);
        let taken = taken.map(|owner| route.problem(owner, &self.settings));
        let mut told = warnings(&server);
        told.extend(self.secrets(&server));
        Ok(Judgement {
            problems: Problems(taken.into_iter().collect()),
            warnings: told,
        })
    }

    /// Secrets that the set should have and doesn't. Where it has none at all of the namespace, they are kept
    /// elsewhere, and nothing can be said.
    fn secrets(&self, server: &Server) -> Vec<Warning> {
        let known = |(namespace, _): &&Key| *namespace == server.namespace;
        if !self.secrets.keys().any(|key| known(&key)) {
            return Vec::new();
        }
        let variables = server.secret_env.iter().enumerate().map(|(n, variable)| {
            let field = format!("spec.secretEnvVars[{n}].secretKeyRef");
            (field, &*variable.secret.name, Some(&*variable.secret.key))
        });
        let pulls = server.image_pull_secrets.iter().enumerate();
        let pulls = pulls.map(|(n, name)| (format!("spec.imagePullSecrets[{n}]"), &**name, None));
        let analytics = server
            .analytics
            .as_ref()
            .and_then(|one| one.api_key.as_ref());
        let analytics = analytics.map(|secret| {
            let field = "spec.analytics.apiKeySecretRef".to_owned();
            (field, &*secret.name, Some(&*secret.key))
        });
        variables
            .chain(pulls)
            .chain(analytics)
            .filter_map(|(field, name, key)| self.secret(server, &field, name, key))
            .collect()
    }

    fn secret(
        &self,
        server: &Server,
        field: &str,
        name: &str,
        key: Option<&str>,
    ) -> Option<Warning> {
        let found = self
            .secrets
            .get(&(server.namespace.clone(), name.to_owned()));
        let (code, message) = match (found, key) {
            (None, _) => (
                WarningCode::SecretNotFound,
                format!(
                    "{field}: the manifests have no Secret {name} in namespace {}",
                    server.namespace
                ),
            ),
            (Some(keys), Some(key)) if !keys.contains(key) => (
                WarningCode::SecretKeyMissing,
                format!("{field}.key: Secret {name} has no key {key}"),
            ),
            _ => return None,
        };
        Some(Warning {
            code: code.as_str(),
            message,
        })
    }
}

/// With the whole set at hand, nothing is still to come: a tool that isn't declared is an error.
fn strict(told: Vec<Warning>, grant: &Grant, server: Lookup<'_>) -> Judgement {
    let Lookup::Found(server) = server else {
        return Judgement {
            problems: Problems::default(),
            warnings: told,
        };
    };
    let (unknown, warnings): (Vec<_>, Vec<_>) = told
        .into_iter()
        .partition(|warning| warning.code == WarningCode::UnknownTool.as_str());
    if unknown.is_empty() {
        return Judgement {
            problems: Problems::default(),
            warnings,
        };
    }
    let problems = unknown_rules(grant, server).map(|(n, name)| Problem {
        code: WarningCode::UnknownTool.as_str(),
        field: format!("spec.toolRules[{n}].name"),
        value: name.to_owned(),
        message: format!("MCPServer {} declares no tool of this name", server.name),
        remedy: unknown_remedy(server),
    });
    Judgement {
        problems: Problems(problems.collect()),
        warnings,
    }
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    let found = object.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default()
}

fn key(object: &Value) -> Key {
    (
        text(object, "/metadata/namespace").to_owned(),
        text(object, "/metadata/name").to_owned(),
    )
}

fn is_secret(object: &Value) -> bool {
    text(object, "/apiVersion") == "v1" && text(object, "/kind") == "Secret"
}

fn keys_of(secret: &Value) -> BTreeSet<String> {
    ["data", "stringData"]
        .iter()
        .filter_map(|member| secret.get(member)?.as_object())
        .flat_map(|members| members.keys().cloned())
        .collect()
}
