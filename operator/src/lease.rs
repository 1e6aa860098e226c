//! Leader election by a Lease of our own: acquire, keep, give back.

mod election;

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};

use crate::chain::Chain;
use crate::fence::Fence;
pub(crate) use election::Terms;
use election::{Election, Step};

/// Name of the Lease, the one the Go project uses.
pub(crate) const LEASE_NAME: &str = "mcp-runtime-operator.mcpruntime.org";

/// The lease can't be held.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LeaseError {
    /// The API server's answer, for one attempt.
    #[error("{verb} lease {LEASE_NAME}")]
    Request {
        verb: &'static str,
        #[source]
        source: kube::Error,
    },
    /// No answer in time.
    #[error("renewing lease {LEASE_NAME}: no answer in time")]
    Timeout,
    /// Someone else has it.
    #[error("lease {LEASE_NAME} was taken by {holder:?}")]
    Taken { holder: String },
    /// The last renewal is too long ago.
    #[error("lease {LEASE_NAME} couldn't be renewed in time")]
    Expired,
}

/// A candidate, and later the leader.
#[derive(Debug)]
pub(crate) struct Candidate {
    api: Api<Lease>,
    election: Election,
    fence: Fence,
}

impl Candidate {
    pub(crate) fn new(client: Client, namespace: &str, identity: String, terms: Terms) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            election: Election::new(identity, terms),
            fence: Fence::closed(),
        }
    }

    /// Open while this process leads.
    pub(crate) fn fence(&self) -> Fence {
        self.fence.clone()
    }

    /// Ends when this process leads. Errors on the way are logged and tried again.
    pub(crate) async fn acquire(&mut self) {
        loop {
            match self.attempt().await {
                Ok(true) => return,
                Ok(false) => (),
                Err(error) => tracing::warn!(error = %Chain(&error), "leader election"),
            }
            tokio::time::sleep(self.election.terms().retry).await;
        }
    }

    /// Renews until that fails for too long or someone else leads; says which.
    pub(crate) async fn keep(&mut self) -> LeaseError {
        let terms = self.election.terms();
        let mut renewed = Instant::now();
        loop {
            tokio::time::sleep(terms.retry).await;
            let sent = Instant::now();
            let left = terms.renew_deadline.saturating_sub(renewed.elapsed());
            match self.within(left.min(terms.renew_deadline / 2)).await {
                Ok(true) => renewed = sent,
                Ok(false) => {
                    return self.lost(LeaseError::Taken {
                        holder: self.holder().await,
                    });
                }
                Err(error) => tracing::warn!(error = %Chain(&error), "leader election"),
            }
            if renewed.elapsed() >= terms.renew_deadline {
                return self.lost(LeaseError::Expired);
            }
        }
    }

    /// Gives the lease back; nothing is written afterwards.
    ///
    /// # Errors
    /// [`LeaseError::Request`] when the API server refuses or can't be reached: the next leader
    /// then waits for the lease's end.
    pub(crate) async fn release(&self) -> Result<(), LeaseError> {
        self.fence.close();
        let Some(mut lease) = self.read().await? else {
            return Ok(());
        };
        let live = lease.spec.take().unwrap_or_default();
        match self.election.release(&live, Timestamp::now()) {
            Some(spec) => self.replace(lease, spec).await.map(drop),
            None => Ok(()),
        }
    }

    fn lost(&self, error: LeaseError) -> LeaseError {
        self.fence.close();
        error
    }

    async fn within(&mut self, limit: Duration) -> Result<bool, LeaseError> {
        match tokio::time::timeout(limit, self.attempt()).await {
            Ok(result) => result,
            Err(_) => Err(LeaseError::Timeout),
        }
    }

    /// Reads the Lease and writes it where it is ours to write; true when it then is ours.
    async fn attempt(&mut self) -> Result<bool, LeaseError> {
        let sent = Instant::now();
        let lease = self.read().await?;
        let live = lease.as_ref().and_then(|lease| lease.spec.as_ref());
        let Step::Write(spec) = self.election.step(live, sent, Timestamp::now()) else {
            return Ok(false);
        };
        let written = match lease {
            Some(lease) => self.replace(lease, spec).await?,
            None => self.create(spec).await?,
        };
        if written {
            let deadline = self.election.terms().renew_deadline;
            self.fence
                .extend(sent.checked_add(deadline).unwrap_or(sent));
        }
        Ok(written)
    }

    async fn read(&self) -> Result<Option<Lease>, LeaseError> {
        let read = self.api.get_opt(LEASE_NAME).await;
        read.map_err(|source| LeaseError::Request {
            verb: "reading",
            source,
        })
    }

    /// False when someone else was faster.
    async fn replace(&self, lease: Lease, spec: LeaseSpec) -> Result<bool, LeaseError> {
        let lease = Lease {
            spec: Some(spec),
            ..lease
        };
        let done = self
            .api
            .replace(LEASE_NAME, &PostParams::default(), &lease)
            .await;
        won(done, "renewing")
    }

    async fn create(&self, spec: LeaseSpec) -> Result<bool, LeaseError> {
        let lease = Lease {
            metadata: ObjectMeta {
                name: Some(LEASE_NAME.into()),
                ..ObjectMeta::default()
            },
            spec: Some(spec),
        };
        won(
            self.api.create(&PostParams::default(), &lease).await,
            "creating",
        )
    }

    async fn holder(&self) -> String {
        let lease = self.read().await.ok().flatten();
        let spec = lease.and_then(|lease| lease.spec);
        spec.and_then(|spec| spec.holder_identity)
            .unwrap_or_default()
    }
}

fn won(done: kube::Result<Lease>, verb: &'static str) -> Result<bool, LeaseError> {
    match done {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
        Err(source) => Err(LeaseError::Request { verb, source }),
    }
}
