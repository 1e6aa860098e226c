//! A pod's patch as one of the object that has the pod.

use anyhow::Context;
use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation};

/// The operations, each below `pointer`.
pub(super) fn at(pointer: &str, patch: json_patch::Patch) -> anyhow::Result<Vec<PatchOperation>> {
    let below = PointerBuf::parse(pointer.to_owned()).context("a pod's place isn't a pointer")?;
    let moved = patch.0.into_iter().map(|operation| match operation {
        PatchOperation::Add(AddOperation { path, value }) => {
            let path = below.concat(&path);
            PatchOperation::Add(AddOperation { path, value })
        }
        // The injector only adds.
        other => other,
    });
    Ok(moved.collect())
}
