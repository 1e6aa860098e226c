//! Which object an error is about.

use std::fmt;

use kube::{Resource, ResourceExt as _};

/// Kind, namespace (none for what is cluster-wide) and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct About {
    kind: String,
    namespace: String,
    name: String,
}

impl About {
    /// The object of that name.
    pub(crate) fn named<K: Resource<DynamicType = ()>>(namespace: &str, name: &str) -> Box<Self> {
        Box::new(Self {
            kind: K::kind(&()).into_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }

    /// This object.
    pub(crate) fn object<K: Resource<DynamicType = ()>>(object: &K) -> Box<Self> {
        Self::named::<K>(&object.namespace().unwrap_or_default(), &object.name_any())
    }
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            namespace,
            name,
        } = self;
        match namespace.as_str() {
            "" => write!(f, "{kind} {name}"),
            _ => write!(f, "{kind} {namespace}/{name}"),
        }
    }
}
