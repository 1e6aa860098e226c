//! An error with its causes on one line, for logs and conditions.

use std::error::Error;
use std::fmt;

/// Displays `a: b: c`; a cause that the text before it already tells is left out, because
/// client libraries like to print their sources themselves.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = String::new();
        let mut next = Some(self.0);
        while let Some(error) = next {
            // The API server's own words are the end: the client would add its whole answer.
            let answer = api_answer(error);
            let text = answer.map_or_else(|| error.to_string(), str::to_owned);
            if told.is_empty() {
                f.write_str(&text)?;
            } else if !told.contains(&text) {
                write!(f, ": {text}")?;
            }
            told = text;
            next = error.source().filter(|_| answer.is_none());
        }
        Ok(())
    }
}

fn api_answer<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a str> {
    match error.downcast_ref()? {
        kube::Error::Api(status) => Some(&status.message),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Step {
        text: &'static str,
        #[source]
        source: Option<Box<Step>>,
    }

    #[test]
    fn each_cause_is_told_once() {
        let root = Step {
            text: "refused",
            source: None,
        };
        let client = Step {
            text: "service: refused",
            source: Some(Box::new(root)),
        };
        let ours = Step {
            text: "applying x",
            source: Some(Box::new(client)),
        };
        assert_eq!(Chain(&ours).to_string(), "applying x: service: refused");
    }

    #[test]
    fn the_api_servers_answer_is_its_message() {
        let status = kube::core::Status::failure("x is forbidden", "Forbidden").boxed();
        assert_eq!(
            Chain(&kube::Error::Api(status)).to_string(),
            "x is forbidden"
        );
    }
}
