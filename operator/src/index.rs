//! What the watches have seen of one kind, grouped by the server it concerns.
//!
//! It is kube's reflector store with two things added: lookup by server, so that a reconcile
//! costs the same among 10 servers and among 10,000, and [`Index::learn`], by which the answer
//! to a write is known before its watch event arrives, so that nothing is written twice.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use kube::runtime::watcher::Event;
use tokio::sync::watch;

use crate::key::ServerKey;

/// Something that is kept by an [`Index`].
pub(crate) trait Cached {
    /// Its namespace and name.
    fn id(&self) -> ObjectId;
    /// The API server's version; higher is newer.
    fn version(&self) -> u64;
    /// The server it concerns; `None` keeps it out of every group.
    fn server(&self) -> Option<ServerKey>;
    /// Whether the change from `older` can't make a difference to any server.
    fn means_the_same(&self, older: &Self) -> bool;
    /// What it may contend for with others of its kind: a change of it concerns their servers too.
    fn contended(&self) -> &[String] {
        &[]
    }
}

/// Namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ObjectId {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// Whom an event concerns.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Touched {
    /// These servers; often one, two where an object moved from one to another.
    Servers(Vec<ServerKey>),
    /// Perhaps anyone: the watch was interrupted, deletions may have been missed.
    Everything,
}

/// All objects of one kind.
#[derive(Debug)]
pub(crate) struct Index<V> {
    seen: RwLock<Seen<V>>,
    synced: watch::Sender<bool>,
}

#[derive(Debug)]
struct Seen<V> {
    objects: Objects<V>,
    /// The list in progress; takes the place of `objects` when it is complete.
    listing: Option<Objects<V>>,
}

#[derive(Debug)]
struct Objects<V> {
    by_id: HashMap<ObjectId, Arc<V>>,
    by_server: BTreeMap<ServerKey, BTreeSet<ObjectId>>,
    by_contended: HashMap<String, BTreeSet<ObjectId>>,
}

impl<V> Default for Objects<V> {
    fn default() -> Self {
        Self {
            by_id: HashMap::new(),
            by_server: BTreeMap::new(),
            by_contended: HashMap::new(),
        }
    }
}

impl<V: Cached> Default for Index<V> {
    fn default() -> Self {
        Self {
            seen: RwLock::new(Seen {
                objects: Objects::default(),
                listing: None,
            }),
            synced: watch::Sender::new(false),
        }
    }
}

impl<V: Cached> Index<V> {
    /// The object, if it was seen.
    pub(crate) fn get(&self, namespace: &str, name: &str) -> Option<Arc<V>> {
        let id = ObjectId {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        self.read(|seen| seen.objects.by_id.get(&id).cloned())
    }

    /// The objects of one server, by namespace and name.
    pub(crate) fn of(&self, server: &ServerKey) -> Vec<Arc<V>> {
        self.read(|seen| {
            let ids = seen.objects.by_server.get(server);
            ids.into_iter()
                .flatten()
                .filter_map(|id| seen.objects.by_id.get(id).cloned())
                .collect()
        })
    }

    /// The objects that contend for something with this one, and those that do with them; this one
    /// is among them.
    pub(crate) fn contenders(&self, value: &V) -> Vec<Arc<V>> {
        self.read(|seen| {
            let ids = seen.objects.contenders(value).into_iter();
            ids.filter_map(|id| seen.objects.by_id.get(&id).cloned())
                .collect()
        })
    }

    /// Every object, in no order.
    pub(crate) fn all(&self) -> Vec<Arc<V>> {
        self.read(|seen| seen.objects.by_id.values().cloned().collect())
    }

    /// Every server that some object concerns.
    pub(crate) fn servers(&self) -> Vec<ServerKey> {
        self.read(|seen| seen.objects.by_server.keys().cloned().collect())
    }

    /// Ends when the first list is complete.
    pub(crate) async fn synced(&self) {
        // The sender lives as long as `self`: waiting can't fail.
        let _ = self.synced.subscribe().wait_for(|synced| *synced).await;
    }

    /// Takes over what a write was answered with.
    pub(crate) fn learn(&self, value: V) {
        self.write(|seen| {
            seen.objects.put(value);
        });
    }

    /// Takes over that the object was deleted.
    pub(crate) fn unlearn(&self, value: &V) {
        self.write(|seen| {
            seen.objects.delete(value);
        });
    }

    /// Takes over what the watch says; answers whom it concerns.
    pub(crate) fn apply(&self, event: Event<V>) -> Touched {
        let touched = self.write(|seen| seen.apply(event));
        if touched == Touched::Everything {
            self.synced
                .send_if_modified(|synced| !std::mem::replace(synced, true));
        }
        touched
    }

    fn read<T>(&self, f: impl FnOnce(&Seen<V>) -> T) -> T {
        f(&self.seen.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, f: impl FnOnce(&mut Seen<V>) -> T) -> T {
        f(&mut self.seen.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<V: Cached> Seen<V> {
    fn apply(&mut self, event: Event<V>) -> Touched {
        match event {
            Event::Apply(value) => Touched::Servers(self.objects.put(value)),
            Event::Delete(value) => Touched::Servers(self.objects.delete(&value)),
            Event::Init => {
                self.listing = Some(Objects::default());
                Touched::Servers(Vec::new())
            }
            Event::InitApply(value) => {
                self.listing.get_or_insert_default().put(value);
                Touched::Servers(Vec::new())
            }
            Event::InitDone => {
                self.objects = self.listing.take().unwrap_or_default();
                Touched::Everything
            }
        }
    }
}

impl<V: Cached> Objects<V> {
    /// Ignores what is older than what is known.
    fn put(&mut self, value: V) -> Vec<ServerKey> {
        let id = value.id();
        let older = self.by_id.get(&id).cloned();
        if let Some(older) = &older
            && older.version() >= value.version()
        {
            return Vec::new();
        }
        let means_the_same = older
            .as_deref()
            .is_some_and(|older| value.means_the_same(older));
        let mut touched = self.remove(&id);
        if let Some(server) = value.server() {
            self.by_server
                .entry(server.clone())
                .or_default()
                .insert(id.clone());
            if !touched.contains(&server) {
                touched.push(server);
            }
        }
        for name in value.contended() {
            let contenders = self.by_contended.entry(name.clone()).or_default();
            contenders.insert(id.clone());
        }
        if means_the_same {
            touched.clear();
        } else {
            touched.extend(self.servers_of(self.contenders(&value), &touched));
        }
        self.by_id.insert(id, Arc::new(value));
        touched
    }

    /// Ignores the end of an object whose successor of the same name is known already.
    fn delete(&mut self, value: &V) -> Vec<ServerKey> {
        let id = value.id();
        match self.by_id.get(&id) {
            Some(known) if known.version() > value.version() => Vec::new(),
            _ => self.remove(&id),
        }
    }

    /// Whom this one contends with, directly or through others, itself included.
    fn contenders(&self, value: &V) -> BTreeSet<ObjectId> {
        let mut found = BTreeSet::from([value.id()]);
        let mut names: Vec<&String> = value.contended().iter().collect();
        while let Some(name) = names.pop() {
            for id in self.by_contended.get(name).into_iter().flatten() {
                if found.insert(id.clone()) {
                    let other = self.by_id.get(id);
                    names.extend(other.into_iter().flat_map(|other| other.contended()));
                }
            }
        }
        found
    }

    fn servers_of(&self, ids: BTreeSet<ObjectId>, but: &[ServerKey]) -> Vec<ServerKey> {
        let servers = ids.iter().filter_map(|id| self.by_id.get(id)?.server());
        servers.filter(|server| !but.contains(server)).collect()
    }

    fn remove(&mut self, id: &ObjectId) -> Vec<ServerKey> {
        let Some(value) = self.by_id.remove(id) else {
            return Vec::new();
        };
        let beside = self.servers_of(self.contenders(&value), &[]);
        for name in value.contended() {
            if let Some(contenders) = self.by_contended.get_mut(name) {
                contenders.remove(id);
                if contenders.is_empty() {
                    self.by_contended.remove(name);
                }
            }
        }
        let Some(server) = value.server() else {
            return beside;
        };
        if let Some(group) = self.by_server.get_mut(&server) {
            group.remove(id);
            if group.is_empty() {
                self.by_server.remove(&server);
            }
        }
        std::iter::once(server).chain(beside).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Note {
        name: &'static str,
        version: u64,
        server: &'static str,
        text: &'static str,
    }

    impl Cached for Note {
        fn id(&self) -> ObjectId {
            ObjectId {
                namespace: "d".into(),
                name: self.name.into(),
            }
        }
        fn version(&self) -> u64 {
            self.version
        }
        fn server(&self) -> Option<ServerKey> {
            Some(ServerKey::new("d", self.server))
        }
        fn means_the_same(&self, older: &Self) -> bool {
            self.text == older.text && self.server == older.server
        }
    }

    fn note(version: u64, server: &'static str, text: &'static str) -> Note {
        Note {
            name: "n",
            version,
            server,
            text,
        }
    }

    fn servers(names: &[&str]) -> Touched {
        Touched::Servers(
            names
                .iter()
                .map(|name| ServerKey::new("d", *name))
                .collect(),
        )
    }

    #[test]
    fn a_late_event_does_not_undo_what_a_write_was_answered_with() {
        let index = Index::default();
        assert_eq!(
            index.apply(Event::Apply(note(1, "s", "old"))),
            servers(&["s"])
        );
        index.learn(note(3, "s", "written"));
        assert_eq!(
            index.apply(Event::Apply(note(2, "s", "between"))),
            servers(&[])
        );
        assert_eq!(
            index.apply(Event::Apply(note(3, "s", "written"))),
            servers(&[])
        );
        assert_eq!(*index.get("d", "n").unwrap(), note(3, "s", "written"));
    }

    #[test]
    fn an_object_that_moves_concerns_both_servers() {
        let index = Index::default();
        index.apply(Event::Apply(note(1, "s", "x")));
        assert_eq!(
            index.apply(Event::Apply(note(2, "t", "x"))),
            servers(&["s", "t"])
        );
        assert!(index.of(&ServerKey::new("d", "s")).is_empty());
        assert_eq!(index.of(&ServerKey::new("d", "t")).len(), 1);
    }

    #[derive(Clone, Debug)]
    struct Rival(&'static str, u64, Vec<String>);

    impl Cached for Rival {
        fn id(&self) -> ObjectId {
            ObjectId {
                namespace: "d".into(),
                name: self.0.into(),
            }
        }
        fn version(&self) -> u64 {
            self.1
        }
        fn server(&self) -> Option<ServerKey> {
            Some(ServerKey::new("d", self.0))
        }
        fn means_the_same(&self, older: &Self) -> bool {
            self.2 == older.2
        }
        fn contended(&self) -> &[String] {
            &self.2
        }
    }

    fn rival(name: &'static str, version: u64, of: &[&str]) -> Rival {
        Rival(name, version, of.iter().map(|of| (*of).into()).collect())
    }

    #[test]
    fn what_is_contended_for_concerns_every_contender_when_it_is_taken_and_when_it_is_let_go() {
        let index = Index::default();
        index.apply(Event::Apply(rival("a", 1, &["x"])));
        index.apply(Event::Apply(rival("c", 2, &["y"])));
        assert_eq!(
            index.apply(Event::Apply(rival("b", 3, &["x", "y"]))),
            servers(&["b", "a", "c"])
        );
        let names = |value: &Rival| -> Vec<&str> {
            let found = index.contenders(value);
            found.iter().map(|found| found.0).collect()
        };
        assert_eq!(names(&rival("a", 1, &["x"])), ["a", "b", "c"]);
        assert_eq!(
            index.apply(Event::Apply(rival("b", 4, &["x", "y"]))),
            servers(&[])
        );
        assert_eq!(
            index.apply(Event::Apply(rival("b", 5, &["y"]))),
            servers(&["b", "a", "c"])
        );
        assert_eq!(
            index.apply(Event::Delete(rival("b", 6, &["y"]))),
            servers(&["b", "c"])
        );
        assert_eq!(names(&rival("c", 2, &["y"])), ["c"]);
    }

    #[test]
    fn a_change_without_meaning_is_kept_and_concerns_nobody() {
        let index = Index::default();
        index.apply(Event::Apply(note(1, "s", "x")));
        assert_eq!(index.apply(Event::Apply(note(2, "s", "x"))), servers(&[]));
        assert_eq!(index.get("d", "n").unwrap().version, 2);
    }

    #[test]
    fn what_a_new_list_lacks_is_gone_only_once_the_list_is_complete() {
        let index = Index::default();
        index.apply(Event::Apply(note(1, "s", "x")));
        index.apply(Event::Init);
        assert!(index.get("d", "n").is_some());
        assert_eq!(index.apply(Event::InitDone), Touched::Everything);
        assert!(index.get("d", "n").is_none());
    }
}
