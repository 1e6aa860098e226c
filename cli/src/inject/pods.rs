//! Where objects have pods.

use injector::Denial;
use serde_json::Value;

/// A pod, or the template that pods are made from, within an object.
#[derive(Debug)]
pub(super) struct Pod {
    /// Its place (RFC 6901); empty where the object is the pod.
    pub(super) pointer: String,
    /// What the object whose pod it is says of its namespace: of a list, the item.
    pub(super) namespace: Option<String>,
    /// Metadata and spec.
    pub(super) value: Value,
}

impl Pod {
    /// Puts another pod in its place.
    pub(super) fn replace(&self, object: &mut Value, pod: Value) {
        if let Some(place) = object.pointer_mut(&self.pointer) {
            *place = pod;
        }
    }

    /// A field of the pod as a path in the object: `spec.template.spec.hostNetwork`.
    pub(super) fn field(&self, field: &str) -> String {
        let names = self.pointer.split('/').skip(1);
        let mut path: String = names
            .map(|name| match name.parse::<usize>() {
                Ok(index) => format!("[{index}]."),
                Err(_) => format!("{name}."),
            })
            .collect::<String>()
            .replace(".[", "[");
        path.push_str(field);
        path
    }

    /// A denial with the field's path in the object.
    pub(super) fn denied(&self, denial: &Denial) -> String {
        let field = self.field(&denial.field);
        Denial {
            field,
            ..denial.clone()
        }
        .to_string()
    }
}

/// The pods of an object, those of a list's items one after the other.
pub(super) fn of(object: &Value) -> Vec<Pod> {
    let mut pods = Vec::new();
    collect(object, String::new(), &mut pods);
    pods
}

fn collect(object: &Value, at: String, pods: &mut Vec<Pod>) {
    let text = |name| object.get(name).and_then(Value::as_str).unwrap_or_default();
    // "v1" has no group.
    let group = text("apiVersion")
        .split_once('/')
        .map_or("", |(group, _)| group);
    let place = match (group, text("kind")) {
        ("", "Pod") => "",
        ("", "ReplicationController")
        | ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
        | ("batch", "Job") => "/spec/template",
        ("batch", "CronJob") => "/spec/jobTemplate/spec/template",
        ("", "PodTemplate") => "/template",
        ("", "List") => {
            let items = object.get("items").and_then(Value::as_array);
            for (n, item) in items.into_iter().flatten().enumerate() {
                collect(item, format!("{at}/items/{n}"), pods);
            }
            return;
        }
        _ => return,
    };
    let namespace = object
        .pointer("/metadata/namespace")
        .and_then(Value::as_str);
    if let Some(value) = object.pointer(place) {
        pods.push(Pod {
            pointer: at + place,
            namespace: namespace.map(str::to_owned),
            value: value.clone(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn places(object: &Value) -> Vec<String> {
        of(object).into_iter().map(|pod| pod.pointer).collect()
    }

    #[test]
    fn each_kind_has_its_pods_where_kubernetes_has_them() {
        let spec = json!({
            "template": {"spec": {}},
            "jobTemplate": {"spec": {"template": {"spec": {}}}},
        });
        for (version, kind, place) in [
            ("v1", "Pod", ""),
            ("v1", "PodTemplate", "/template"),
            ("v1", "ReplicationController", "/spec/template"),
            ("apps/v1", "Deployment", "/spec/template"),
            ("apps/v1", "StatefulSet", "/spec/template"),
            ("apps/v1", "DaemonSet", "/spec/template"),
            ("apps/v1", "ReplicaSet", "/spec/template"),
            ("batch/v1", "Job", "/spec/template"),
            ("batch/v1", "CronJob", "/spec/jobTemplate/spec/template"),
        ] {
            let object = json!({"apiVersion": version, "kind": kind, "spec": spec, "template": {}});
            assert_eq!(places(&object), [place], "{kind}");
        }
    }

    #[test]
    fn a_kind_of_another_group_is_another_kind() {
        let object =
            json!({"apiVersion": "batch.example.org/v1", "kind": "Job", "spec": {"template": {}}});
        assert!(places(&object).is_empty());
    }

    #[test]
    fn the_pods_of_a_list_are_those_of_its_items() {
        let pod = json!({"apiVersion": "v1", "kind": "Pod"});
        let job = json!({"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {}}});
        let list = json!({"apiVersion": "v1", "kind": "List", "items": [pod, {}, job]});
        assert_eq!(places(&list), ["/items/0", "/items/2/spec/template"]);
        assert_eq!(
            of(&list)[1].field("spec.os"),
            "items[2].spec.template.spec.os"
        );
        assert_eq!(of(&list)[0].field("spec.os"), "items[0].spec.os");
        assert_eq!(of(&pod)[0].field("spec.os"), "spec.os");
    }
}
