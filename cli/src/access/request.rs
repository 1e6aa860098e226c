//! One line of `--requests`, read strictly: a typo must not turn into another question.

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;
use policy::{Reason, Request, Subject};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A request to decide on.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Question {
    /// Echoed in the answer.
    pub(super) id: Option<Value>,
    pub(super) subject: Option<Who>,
    pub(super) auth_failure: Option<Reason>,
    pub(super) inspection_failure: Option<Reason>,
    pub(super) session: Option<String>,
    /// Seconds since the proxy last served the session.
    pub(super) session_idle_s: Option<f64>,
    pub(super) method: Option<String>,
    pub(super) name: Option<String>,
    pub(super) now: Option<Timestamp>,
}

/// Who calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Who {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) human: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) agent: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) team: String,
}

/// Why a line is no question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct BadLine {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<Value>,
    pub(super) error: BadLineError,
}

/// The member at fault, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct BadLineError {
    code: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) field: String,
    pub(super) message: String,
}

impl Question {
    /// Reads one line.
    pub(super) fn parse(line: &[u8]) -> Result<Self, Box<BadLine>> {
        let mut json = serde_json::Deserializer::from_slice(line);
        let question = serde_path_to_error::deserialize::<_, Self>(&mut json)
            .map_err(|error| {
                // Of text that is no JSON the path says only how far it was one.
                let data = error.inner().is_data();
                let path = if data {
                    error.path().to_string()
                } else {
                    String::new()
                };
                (path, error.into_inner().to_string())
            })
            .and_then(|question| {
                json.end()
                    .map_err(|error| (String::new(), error.to_string()))?;
                question.checked()
            });
        question.map_err(|(field, message)| {
            // The line may be well-formed although it isn't of the shape.
            let value = serde_json::from_slice::<Value>(line).ok();
            let id = value.and_then(|value| value.get("id").cloned());
            let field = if field == "." { String::new() } else { field };
            Box::new(BadLine {
                id,
                error: BadLineError {
                    code: "bad_request_line",
                    field,
                    message,
                },
            })
        })
    }

    /// What the shape alone doesn't rule out.
    fn checked(self) -> Result<Self, (String, String)> {
        let refuse = |field: &str, message: String| Err((field.to_owned(), message));
        match (&self.subject, self.auth_failure) {
            (Some(_), Some(_)) => {
                return refuse(
                    "auth_failure",
                    "there is a subject, so it didn't fail".into(),
                );
            }
            (_, Some(reason)) if !reason.is_authentication() => {
                return refuse(
                    "auth_failure",
                    format!("{reason} isn't why a subject is missing"),
                );
            }
            _ => {}
        }
        if let Some(reason) = self
            .inspection_failure
            .filter(|reason| !reason.is_inspection())
        {
            return refuse(
                "inspection_failure",
                format!("{reason} isn't of inspection"),
            );
        }
        if self
            .session_idle_s
            .is_some_and(|idle| Duration::try_from_secs_f64(idle).is_err())
        {
            return refuse("session_idle_s", "not a number of seconds".into());
        }
        Ok(self)
    }

    /// As the decision takes it.
    pub(super) fn request(&self) -> Request<'_> {
        Request {
            subject: match &self.subject {
                Some(Who { human, agent, team }) => Ok(Subject { human, agent, team }),
                None => Err(self.auth_failure.unwrap_or(Reason::MissingIdentity)),
            },
            inspection_failure: self.inspection_failure,
            session: self.session.as_deref(),
            session_idle: self
                .session_idle_s
                .and_then(|idle| Duration::try_from_secs_f64(idle).ok()),
            method: self.method.as_deref(),
            name: self.name.as_deref(),
        }
    }

    /// `tools/call list`, or what it is instead.
    pub(super) fn asks(&self) -> Cow<'_, str> {
        match (&self.method, &self.name) {
            (Some(method), Some(name)) => format!("{method} {name}").into(),
            (Some(method), None) => method.into(),
            (None, _) => "GET or DELETE".into(),
        }
    }

    /// `human ann, agent ops`, or that it is nobody.
    pub(super) fn caller(&self) -> String {
        self.subject
            .as_ref()
            .map_or_else(|| "nobody".into(), Who::to_string)
    }
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let fields = [
            ("human", &self.human),
            ("agent", &self.agent),
            ("team", &self.team),
        ];
        let mut separator = "";
        for (field, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
            write!(f, "{separator}{field} {value}")?;
            separator = ", ";
        }
        if separator.is_empty() {
            f.write_str("anyone")
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(line: &str) -> (Option<Value>, String, String) {
        let bad = Question::parse(line.as_bytes()).unwrap_err();
        (bad.id, bad.error.field, bad.error.message)
    }

    #[test]
    fn a_member_of_the_wrong_type_is_named() {
        let (id, field, message) = refused(r#"{"id":"c1","subject":{"human":7}}"#);
        assert_eq!((id, field.as_str()), (Some("c1".into()), "subject.human"));
        assert!(message.contains("invalid type: integer"), "{message}");
    }

    #[test]
    fn a_misspelt_member_is_refused() {
        let (_, field, message) = refused(r#"{"id":"c1","methid":"tools/call"}"#);
        assert_eq!(field, "methid");
        assert!(message.contains("unknown field"), "{message}");
    }

    #[test]
    fn a_line_that_is_no_json_has_neither_id_nor_field() {
        for line in ["", "nonsense", r#"{"id":"c1""#, r#"{"id":"c1"} x"#] {
            let (id, field, _) = refused(line);
            assert_eq!((id, field.as_str()), (None, ""), "{line}");
        }
    }

    #[test]
    fn a_failure_that_contradicts_the_line_is_refused() {
        for (line, expected) in [
            (
                r#"{"subject":{"human":"ann"},"auth_failure":"invalid_token"}"#,
                "auth_failure",
            ),
            (
                r#"{"subject":null,"auth_failure":"trust_too_low"}"#,
                "auth_failure",
            ),
            (
                r#"{"inspection_failure":"invalid_token"}"#,
                "inspection_failure",
            ),
            (r#"{"session_idle_s":-1}"#, "session_idle_s"),
        ] {
            assert_eq!(refused(line).1, expected, "{line}");
        }
    }
}
