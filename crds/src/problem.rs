//! What is wrong with an object, and what deserves a word although it is valid.

use std::fmt;

/// One thing wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Stable, snake case; the same in causes, audit annotations, metrics and the commands' output.
    pub code: &'static str,
    /// Path of the field from the object's root, such as `spec.tools[2].name`.
    pub field: String,
    /// The value found, shortened; empty where there is none.
    pub value: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub remedy: String,
}

impl Problem {
    /// What serde says of an object whose schema let it pass.
    pub fn unreadable(field: &str, error: &serde_json::Error) -> Self {
        Self {
            code: "unreadable",
            field: field.to_owned(),
            value: String::new(),
            message: error.to_string(),
            remedy: "compare it with the schema that kubectl explain shows".to_owned(),
        }
    }

    /// What it is but for places in lists: code, path and value.
    fn anywhere(&self) -> (&'static str, String, &str) {
        let mut path = String::new();
        for (n, part) in self.field.split('[').enumerate() {
            path.push_str(match n {
                0 => part,
                _ => part.trim_start_matches(|c: char| c.is_ascii_digit()),
            });
        }
        (self.code, path, &self.value)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.value.is_empty() {
            write!(f, "{}: {}; {}", self.field, self.message, self.remedy)
        } else {
            write!(
                f,
                "{}: {:?}: {}; {}",
                self.field, self.value, self.message, self.remedy
            )
        }
    }
}

/// Everything wrong with an object: its shape first, then its meaning. Never empty where it is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that `old` didn't have. An update that leaves an old value alone must not be refused for it: the
    /// API server excuses its own rules the same way. An item of a list may have moved, so each old problem
    /// excuses one such as it, wherever in the list that is.
    #[must_use]
    pub fn since(self, old: &Self) -> Self {
        let mut excused: Vec<_> = old.0.iter().map(Problem::anywhere).collect();
        let is_new = |problem: &Problem| {
            let known = excused.iter().position(|old| *old == problem.anywhere());
            known.map(|n| excused.swap_remove(n)).is_none()
        };
        Self(self.0.into_iter().filter(is_new).collect())
    }

    /// The problems: those of shape first, then those of meaning.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.0.iter().enumerate() {
            let separator = if n == 0 { "" } else { "; " };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Something that is valid and probably not meant, or not acted on yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Stable, snake case.
    pub code: &'static str,
    /// One sentence with the field's path.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

/// A value as a problem shows it: text without quotes, and not more of it than a line holds; nothing of what a
/// URL has before an `@`, which may be a password, and a problem is logged.
pub(crate) fn shown(value: &serde_json::Value) -> String {
    const MOST: usize = 80;
    let text = match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(_) | serde_json::Value::Object(_) => String::new(),
        other => other.to_string(),
    };
    let text = match text.split_once("://") {
        Some((scheme, rest)) => match rest.rsplit_once('@') {
            Some((_, host)) => format!("{scheme}://…@{host}"),
            None => text,
        },
        None => text,
    };
    if text.chars().count() <= MOST {
        return text;
    }
    text.chars().take(MOST).chain("…".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(code: &'static str, value: &str) -> Problem {
        Problem {
            code,
            field: "spec.gateway.image".into(),
            value: value.into(),
            message: "this image isn't allowed".into(),
            remedy: "leave it out".into(),
        }
    }

    #[test]
    fn an_update_is_refused_for_what_is_new_alone() {
        let old = Problems(vec![problem("a", "x"), problem("b", "x")]);
        let new = Problems(vec![
            problem("a", "x"),
            problem("b", "y"),
            problem("c", "x"),
        ]);
        assert_eq!(
            new.since(&old),
            Problems(vec![problem("b", "y"), problem("c", "x")])
        );
    }

    /// Taking the first item out of a list moves what was wrong with the third; a second one of it is new.
    #[test]
    fn what_moved_in_its_list_is_old_and_one_more_of_it_is_new() {
        let at = |n: usize| Problem {
            field: format!("spec.tools[{n}].name"),
            ..problem("a", "x")
        };
        let old = Problems(vec![at(2)]);
        assert!(Problems(vec![at(1)]).since(&old).is_empty());
        assert_eq!(
            Problems(vec![at(1), at(2)]).since(&old),
            Problems(vec![at(2)])
        );
    }

    #[test]
    fn a_problem_reads_as_one_line_with_field_value_and_remedy() {
        let problems = Problems(vec![problem("a", "x"), problem("b", "")]);
        assert_eq!(
            problems.to_string(),
            "spec.gateway.image: \"x\": this image isn't allowed; leave it out; \
             spec.gateway.image: this image isn't allowed; leave it out"
        );
    }

    #[test]
    fn a_long_value_is_shown_shortened() {
        assert_eq!(
            shown(&"\u{e9}".repeat(100).into()),
            format!("{}…", "\u{e9}".repeat(80))
        );
        assert_eq!(shown(&serde_json::json!(70000)), "70000");
    }

    #[test]
    fn a_password_is_not_shown() {
        let shown = |text: &str| shown(&text.into());
        assert_eq!(shown("https://ann:s/e@cret@h/x"), "https://…@h/x");
        assert_eq!(shown("ann@example.com"), "ann@example.com");
    }
}
