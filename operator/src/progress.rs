//! How far a server is, as its worker and its next look go by it.

use std::time::Duration;

/// How a reconcile ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// All is as it should be; look again after this.
    Done(Option<Duration>),
    /// Something is on its way and a watch will tell; look again after this at the latest.
    Waiting(Option<Duration>),
    /// The spec can't be used; its next change will tell.
    Invalid,
    /// Something failed; try again.
    Failed,
}

impl Progress {
    /// The same, looking again after `other` where that is earlier.
    pub(crate) fn sooner(self, other: Option<Duration>) -> Self {
        let earlier = |again: Option<Duration>| again.into_iter().chain(other).min();
        match self {
            Self::Done(again) => Self::Done(earlier(again)),
            Self::Waiting(again) => Self::Waiting(earlier(again)),
            Self::Invalid | Self::Failed => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earlier_of_two_looks_counts_and_an_end_stays_one() {
        let (soon, late) = (Duration::from_secs(1), Duration::from_secs(2));
        assert_eq!(
            Progress::Done(Some(late)).sooner(Some(soon)),
            Progress::Done(Some(soon))
        );
        assert_eq!(
            Progress::Waiting(Some(soon)).sooner(Some(late)),
            Progress::Waiting(Some(soon))
        );
        assert_eq!(
            Progress::Done(None).sooner(Some(late)),
            Progress::Done(Some(late))
        );
        assert_eq!(
            Progress::Waiting(None).sooner(None),
            Progress::Waiting(None)
        );
        assert_eq!(Progress::Failed.sooner(Some(soon)), Progress::Failed);
        assert_eq!(Progress::Invalid.sooner(Some(soon)), Progress::Invalid);
    }
}
