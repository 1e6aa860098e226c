//! Lines 4 and 5: the session, where one is required or presented.

use super::pass::{Line, Live, Pass, Verdict};
use super::trace::{Check, Outcome, Trace};
use crate::policy::{AuthMode, Session};
use crate::{Reason, Subject};

impl<'a, T: Trace> Pass<'a, T> {
    /// Line 4: the session presented, which there must be where one is required. In mode
    /// `none` nobody can present one: its header isn't read.
    pub(super) fn presented(&mut self) -> Line<Option<&'a str>> {
        let heard = self.policy.auth().mode != AuthMode::None;
        let presented = self
            .request
            .session
            .filter(|session| heard && !session.is_empty());
        let required = self.policy.requires_session();
        self.step(
            4,
            Check::SessionPresented,
            None,
            match presented {
                Some(_) => Outcome::Pass,
                None if required => Outcome::Fail,
                None => Outcome::Skip,
            },
        );
        if required && presented.is_none() {
            return Err(Verdict::deny(4, Reason::MissingSession));
        }
        Ok(presented)
    }

    /// Line 5: a session that is presented is live, required or not. Another subject's is
    /// as unknown as none at all, so that nobody learns of it.
    pub(super) fn live(
        &mut self,
        presented: Option<&str>,
        subject: &Subject<'_>,
    ) -> Line<Live<'a>> {
        let Some(presented) = presented else {
            return Ok(None);
        };
        let session = self
            .policy
            .session(presented)
            .filter(|session| session.audience.includes(subject));
        let id = session.map(|session| &session.id);
        self.step(5, Check::SessionFound, id, session.is_some().into());
        let Some(session) = session else {
            return Err(Verdict::deny(5, Reason::SessionNotFound));
        };
        self.basis.session = id.cloned();
        self.step(5, Check::SessionNotRevoked, id, (!session.revoked).into());
        if session.revoked {
            return Err(Verdict::deny(5, Reason::SessionRevoked));
        }
        let over = self.is_over(session);
        self.step(5, Check::SessionNotExpired, id, (!over).into());
        if over {
            return Err(Verdict::deny(5, Reason::SessionExpired));
        }
        Ok(Some(session))
    }

    /// A session's last moment still counts; idle time that isn't known never does.
    fn is_over(&self, session: &Session) -> bool {
        let ended = session.ends_at.is_some_and(|end| self.now > end);
        let limit = self.policy.session_settings().idle_timeout;
        let idle = match (self.request.session_idle, limit) {
            (Some(idle), Some(limit)) => idle > limit,
            _ => false,
        };
        ended || idle
    }
}
