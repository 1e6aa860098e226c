//! Objects with what the schema and the rules say of them: valid ones, and ones that break exactly one rule.

use std::collections::BTreeMap;

use proptest::{
    strategy::{BoxedStrategy, Strategy as _, ValueTree as _},
    test_runner::TestRunner,
};
use serde_json::{Value, json};

use super::{filled, object};
use crate::{
    Add, Kind, Problem, Problems, Settings,
    default::{apply, default},
    nodes::Path,
    rules,
    schema::{self, check},
};

/// Codes whose Rust sees more than the API server can be told: it must refuse at least as much.
pub const SEES_MORE: &[&str] = &["duration_invalid", "not_a_time"];

/// How often an object is mended before it is given up.
const MENDED: usize = 60;

/// An object and what is wrong with it by schema and by the rules that the API server has too.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Its kind.
    pub kind: Kind,
    /// As it is sent: the schema's defaults aren't filled in.
    pub object: Value,
    /// The codes of its problems; one for those that break one rule, none for valid ones.
    pub broken: Vec<&'static str>,
    /// What the API server has to say too: the messages of the rules that are broken.
    pub said: Vec<String>,
}

impl Case {
    /// An object and what is wrong with it.
    pub fn of(kind: Kind, object: Value) -> Self {
        let problems = problems(kind, &object);
        let mut broken: Vec<_> = problems.iter().map(|problem| problem.code).collect();
        broken.sort_unstable();
        broken.dedup();
        let of_a_rule = |problem: &&Problem| {
            rules::rules(kind).any(|rule| rule.code == problem.code)
                && !SEES_MORE.contains(&problem.code)
        };
        let said = problems.iter().filter(of_a_rule);
        Self {
            kind,
            broken,
            said: said.map(|problem| problem.message.clone()).collect(),
            object,
        }
    }

    /// The same object with everything mended that is wrong with it; `None` where that can't be had.
    pub fn mended(&self) -> Option<Self> {
        mended(self.kind, self.object.clone(), None).map(|object| Self::of(self.kind, object))
    }

    /// The codes of what is wrong with it and wasn't with `old`, as `/validate` judges an update.
    pub fn broken_since(&self, old: &Self) -> Vec<&'static str> {
        let was = Problems(problems(old.kind, &old.object));
        let is = Problems(problems(self.kind, &self.object));
        is.since(&was).iter().map(|problem| problem.code).collect()
    }

    /// What `/default` would still add after it has added everything once.
    pub fn defaults_left(&self) -> Vec<Add> {
        default(self.kind, &self.defaulted().object, &Settings::default())
    }

    /// The same object after every default, as `/default` leaves it.
    #[must_use]
    pub fn defaulted(&self) -> Self {
        let mut object = self.object.clone();
        let adds = default(self.kind, &object, &Settings::default());
        for add in &adds {
            apply(&mut object, add);
        }
        Self::of(self.kind, object)
    }
}

/// Cases without end, the same ones every time: in turn as chance has them, mended until they are valid, and
/// mended until only one rule is broken, the rarest so far.
#[derive(Debug)]
pub struct Cases {
    runner: TestRunner,
    objects: BTreeMap<Kind, BoxedStrategy<Value>>,
    turn: usize,
    /// How many cases broke a rule and no other.
    alone: BTreeMap<(Kind, &'static str), usize>,
}

impl Default for Cases {
    fn default() -> Self {
        let of = |kind| rules::rules(kind).filter(|rule| rule.cel.is_some());
        let all = Kind::ALL
            .into_iter()
            .flat_map(|kind| of(kind).map(move |rule| ((kind, rule.code), 0)));
        Self {
            runner: TestRunner::deterministic(),
            objects: Kind::ALL.map(|kind| (kind, object(kind).boxed())).into(),
            turn: 0,
            alone: all.collect(),
        }
    }
}

impl Cases {
    /// How often each rule was the only one broken, by kind and code.
    pub fn alone(&self) -> &BTreeMap<(Kind, &'static str), usize> {
        &self.alone
    }

    fn by_chance(&mut self, kind: Kind) -> Option<Value> {
        let tree = self.objects.get(&kind)?.new_tree(&mut self.runner).ok()?;
        Some(tree.current())
    }

    fn next_case(&mut self) -> Option<Case> {
        self.turn += 1;
        let kind = match self.turn % 7 {
            0 => Kind::Grant,
            1 => Kind::Session,
            _ => Kind::Server,
        };
        let object = self.by_chance(kind)?;
        match self.turn % 10 {
            0 => Some(Case::of(kind, object)),
            1..=3 => mended(kind, object, None).map(|object| Case::of(kind, object)),
            _ => self.breaking_one(kind, &object),
        }
    }

    /// Keeps of everything wrong with an object what has been seen alone least often.
    fn breaking_one(&mut self, kind: Kind, object: &Value) -> Option<Case> {
        let mut codes: Vec<_> = problems(kind, object)
            .into_iter()
            .map(|problem| problem.code)
            .collect();
        codes.sort_by_key(|code| {
            self.alone
                .get(&(kind, *code))
                .copied()
                .unwrap_or(usize::MAX)
        });
        codes.dedup();
        let case = codes.into_iter().find_map(|code| {
            let object = mended(kind, object.clone(), Some(code))?;
            Some(Case::of(kind, object)).filter(|case| case.broken == [code])
        })?;
        let code = case.broken.first().copied()?;
        *self.alone.entry((kind, code)).or_default() += 1;
        Some(case)
    }
}

impl Iterator for Cases {
    type Item = Case;

    fn next(&mut self) -> Option<Case> {
        loop {
            if let Some(case) = self.next_case() {
                return Some(case);
            }
        }
    }
}

/// What schema and rules say of an object as the API server has it after the schema's defaults.
fn problems(kind: Kind, object: &Value) -> Vec<Problem> {
    let object = filled(kind, object);
    let mut problems = Vec::new();
    check::check(schema::shape(kind), &object, &Path::Root, &mut problems);
    let in_rust_alone = |problem: &Problem| {
        rules::rules(kind).any(|rule| rule.cel.is_none() && rule.code == problem.code)
    };
    let told = rules::check(kind, &object).into_iter();
    problems.extend(told.filter(|problem| !in_rust_alone(problem)));
    problems
}

/// The object with everything mended that is wrong with it, but for problems of one code.
fn mended(kind: Kind, mut object: Value, but: Option<&str>) -> Option<Value> {
    for _ in 0..MENDED {
        let found = problems(kind, &object);
        let Some(problem) = found.iter().find(|problem| Some(problem.code) != but) else {
            let as_wanted = but.is_none() || !found.is_empty();
            return as_wanted.then_some(object);
        };
        mend(&mut object, problem);
    }
    None
}

/// What to write where leaving it out mends nothing.
fn mend(object: &mut Value, problem: &Problem) {
    let put = match (problem.code, problem.field.as_str()) {
        ("image_required", _) => ("/spec/image", json!("a:1")),
        ("issuer_required", _) => ("/spec/auth/issuerURL", json!("https://a")),
        ("audience_required", _) => ("/spec/auth/audience", json!("b")),
        ("trust_domain_required", _) => ("/spec/auth/trustDomain", json!("example.org")),
        ("mtls_needs_gateway" | "external_needs_gateway" | "analytics_needs_gateway", _) => {
            ("/spec/gateway/enabled", json!(true))
        }
        ("canary_replicas_required", _) => ("/spec/rollout/canaryReplicas", json!(1)),
        ("canary_takes_all", _) => ("/spec/replicas", json!(9)),
        ("gateway_port_taken", _) => ("/spec/gateway/port", json!(8191)),
        ("subject_empty", _) => ("/spec/subject/humanID", json!("ann")),
        (_, "metadata.name") => ("/metadata/name", json!("payments")),
        (_, "spec.serverRef.name") => ("/spec/serverRef/name", json!("payments")),
        _ => return leave_out(object, &problem.field),
    };
    write(object, put.0, put.1);
}

fn write(object: &mut Value, pointer: &str, value: Value) {
    let mut node = object;
    for step in pointer.split('/').skip(1) {
        if !node.is_object() {
            *node = json!({});
        }
        let Some(members) = node.as_object_mut() else {
            return;
        };
        node = members.entry(step).or_insert(Value::Null);
    }
    *node = value;
}

/// Takes away the list's item that a path leads through, or else the member itself, or what it is in.
fn leave_out(object: &mut Value, field: &str) {
    if let Some((list, rest)) = field.rsplit_once('[') {
        let n = rest.split(']').next().and_then(|n| n.parse::<usize>().ok());
        let items = object
            .pointer_mut(&pointer(list))
            .and_then(Value::as_array_mut);
        if let (Some(items), Some(n)) = (items, n)
            && n < items.len()
        {
            items.remove(n);
        }
        return;
    }
    let mut path = field;
    while let Some((parent, name)) = path.rsplit_once('.') {
        let members = object
            .pointer_mut(&pointer(parent))
            .and_then(Value::as_object_mut);
        if members.is_some_and(|members| members.shift_remove(name).is_some()) {
            return;
        }
        path = parent;
    }
}

fn pointer(path: &str) -> String {
    let path = path.replace(']', "").replace('[', ".");
    format!("/{}", path.replace('.', "/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_rules_are_soon_the_only_one_broken_once() {
        let mut cases = Cases::default();
        let all: Vec<Case> = cases.by_ref().take(500).collect();
        let valid = all.iter().filter(|case| case.broken.is_empty()).count();
        assert!((100..400).contains(&valid), "{valid} of 500 are valid");
        // The rarest take more cases than a unit test has time for.
        let never: Vec<_> = cases.alone().iter().filter(|(_, n)| **n == 0).collect();
        assert!(never.len() * 5 < cases.alone().len(), "{never:?}");
    }

    #[test]
    fn what_was_defaulted_has_its_defaults() {
        for case in Cases::default().take(150) {
            assert_eq!(case.defaults_left(), [], "{}", case.object);
        }
    }
}
