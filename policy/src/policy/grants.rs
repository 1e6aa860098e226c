//! The grants, found by subject: eight lookups, however many there are.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::{ItemId, SideEffect, Subject, Trust};

/// One grant, with its words read.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) id: ItemId,
    /// Neither allows nor denies.
    pub(crate) disabled: bool,
    /// Still denies and still asks for trust, but allows nothing any more: a newer
    /// document, which can't be acted on otherwise, disabled or dropped it.
    pub(crate) withdrawn: bool,
    pub(crate) max_trust: Trust,
    pub(crate) side_effects: SideEffects,
    pub(crate) policy_version: Option<Arc<str>>,
    /// Empty: every tool.
    pub(crate) rules: BTreeMap<Arc<str>, Rule>,
}

/// What a grant says of one tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    Deny,
    /// With the trust it asks for.
    Allow(Trust),
}

/// A set of side effects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SideEffects(u8);

impl SideEffects {
    pub(crate) fn insert(&mut self, effect: SideEffect) {
        self.0 |= Self::bit(effect);
    }

    pub(crate) fn contains(self, effect: SideEffect) -> bool {
        self.0 & Self::bit(effect) != 0
    }

    const fn bit(effect: SideEffect) -> u8 {
        match effect {
            SideEffect::Read => 1,
            SideEffect::Write => 2,
            SideEffect::Destructive => 4,
        }
    }
}

/// Whom a grant or session is for; empty fields match everyone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Audience {
    pub(crate) human: Arc<str>,
    pub(crate) agent: Arc<str>,
    pub(crate) team: Arc<str>,
}

impl Audience {
    /// Every field that isn't empty equals the subject's, byte for byte.
    pub(crate) fn includes(&self, subject: &Subject<'_>) -> bool {
        let agrees = |ours: &str, theirs: &str| ours.is_empty() || ours == theirs;
        agrees(&self.human, subject.human)
            && agrees(&self.agent, subject.agent)
            && agrees(&self.team, subject.team)
    }
}

/// A name's number; 0 is "any".
type Number = u32;

/// The grants in order of (namespace, name), and which of them speak of whom.
///
/// Names are numbered, so that the key of a combination is three small numbers and a
/// lookup copies no text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grants {
    ordered: Vec<Arc<Grant>>,
    humans: HashMap<Arc<str>, Number>,
    agents: HashMap<Arc<str>, Number>,
    teams: HashMap<Arc<str>, Number>,
    /// Positions in `ordered`, ascending.
    by_audience: HashMap<[Number; 3], Vec<usize>>,
}

impl Grants {
    pub(super) fn new(mut grants: Vec<(Audience, Grant)>) -> Self {
        grants.sort_by(|(_, a), (_, b)| a.id.cmp(&b.id));
        let mut index = Self::default();
        for (position, (audience, grant)) in grants.into_iter().enumerate() {
            let key = [
                number(&mut index.humans, &audience.human),
                number(&mut index.agents, &audience.agent),
                number(&mut index.teams, &audience.team),
            ];
            index.by_audience.entry(key).or_default().push(position);
            index.ordered.push(Arc::new(grant));
        }
        index
    }

    pub(crate) fn len(&self) -> usize {
        self.ordered.len()
    }

    /// The grants whose every non-empty field is the subject's, in order, disabled ones too.
    pub(crate) fn of(&self, subject: &Subject<'_>) -> Vec<&Grant> {
        let known = [
            self.humans.get(subject.human).copied(),
            self.agents.get(subject.agent).copied(),
            self.teams.get(subject.team).copied(),
        ];
        let mut positions: Vec<usize> = combinations(known)
            .filter_map(|key| self.by_audience.get(&key))
            .flatten()
            .copied()
            .collect();
        positions.sort_unstable();
        positions
            .into_iter()
            .filter_map(|position| self.ordered.get(position))
            .map(Arc::as_ref)
            .collect()
    }

    /// The same grants, those that `gone` names withdrawn.
    pub(super) fn withdraw(&self, gone: impl Fn(&ItemId) -> bool) -> Self {
        let ordered = self
            .ordered
            .iter()
            .map(|grant| {
                if gone(&grant.id) {
                    Arc::new(Grant {
                        withdrawn: true,
                        ..Grant::clone(grant)
                    })
                } else {
                    Arc::clone(grant)
                }
            })
            .collect();
        Self {
            ordered,
            ..self.clone()
        }
    }
}

fn number(numbers: &mut HashMap<Arc<str>, Number>, name: &Arc<str>) -> Number {
    if name.is_empty() {
        return 0;
    }
    // A document of 4 billion names doesn't fit in memory; the last number would be shared
    // by "any", which only ever matches more subjects against a grant of that document.
    let next = Number::try_from(numbers.len() + 1).unwrap_or(0);
    *numbers.entry(Arc::clone(name)).or_insert(next)
}

/// The keys under which a grant for this subject can lie: each field its own or any.
fn combinations(known: [Option<Number>; 3]) -> impl Iterator<Item = [Number; 3]> {
    let [human, agent, team] = known.map(|own| [Some(0), own]);
    human.into_iter().flatten().flat_map(move |human| {
        agent.into_iter().flatten().flat_map(move |agent| {
            team.into_iter()
                .flatten()
                .map(move |team| [human, agent, team])
        })
    })
}
