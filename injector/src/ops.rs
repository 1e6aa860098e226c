//! A patch that only adds (RFC 6902): what was there before is there after, byte for byte.

use json_patch::jsonptr::{PointerBuf, Token};
use json_patch::{AddOperation, Patch, PatchOperation};
use serde_json::{Map, Value};

use crate::json::{at, list};

/// Operations on one pod, in order.
///
/// An `add` whose parent is missing fails in the API server, and that failure isn't subject to
/// any failurePolicy; so parents are made where they are missing or null.
#[derive(Debug)]
pub(crate) struct Ops<'a> {
    pod: &'a Value,
    ops: Vec<PatchOperation>,
}

impl<'a> Ops<'a> {
    pub(crate) fn on(pod: &'a Value) -> Self {
        Self {
            pod,
            ops: Vec::new(),
        }
    }

    /// Sets one member; the parent has to be there.
    pub(crate) fn set<'t>(&mut self, path: impl IntoIterator<Item = &'t str>, value: Value) {
        self.ops.push(PatchOperation::Add(AddOperation {
            // Escapes `~` and `/` in each name (RFC 6901).
            path: PointerBuf::from_tokens(path.into_iter().map(Token::new)),
            value,
        }));
    }

    /// Sets members of the object at `path`, which is made where it is missing.
    pub(crate) fn set_members(&mut self, path: &[&str], members: Vec<(&str, Value)>) {
        if members.is_empty() {
            return;
        }
        if at(self.pod, path).is_some_and(Value::is_object) {
            for (name, value) in members {
                self.set(path.iter().copied().chain([name]), value);
            }
        } else {
            let object: Map<String, Value> = members
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect();
            self.set(path.iter().copied(), object.into());
        }
    }

    /// Puts an item before all others of the array at `path`, which is made where it is missing.
    pub(crate) fn prepend(&mut self, path: &[&str], item: Value) {
        self.insert(path, "0", vec![item]);
    }

    /// Puts items after all others of the array at `path`, which is made where it is missing.
    pub(crate) fn append(&mut self, path: &[&str], items: Vec<Value>) {
        self.insert(path, "-", items);
    }

    fn insert(&mut self, path: &[&str], index: &str, items: Vec<Value>) {
        if items.is_empty() {
            return;
        }
        if list(self.pod, path).is_empty() {
            self.set(path.iter().copied(), items.into());
        } else {
            for item in items {
                self.set(path.iter().copied().chain([index]), item);
            }
        }
    }

    pub(crate) fn finish(self) -> Patch {
        Patch(self.ops)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn patched(mut pod: Value, change: impl FnOnce(&mut Ops<'_>)) -> Value {
        let copy = pod.clone();
        let mut ops = Ops::on(&copy);
        change(&mut ops);
        json_patch::patch(&mut pod, &ops.finish()).unwrap();
        pod
    }

    #[test]
    fn a_null_parent_is_made_as_a_missing_one() {
        for pod in [json!({"m": {"a": null}}), json!({"m": {}})] {
            let after = patched(pod, |ops| {
                ops.set_members(&["m", "a"], vec![("k", 1.into())])
            });
            assert_eq!(after, json!({"m": {"a": {"k": 1}}}));
        }
    }

    #[test]
    fn names_with_slash_and_tilde_are_escaped() {
        let pod = json!({"a": {"x": 1}});
        let after = patched(pod, |ops| {
            ops.set_members(&["a"], vec![("e.org/k~1", 2.into())])
        });
        assert_eq!(after, json!({"a": {"x": 1, "e.org/k~1": 2}}));
    }

    #[test]
    fn items_go_to_the_front_and_to_the_end() {
        let after = patched(json!({"l": [5], "n": null, "e": []}), |ops| {
            ops.prepend(&["l"], 4.into());
            ops.append(&["l"], vec![6.into(), 7.into()]);
            ops.append(&["n"], vec![1.into()]);
            ops.prepend(&["e"], 2.into());
        });
        assert_eq!(after, json!({"l": [4, 5, 6, 7], "n": [1], "e": [2]}));
    }
}
