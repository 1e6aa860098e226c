//! What can be wrong with a request, each with its reason, its code and a text to act on.

use policy::Reason;

use super::json::{MAX_DEPTH, ScanError};

/// Why a request was refused by inspection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// An HTTP method that MCP doesn't use.
    #[error("MCP is spoken by POST, GET and DELETE")]
    HttpMethod,
    /// The body isn't declared as JSON in UTF-8, or is encoded.
    #[error("send the body as Content-Type: application/json, in UTF-8, without Content-Encoding")]
    MediaType,
    /// The body is over the limit.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// In bytes.
        limit: u64,
    },
    /// The body ended early or didn't arrive in time.
    #[error("the body didn't arrive whole")]
    Incomplete,
    /// A GET or DELETE came with a body, which no one would decide on.
    #[error("only POST carries a body")]
    UnexpectedBody,
    /// A header that mirrors the body says something else.
    #[error("the header {header} disagrees with the body")]
    HeaderMismatch {
        /// The header's name.
        header: &'static str,
    },
    /// The bytes aren't UTF-8.
    #[error("the body isn't UTF-8")]
    NotUtf8,
    /// The text begins with a byte order mark.
    #[error("the body begins with a byte order mark")]
    ByteOrderMark,
    /// The text isn't one JSON value.
    #[error("the body isn't one JSON value: it breaks off at byte {at}")]
    NotJson {
        /// Offset in bytes.
        at: usize,
    },
    /// It nests too deep.
    #[error("the body nests deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// Neither an object nor an array.
    #[error("a message is a JSON object")]
    NotAnObject,
    /// An array where this revision has none.
    #[error("batches belong to MCP-Protocol-Version 2025-03-26")]
    BatchNotSupported,
    /// An array without elements.
    #[error("the batch is empty")]
    EmptyBatch,
    /// An array with more elements than are decided in one request.
    #[error("the batch has more than {limit} messages")]
    LongBatch {
        /// In messages.
        limit: usize,
    },
    /// `initialize` may not be part of a batch.
    #[error("initialize may not be part of a batch")]
    InitializeInBatch,
    /// A key occurs twice in one object.
    #[error("{level} has a key twice")]
    DuplicateKey {
        /// Which object: `message`, `params`, …
        level: &'static str,
    },
    /// A key could be taken for one that is governed.
    #[error("{level} has a key that looks like {key:?} and isn't")]
    MistakableKey {
        /// Which object.
        level: &'static str,
        /// The governed key.
        key: &'static str,
    },
    /// Text with half a UTF-16 pair where it matters.
    #[error("{member} holds a lone surrogate")]
    LoneSurrogate {
        /// Where.
        member: &'static str,
    },
    /// `jsonrpc` isn't "2.0".
    #[error("jsonrpc must be \"2.0\"")]
    Version,
    /// The `id` is neither text nor a number.
    #[error("id must be a string or a number")]
    Id,
    /// `method` or a name isn't a string.
    #[error("{member} must be a string")]
    NotAString {
        /// Which member.
        member: &'static str,
    },
    /// `params` is a scalar or an array.
    #[error("params must be an object")]
    Params,
    /// `params.ref` names a prompt and a resource at once.
    #[error("params.ref names a prompt and a resource")]
    AmbiguousReference,
    /// Neither request, notification nor response, or more than one of them.
    #[error("a message has a method, or a result, or an error")]
    NoKind,
}

impl Fault {
    /// The reason it is audited and denied with.
    pub(crate) fn reason(self) -> Reason {
        match self {
            Self::HttpMethod => Reason::MethodNotAllowed,
            Self::MediaType => Reason::UnsupportedMediaType,
            Self::TooLarge { .. } => Reason::RequestTooLarge,
            Self::HeaderMismatch { .. } => Reason::HeaderMismatch,
            _ => Reason::RpcInspectionFailed,
        }
    }

    /// The code of the JSON-RPC error (JSON-RPC 2.0 section 5.1; −32020 is MCP's).
    ///
    /// Outside of status 400 it is the status itself: newer MCP revisions keep the whole
    /// range −32768…−32000 to themselves.
    pub(crate) fn code(self) -> i32 {
        match self {
            Self::HeaderMismatch { .. } => -32020,
            Self::NotUtf8 | Self::ByteOrderMark | Self::NotJson { .. } => -32700,
            _ => match self.reason().status() {
                Some(400) | None => -32600,
                Some(status) => i32::from(status),
            },
        }
    }
}

impl From<ScanError> for Fault {
    fn from(error: ScanError) -> Self {
        match error {
            ScanError::Syntax { at } => Self::NotJson { at },
            ScanError::TooDeep => Self::TooDeep,
        }
    }
}
