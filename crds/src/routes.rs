//! Which server answers a route. Admission refuses the conflict it sees; two applied at once are the operator's
//! to tell apart, by the same comparison: the oldest wins.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use crate::{MCPServer, Problem, Settings, problem::shown};

/// The path that a server answers: below a prefix, or the author's own, or below its name.
pub(crate) fn path_of(name: &str, prefix: Option<&str>, path: Option<&str>) -> String {
    match (prefix, path) {
        (Some(prefix), _) => format!("/{}/mcp", prefix.trim_matches('/')),
        (None, Some(path)) => format!("/{}", path.trim_matches('/')),
        (None, None) => format!("/{name}/mcp"),
    }
}

/// Where a resource server describes itself (RFC 9728); with OAuth, that is part of the route.
pub const RESOURCE_METADATA: &str = "/.well-known/oauth-protected-resource";

/// What a server wants to answer: paths on a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    namespace: String,
    name: String,
    created: Option<Timestamp>,
    host: Host,
    paths: Vec<String>,
    by_prefix: bool,
}

/// The hosts of a route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Host {
    /// The platform's, which is every host where the platform has none.
    #[default]
    Platform,
    /// Every host.
    Every,
    /// This one, or those of a wildcard.
    Of(String),
}

impl Route {
    /// The route of a server, whether the rest of its spec can be used or not.
    pub fn of(object: &MCPServer) -> Self {
        let spec = &object.spec;
        let mode = spec.auth.as_ref().and_then(|auth| auth.mode.as_deref());
        let given = [
            spec.public_path_prefix.as_deref(),
            spec.ingress_host.as_deref(),
            spec.ingress_path.as_deref(),
        ];
        Self::new(&object.metadata, given, mode == Some("oauth"))
    }

    /// The same of a raw spec.
    pub fn of_spec(metadata: &ObjectMeta, spec: &Value) -> Self {
        let text = |pointer| spec.pointer(pointer).and_then(Value::as_str);
        let given = ["/publicPathPrefix", "/ingressHost", "/ingressPath"].map(text);
        Self::new(metadata, given, text("/auth/mode") == Some("oauth"))
    }

    fn new(metadata: &ObjectMeta, given: [Option<&str>; 3], oauth: bool) -> Self {
        let name = metadata.name.clone().unwrap_or_default();
        // As everywhere, an empty text is none.
        let [prefix, host, path] = given.map(|text| text.filter(|text| !text.is_empty()));
        let by_prefix = prefix.is_some() || host.is_none();
        let path = path_of(&name, prefix, path.filter(|_| !by_prefix));
        let described = oauth.then(|| format!("{RESOURCE_METADATA}{path}"));
        Self {
            host: match host {
                Some(host) => Host::Of(host.to_ascii_lowercase()),
                None if prefix.is_some() => Host::Every,
                None => Host::Platform,
            },
            paths: std::iter::once(path).chain(described).collect(),
            by_prefix,
            created: metadata.creation_timestamp.as_ref().map(|time| time.0),
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name,
        }
    }

    /// Namespace and name of the server.
    pub fn server(&self) -> (&str, &str) {
        (&self.namespace, &self.name)
    }

    /// Paths with a leading slash and no trailing one; what has none of them in common can't collide.
    pub fn paths(&self) -> &[String] {
        &self.paths
    }

    /// Asks for the same paths on the same host, whoever asks.
    pub fn is_same(&self, other: &Self) -> bool {
        self.host == other.host && self.paths == other.paths
    }

    /// Both would answer the same requests: the same path, on the same host or with one of them on every host.
    pub fn collides_with(&self, other: &Self, settings: &Settings) -> bool {
        let same_path = self.paths.iter().any(|path| other.paths.contains(path));
        same_path && overlap(self.host_of(settings), other.host_of(settings))
    }

    /// Empty: every host.
    fn host_of<'a>(&'a self, settings: &'a Settings) -> &'a str {
        match &self.host {
            Host::Platform => settings.default_ingress_host.trim_end_matches('.'),
            Host::Every => "",
            Host::Of(host) => host,
        }
    }

    /// The oldest first; what no API server has seen yet comes last.
    fn age(&self) -> impl Ord + '_ {
        let unborn = self.created.is_none();
        (unborn, self.created, &self.namespace, &self.name)
    }

    /// What is said to a reader of `self` about the route's owner: its name only within the namespace.
    pub fn told(&self, owner: &Self) -> String {
        if self.namespace == owner.namespace {
            format!("MCPServer {} has this route", owner.name)
        } else {
            "a server of another namespace has this route".to_owned()
        }
    }

    /// The refusal, where `owner` has the route already.
    pub fn problem(&self, owner: &Self, settings: &Settings) -> Problem {
        let path = self.paths.first().map(String::as_str).unwrap_or_default();
        let (field, remedy) = if self.by_prefix {
            (
                "spec.publicPathPrefix",
                "write another publicPathPrefix, or an ingressHost of its own",
            )
        } else {
            (
                "spec.ingressPath",
                "write another ingressPath, or another ingressHost",
            )
        };
        Problem {
            code: "route_taken",
            field: field.into(),
            value: shown(&format!("{}{path}", self.host_of(settings)).into()),
            message: self.told(owner),
            remedy: remedy.into(),
        }
    }
}

/// One of the hosts is the other, or a wildcard over it, or every host.
fn overlap(one: &str, other: &str) -> bool {
    let over = |wide: &str, narrow: &str| {
        let below = wide
            .strip_prefix("*.")
            .and_then(|zone| narrow.strip_suffix(zone)?.strip_suffix('.'));
        wide.is_empty() || below.is_some_and(|label| !label.contains('.'))
    };
    one == other || over(one, other) || over(other, one)
}

/// Who has the route that `route` asks for; `None` where that is `route` itself. The oldest claims go first, and
/// each gets its route unless it collides with one given before: who loses to an older one holds nothing against
/// a younger. `others` are those that share a path with `route`, or with one another.
pub fn route_owner<'a>(
    route: &'a Route,
    others: impl IntoIterator<Item = &'a Route>,
    settings: &Settings,
) -> Option<&'a Route> {
    let mut all: Vec<&Route> = others
        .into_iter()
        .filter(|other| other.server() != route.server())
        .collect();
    all.push(route);
    all.sort_by(|a, b| a.age().cmp(&b.age()));
    let mut given: Vec<&Route> = Vec::new();
    for claim in all {
        let owner = given
            .iter()
            .find(|owner| owner.collides_with(claim, settings))
            .copied();
        if claim.server() == route.server() {
            return owner;
        }
        if owner.is_none() {
            given.push(claim);
        }
    }
    None
}

/// Namespace and name.
type Key = (String, String);

/// The routes of many servers, found by path.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    by_path: HashMap<String, BTreeMap<Key, Route>>,
    paths: HashMap<Key, Vec<String>>,
}

impl Routes {
    /// Takes over a server's route, in the place of the one it had.
    pub fn put(&mut self, route: Route) {
        let key = (route.namespace.clone(), route.name.clone());
        self.remove(&key.0, &key.1);
        for path in &route.paths {
            let routes = self.by_path.entry(path.clone()).or_default();
            routes.insert(key.clone(), route.clone());
        }
        self.paths.insert(key, route.paths);
    }

    /// Forgets a server.
    pub fn remove(&mut self, namespace: &str, name: &str) {
        let key = (namespace.to_owned(), name.to_owned());
        for path in self.paths.remove(&key).unwrap_or_default() {
            if let Some(routes) = self.by_path.get_mut(&path) {
                routes.remove(&key);
                if routes.is_empty() {
                    self.by_path.remove(&path);
                }
            }
        }
    }

    /// The oldest other server whose route collides with `route`, whoever of them has it.
    pub fn rival(&self, route: &Route, settings: &Settings) -> Option<&Route> {
        self.beside(route)
            .filter(|other| other.server() != route.server())
            .filter(|other| other.collides_with(route, settings))
            .min_by(|a, b| a.age().cmp(&b.age()))
    }

    /// Who has the route, where it isn't `route`.
    pub fn owner<'a>(&'a self, route: &'a Route, settings: &Settings) -> Option<&'a Route> {
        route_owner(route, self.beside(route), settings)
    }

    fn beside(&self, route: &Route) -> impl Iterator<Item = &Route> {
        route
            .paths
            .iter()
            .filter_map(|path| self.by_path.get(path))
            .flat_map(BTreeMap::values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `namespace/name`, when it was created, and its spec as YAML.
    fn route(server: &str, minute: u32, spec: &str) -> Route {
        let (namespace, name) = server.split_once('/').unwrap();
        let text = format!(
            "metadata: {{name: {name}, namespace: {namespace}, creationTimestamp: \"2026-01-01T00:{minute:02}:00Z\"}}\nspec: {{{spec}}}"
        );
        Route::of(&serde_saphyr::from_str(&text).unwrap())
    }

    fn settings() -> Settings {
        Settings {
            default_ingress_host: "mcp.example.com".into(),
            ..Settings::default()
        }
    }

    fn owner(route: &Route, others: &[Route]) -> Option<String> {
        let owner = route_owner(route, others, &settings());
        owner.map(|owner| format!("{}/{}", owner.namespace, owner.name))
    }

    #[test]
    fn routes_collide_on_one_path_and_one_host_or_every_host() {
        let base = route(
            "a/x",
            0,
            "publicPathPrefix: p, ingressHost: one.example.com",
        );
        for (spec, collides) in [
            ("publicPathPrefix: p, ingressHost: one.example.com", true),
            ("publicPathPrefix: /p/, ingressHost: One.Example.Com", true),
            ("publicPathPrefix: p", true),
            ("publicPathPrefix: p, ingressHost: \"*.example.com\"", true),
            ("ingressPath: /p/mcp/, ingressHost: one.example.com", true),
            ("publicPathPrefix: p, ingressHost: two.example.com", false),
            ("publicPathPrefix: p, ingressHost: \"*.com\"", false),
            ("publicPathPrefix: P, ingressHost: one.example.com", false),
            ("publicPathPrefix: q, ingressHost: one.example.com", false),
            ("ingressPath: /, ingressHost: one.example.com", false),
            ("", false),
        ] {
            let other = route("b/y", 1, spec);
            assert_eq!(base.collides_with(&other, &settings()), collides, "{spec}");
            assert_eq!(other.collides_with(&base, &settings()), collides, "{spec}");
        }
    }

    #[test]
    fn the_root_of_a_host_is_a_path_like_others() {
        let root = "ingressPath: /, ingressHost: one.example.com";
        let (mine, other) = (route("a/x", 0, root), route("b/y", 1, root));
        assert_eq!(mine.paths(), ["/"]);
        assert!(mine.collides_with(&other, &settings()));
    }

    #[test]
    fn without_host_and_prefix_the_platforms_host_counts() {
        let plain = route("a/x", 0, "");
        let named = route(
            "b/x",
            0,
            "publicPathPrefix: x, ingressHost: mcp.example.com",
        );
        let other = route(
            "b/x",
            0,
            "publicPathPrefix: x, ingressHost: other.example.com",
        );
        assert!(plain.collides_with(&named, &settings()));
        assert!(!plain.collides_with(&other, &settings()));
        assert!(plain.collides_with(&other, &Settings::default()));
    }

    #[test]
    fn the_oldest_has_the_route_then_namespace_and_name_decide() {
        let (old, young) = (route("z/x", 0, ""), route("a/x", 1, ""));
        let both = [old.clone(), young.clone()];
        assert_eq!(owner(&old, &both), None);
        assert_eq!(owner(&young, &both), Some("z/x".into()));
        let (one, two) = (route("a/x", 0, ""), route("b/x", 0, ""));
        assert_eq!(owner(&two, std::slice::from_ref(&one)), Some("a/x".into()));
        assert_eq!(owner(&one, &[two]), None);
    }

    #[test]
    fn who_lost_the_route_keeps_nobody_else_from_it() {
        let first = route(
            "a/x",
            0,
            "publicPathPrefix: p, ingressHost: one.example.com",
        );
        let every = route("a/y", 1, "publicPathPrefix: p");
        let last = route(
            "a/z",
            2,
            "publicPathPrefix: p, ingressHost: two.example.com",
        );
        let all = [first, every.clone(), last.clone()];
        assert_eq!(owner(&every, &all), Some("a/x".into()));
        assert_eq!(owner(&last, &all), None);
    }

    #[test]
    fn the_description_of_a_resource_is_part_of_its_route() {
        let oauth = route("a/x", 0, "publicPathPrefix: p, auth: {mode: oauth}");
        let thief = route(
            "b/y",
            1,
            "ingressHost: h.example.com, ingressPath: /.well-known/oauth-protected-resource/p/mcp",
        );
        assert!(oauth.collides_with(&thief, &settings()));
    }

    #[test]
    fn the_owners_name_is_told_within_its_namespace_only() {
        let mine = route("a/x", 1, "publicPathPrefix: p");
        let near = route("a/y", 0, "publicPathPrefix: p");
        let far = route("b/secret", 0, "publicPathPrefix: p");
        let told = |owner| mine.problem(owner, &settings()).to_string();
        assert_eq!(
            told(&near),
            "spec.publicPathPrefix: \"/p/mcp\": MCPServer y has this route; write another publicPathPrefix, or an \
             ingressHost of its own"
        );
        assert!(!told(&far).contains("secret") && !told(&far).contains("\"b\""));
    }

    #[test]
    fn a_route_that_is_replaced_or_removed_is_free() {
        let mut routes = Routes::default();
        routes.put(route("a/x", 0, "publicPathPrefix: p"));
        let other = route("b/y", 1, "publicPathPrefix: p");
        assert!(routes.rival(&other, &settings()).is_some());
        routes.put(route("a/x", 0, "publicPathPrefix: q"));
        assert_eq!(routes.rival(&other, &settings()), None);
        routes.put(other.clone());
        assert_eq!(routes.rival(&other, &settings()), None);
        routes.remove("b", "y");
        assert_eq!(routes.by_path.len(), 1);
    }
}
