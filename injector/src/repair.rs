//! A proxy that we put in and another webhook, called after us, moved or stripped.
//!
//! Only what webhooks are known to do without meaning it is mended: a webhook older than native
//! sidecars drops `restartPolicy`, and injectors put their own init container first. Anything
//! else that differs is somebody's intention, and not ours.

use serde_json::Value;

use crate::intact::{Breach, Facts, is_proxy, is_sidecar};
use crate::ops::Ops;

/// Whether these breaches are all of the kind that is mended.
pub(crate) fn can_mend(breaches: &[Breach]) -> bool {
    breaches
        .iter()
        .all(|breach| matches!(breach.clause, "restart-policy" | "place"))
}

/// The operations that mend them.
pub(crate) fn mend(ops: &mut Ops<'_>, pod: &Value) {
    let facts = Facts::of(pod, "", &[]);
    let mut init = facts.init().to_vec();
    let Some(at) = init.iter().position(is_proxy) else {
        return;
    };
    let mut proxy = init.remove(at);
    if let Some(object) = proxy.as_object_mut() {
        object.insert("restartPolicy".into(), "Always".into());
    }
    let path = ["spec", "initContainers"];
    if init.iter().take(at).all(is_sidecar) {
        let index = at.to_string();
        ops.set(
            path.into_iter().chain([index.as_str(), "restartPolicy"]),
            "Always".into(),
        );
    } else {
        // An `add` can't move an item, so the array is written anew, of the same raw items.
        init.insert(0, proxy);
        ops.set(path, init.into());
    }
}
