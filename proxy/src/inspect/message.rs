//! JSON-RPC messages read one way only: what can be read in two ways isn't read at all.

use std::borrow::Cow;

use super::fault::Fault;
use super::json::{RawStr, RawValue, ScanError, Scanner, Shape};
use super::keys::{Keys, mistaken_for};

/// The most messages in one batch: each is decided and audited on its own.
const MAX_BATCH: usize = 1000;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A method with an id: it wants an answer.
    Request,
    /// A method without an id.
    Notification,
    /// A result or an error: the client's answer to something the server asked.
    Response,
}

impl Kind {
    /// The word in reports.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Notification => "notification",
            Self::Response => "response",
        }
    }
}

/// One message, borrowed from the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message<'a> {
    /// What it is.
    pub kind: Kind,
    /// The method, decoded; absent in responses.
    pub method: Option<Cow<'a, str>>,
    /// The tool, prompt, resource or task the method speaks of, decoded.
    pub name: Option<Cow<'a, str>>,
    /// The id exactly as it was written, quotes included.
    pub id: Option<&'a str>,
    /// The message's own bytes.
    pub text: &'a str,
}

/// What a body holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Parsed<'a> {
    /// A message on its own.
    One(Message<'a>),
    /// An array of messages.
    Batch(Vec<Message<'a>>),
}

/// A body that is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused<'a> {
    /// Why.
    pub fault: Fault,
    /// The id exactly as it was written, where there is just one.
    pub id: Option<&'a str>,
}

impl From<Fault> for Refused<'_> {
    fn from(fault: Fault) -> Self {
        Self { fault, id: None }
    }
}

impl From<ScanError> for Refused<'_> {
    fn from(error: ScanError) -> Self {
        Fault::from(error).into()
    }
}

/// Reads a body; `batches` says whether an array may be one.
///
/// # Errors
/// [`Refused`] for anything that two readers could take differently.
pub(super) fn parse(body: &[u8], batches: bool) -> Result<Parsed<'_>, Refused<'_>> {
    let text = std::str::from_utf8(body).map_err(|_| Fault::NotUtf8)?;
    if text.starts_with('\u{feff}') {
        return Err(Fault::ByteOrderMark.into());
    }
    let mut scanner = Scanner::new(text);
    let parsed = match scanner.peek_shape()? {
        Shape::Object => message(&mut scanner).map(Parsed::One),
        Shape::Array if batches => batch(&mut scanner).map(Parsed::Batch),
        shape => {
            scanner.value()?;
            Err(match shape {
                Shape::Array => Fault::BatchNotSupported.into(),
                _ => Fault::NotAnObject.into(),
            })
        }
    };
    if let Err(Refused {
        fault: Fault::NotJson { .. } | Fault::TooDeep,
        ..
    }) = parsed
    {
        return parsed;
    }
    scanner.finish()?;
    parsed
}

fn batch<'a>(scanner: &mut Scanner<'a>) -> Result<Vec<Message<'a>>, Refused<'a>> {
    let mut messages = Vec::new();
    let mut fault = None;
    scanner.array(|scanner| {
        if messages.len() == MAX_BATCH {
            fault.get_or_insert(Fault::LongBatch { limit: MAX_BATCH });
        }
        if fault.is_some() || scanner.peek_shape()? != Shape::Object {
            fault.get_or_insert(Fault::NotAnObject);
            return scanner.value().map(drop);
        }
        let draft = Draft::scan(scanner)?;
        match draft.classify() {
            Ok(message) if message.method.as_deref() == Some("initialize") => {
                fault = Some(Fault::InitializeInBatch);
            }
            Ok(message) => messages.push(message),
            Err(refused) => fault = Some(refused.fault),
        }
        Ok::<(), ScanError>(())
    })?;
    match fault {
        Some(fault) => Err(fault.into()),
        None if messages.is_empty() => Err(Fault::EmptyBatch.into()),
        None => Ok(messages),
    }
}

fn message<'a>(scanner: &mut Scanner<'a>) -> Result<Message<'a>, Refused<'a>> {
    Draft::scan(scanner)?.classify()
}

/// One object whose keys are governed.
struct Level<'a> {
    name: &'static str,
    keys: Keys<'a>,
}

impl<'a> Level<'a> {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            keys: Keys::default(),
        }
    }

    /// The key as it is to be understood.
    fn read(&mut self, key: RawStr<'a>) -> Result<Cow<'a, str>, Fault> {
        let level = self.name;
        let key = key
            .decode()
            .map_err(|_| Fault::LoneSurrogate { member: level })?;
        if let Some(key) = mistaken_for(&key) {
            return Err(Fault::MistakableKey { level, key });
        }
        if !self.keys.insert(key.clone()) {
            return Err(Fault::DuplicateKey { level });
        }
        Ok(key)
    }
}

/// A message as far as it was read. The first fault is kept and reading goes on, so that the
/// id, which may come last, can be answered to.
#[derive(Default)]
struct Draft<'a> {
    text: &'a str,
    version: Option<RawValue<'a>>,
    id: Option<RawValue<'a>>,
    id_unclear: bool,
    method: Option<RawValue<'a>>,
    result: bool,
    error: bool,
    params: Option<Shape>,
    name: Option<RawValue<'a>>,
    uri: Option<RawValue<'a>>,
    task: Option<RawValue<'a>>,
    prompt_reference: Option<RawValue<'a>>,
    resource_reference: Option<RawValue<'a>>,
    fault: Option<Fault>,
}

impl<'a> Draft<'a> {
    fn scan(scanner: &mut Scanner<'a>) -> Result<Self, ScanError> {
        let mut draft = Self::default();
        let mut level = Level::new("the message");
        let from = scanner.mark();
        scanner.object(|scanner, key| {
            match level.read(key) {
                Ok(key) => match &*key {
                    "jsonrpc" => draft.version = Some(scanner.value()?),
                    "id" => draft.id = Some(scanner.value()?),
                    "method" => draft.method = Some(scanner.value()?),
                    "params" => draft.params(scanner)?,
                    other => {
                        draft.result |= other == "result";
                        draft.error |= other == "error";
                        scanner.value()?;
                    }
                },
                Err(fault) => {
                    draft.id_unclear |= key
                        .decode()
                        .is_ok_and(|key| key == "id" || mistaken_for(&key) == Some("id"));
                    draft.refuse(fault);
                    scanner.value()?;
                }
            }
            Ok::<(), ScanError>(())
        })?;
        draft.text = scanner.since(from);
        Ok(draft)
    }

    fn params(&mut self, scanner: &mut Scanner<'a>) -> Result<(), ScanError> {
        let shape = scanner.peek_shape()?;
        self.params = Some(shape);
        if shape != Shape::Object {
            return scanner.value().map(drop);
        }
        let mut level = Level::new("params");
        scanner.object(|scanner, key| {
            match level
                .read(key)
                .map_err(|fault| self.refuse(fault))
                .as_deref()
            {
                Ok("name") => self.name = Some(scanner.value()?),
                Ok("uri") => self.uri = Some(scanner.value()?),
                Ok("taskId") => self.task = Some(scanner.value()?),
                Ok("_meta") => self.nested(scanner, "params._meta", |_, _, _| ())?,
                Ok("ref") => self.nested(scanner, "params.ref", |draft, key, value| match key {
                    "name" => draft.prompt_reference = Some(value),
                    "uri" => draft.resource_reference = Some(value),
                    _ => (),
                })?,
                _ => drop(scanner.value()?),
            }
            Ok(())
        })
    }

    fn nested(
        &mut self,
        scanner: &mut Scanner<'a>,
        name: &'static str,
        keep: impl Fn(&mut Self, &str, RawValue<'a>),
    ) -> Result<(), ScanError> {
        if scanner.peek_shape()? != Shape::Object {
            return scanner.value().map(drop);
        }
        let mut level = Level::new(name);
        scanner.object(|scanner, key| {
            let value = scanner.value()?;
            match level.read(key) {
                Ok(key) => keep(self, &key, value),
                Err(fault) => self.refuse(fault),
            }
            Ok(())
        })
    }

    fn refuse(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    fn classify(self) -> Result<Message<'a>, Refused<'a>> {
        let id = match self.id {
            Some(id) if matches!(id.shape, Shape::String | Shape::Number) && !self.id_unclear => {
                Some(id.text)
            }
            _ => None,
        };
        self.understand(id).map_err(|fault| Refused { fault, id })
    }

    fn understand(self, id: Option<&'a str>) -> Result<Message<'a>, Fault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        if self.version.map(|version| version.text) != Some("\"2.0\"") {
            return Err(Fault::Version);
        }
        let kind = match (self.method, self.id, self.result, self.error) {
            (Some(_), Some(_), false, false) => Kind::Request,
            (Some(_), None, false, false) => Kind::Notification,
            (None, Some(_), true, false) | (None, _, false, true) => Kind::Response,
            _ => return Err(Fault::NoKind),
        };
        // An error may answer a request whose id couldn't be read (JSON-RPC 2.0, section 5).
        let null_allowed = self.error && self.id.is_some_and(|id| id.shape == Shape::Null);
        if self.id.is_some() && id.is_none() && !null_allowed {
            return Err(Fault::Id);
        }
        let method = text("method", self.method)?;
        let name = match method.as_deref() {
            Some(method) => {
                if !matches!(self.params, None | Some(Shape::Object | Shape::Null)) {
                    return Err(Fault::Params);
                }
                self.named_by(method)?
            }
            None => None,
        };
        Ok(Message {
            kind,
            method,
            name,
            id: id.or(null_allowed.then_some("null")),
            text: self.text,
        })
    }

    /// What `method` names, by the member that its revision of MCP puts the name in.
    fn named_by(&self, method: &str) -> Result<Option<Cow<'a, str>>, Fault> {
        match method {
            // Without a name there is nothing to decide on.
            "tools/call" | "call_tool" if self.name.is_none() => Err(Fault::NotAString {
                member: "params.name",
            }),
            "tools/call" | "call_tool" | "prompts/get" => text("params.name", self.name),
            "resources/read" | "resources/subscribe" | "resources/unsubscribe" => {
                text("params.uri", self.uri)
            }
            "tasks/get" | "tasks/result" | "tasks/update" | "tasks/cancel" => {
                text("params.taskId", self.task)
            }
            "completion/complete" => match (self.prompt_reference, self.resource_reference) {
                (Some(_), Some(_)) => Err(Fault::AmbiguousReference),
                (Some(prompt), None) => text("params.ref.name", Some(prompt)),
                (None, resource) => text("params.ref.uri", resource),
            },
            _ => Ok(None),
        }
    }
}

/// A member that must be a string where it is there.
fn text<'a>(
    member: &'static str,
    value: Option<RawValue<'a>>,
) -> Result<Option<Cow<'a, str>>, Fault> {
    let Some(value) = value else {
        return Ok(None);
    };
    let text = value.as_str().ok_or(Fault::NotAString { member })?;
    let decoded = text.decode().map_err(|_| Fault::LoneSurrogate { member })?;
    Ok(Some(decoded))
}

#[cfg(test)]
mod tests;
