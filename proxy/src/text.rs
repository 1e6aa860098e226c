//! Text that shares the bytes it was read from.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

/// UTF-8 text, cheap to clone: a part of a body, without a copy of it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Text(Bytes);

impl Text {
    /// `part` of `whole`, sharing its bytes where `part` lies in them; else a copy.
    pub(crate) fn part(whole: &Bytes, part: Cow<'_, str>) -> Self {
        match part {
            Cow::Owned(text) => Self(text.into()),
            Cow::Borrowed(text) => {
                // Where `text` begins in `whole`; out of range when it lies elsewhere.
                let start = (text.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
                let end = start.saturating_add(text.len());
                if end <= whole.len() {
                    Self(whole.slice(start..end))
                } else {
                    Self(Bytes::copy_from_slice(text.as_bytes()))
                }
            }
        }
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Its bytes, shared.
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.0
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_shares_the_bytes_of_the_whole() {
        let whole = Bytes::from_static(b"{\"a\":1}");
        let text = std::str::from_utf8(&whole).unwrap();
        let part = Text::part(&whole, Cow::Borrowed(text.get(2..3).unwrap()));
        assert_eq!(part.as_str(), "a");
        assert_eq!(part.bytes().as_ptr(), whole[2..].as_ptr());
    }

    #[test]
    fn text_from_elsewhere_is_copied() {
        let whole = Bytes::from_static(b"whole");
        assert_eq!(
            Text::part(&whole, Cow::Borrowed("elsewhere")).as_str(),
            "elsewhere"
        );
        assert_eq!(
            Text::part(&whole, Cow::Owned("owned".into())).as_str(),
            "owned"
        );
    }
}
