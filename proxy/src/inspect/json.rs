//! A scanner over the bytes of one JSON text (RFC 8259): checks the whole grammar, keeps nothing,
//! and hands out the parts asked for as they stand in the text.
//!
//! It is written by hand because deciding on a message and forwarding its original bytes needs
//! what a deserialiser hides: duplicate keys, escapes in keys, the exact text of a number.

use std::borrow::Cow;

/// The deepest nesting of objects and arrays that is read; the outermost counts as one.
pub(super) const MAX_DEPTH: u32 = 64;

/// Why a text can't be scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ScanError {
    /// It breaks the grammar at this byte.
    #[error("not JSON at byte {at}")]
    Syntax {
        /// Offset from the start of the text, in bytes.
        at: usize,
    },
    /// It nests deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

/// An escape that stands for half of a UTF-16 pair: text that no Unicode string can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a lone surrogate")]
pub(super) struct LoneSurrogate;

/// What kind of value was scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// `"…"`
    String,
    /// A number of any form.
    Number,
    /// `true` or `false`.
    Bool,
    /// `null`
    Null,
}

/// A string as it stands between its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RawStr<'a> {
    raw: &'a str,
    escaped: bool,
}

/// A value as it stands in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RawValue<'a> {
    /// Its kind.
    pub shape: Shape,
    /// Its exact text, without space around it.
    pub text: &'a str,
}

/// A position in a text.
#[derive(Clone, Debug)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

impl<'a> RawStr<'a> {
    /// What the string stands for; borrowed where nothing is escaped.
    ///
    /// # Errors
    /// [`LoneSurrogate`]; the grammar was checked when it was scanned.
    pub(super) fn decode(self) -> Result<Cow<'a, str>, LoneSurrogate> {
        if self.escaped {
            unescape(self.raw).map(Cow::Owned)
        } else {
            Ok(Cow::Borrowed(self.raw))
        }
    }
}

impl<'a> RawValue<'a> {
    /// The string it is, if it is one.
    pub(super) fn as_str(self) -> Option<RawStr<'a>> {
        let raw = self.text.strip_prefix('"')?.strip_suffix('"')?;
        Some(RawStr {
            raw,
            escaped: raw.contains('\\'),
        })
    }
}

impl<'a> Scanner<'a> {
    /// At the start of `text`.
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
        }
    }

    /// The kind of the value that comes next, which isn't consumed.
    ///
    /// # Errors
    /// [`ScanError::Syntax`] when no value can begin here.
    pub(super) fn peek_shape(&mut self) -> Result<Shape, ScanError> {
        self.skip_space();
        match self.peek() {
            Some(b'{') => Ok(Shape::Object),
            Some(b'[') => Ok(Shape::Array),
            Some(b'"') => Ok(Shape::String),
            Some(b'-' | b'0'..=b'9') => Ok(Shape::Number),
            Some(b't' | b'f') => Ok(Shape::Bool),
            Some(b'n') => Ok(Shape::Null),
            _ => Err(self.syntax()),
        }
    }

    /// Consumes one value of any kind.
    ///
    /// # Errors
    /// [`ScanError`] where it isn't JSON or nests too deep.
    pub(super) fn value(&mut self) -> Result<RawValue<'a>, ScanError> {
        let shape = self.peek_shape()?;
        let start = self.at;
        match shape {
            Shape::Object => self.object(|scanner, _| scanner.value().map(drop))?,
            Shape::Array => self.array(|scanner| scanner.value().map(drop))?,
            Shape::String => drop(self.string()?),
            Shape::Number => self.number()?,
            Shape::Bool if self.peek() == Some(b't') => self.literal(b"true")?,
            Shape::Bool => self.literal(b"false")?,
            Shape::Null => self.literal(b"null")?,
        }
        Ok(RawValue {
            shape,
            text: self.since(start),
        })
    }

    /// Consumes an object; `member` is called after each key and consumes the value.
    ///
    /// # Errors
    /// [`ScanError`] of the object itself, or what `member` returns.
    pub(super) fn object<E: From<ScanError>>(
        &mut self,
        mut member: impl FnMut(&mut Self, RawStr<'a>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.open(b'{')?;
        if !self.closes(b'}') {
            loop {
                self.skip_space();
                let key = self.string()?;
                self.skip_space();
                self.expect(b':')?;
                member(self, key)?;
                if self.ends(b'}')? {
                    break;
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Consumes an array; `element` consumes each value.
    ///
    /// # Errors
    /// [`ScanError`] of the array itself, or what `element` returns.
    pub(super) fn array<E: From<ScanError>>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.open(b'[')?;
        if !self.closes(b']') {
            loop {
                element(self)?;
                if self.ends(b']')? {
                    break;
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Checks that nothing but space is left.
    ///
    /// # Errors
    /// [`ScanError::Syntax`] at the first byte that is.
    pub(super) fn finish(mut self) -> Result<(), ScanError> {
        self.skip_space();
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.syntax()),
        }
    }

    /// Where the next value begins, for [`Self::since`].
    pub(super) fn mark(&mut self) -> usize {
        self.skip_space();
        self.at
    }

    /// The text from `start`, a [`Self::mark`], to here.
    pub(super) fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn open(&mut self, bracket: u8) -> Result<(), ScanError> {
        self.skip_space();
        self.expect(bracket)?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(ScanError::TooDeep);
        }
        Ok(())
    }

    fn closes(&mut self, bracket: u8) -> bool {
        self.skip_space();
        let closes = self.peek() == Some(bracket);
        if closes {
            self.at += 1;
        }
        closes
    }

    fn ends(&mut self, bracket: u8) -> Result<bool, ScanError> {
        if self.closes(bracket) {
            return Ok(true);
        }
        self.expect(b',').map(|()| false)
    }

    fn string(&mut self) -> Result<RawStr<'a>, ScanError> {
        self.expect(b'"')?;
        let start = self.at;
        let mut escaped = false;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(0x20..) => self.at += 1,
                _ => return Err(self.syntax()),
            }
        }
        let raw = self.since(start);
        self.at += 1;
        Ok(RawStr { raw, escaped })
    }

    fn escape(&mut self) -> Result<(), ScanError> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return Err(self.syntax());
                    }
                    self.at += 1;
                }
            }
            _ => return Err(self.syntax()),
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), ScanError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), ScanError> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.syntax());
        }
        Ok(())
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), ScanError> {
        word.iter().try_for_each(|byte| self.expect(*byte))
    }

    fn expect(&mut self, byte: u8) -> Result<(), ScanError> {
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        Err(self.syntax())
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn syntax(&self) -> ScanError {
        ScanError::Syntax { at: self.at }
    }
}

/// Resolves the escapes of a string whose grammar was checked.
fn unescape(raw: &str) -> Result<String, LoneSurrogate> {
    let mut decoded = String::with_capacity(raw.len());
    let mut rest = raw.chars();
    while let Some(character) = rest.next() {
        if character != '\\' {
            decoded.push(character);
            continue;
        }
        decoded.push(match rest.next() {
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => unicode_escape(&mut rest)?,
            Some(itself) => itself,
            None => return Err(LoneSurrogate),
        });
    }
    Ok(decoded)
}

/// The character of `\uXXXX`, or of the pair `\uXXXX\uXXXX`; `rest` is behind the first `\u`.
fn unicode_escape(rest: &mut std::str::Chars<'_>) -> Result<char, LoneSurrogate> {
    let first = four_hex_digits(rest)?;
    if !(0xd800..0xdc00).contains(&first) {
        return char::from_u32(first).ok_or(LoneSurrogate);
    }
    if (rest.next(), rest.next()) != (Some('\\'), Some('u')) {
        return Err(LoneSurrogate);
    }
    let second = four_hex_digits(rest)?;
    if !(0xdc00..0xe000).contains(&second) {
        return Err(LoneSurrogate);
    }
    char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)).ok_or(LoneSurrogate)
}

fn four_hex_digits(rest: &mut std::str::Chars<'_>) -> Result<u32, LoneSurrogate> {
    (0..4).try_fold(0, |value, _| {
        let digit = rest.next().and_then(|digit| digit.to_digit(16));
        Ok(value * 16 + digit.ok_or(LoneSurrogate)?)
    })
}

#[cfg(test)]
mod tests;
