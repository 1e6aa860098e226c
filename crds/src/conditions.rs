//! Conditions as kstatus reads them: written once, changed only when they change.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// The types of condition that the three kinds have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConditionType {
    /// All of it works.
    Ready,
    /// It is on its way.
    Reconciling,
    /// It won't get there by itself.
    Stalled,
    /// The pods.
    DeploymentReady,
    /// The Service.
    ServiceReady,
    /// The route.
    IngressReady,
    /// The proxies.
    GatewayReady,
    /// The policy, as every ready proxy runs it.
    PolicyReady,
    /// The canary's pods.
    CanaryReady,
    /// Of a grant or session: every ready proxy has this generation.
    Enforced,
}

impl ConditionType {
    /// The spelling in `type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
            Self::DeploymentReady => "DeploymentReady",
            Self::ServiceReady => "ServiceReady",
            Self::IngressReady => "IngressReady",
            Self::GatewayReady => "GatewayReady",
            Self::PolicyReady => "PolicyReady",
            Self::CanaryReady => "CanaryReady",
            Self::Enforced => "Enforced",
        }
    }
}

/// A condition's status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Truth {
    /// `True`.
    True,
    /// `False`.
    False,
    /// `Unknown`.
    #[default]
    Unknown,
}

impl Truth {
    /// The spelling in `status`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<bool> for Truth {
    fn from(truth: bool) -> Self {
        if truth { Self::True } else { Self::False }
    }
}

/// The conditions of one object, begun from those it has.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditions {
    old: Vec<Condition>,
    new: Vec<Condition>,
    generation: Option<i64>,
    now: Timestamp,
}

impl Conditions {
    /// Begins from the object's present conditions. What isn't set again is kept as it is: a part that fails
    /// leaves the others' conditions alone.
    pub fn new(present: &[Condition], generation: Option<i64>, now: Timestamp) -> Self {
        Self {
            old: present.to_vec(),
            new: present.to_vec(),
            generation,
            now,
        }
    }

    /// Sets one condition. `reason` is CamelCase and not empty; the transition time moves only with the status.
    pub fn set(
        &mut self,
        kind: ConditionType,
        status: Truth,
        reason: &str,
        message: impl Into<String>,
    ) {
        let since = self
            .old
            .iter()
            .find(|old| old.type_ == kind.as_str() && old.status == status.as_str())
            .map_or(Time(self.now), |old| old.last_transition_time.clone());
        let condition = Condition {
            type_: kind.as_str().to_owned(),
            status: status.as_str().to_owned(),
            reason: reason.to_owned(),
            message: message.into(),
            observed_generation: self.generation,
            last_transition_time: since,
        };
        match self.new.iter_mut().find(|new| new.type_ == condition.type_) {
            Some(slot) => *slot = condition,
            None => self.new.push(condition),
        }
    }

    /// Takes one condition away, where its part is gone.
    pub fn remove(&mut self, kind: ConditionType) {
        self.new
            .retain(|condition| condition.type_ != kind.as_str());
    }

    /// One condition as it stands.
    pub fn get(&self, kind: ConditionType) -> Option<&Condition> {
        self.new
            .iter()
            .find(|condition| condition.type_ == kind.as_str())
    }

    /// The conditions for the status, in the order they were first set.
    pub fn into_vec(self) -> Vec<Condition> {
        self.new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn first() -> Vec<Condition> {
        let mut conditions = Conditions::new(&[], Some(1), at(100));
        conditions.set(ConditionType::Ready, Truth::False, "Pending", "no pod yet");
        conditions.set(ConditionType::PolicyReady, Truth::True, "NoProxies", "");
        conditions.into_vec()
    }

    #[test]
    fn the_transition_time_moves_with_the_status_alone() {
        let mut conditions = Conditions::new(&first(), Some(2), at(200));
        conditions.set(
            ConditionType::Ready,
            Truth::False,
            "PodsPending",
            "one of two",
        );
        conditions.set(
            ConditionType::PolicyReady,
            Truth::False,
            "ProxyBehind",
            "1 of 2",
        );
        let ready = conditions.get(ConditionType::Ready).unwrap();
        assert_eq!(
            (
                ready.last_transition_time.0,
                ready.reason.as_str(),
                ready.observed_generation
            ),
            (at(100), "PodsPending", Some(2))
        );
        assert_eq!(
            conditions
                .get(ConditionType::PolicyReady)
                .unwrap()
                .last_transition_time
                .0,
            at(200)
        );
    }

    #[test]
    fn the_time_is_that_of_the_last_change_however_often_one_reconcile_sets_it() {
        let mut conditions = Conditions::new(&first(), Some(2), at(200));
        conditions.set(ConditionType::Ready, Truth::True, "AllReady", "");
        conditions.set(ConditionType::Ready, Truth::False, "Pending", "");
        assert_eq!(
            conditions
                .get(ConditionType::Ready)
                .unwrap()
                .last_transition_time
                .0,
            at(100)
        );
    }

    #[test]
    fn what_isnt_set_stays_as_it_was() {
        let mut conditions = Conditions::new(&first(), Some(2), at(200));
        conditions.set(ConditionType::Ready, Truth::True, "AllReady", "");
        assert_eq!(conditions.into_vec()[1], first()[1]);
    }

    #[test]
    fn a_part_that_is_gone_takes_its_condition_along() {
        let mut conditions = Conditions::new(&first(), Some(2), at(200));
        conditions.remove(ConditionType::PolicyReady);
        assert_eq!(conditions.into_vec().len(), 1);
    }
}
