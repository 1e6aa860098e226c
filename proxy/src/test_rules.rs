//! Rules for unit tests, written as a user would write the document.

use policy::{Document, Policy};

use crate::Rules;

/// The rules of a document with these members besides its name.
pub(crate) fn rules(members: &str) -> Rules {
    let text = format!("schema_version: v1\nserver: {{name: demo, namespace: team-a}}\n{members}");
    let document: Document = serde_saphyr::from_str(&text).expect(members);
    Rules::new(Policy::try_from(&document).expect(members), &document).expect(members)
}
