//! Writes the status of grants and sessions, beside the reconciles: a thousand new sessions
//! mustn't stand before a revocation.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crds::{MCPAccessGrant, MCPAgentSession};
use k8s_openapi::NamespaceResourceScope;
use kube::Resource;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Notify;

use crate::caches::Caches;
use crate::chain::Chain;
use crate::index::{Cached, Index, ObjectId};
use crate::key::ServerKey;
use crate::queue::Queue;
use crate::writes::Writes;

/// How many statuses are written at a time.
pub(crate) const PENS: usize = 4;
/// After a failure the server is looked at again, and with it what its items should say.
const RETRY: Duration = Duration::from_secs(5);

/// One status to write.
#[derive(Clone, Debug)]
pub(crate) enum Paper {
    Grant(Arc<MCPAccessGrant>, Value),
    Session(Arc<MCPAgentSession>, Value),
}

impl Paper {
    fn id(&self) -> (bool, ObjectId) {
        match self {
            Self::Grant(grant, _) => (false, grant.id()),
            Self::Session(session, _) => (true, session.id()),
        }
    }
}

/// What is to be written, the newest for each object.
#[derive(Debug, Default)]
pub(crate) struct Clerk {
    papers: Mutex<HashMap<(bool, ObjectId), (ServerKey, Paper)>>,
    more: Notify,
}

impl Clerk {
    /// To be written as soon as a pen is free.
    pub(crate) fn file(&self, server: &ServerKey, paper: Paper) {
        let mut papers = self.papers.lock().unwrap_or_else(PoisonError::into_inner);
        papers.insert(paper.id(), (server.clone(), paper));
        drop(papers);
        self.more.notify_one();
    }

    /// Writes without end.
    pub(crate) async fn write(&self, writes: &Writes, caches: &Caches, queue: &Queue) {
        loop {
            let more = self.more.notified();
            let Some((server, paper)) = self.take() else {
                more.await;
                continue;
            };
            // Others may have been filed under the one permit that woke this pen.
            self.more.notify_one();
            let done = match paper {
                Paper::Grant(grant, status) => {
                    write(writes, &caches.grants, &*grant, &status).await
                }
                Paper::Session(session, status) => {
                    write(writes, &caches.sessions, &*session, &status).await
                }
            };
            if !done {
                queue.add_after(server, RETRY);
            }
        }
    }

    fn take(&self) -> Option<(ServerKey, Paper)> {
        let mut papers = self.papers.lock().unwrap_or_else(PoisonError::into_inner);
        let id = papers.keys().next().cloned()?;
        papers.remove(&id)
    }
}

async fn write<K>(writes: &Writes, index: &Index<K>, object: &K, status: &Value) -> bool
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    K: Cached + Clone + Debug + DeserializeOwned,
{
    match writes.status(object, status).await {
        Ok(written) => {
            index.learn(written);
            true
        }
        // It was deleted meanwhile.
        Err(error) if error.code() == Some(404) => true,
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "reporting");
            false
        }
    }
}
