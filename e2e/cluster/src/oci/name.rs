//! Image names, as the kubelet will ask for them.

use std::fmt;
use std::str::FromStr;

/// A full image name with its tag, e.g. `docker.io/library/mcp-runtime:dev`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Name(String);

/// Why a name can't be an image's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum InvalidName {
    /// No tag, or `latest`: the kubelet would pull such an image whenever a pod starts.
    Latest(String),
    /// A digest can't be chosen.
    Digest(String),
    /// Something else than lower-case letters, digits and `.`, `_`, `-`, `/`.
    Characters(String),
}

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest(name) => write!(
                f,
                "{name}: give a tag other than latest, e.g. {name}:dev; latest is always pulled"
            ),
            Self::Digest(name) => write!(
                f,
                "{name}: give a tag instead of a digest, which follows from the content"
            ),
            Self::Characters(name) => write!(
                f,
                "{name}: a name has lower-case letters, digits and . _ - / only"
            ),
        }
    }
}

impl std::error::Error for InvalidName {}

impl FromStr for Name {
    type Err = InvalidName;

    /// Completes a short name as the container runtime does: `docker.io/library/` in front of a bare one.
    fn from_str(short: &str) -> Result<Self, InvalidName> {
        if short.contains('@') {
            return Err(InvalidName::Digest(short.to_owned()));
        }
        // A colon before the last slash is a registry's port.
        let tagged = short.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'));
        let Some((repository, tag)) = tagged.filter(|(_, tag)| !tag.is_empty() && *tag != "latest")
        else {
            return Err(InvalidName::Latest(
                tagged.map_or(short, |(name, _)| name).to_owned(),
            ));
        };
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-/:".contains(c);
        let tag_allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if !repository.chars().all(allowed)
            || repository.split('/').any(str::is_empty)
            || !tag.chars().all(tag_allowed)
        {
            return Err(InvalidName::Characters(short.to_owned()));
        }
        let full = match repository.split_once('/') {
            None => format!("docker.io/library/{repository}"),
            Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => {
                repository.to_owned()
            }
            Some(_) => format!("docker.io/{repository}"),
        };
        Ok(Self(format!("{full}:{tag}")))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_completed_as_the_runtime_does() {
        for (short, full) in [
            ("mcp-runtime:dev", "docker.io/library/mcp-runtime:dev"),
            ("team/x:1", "docker.io/team/x:1"),
            ("localhost/x:1", "localhost/x:1"),
            (
                "registry.example.org/a/x:1.2-B",
                "registry.example.org/a/x:1.2-B",
            ),
            ("127.0.0.1:5000/x:1", "127.0.0.1:5000/x:1"),
        ] {
            assert_eq!(
                short.parse::<Name>().map(|name| name.to_string()),
                Ok(full.to_owned())
            );
        }
    }

    #[test]
    fn names_that_would_be_pulled_or_misread_are_refused() {
        for (short, why) in [
            ("x", InvalidName::Latest("x".to_owned())),
            ("x:latest", InvalidName::Latest("x".to_owned())),
            (
                "127.0.0.1:5000/x",
                InvalidName::Latest("127.0.0.1:5000/x".to_owned()),
            ),
            ("x@sha256:00", InvalidName::Digest("x@sha256:00".to_owned())),
            ("X:1", InvalidName::Characters("X:1".to_owned())),
            ("a//x:1", InvalidName::Characters("a//x:1".to_owned())),
        ] {
            assert_eq!(short.parse::<Name>(), Err(why));
        }
    }
}
