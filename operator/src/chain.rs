//! An error with its causes on one line, for logs and conditions.

use std::error::Error;
use std::fmt;

/// Displays `a: b: c`; a cause that the text before it already tells is left out, because
/// client libraries like to print their sources themselves.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = text(self.0);
        f.write_str(&told)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            let text = text(cause);
            if !told.contains(&text) {
                write!(f, ": {text}")?;
                told = text;
            }
            next = cause.source();
        }
        Ok(())
    }
}

/// The API server's own words where it answered: the client would add the whole answer to them.
fn text(error: &(dyn Error + 'static)) -> String {
    match error.downcast_ref::<kube::Error>() {
        Some(kube::Error::Api(status)) => status.message.clone(),
        _ => error.to_string(),
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
