//! Image references: their grammar, and where they are pulled from.

/// The reference names what it means by itself: a digest, or a tag after the last slash.
pub(crate) fn has_tag_or_digest(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or(image);
    image.contains('@') || name.contains(':')
}

/// Puts a registry in the place of the reference's own.
pub(crate) fn with_registry(image: &str, registry: &str) -> String {
    let path = match image.split_once('/') {
        Some((host, path)) if is_registry(host) => path,
        _ => image,
    };
    format!("{}/{path}", registry.trim_end_matches('/'))
}

/// The first part of a reference is a registry where it couldn't be a folder.
fn is_registry(part: &str) -> bool {
    part.contains(['.', ':']) || part == "localhost"
}

/// The grammar of the OCI distribution specification: `[registry[:port]/]path[:tag][@digest]`.
pub(crate) fn is_reference(image: &str) -> bool {
    let (rest, digest) = match image.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (image, None),
    };
    let (path, tag) = match rest.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
        _ => (rest, None),
    };
    let (host, path) = match path.split_once('/') {
        Some((host, path)) if is_registry(host) => (Some(host), path),
        _ => (None, path),
    };
    host.is_none_or(is_host)
        && path.split('/').all(is_component)
        && tag.is_none_or(is_tag)
        && digest.is_none_or(is_digest)
}

fn is_host(host: &str) -> bool {
    let (name, port) = host.split_once(':').unwrap_or((host, "1"));
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
    name.split('.')
        .all(|label| !label.is_empty() && label.chars().all(inner))
        && port.parse::<u16>().is_ok()
}

/// Lower-case letters and digits, with `.`, `_`, `__` or dashes between them.
fn is_component(part: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    part.starts_with(inner)
        && part.ends_with(inner)
        && part.chars().all(|c| inner(c) || "._-".contains(c))
        && !part.contains("..")
        && !part.contains("___")
}

fn is_tag(tag: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    tag.len() <= 128 && tag.starts_with(word) && tag.chars().all(|c| word(c) || "-.".contains(c))
}

fn is_digest(digest: &str) -> bool {
    digest.split_once(':').is_some_and(|(algorithm, hex)| {
        !algorithm.is_empty()
            && algorithm
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+._-".contains(c))
            && hex.len() >= 32
            && hex
                .chars()
                .all(|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_of_every_form_are_read() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for image in [
            "payments",
            "payments:1",
            "team/payments:v1.2_3-rc",
            "localhost/payments",
            "localhost:5000/payments",
            "registry.example.com/a/b__c/d-e.f:latest",
            "mcp-runtime:dev-6c3c624b58db",
            &format!("payments@{digest}"),
            &format!("registry.example.com:5000/payments:1@{digest}"),
        ] {
            assert!(is_reference(image), "{image}");
        }
    }

    #[test]
    fn what_a_kubelet_could_not_pull_is_refused() {
        for image in [
            "",
            " ",
            ":1",
            "/a",
            "a/",
            "a//b",
            "A",
            "a:",
            "a:-1",
            "a:b/c",
            "a b",
            "a@",
            "a@sha256:",
            "a@sha256:abc",
            "https://a.b/c",
            "a.b:x/c",
            "a..b",
            "-a",
            "a-",
            "a:v1:v2",
            "registry.example.com/",
        ] {
            assert!(!is_reference(image), "{image}");
        }
    }
}
