//! First stage over the message: read it one way only, or refuse it.
//! In: a request's head and body.  Out: what the body says, or a [`Refusal`].
//! Pure, but for [`receive`], which reads the body off the wire.

mod fault;
mod headers;
mod json;
mod keys;
mod message;
mod receive;

use bytes::Bytes;
use http::{HeaderMap, Method};
use policy::Reason;

use crate::Text;

pub(crate) use fault::Fault;
pub(crate) use headers::declared_length;
pub(crate) use message::Kind;
pub(crate) use receive::receive;

/// Bytes of a body that are read where no limit was configured: 4 MiB.
pub(crate) const DEFAULT_LIMIT: u64 = 4 << 20;

/// One message, sharing the bytes of its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// What it is.
    pub kind: Kind,
    /// The method; absent in responses.
    pub method: Option<Text>,
    /// The tool, prompt, resource or task it speaks of.
    pub name: Option<Text>,
    /// The id exactly as it was written.
    pub id: Option<Text>,
    /// Its own bytes.
    pub text: Text,
}

/// What a request holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Inspected {
    /// No message: GET and DELETE.
    Nothing,
    /// A message on its own.
    One(Message),
    /// An array of messages; never empty.
    Batch(Vec<Message>),
}

/// A request that is refused, and the id to answer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// What is wrong.
    pub fault: Fault,
    /// The id exactly as it was written, where it could be read.
    pub id: Option<Text>,
}

impl Refusal {
    /// The reason it is audited and denied with.
    pub(crate) fn reason(&self) -> Reason {
        self.fault.reason()
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self { fault, id: None }
    }
}

/// Checks what can be known before the body is read; see [`inspect`] for the rest.
///
/// # Errors
/// A [`Refusal`] of the method, the media type or the declared length.
pub(crate) fn inspect_head(
    method: &Method,
    headers: &HeaderMap,
    limit: u64,
) -> Result<(), Refusal> {
    headers::check(method, headers, limit).map_err(Refusal::from)
}

/// Reads a whole body whose head passed [`inspect_head`].
///
/// # Errors
/// A [`Refusal`] of anything that two readers could take differently.
pub(crate) fn inspect(
    method: &Method,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Inspected, Refusal> {
    if *method != Method::POST {
        return match body.is_empty() {
            true => Ok(Inspected::Nothing),
            false => Err(Fault::UnexpectedBody.into()),
        };
    }
    let parsed =
        message::parse(body, headers::batches_allowed(headers)).map_err(|refused| Refusal {
            fault: refused.fault,
            id: refused.id.map(|id| Text::part(body, id.into())),
        })?;
    let agreement = headers::agree(headers, &parsed);
    let inspected = match parsed {
        message::Parsed::One(message) => Inspected::One(Message::of(body, message)),
        message::Parsed::Batch(all) => Inspected::Batch(
            all.into_iter()
                .map(|message| Message::of(body, message))
                .collect(),
        ),
    };
    agreement.map_err(|fault| Refusal {
        fault,
        id: match &inspected {
            Inspected::One(message) => message.id.clone(),
            _ => None,
        },
    })?;
    Ok(inspected)
}

impl Message {
    fn of(body: &Bytes, message: message::Message<'_>) -> Self {
        Self {
            kind: message.kind,
            method: message.method.map(|method| Text::part(body, method)),
            name: message.name.map(|name| Text::part(body, name)),
            id: message.id.map(|id| Text::part(body, id.into())),
            text: Text::part(body, message.text.into()),
        }
    }
}
