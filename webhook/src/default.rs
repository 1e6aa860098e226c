//! `/default`: adds what a server leaves out and a schema can't fill in. It never denies: what it
//! can't read is the schema's to refuse, which comes after it.

use crds::{Kind, Settings, names};
use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, Patch, PatchOperation};

use crate::review::{Answer, Request};

/// The answer to a review of one of our kinds.
pub(crate) fn answer(request: &Request, settings: &Settings) -> Answer {
    let unchanged = Answer::allow("Unchanged");
    let kind = Kind::from_kind(&request.kind.kind)
        .filter(|_| request.kind.group == names::GROUP && request.sub_resource.is_empty());
    let Some(kind) = kind.filter(|_| request.object.is_object()) else {
        return unchanged;
    };
    let adds = crds::default(kind, &request.object, settings);
    let ops = adds.into_iter().map(|add| {
        let path = PointerBuf::parse(add.path).ok()?;
        let value = add.value;
        Some(PatchOperation::Add(AddOperation { path, value }))
    });
    let ops: Option<Vec<_>> = ops.collect();
    let applies = |patch: &Patch| {
        // A patch that doesn't apply is an error in the API server, which no failurePolicy excuses.
        let mut copy = request.object.clone();
        json_patch::patch_unsafe(&mut copy, patch).is_ok()
    };
    match ops.map(Patch) {
        Some(patch) if patch.is_empty() => unchanged,
        Some(patch) if applies(&patch) => Answer::patch("Defaulted", patch),
        _ => {
            let name = request.object_name();
            tracing::error!(namespace = request.namespace, name, "defaults don't apply");
            unchanged
        }
    }
}
