//! Reading a body off the wire, bounded in bytes and time.

use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt as _;

use super::fault::Fault;

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads a body of at most `limit` bytes. One that came with the head in one piece, as bodies
/// of calls do, is handed on as it lies in the connection's buffer.
///
/// # Errors
/// [`Fault::TooLarge`] as soon as the limit is passed, [`Fault::Incomplete`] where the body
/// ends early or takes longer than half a minute.
pub(crate) async fn receive<B>(mut body: B, limit: u64) -> Result<Bytes, Fault>
where
    B: Body<Data = Bytes> + Unpin,
{
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    tokio::time::timeout(PATIENCE, collect(&mut body, limit))
        .await
        .unwrap_or(Err(Fault::Incomplete))
}

async fn collect<B>(body: &mut B, limit: u64) -> Result<Bytes, Fault>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut whole = Bytes::new();
    let mut joined = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Fault::Incomplete)?.into_data() else {
            continue; // Trailers of a request say nothing to MCP.
        };
        let length = whole.len() + joined.len() + data.remaining();
        if u64::try_from(length).unwrap_or(u64::MAX) > limit {
            return Err(Fault::TooLarge { limit });
        }
        if length == data.len() {
            whole = data;
        } else {
            if joined.is_empty() {
                let expected = body.size_hint().lower().min(limit);
                joined.reserve(length + usize::try_from(expected).unwrap_or(0));
                joined.extend_from_slice(&std::mem::take(&mut whole));
            }
            joined.extend_from_slice(&data);
        }
    }
    Ok(if joined.is_empty() {
        whole
    } else {
        joined.freeze()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body::Frame;
    use http_body_util::{Full, StreamBody};

    fn in_pieces(
        pieces: &[&'static str],
    ) -> impl Body<Data = Bytes, Error = std::io::Error> + Unpin {
        let frames: Vec<_> = pieces
            .iter()
            .map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes()))))
            .collect();
        StreamBody::new(futures_util::stream::iter(frames))
    }

    #[tokio::test]
    async fn a_body_in_one_piece_isnt_copied() {
        let body = Bytes::from_static(b"{}");
        let received = receive(Full::new(body.clone()), 2).await.unwrap();
        assert_eq!(received.as_ptr(), body.as_ptr());
    }

    #[tokio::test]
    async fn pieces_are_joined_in_order() {
        assert_eq!(
            receive(in_pieces(&["{", "", "\"a\":", "1}"]), 7).await,
            Ok(Bytes::from_static(b"{\"a\":1}"))
        );
        assert_eq!(receive(in_pieces(&[]), 7).await, Ok(Bytes::new()));
    }

    #[tokio::test]
    async fn reading_stops_at_the_limit() {
        assert_eq!(
            receive(in_pieces(&["1234", "5678"]), 7).await,
            Err(Fault::TooLarge { limit: 7 })
        );
        assert_eq!(
            receive(in_pieces(&["12345678"]), 7).await,
            Err(Fault::TooLarge { limit: 7 })
        );
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_incomplete() {
        let frames = vec![
            Ok(Frame::data(Bytes::from_static(b"{"))),
            Err(std::io::Error::other("reset")),
        ];
        let body = StreamBody::new(futures_util::stream::iter(frames));
        assert_eq!(receive(body, 7).await, Err(Fault::Incomplete));
    }
}
