//! What the watches have seen besides the servers themselves: who answers which route, and which
//! grants speak of which server.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use crds::{Grant, MCPAccessGrant, MCPServer, Route, Routes, Settings, parse_grant};
use kube::ResourceExt as _;
use kube::runtime::watcher::Event;

/// A kind that is kept as the watch tells it.
pub(crate) trait Book<K>: Default {
    fn put(&mut self, object: &K);
    fn remove(&mut self, object: &K);
}

/// What was listed last, and the list in progress, which takes its place when it is complete.
#[derive(Debug, Default)]
struct Pages<B> {
    current: B,
    listing: Option<B>,
}

impl<B> Pages<B> {
    fn apply<K>(&mut self, event: &Event<K>)
    where
        B: Book<K>,
    {
        match event {
            Event::Apply(object) => self.current.put(object),
            Event::Delete(object) => self.current.remove(object),
            Event::Init => self.listing = Some(B::default()),
            Event::InitApply(object) => self.listing.get_or_insert_default().put(object),
            Event::InitDone => self.current = self.listing.take().unwrap_or_default(),
        }
    }
}

/// Shared by the watches that write it and the reviews that read it.
#[derive(Debug, Default)]
pub struct Seen {
    routes: RwLock<Pages<Routes>>,
    grants: RwLock<Pages<Grants>>,
}

impl Seen {
    /// Takes over what the watch of servers says.
    pub(crate) fn server(&self, event: &Event<MCPServer>) {
        let mut pages = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        pages.apply(event);
    }

    /// Takes over what the watch of grants says.
    pub(crate) fn grant(&self, event: &Event<MCPAccessGrant>) {
        let mut pages = self.grants.write().unwrap_or_else(PoisonError::into_inner);
        pages.apply(event);
    }

    /// The route of another server that collides with this one.
    pub(crate) fn rival(&self, route: &Route, settings: &Settings) -> Option<Route> {
        let pages = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        pages.current.rival(route, settings).cloned()
    }

    /// Who has a route by the operator's rule, where it isn't this server.
    pub(crate) fn owner(&self, route: &Route, settings: &Settings) -> Option<Route> {
        let pages = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        pages.current.owner(route, settings).cloned()
    }

    /// The grants for a server in the server's own namespace, by name.
    pub(crate) fn grants(&self, namespace: &str, server: &str) -> Vec<Grant> {
        let pages = self.grants.read().unwrap_or_else(PoisonError::into_inner);
        let key = (namespace.to_owned(), server.to_owned());
        let found = pages.current.of.get(&key);
        found
            .into_iter()
            .flat_map(BTreeMap::values)
            .cloned()
            .collect()
    }
}

impl Book<MCPServer> for Routes {
    fn put(&mut self, object: &MCPServer) {
        self.put(Route::of(object));
    }

    fn remove(&mut self, object: &MCPServer) {
        let namespace = object.namespace().unwrap_or_default();
        self.remove(&namespace, &object.name_any());
    }
}

/// Grants by the namespace and name of their server, then by name. What a grant refers to can't be
/// changed, so it stays where it is. Those of foreign namespaces count nowhere.
#[derive(Debug, Default)]
struct Grants {
    of: BTreeMap<(String, String), BTreeMap<String, Grant>>,
}

impl Book<MCPAccessGrant> for Grants {
    fn put(&mut self, object: &MCPAccessGrant) {
        let Ok(grant) = parse_grant(object) else {
            return self.remove(object);
        };
        if grant.namespace == grant.server_namespace {
            let key = (grant.namespace.clone(), grant.server.clone());
            let grants = self.of.entry(key).or_default();
            grants.insert(grant.name.clone(), grant);
        }
    }

    fn remove(&mut self, object: &MCPAccessGrant) {
        let namespace = object.namespace().unwrap_or_default();
        let key = (namespace, object.spec.server_ref.name.clone());
        if let Some(grants) = self.of.get_mut(&key) {
            grants.remove(&object.name_any());
            if grants.is_empty() {
                self.of.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(name: &str) -> MCPAccessGrant {
        let text = format!(
            "metadata: {{name: {name}, namespace: d}}\nspec: {{serverRef: {{name: s}}, subject: {{humanID: ann}}}}"
        );
        serde_saphyr::from_str(&text).unwrap()
    }

    fn names(seen: &Seen) -> Vec<String> {
        let grants = seen.grants("d", "s").into_iter();
        grants.map(|grant| grant.name).collect()
    }

    #[test]
    fn what_a_new_list_lacks_is_gone_once_the_list_is_complete() {
        let seen = Seen::default();
        seen.grant(&Event::Apply(grant("a")));
        seen.grant(&Event::Init);
        seen.grant(&Event::InitApply(grant("b")));
        assert_eq!(names(&seen), ["a"]);
        seen.grant(&Event::InitDone);
        assert_eq!(names(&seen), ["b"]);
        seen.grant(&Event::Delete(grant("b")));
        assert_eq!(names(&seen), [""; 0]);
        assert!(seen.grants.read().unwrap().current.of.is_empty());
    }
}
