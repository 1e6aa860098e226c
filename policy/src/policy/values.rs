//! The document's words as values. Spelled exactly: what two readers could take for two
//! things is refused.

use std::time::Duration;

use jiff::Timestamp;

use super::duration::parse_duration;
use super::error::PolicyError;
use crate::{SideEffect, Trust};

/// A member's value, and where it stands.
pub(super) struct Field<'a, P> {
    pub(super) value: &'a str,
    /// Called only for an error.
    pub(super) path: P,
}

pub(super) fn field<P: FnOnce() -> String>(value: &str, path: P) -> Field<'_, P> {
    Field { value, path }
}

impl<P: FnOnce() -> String> Field<'_, P> {
    fn refuse<T>(self, expected: &'static str) -> Result<T, PolicyError> {
        Err(PolicyError::Value {
            path: (self.path)(),
            value: self.value.to_owned(),
            expected,
        })
    }

    /// One of `words`; the empty text is looked up too.
    pub(super) fn one_of<T: Copy>(
        self,
        words: &[(&str, T)],
        expected: &'static str,
    ) -> Result<T, PolicyError> {
        match words.iter().find(|(word, _)| *word == self.value) {
            Some((_, value)) => Ok(*value),
            None => self.refuse(expected),
        }
    }

    /// Low where empty.
    pub(super) fn trust(self) -> Result<Trust, PolicyError> {
        self.one_of(
            &[
                ("", Trust::Low),
                ("low", Trust::Low),
                ("medium", Trust::Medium),
                ("high", Trust::High),
            ],
            "low, medium or high",
        )
    }

    /// None where empty.
    pub(super) fn side_effect(self) -> Result<Option<SideEffect>, PolicyError> {
        self.one_of(
            &[
                ("", None),
                ("read", Some(SideEffect::Read)),
                ("write", Some(SideEffect::Write)),
                ("destructive", Some(SideEffect::Destructive)),
            ],
            "read, write or destructive",
        )
    }

    /// None where empty.
    pub(super) fn timestamp(self) -> Result<Option<Timestamp>, PolicyError> {
        if self.value.is_empty() {
            return Ok(None);
        }
        match self.value.parse() {
            Ok(timestamp) => Ok(Some(timestamp)),
            Err(_) => self.refuse("a time as in 2026-01-02T15:04:05Z (RFC 3339)"),
        }
    }

    /// None where empty.
    pub(super) fn duration(self) -> Result<Option<Duration>, PolicyError> {
        if self.value.is_empty() {
            return Ok(None);
        }
        match parse_duration(self.value) {
            Some(duration) if !duration.is_zero() => Ok(Some(duration)),
            _ => self.refuse("a duration over 0 as in 1h30m"),
        }
    }

    /// A field name of HTTP (RFC 9110, 5.1: a token).
    pub(super) fn header_name(self) -> Result<(), PolicyError> {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if !self.value.is_empty() && self.value.bytes().all(token) {
            Ok(())
        } else {
            self.refuse("the name of an HTTP header")
        }
    }

    /// Neither empty nor with `/`, which separates namespace and name.
    pub(super) fn item_name(self) -> Result<(), PolicyError> {
        if self.value.is_empty() {
            Err(PolicyError::Missing {
                path: (self.path)(),
            })
        } else if self.value.contains('/') {
            self.refuse("a name without /")
        } else {
            Ok(())
        }
    }
}
