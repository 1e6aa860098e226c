//! The text of `policy.json`: kept as it is while it says the same, replaced when it doesn't.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use policy::Document;

use crate::change::only_gives;
use crate::gather::{Gathered, hold};

/// The policy as it is to be in the ConfigMap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rendered {
    /// Pretty JSON.
    pub(crate) text: String,
    /// The text's revision.
    pub(crate) revision: String,
    /// A newer document is held back for this long, so that more can join it.
    pub(crate) gather: Option<Duration>,
}

/// The clocks of one reconcile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    /// For what is written down.
    pub(crate) wall: Timestamp,
    /// For what is waited for.
    pub(crate) instant: Instant,
}

/// Renders `document`, given the text that is live. A live text that was tampered with, or can't
/// be read, is replaced at once. Without `gathered` nothing is held back: no pod is ready, there is
/// no kubelet to spare.
pub(crate) fn render(
    document: &Document,
    live: Option<&str>,
    gathered: Option<Gathered>,
    now: Now,
) -> Rendered {
    let live = live.and_then(|text| Some((text, untampered(text)?)));
    match live {
        Some((text, old)) if old.revision == document.revision => keep(text, &old, None),
        Some((text, old)) => {
            let gives = gathered.filter(|_| only_gives(&old, document));
            match gives.and_then(|gathered| hold(gathered, now.instant)) {
                Some(left) => keep(text, &old, Some(left)),
                None => write(document, now),
            }
        }
        None => write(document, now),
    }
}

fn keep(text: &str, old: &Document, gather: Option<Duration>) -> Rendered {
    Rendered {
        text: text.to_owned(),
        revision: old.revision.clone(),
        gather,
    }
}

/// The text of a document to be written now.
pub(crate) fn write(document: &Document, now: Now) -> Rendered {
    let seconds = Timestamp::from_second(now.wall.as_second()).unwrap_or(now.wall);
    let stamped = Document {
        generated_at: seconds.to_string(),
        ..document.clone()
    };
    Rendered {
        // A document of strings, numbers and booleans always has a text.
        text: serde_json::to_string_pretty(&stamped).unwrap_or_default(),
        revision: document.revision.clone(),
        gather: None,
    }
}

/// The document of `text`, where its revision is that of its content and nothing else is in it.
pub(crate) fn untampered(text: &str) -> Option<Document> {
    let parsed = Document::parse(text.as_bytes()).ok()?;
    let whole =
        parsed.unknown.is_empty() && parsed.document.compute_revision() == parsed.document.revision;
    whole.then_some(parsed.document)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gather::TOGETHER;

    fn document(text: &str) -> Document {
        let document: Document = serde_saphyr::from_str(text).unwrap();
        Document {
            revision: document.compute_revision(),
            ..document
        }
    }

    fn at(second: i64) -> Now {
        Now {
            wall: Timestamp::from_second(second).unwrap(),
            instant: Instant::now(),
        }
    }

    const BASE: &str =
        "schema_version: v1\nserver: { name: s, namespace: d }\nsessions: [{ name: one }]\n";

    #[test]
    fn the_text_and_its_time_stay_while_the_document_says_the_same() {
        let first = render(&document(BASE), None, Some(Gathered::default()), at(100));
        assert!(
            first
                .text
                .contains(r#""generated_at": "1970-01-01T00:01:40Z""#),
            "{}",
            first.text
        );
        assert_eq!(
            render(
                &document(BASE),
                Some(&first.text),
                Some(Gathered::default()),
                at(200)
            ),
            first
        );
    }

    #[test]
    fn a_tampered_text_is_replaced_at_once() {
        let first = render(&document(BASE), None, Some(Gathered::default()), at(100));
        for tampered in [
            first.text.replace("\"one\"", "\"two\""),
            first.text.replacen('{', "{ \"more\": 1,", 1),
            "not JSON".to_owned(),
        ] {
            assert_ne!(tampered, first.text);
            assert_eq!(
                render(
                    &document(BASE),
                    Some(&tampered),
                    Some(Gathered::default()),
                    at(100)
                ),
                first
            );
        }
    }

    #[test]
    fn a_revocation_is_written_at_once_and_a_new_session_is_gathered() {
        let old = render(&document(BASE), None, Some(Gathered::default()), at(100));
        let revoked = document(&BASE.replace("name: one", "name: one, revoked: true"));
        let rendered = render(
            &revoked,
            Some(&old.text),
            Some(Gathered::default()),
            at(200),
        );
        assert_eq!(
            (rendered.revision, rendered.gather),
            (revoked.revision, None)
        );
        let more = document(&BASE.replace("one }", "one }, { name: two }"));
        let held = render(&more, Some(&old.text), Some(Gathered::default()), at(200));
        let pointless = render(&more, Some(&old.text), None, at(200));
        assert_eq!(
            (pointless.revision, pointless.gather),
            (more.revision, None)
        );
        assert_eq!(
            held,
            Rendered {
                gather: Some(TOGETHER),
                ..old
            }
        );
    }
}
