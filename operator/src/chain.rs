//! An error with its causes on one line, for logs and conditions.

use std::error::Error;
use std::fmt;

/// Displays `a: b: c`; a cause that the text before it already tells is left out, because
/// client libraries like to print their sources themselves.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = self.0.to_string();
        f.write_str(&told)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            let text = cause.to_string();
            if !told.contains(&text) {
                write!(f, ": {text}")?;
                told = text;
            }
            next = cause.source();
        }
        Ok(())
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
}
