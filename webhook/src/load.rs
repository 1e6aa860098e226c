//! How much is taken on at once. Memory is what runs out: a body may be 7 MiB, and JSON made to
//! annoy takes fifty times its length once it is read.

use std::sync::Arc;
use std::time::{Duration, Instant};

use memchr::memchr_iter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What all reviews under way may take together, in KiB. The Deployment's limit is twice that.
const MEMORY: usize = 128 << 10;
/// A JSON value, and an object with its first members, in bytes as serde_json keeps them; measured
/// on lists of the smallest of each, with what growing such a list takes.
const VALUE: usize = 160;
const OBJECT: usize = 512;
/// Somebody who is told to come again has to have time for it.
const AGAIN: Duration = Duration::from_millis(1500);

/// Why a review isn't taken on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is no room for it now.
    Busy,
    /// There is never room for it.
    Huge,
}

/// Room for reviews. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Load(Arc<Semaphore>);

/// Room that one review has, until it is answered.
#[derive(Debug)]
pub(crate) struct Room(OwnedSemaphorePermit);

impl Default for Load {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MEMORY)))
    }
}

impl Load {
    /// Room for a body of so many bytes; waits for it as long as whoever is refused could still
    /// try again.
    ///
    /// # Errors
    /// [`Refused::Busy`] when others have it all.
    pub(crate) async fn body(&self, bytes: usize, deadline: Instant) -> Result<Room, Refused> {
        let room = Arc::clone(&self.0).acquire_many_owned(kib(bytes));
        let patience = deadline.checked_sub(AGAIN).unwrap_or(deadline);
        match tokio::time::timeout_at(patience.into(), room).await {
            Ok(Ok(room)) => Ok(Room(room)),
            _ => Err(Refused::Busy),
        }
    }

    /// Room for what a body becomes. It isn't waited for: who waits here holds a body, and two of
    /// those could wait for each other.
    ///
    /// # Errors
    /// [`Refused`]
    pub(crate) fn object(&self, room: &mut Room, body: &[u8]) -> Result<(), Refused> {
        let bytes = read_size(body);
        // The body's own room is held already.
        if kib(bytes) as usize + room.0.num_permits() > MEMORY {
            return Err(Refused::Huge);
        }
        let more = Arc::clone(&self.0).try_acquire_many_owned(kib(bytes));
        room.0.merge(more.map_err(|_| Refused::Busy)?);
        Ok(())
    }
}

/// What JSON takes at most when it is read. Counts marks inside strings too, which is too many.
fn read_size(json: &[u8]) -> usize {
    let count = |mark| memchr_iter(mark, json).count();
    json.len() + VALUE * (count(b',') + count(b'[')) + OBJECT * count(b'{')
}

fn kib(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soon() -> Instant {
        Instant::now() + AGAIN + Duration::from_millis(20)
    }

    #[tokio::test]
    async fn what_fits_is_taken_and_what_does_not_is_told_so_while_there_is_time_to_try_again() {
        let load = Load::default();
        let deadline = soon();
        let most = load.body(MEMORY * 1024, deadline).await.unwrap();
        assert_eq!(load.body(1, deadline).await.unwrap_err(), Refused::Busy);
        assert!(Instant::now() < deadline);
        drop(most);
        assert!(load.body(1, deadline).await.is_ok());
    }

    #[tokio::test]
    async fn json_made_of_very_many_values_is_refused_for_good() {
        let load = Load::default();
        let mut room = load.body(7 << 20, soon()).await.unwrap();
        let dense = "[".to_owned() + &"0,".repeat(3 << 20) + "0]";
        assert_eq!(load.object(&mut room, dense.as_bytes()), Err(Refused::Huge));
        let text = format!("{:?}", "x".repeat(7 << 20));
        assert_eq!(load.object(&mut room, text.as_bytes()), Ok(()));
    }

    /// Or whoever sent it would be told for ever to come again.
    #[tokio::test]
    async fn what_fits_only_without_its_own_body_is_refused_for_good() {
        let load = Load::default();
        let body = 7 << 20;
        let mut room = load.body(body, soon()).await.unwrap();
        let values = (MEMORY * 1024 - body / 2) / VALUE;
        let dense = "[".to_owned() + &"0,".repeat(values) + "0]";
        assert_eq!(load.object(&mut room, dense.as_bytes()), Err(Refused::Huge));
    }

    #[tokio::test]
    async fn room_is_given_back() {
        let load = Load::default();
        for _ in 0..1000 {
            let mut room = load.body(1 << 20, soon()).await.unwrap();
            load.object(&mut room, br#"{"a":[1,2,{"b":null}]}"#)
                .unwrap();
        }
        assert_eq!(load.0.available_permits(), MEMORY);
    }
}
