//! Sessions that are too many for the document: files beside it, which it lists by their hash.
//!
//! A shard is gzip (RFC 1952, one member) of JSON Lines, one session a line, with the members
//! that sessions have in the document. It is read a line at a time and within bounds, so that
//! no content of it takes more memory than the sessions themselves.

use std::io::{self, BufRead as _, BufReader, Cursor, Read, Take, Write as _};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use serde::Deserialize as _;
use sha2::{Digest as _, Sha256};

use super::{Document, Session, SessionShard};
use crate::PolicyError;

/// How many shards a document can have.
pub const SESSION_SHARDS: usize = 16;

/// Bytes of a shard: what fits in a ConfigMap.
const FILE_BYTES: u64 = 1 << 20;
/// Bytes of a shard's lines.
const INFLATED_BYTES: u64 = 16 << 20;
/// Bytes of one line.
const LINE_BYTES: u64 = 1 << 16;
/// Lines of a shard.
const LINES: usize = 1 << 15;

/// The file in which shard `n` lies, beside the document.
pub fn shard_file(n: usize) -> String {
    format!("sessions-{n}.ndjson.gz")
}

/// Gives a shard's bytes by its name; [`read_shard`] keeps what it reads within bounds.
pub type ReadShard<'a> = dyn Fn(&str) -> Result<Vec<u8>, ShardFault> + 'a;

/// A [`ReadShard`] where there are none.
///
/// # Errors
///
/// Always: no shard is there.
pub fn no_shards(_: &str) -> Result<Vec<u8>, ShardFault> {
    Err(ShardFault::Missing)
}

/// All of a shard's bytes, not looked at yet.
///
/// # Errors
///
/// When the reader fails or has more than a shard can have.
pub fn read_shard(reader: impl Read) -> Result<Vec<u8>, ShardFault> {
    let mut bytes = Vec::new();
    match reader.take(FILE_BYTES + 1).read_to_end(&mut bytes)? as u64 > FILE_BYTES {
        true => Err(ShardFault::TooLarge),
        false => Ok(bytes),
    }
}

/// What keeps a shard from being read as its document lists it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShardFault {
    /// There is no such shard (yet).
    #[error("isn't there")]
    Missing,
    /// It couldn't be fetched.
    #[error("can't be read: {0}")]
    Unreadable(String),
    /// It is larger than any that the platform writes.
    #[error("has more than {FILE_BYTES} bytes")]
    TooLarge,
    /// It isn't the one that the document was written with.
    #[error("has sha256 {found}, not the {listed} that the document lists")]
    Sha256 {
        /// As computed.
        found: String,
        /// As listed.
        listed: String,
    },
    /// It isn't gzip, or is torn.
    #[error("isn't whole gzip: {0}")]
    Gzip(String),
    /// There is more after the gzip stream.
    #[error("has more bytes after its end")]
    Trailing,
    /// What is in it is larger than any that the platform writes.
    #[error("has more than {INFLATED_BYTES} bytes when inflated")]
    Inflated,
    /// It has more sessions than any that the platform writes.
    #[error("has more than {LINES} lines")]
    Lines,
    /// A line is too long for a session.
    #[error("line {line} has more than {LINE_BYTES} bytes")]
    LineTooLong {
        /// From 1.
        line: usize,
    },
    /// A line isn't a session.
    #[error("line {line} isn't a session: {message}")]
    Line {
        /// From 1.
        line: usize,
        /// What the JSON reader said.
        message: String,
    },
    /// A session isn't valid, or is there twice.
    #[error("line {line}: {error}")]
    Session {
        /// From 1.
        line: usize,
        /// What is wrong with it.
        error: Box<PolicyError>,
    },
}

impl From<io::Error> for ShardFault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            _ => Self::Unreadable(error.to_string()),
        }
    }
}

/// One line of a shard.
pub(crate) struct Line {
    /// From 1.
    pub(crate) number: usize,
    pub(crate) session: Session,
    /// Members that this program doesn't know.
    pub(crate) unknown: Vec<String>,
}

/// The lines of a shard whose hash is as listed. Ends at the first fault.
pub(crate) struct Lines {
    inflated: BufReader<Take<GzDecoder<Cursor<Vec<u8>>>>>,
    buffer: Vec<u8>,
    number: usize,
    ended: bool,
}

impl SessionShard {
    /// What lists shard `n` with these bytes.
    pub fn of(n: usize, bytes: &[u8]) -> Self {
        Self {
            name: shard_file(n),
            sha256: sha256(bytes),
        }
    }

    /// Which of the shards it is; `None` where its name is no shard's.
    pub fn number(&self) -> Option<usize> {
        (0..SESSION_SHARDS).find(|n| shard_file(*n) == self.name)
    }

    pub(crate) fn lines(&self, read: &ReadShard<'_>) -> Result<Lines, ShardFault> {
        // A name that isn't a shard's could lead a reader of files out of their folder.
        if self.number().is_none() {
            return Err(ShardFault::Missing);
        }
        let bytes = read(&self.name)?;
        let found = sha256(&bytes);
        if found != self.sha256 {
            let listed = self.sha256.clone();
            return Err(ShardFault::Sha256 { found, listed });
        }
        let inflated = GzDecoder::new(Cursor::new(bytes)).take(INFLATED_BYTES + 1);
        Ok(Lines {
            inflated: BufReader::new(inflated),
            buffer: Vec::new(),
            number: 0,
            ended: false,
        })
    }
}

impl Iterator for Lines {
    type Item = Result<Line, ShardFault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let line = self.line().transpose();
        self.ended = !matches!(line, Some(Ok(_)));
        line
    }
}

impl Lines {
    fn line(&mut self) -> Result<Option<Line>, ShardFault> {
        self.buffer.clear();
        let length = (&mut self.inflated)
            .take(LINE_BYTES + 1)
            .read_until(b'\n', &mut self.buffer)
            .map_err(|error| ShardFault::Gzip(error.to_string()))?;
        if self.inflated.get_ref().limit() == 0 {
            return Err(ShardFault::Inflated);
        }
        if length == 0 {
            let compressed = self.inflated.get_ref().get_ref().get_ref();
            let whole = compressed.position() == compressed.get_ref().len() as u64;
            return if whole {
                Ok(None)
            } else {
                Err(ShardFault::Trailing)
            };
        }
        self.number += 1;
        let line = self.number;
        if length as u64 > LINE_BYTES {
            return Err(ShardFault::LineTooLong { line });
        }
        if line > LINES {
            return Err(ShardFault::Lines);
        }
        parse(&self.buffer, line).map(Some)
    }
}

fn parse(bytes: &[u8], number: usize) -> Result<Line, ShardFault> {
    let fault = |message| ShardFault::Line {
        line: number,
        message,
    };
    // A derived reader takes an array for a struct, too.
    if bytes.first() != Some(&b'{') {
        return Err(fault("it isn't an object".into()));
    }
    let mut unknown = Vec::new();
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let mut note = |path: serde_ignored::Path<'_>| unknown.push(path.to_string());
    let session = Session::deserialize(serde_ignored::Deserializer::new(&mut json, &mut note))
        .and_then(|session| json.end().map(|()| session))
        .map_err(|error| fault(error.to_string()))?;
    Ok(Line {
        number,
        session,
        unknown,
    })
}

/// The bytes of a shard with these sessions; the same bytes each time.
///
/// # Errors
///
/// None that memory could give.
pub fn pack_shard<'a>(sessions: impl IntoIterator<Item = &'a Session>) -> io::Result<Vec<u8>> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    for session in sessions {
        serde_json::to_writer(&mut gzip, session)?;
        gzip.write_all(b"\n")?;
    }
    gzip.finish()
}

impl Document {
    /// The same document with its sessions in shards, and the shards' bytes in order. A
    /// session's shard depends on its namespace and name alone, so that one that changes
    /// changes one shard. A stamped revision is stamped anew.
    ///
    /// # Errors
    ///
    /// As [`pack_shard`].
    pub fn into_shards(mut self) -> io::Result<(Self, Vec<Vec<u8>>)> {
        let mut parts = vec![Vec::new(); SESSION_SHARDS];
        for session in std::mem::take(&mut self.sessions) {
            let namespace = match session.namespace.as_str() {
                "" => &self.server.namespace,
                namespace => namespace,
            };
            let id = Sha256::digest(format!("{namespace}/{}", session.name));
            let n = id.first().map_or(0, |byte| usize::from(*byte)) % SESSION_SHARDS;
            if let Some(part) = parts.get_mut(n) {
                part.push(session);
            }
        }
        let shards: Vec<Vec<u8>> = parts.iter().map(pack_shard).collect::<Result<_, _>>()?;
        let listed = shards.iter().enumerate();
        self.session_shards = listed
            .map(|(n, bytes)| SessionShard::of(n, bytes))
            .collect();
        if !self.revision.is_empty() {
            self.revision = self.compute_revision();
        }
        Ok((self, shards))
    }
}

fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}
