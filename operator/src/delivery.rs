//! Brings each new policy to the pods that have to enforce it, and learns when they do.
//!
//! A kubelet looks at a changed ConfigMap about once a minute, but syncs a pod at once when the
//! pod itself changes. So each ready pod gets an annotation, and its proxy is then asked until it
//! answers the revision. One task a pod does this: a pod that is slow, or gone, holds up neither
//! the other pods nor the queue of servers.

pub(crate) mod ask;
mod courier;
mod plan;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use crate::key::ServerKey;
use crate::metrics::Metrics;
use crate::pods::PodView;
use crate::queue::Queue;
use crate::writes::Writes;
use courier::Courier;

/// The policy that a server's pods are to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    /// `sha256:<hex>`.
    pub(crate) revision: String,
    /// When this process wrote it; `None` where it was there before.
    pub(crate) written: Option<Instant>,
}

/// How far one pod is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The revision that it last answered; `None` before its first answer.
    pub(crate) answered: Option<String>,
    /// Why it isn't answering.
    pub(crate) silent: Option<String>,
    /// Why its proxy doesn't load what it has.
    pub(crate) reload_error: Option<String>,
    /// Why the API server refused the touch.
    pub(crate) refused: Option<String>,
}

impl Standing {
    /// It has been asked, with or without success.
    pub(crate) fn known(&self) -> bool {
        self.answered.is_some() || self.silent.is_some()
    }
}

/// One pod and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PodStanding {
    pub(crate) pod: String,
    pub(crate) standing: Standing,
}

/// What every courier needs.
#[derive(Clone)]
pub(crate) struct Tools {
    pub(crate) writes: Writes,
    pub(crate) queue: Arc<Queue>,
    pub(crate) metrics: Metrics,
}

/// All deliveries under way or done.
pub(crate) struct Delivery {
    tools: Tools,
    /// By server, then by the pod's uid.
    couriers: Mutex<HashMap<ServerKey, HashMap<String, Assigned>>>,
}

/// A courier at work on one pod; it stops when this is dropped.
struct Assigned {
    orders: watch::Sender<Order>,
    standing: Arc<Mutex<Standing>>,
    task: tokio::task::AbortHandle,
}

impl Drop for Assigned {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Delivery {
    pub(crate) fn new(tools: Tools) -> Self {
        Self {
            tools,
            couriers: Mutex::default(),
        }
    }

    /// Sees to it that `pods`, the server's ready ones, come to run `order`; answers how far each
    /// is now. The server is queued again whenever that changes.
    pub(crate) fn deliver(
        &self,
        server: &ServerKey,
        pods: &[Arc<PodView>],
        order: &Order,
    ) -> Vec<PodStanding> {
        let mut couriers = self.couriers.lock().unwrap_or_else(PoisonError::into_inner);
        let assigned = couriers.entry(server.clone()).or_default();
        assigned.retain(|uid, _| pods.iter().any(|pod| &pod.uid == uid));
        pods.iter()
            .map(|pod| {
                let courier = assigned
                    .entry(pod.uid.clone())
                    .or_insert_with(|| self.assign(server, pod, order));
                courier.tell(order);
                PodStanding {
                    pod: pod.name.clone(),
                    standing: courier.standing(),
                }
            })
            .collect()
    }

    /// The server is gone, or has no gateway any more.
    pub(crate) fn forget(&self, server: &ServerKey) {
        let mut couriers = self.couriers.lock().unwrap_or_else(PoisonError::into_inner);
        couriers.remove(server);
    }

    fn assign(&self, server: &ServerKey, pod: &Arc<PodView>, order: &Order) -> Assigned {
        let (orders, receiver) = watch::channel(order.clone());
        let standing = Arc::default();
        let courier = Courier {
            tools: self.tools.clone(),
            server: server.clone(),
            pod: Arc::clone(pod),
            last_touch: pod.touch.clone(),
            orders: receiver,
            standing: Arc::clone(&standing),
        };
        Assigned {
            orders,
            standing,
            task: tokio::spawn(courier.run()).abort_handle(),
        }
    }
}

impl Assigned {
    fn tell(&self, order: &Order) {
        self.orders.send_if_modified(|present| {
            let other = present.revision != order.revision;
            if other {
                *present = order.clone();
            }
            other
        });
    }

    fn standing(&self) -> Standing {
        self.standing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
