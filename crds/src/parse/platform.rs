//! What only we can check: image references, and what the platform allows.

use crate::{MCPServerSpec, Problem, Settings, image, problem::shown, words::Workload};

pub(super) fn check(spec: &MCPServerSpec, settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    let managed = spec.workload.as_deref() != Some(Workload::External.as_str());
    if managed && let Some(reference) = &spec.image {
        let resolved = super::server::image_of(spec, settings).unwrap_or_default();
        if !image::is_reference(&resolved) {
            problems.push(bad_image(spec, reference, &resolved));
        }
    }
    let wanted = spec
        .gateway
        .as_ref()
        .and_then(|gateway| gateway.image.as_ref());
    if let Some(wanted) = wanted.filter(|wanted| !settings.proxy_images.contains(wanted)) {
        problems.push(Problem {
            code: "gateway_image_not_allowed",
            field: "spec.gateway.image".into(),
            value: shown(&wanted.as_str().into()),
            message: "this image isn't in the platform's list of proxy images".into(),
            remedy: match settings.proxy_images.as_slice() {
                [] => "leave it out for the platform's own".into(),
                known => format!("leave it out, or write one of {}", known.join(", ")),
            },
        });
    }
    problems
}

/// Blames the field that spoils the reference: the one without which it would be good.
fn bad_image(spec: &MCPServerSpec, reference: &str, resolved: &str) -> Problem {
    let (field, value) = match (&spec.image_tag, &spec.registry_override) {
        (_, _) if !image::is_reference(reference.trim()) => ("spec.image", reference),
        (Some(tag), _) if !image::is_reference(&format!("image:{tag}")) => {
            ("spec.imageTag", tag.as_str())
        }
        (_, Some(registry)) => ("spec.registryOverride", registry.as_str()),
        _ => ("spec.image", reference),
    };
    Problem {
        code: "image_invalid",
        field: field.into(),
        value: shown(&value.into()),
        message: format!("{resolved} isn't an image reference"),
        remedy: "write registry/path in lower case, with a tag or digest, such as registry.example.com/payments-mcp:1.4.2"
            .into(),
    }
}
