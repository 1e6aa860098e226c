//! The document's revision: a hash that two writers of the same content agree on.

use std::io;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};
use sha2::{Digest, Sha256};

use super::Document;

impl Document {
    /// `sha256:<hex>` of the compact JSON with `revision` and `generated_at` blank.
    ///
    /// Members come in the order of the structs, and text is escaped as Go's encoding/json
    /// does, so a document without our additions has the revision that the Go project's
    /// operator gives it.
    pub fn compute_revision(&self) -> String {
        let blank = Self {
            revision: String::new(),
            generated_at: String::new(),
            ..self.clone()
        };
        let mut hash = Hashing(Sha256::new());
        let mut serializer = Serializer::with_formatter(&mut hash, GoEscapes(CompactFormatter));
        // Strings, booleans and integers into memory can't fail; were it otherwise, the
        // empty text is the revision of nothing and the document would be refused.
        if blank.serialize(&mut serializer).is_err() {
            return String::new();
        }
        format!("sha256:{:x}", hash.0.finalize())
    }
}

struct Hashing(Sha256);

impl io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Go escapes what HTML and JavaScript would stumble over; serde_json leaves it.
struct GoEscapes(CompactFormatter);

impl Formatter for GoEscapes {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        for piece in fragment.split_inclusive(|c| escape(c).is_some()) {
            let mut rest = piece.chars();
            match rest.next_back().and_then(escape) {
                Some(escaped) => {
                    self.0.write_string_fragment(writer, rest.as_str())?;
                    writer.write_all(escaped.as_bytes())?;
                }
                None => self.0.write_string_fragment(writer, piece)?,
            }
        }
        Ok(())
    }
}

const fn escape(c: char) -> Option<&'static str> {
    match c {
        '<' => Some("\\u003c"),
        '>' => Some("\\u003e"),
        '&' => Some("\\u0026"),
        '\u{2028}' => Some("\\u2028"),
        '\u{2029}' => Some("\\u2029"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The revisions the Go project's `ComputeRevision` gives the same documents.
    const SMALL: &str = "sha256:f7c867bb196a8b9e6f12c40dd1aa9461fb6faf8c31ffba34021b3233abb03d40";
    const EMPTY_SECTIONS: &str =
        "sha256:60768432274b33ed85f56adc8934567c805800ce84fdb368d9c84edb5a4c5c01";
    const EVERY_MEMBER: &str =
        "sha256:a817f5e09324fb351291f413aeaed94f7e96bc1dc081415fd87ceb91150dcd2d";

    fn revision_of(json: &str) -> String {
        Document::parse(json.as_bytes())
            .unwrap()
            .document
            .compute_revision()
    }

    #[test]
    fn the_revision_of_a_small_document_is_the_go_projects() {
        let json = r#"{"schema_version":"v1","server":{"name":"x","namespace":"d"},"auth":{"mode":"header"}}"#;
        assert_eq!(revision_of(json), SMALL);
    }

    #[test]
    fn a_section_that_is_there_but_empty_counts() {
        let json = r#"{"schema_version":"v1","server":{"name":"x","namespace":"d"},"auth":{},"policy":{},"session":{}}"#;
        assert_eq!(revision_of(json), EMPTY_SECTIONS);
    }

    /// Every member, and every character that one of the two writers escapes.
    #[test]
    fn the_revision_of_every_member_and_escape_is_the_go_projects() {
        let json = include_str!("../../tests/documents/every-go-member.json");
        assert_eq!(revision_of(json), EVERY_MEMBER);
    }

    #[test]
    fn the_revision_counts_neither_itself_nor_the_time_of_writing() {
        let base = Document::default();
        let stamped = Document {
            revision: "sha256:old".into(),
            generated_at: "2026-01-02T00:00:00Z".into(),
            ..base.clone()
        };
        assert_eq!(stamped.compute_revision(), base.compute_revision());
    }

    #[test]
    fn our_members_count_where_they_are_used() {
        let base = Document::default();
        let ours = Document {
            revoked_sessions: vec![crate::RevokedSession {
                namespace: "team-a".into(),
                name: "s".into(),
            }],
            ..base.clone()
        };
        assert_ne!(ours.compute_revision(), base.compute_revision());
    }
}
