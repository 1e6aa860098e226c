//! What the schema can't say by shape alone. Each rule is written twice: as CEL, which the API server enforces
//! with nothing of ours running, and as a Rust function on the same JSON node, which names the value found. A
//! test holds the two to the same answers.
//!
//! Rules sit on the narrowest node that has what they compare, because the API server excuses an untouched old
//! value only where the rule's whole node is unchanged. Those on `spec` and on the root compare fields that
//! change apart; they are emitted with `optionalOldSelf` and excuse an object that broke the rule before.

mod access;
mod network;
mod networking;
mod server;
mod strings;
mod workload;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

use crate::{Kind, Problem, manifest::PerKind, nodes, problem::shown};

pub use networking::LOOPBACK_URL;

/// A rule, at each of its nodes.
pub(crate) struct Rule {
    /// Stable code of the problem.
    pub(crate) code: &'static str,
    /// Schema paths of the nodes, such as `spec.tools[].name`; the empty path is the root.
    pub(crate) nodes: &'static [&'static str],
    /// Path below the node of the field to change, such as `.gateway.port`.
    pub(crate) field: &'static str,
    /// `self` is the node. `None` where the API server's cost limits rule it out.
    pub(crate) cel: Option<&'static str>,
    /// Looks at the node after defaults; gives the value found where the rule is broken.
    pub(crate) breach: fn(&Value) -> Option<String>,
    /// What is wrong.
    pub(crate) message: &'static str,
    /// What to write instead.
    pub(crate) remedy: &'static str,
    /// What the API server calls it.
    pub(crate) reason: Reason,
}

/// The reasons that CEL rules may give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// A value isn't what it should be.
    Invalid,
    /// A value is missing.
    Required,
    /// A value may not be there.
    Forbidden,
}

impl Reason {
    /// The spelling in `x-kubernetes-validations`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "FieldValueInvalid",
            Self::Required => "FieldValueRequired",
            Self::Forbidden => "FieldValueForbidden",
        }
    }
}

/// A field that can't be changed. The API server alone enforces it, since only it has the old object.
pub(crate) struct Immutable {
    /// Schema path.
    pub(crate) node: &'static str,
    /// What is wrong, and what to do instead.
    pub(crate) message: &'static str,
}

/// The rules of a kind, in the order in which problems are told.
pub(crate) fn rules(kind: Kind) -> impl Iterator<Item = &'static Rule> {
    let groups: &[&'static [Rule]] = match kind {
        Kind::Server => &[
            server::RULES,
            networking::RULES,
            network::RULES,
            workload::RULES,
            strings::SERVER,
        ],
        Kind::Grant => &[access::GRANT],
        Kind::Session => &[access::SESSION],
    };
    groups.iter().copied().flatten()
}

/// The fields of a kind that can't be changed.
pub(crate) fn immutables(kind: Kind) -> &'static [Immutable] {
    match kind {
        Kind::Server => &[],
        Kind::Grant | Kind::Session => access::IMMUTABLE,
    }
}

/// Every breach of a rule in an object after defaults.
pub(crate) fn check(kind: Kind, object: &Value) -> Vec<Problem> {
    let mut breaches = Vec::new();
    tree(kind).each(
        object,
        &nodes::Path::Root,
        &mut |place, rule, path, value| {
            let found = (rule.breach)(value);
            breaches.extend(found.map(|found| (place, rule.problem(path, found))));
        },
    );
    // In the order of the rules; those of one rule are in the order of its nodes.
    breaches.sort_by_key(|(place, _)| *place);
    breaches.into_iter().map(|(_, problem)| problem).collect()
}

/// A rule's place among the rules of its kind, and the node's among the rule's.
type Place = (usize, usize);

/// Rules by the node they are on, so that an object is walked once and not once for each rule.
#[derive(Default)]
struct Tree {
    rules: Vec<(Place, &'static Rule)>,
    members: BTreeMap<&'static str, Tree>,
    items: Option<Box<Tree>>,
}

fn tree(kind: Kind) -> &'static Tree {
    static TREES: LazyLock<PerKind<Tree>> = LazyLock::new(|| PerKind::make(Tree::of));
    TREES.of(kind)
}

impl Tree {
    fn of(kind: Kind) -> Self {
        let mut tree = Self::default();
        for (n, rule) in rules(kind).enumerate() {
            for (m, node) in rule.nodes.iter().enumerate() {
                tree.at(node).rules.push(((n, m), rule));
            }
        }
        tree
    }

    /// The branch at a schema path such as `spec.tools[].name`.
    fn at(&mut self, path: &'static str) -> &mut Self {
        if path.is_empty() {
            return self;
        }
        let (step, rest) = path.split_once('.').unwrap_or((path, ""));
        match step.strip_suffix("[]") {
            Some(name) => {
                let list = self.members.entry(name).or_default();
                list.items.get_or_insert_default().at(rest)
            }
            None => self.members.entry(step).or_default().at(rest),
        }
    }

    /// Visits every rule at each of its nodes in an object.
    fn each<'v>(
        &self,
        value: &'v Value,
        at: &nodes::Path<'_>,
        visit: &mut impl FnMut(Place, &'static Rule, &nodes::Path<'_>, &'v Value),
    ) {
        for (place, rule) in &self.rules {
            visit(*place, rule, at, value);
        }
        for (name, below) in &self.members {
            if let Some(member) = value.get(name) {
                below.each(member, &nodes::Path::Member(at, name), visit);
            }
        }
        if let (Some(below), Some(items)) = (&self.items, value.as_array()) {
            for (n, item) in items.iter().enumerate() {
                below.each(item, &nodes::Path::Item(at, n), visit);
            }
        }
    }
}

impl Rule {
    fn problem(&self, node: &nodes::Path<'_>, found: String) -> Problem {
        let field = format!("{node}{}", self.field);
        Problem {
            code: self.code,
            field: field.trim_start_matches('.').to_owned(),
            value: shown(&found.into()),
            message: self.message.to_owned(),
            remedy: self.remedy.to_owned(),
        }
    }

    /// The message as the API server shows it.
    pub(crate) fn text(&self) -> String {
        format!("{}; {}", self.message, self.remedy)
    }

    /// The CEL at `node` as it goes into the definition, with whether it needs `optionalOldSelf`.
    pub(crate) fn emitted(&self, node: &str) -> Option<(String, bool)> {
        let rule = self.cel?;
        Some(match node {
            // What a rule on the root sees can't be changed, so an object that exists has been excused for good.
            // (Said the other way, with the old name, the API server couldn't bound its cost.)
            "" => (format!("oldSelf.hasValue() || ({rule})"), true),
            "spec" => {
                let old = with_self(rule, "oldSelf.value()");
                (
                    format!("({rule}) || (oldSelf.hasValue() && !({old}))"),
                    true,
                )
            }
            _ => (rule.to_owned(), false),
        })
    }
}

/// Puts another expression in the place of `self`.
fn with_self(cel: &str, other: &str) -> String {
    let mut out = String::with_capacity(cel.len());
    let mut word = String::new();
    for c in cel.chars() {
        if c.is_ascii_alphanumeric() || c == '_' {
            word.push(c);
            continue;
        }
        out.push_str(if word == "self" { other } else { &word });
        word.clear();
        out.push(c);
    }
    out.push_str(if word == "self" { other } else { &word });
    out
}

/// A string below a node; empty where it isn't there.
fn text<'a>(node: &'a Value, pointer: &str) -> &'a str {
    nodes::at(node, pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// A number below a node.
fn number(node: &Value, pointer: &str) -> Option<i64> {
    nodes::at(node, pointer).and_then(Value::as_i64)
}

/// A switch below a node; off where it isn't there.
fn on(node: &Value, pointer: &str) -> bool {
    nodes::at(node, pointer)
        .and_then(Value::as_bool)
        .unwrap_or_default()
}

/// The node itself where it is a string that isn't empty and fails `test`.
fn unless(node: &Value, test: impl Fn(&str) -> bool) -> Option<String> {
    node.as_str()
        .filter(|text| !text.is_empty() && !test(text))
        .map(str::to_owned)
}

/// Something is broken and there is no value to show.
fn missing(broken: bool) -> Option<String> {
    broken.then(String::new)
}

#[cfg(test)]
mod agreement;
