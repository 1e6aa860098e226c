//! `/default`: adds what a server leaves out and a schema can't fill in. It never denies: what it
//! can't read is the schema's to refuse, which comes after it.

use crds::{Add, Kind, Settings, names};
use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, Patch, PatchOperation};

use crate::outcome::Outcome;
use crate::review::{Answer, Request};

/// The answer to a review of one of our kinds; its object has the defaults afterwards.
///
/// A patch that doesn't apply is an error in the API server, which no failurePolicy excuses. Each
/// of these has been applied, in order, to the object itself.
pub(crate) fn answer(request: &mut Request, settings: &Settings) -> Answer {
    let kind = Kind::from_kind(&request.kind.kind)
        .filter(|_| request.kind.group == names::GROUP && request.sub_resource.is_empty());
    let Some(kind) = kind.filter(|_| request.object.is_object()) else {
        return Answer::allow(Outcome::Unchanged.as_str());
    };
    let adds = crds::fill(kind, &mut request.object, settings);
    let ops: Result<Vec<_>, _> = adds.into_iter().map(operation).collect();
    match ops {
        Ok(ops) if ops.is_empty() => Answer::allow(Outcome::Unchanged.as_str()),
        Ok(ops) => Answer::patch(Outcome::Defaulted.as_str(), Patch(ops)),
        Err(error) => {
            let name = request.object_name();
            tracing::error!(namespace = request.namespace, name, error, "no path");
            Answer::allow(Outcome::Unchanged.as_str())
        }
    }
}

fn operation(add: Add) -> Result<PatchOperation, String> {
    let path = PointerBuf::parse(add.path).map_err(|error| error.to_string())?;
    let value = add.value;
    Ok(PatchOperation::Add(AddOperation { path, value }))
}
