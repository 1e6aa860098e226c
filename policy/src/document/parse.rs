//! Bytes to [`Document`]: strict where two readers could differ, open where a newer writer wrote.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::Document;

/// A document as it was read, and what of it this program doesn't know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// The members that are known.
    pub document: Document,
    /// Paths of the others (`grants.3.quota`), in the order met. A reader that isn't the
    /// newest must not act on such a document's grants: it may carry a restriction it can't see.
    pub unknown: Vec<String>,
}

/// Why bytes aren't a policy document.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Not JSON, not of the shape, or a member is there twice.
    #[error("can't read the policy document at `{path}`")]
    Shape {
        /// Where, `.` for the top.
        path: String,
        /// What the JSON reader said, with line and column.
        source: serde_json::Error,
    },
    /// More after the end of the object.
    #[error("there is more after the policy document's end")]
    Trailing(#[source] serde_json::Error),
}

impl Document {
    /// Reads a document. Members this program doesn't know are listed, not refused;
    /// a member that is there twice is refused.
    ///
    /// Says nothing about the values: [`Policy`](crate::Policy) does.
    ///
    /// # Errors
    ///
    /// When the bytes are not one JSON object of the document's shape.
    pub fn parse(bytes: &[u8]) -> Result<Parsed, DocumentError> {
        let mut unknown = Vec::new();
        let mut track = serde_path_to_error::Track::new();
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let pathed = serde_path_to_error::Deserializer::new(&mut json, &mut track);
        let mut note = |path: serde_ignored::Path<'_>| {
            // The reader writes `?` for the layer of an optional section.
            unknown.push(path.to_string().replace(".?", ""));
        };
        let document = Self::deserialize(serde_ignored::Deserializer::new(pathed, &mut note))
            .map_err(|source| DocumentError::Shape {
                path: track.path().to_string(),
                source,
            })?;
        json.end().map_err(DocumentError::Trailing)?;
        Ok(Parsed { document, unknown })
    }
}

/// A map that refuses a key that is there twice, as the derived readers of structs do.
pub(super) fn unique_keys<'de, D>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error>
where
    D: Deserializer<'de>,
{
    struct Unique;

    impl<'de> Visitor<'de> for Unique {
        type Value = BTreeMap<String, String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map of strings")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
            let mut map = BTreeMap::new();
            while let Some((key, value)) = access.next_entry::<String, String>()? {
                if map.contains_key(&key) {
                    return Err(A::Error::custom(format_args!("duplicate field `{key}`")));
                }
                map.insert(key, value);
            }
            Ok(map)
        }
    }

    deserializer.deserialize_map(Unique)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_document_is_read() {
        let parsed = Document::parse(
            br#"{"schema_version":"v1","server":{"name":"x","namespace":"d"},"auth":{"mode":"header"}}"#,
        )
        .unwrap();
        assert_eq!(parsed.document.server.name, "x");
        assert_eq!(parsed.unknown, Vec::<String>::new());
    }

    #[test]
    fn unknown_members_are_named_by_their_path() {
        let parsed = Document::parse(
            br#"{"schema_version":"v1","policy":{"quorum":2},"grants":[{"name":"g","quota":{"calls":3}}],"zone":1}"#,
        )
        .unwrap();
        assert_eq!(parsed.unknown, ["policy.quorum", "grants.0.quota", "zone"]);
    }

    #[test]
    fn a_member_that_is_there_twice_is_refused() {
        for twice in [
            r#"{"schema_version":"v1","schema_version":"v1"}"#,
            r#"{"grants":[{"name":"g","disabled":true,"disabled":false}]}"#,
            r#"{"tools":[{"name":"t","labels":{"a":"1","a":"2"}}]}"#,
        ] {
            let error = Document::parse(twice.as_bytes()).unwrap_err();
            let DocumentError::Shape { source, .. } = error else {
                panic!("{error:?}")
            };
            assert!(source.to_string().contains("duplicate field"), "{source}");
        }
    }

    #[test]
    fn an_error_names_the_place() {
        let error = Document::parse(br#"{"grants":[{"name":"a"},{"name":7}]}"#).unwrap_err();
        assert_eq!(
            error.to_string(),
            "can't read the policy document at `grants[1].name`"
        );
    }

    #[test]
    fn bytes_after_the_object_are_refused() {
        let error = Document::parse(b"{} {}").unwrap_err();
        assert!(matches!(error, DocumentError::Trailing(_)), "{error:?}");
    }
}
