//! What became of a review where no code of an object or a pod says it: the metrics' label `code`, the
//! log's, and of answers the audit annotation.

/// Declares the outcomes: HTTP status, and when.
macro_rules! outcomes {
    ($($variant:ident = $status:literal, $when:literal;)+) => {
        /// One of them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Outcome {
            $(#[doc = $when] $variant),+
        }

        impl Outcome {
            /// Every outcome, in the order of the docs.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The spelling, which is stable.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant)),+ }
            }

            /// Of the HTTP response; 200 has an AdmissionReview that allows.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status),+ }
            }

            /// When it is so.
            pub const fn when(self) -> &'static str {
                match self { $(Self::$variant => $when),+ }
            }
        }
    };
}

outcomes! {
    Valid = 200, "`/validate` found nothing wrong";
    StillInvalid = 200, "`/validate` found wrong what was wrong before this update, and tells it as a warning";
    Unchanged = 200, "`/default` had nothing to add, or `/validate` nothing to judge: no spec changed";
    Defaulted = 200, "`/default` added what was left out";
    Deleted = 200, "`/validate` was told of a deletion";
    Unreadable = 400, "the body isn't an AdmissionReview of what the endpoint is for";
    SlowBody = 408, "the body didn't come within 5 s";
    TooLarge = 413, "the review has more bytes than an API server sends, or too many values to be read";
    UnsupportedMediaType = 415, "the body isn't announced as application/json";
    Busy = 429, "too much is under way; an API server tries again by itself, elsewhere";
    Fault = 500, "the question can't be answered: the API server didn't say what a pod belongs to, or the fault is ours";
    Late = 503, "the time that the API server gave was over";
}
