//! The corpus of decisions that every way of deciding must agree on: `corpus/*.yaml`.
//!
//! For tests only (feature `corpus`). A driver runs each case through what it drives, turns
//! what came out into an [`Expect`] and compares; [`Tally`] counts and prints.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Decision, Document, DocumentError, Effect, ItemId, Payload, Policy, PolicyError, Reason,
    Request, Subject, Trust,
};

macro_rules! files {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../corpus/", $folder, $name))),)*]
    };
}

/// The files of cases. A test holds this list to what lies in the folder.
const CASES: &[(&str, &str)] = files!("": "before.yaml", "default-allow.yaml", "edges.yaml",
    "grants.yaml", "methods.yaml", "observe.yaml", "sessions.yaml", "trust.yaml");

/// The policies that more than one file's cases name.
const POLICIES: &[(&str, &str)] = files!("policies/": "anyone.yaml", "shop-all.yaml",
    "shop-observe.yaml", "shop-open.yaml", "shop-sessions.yaml", "shop.yaml");

/// What runs the corpus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Driver {
    /// `decide` and `explain`, called directly.
    Unit,
    /// The proxy, over HTTP.
    Proxy,
    /// `mcp-runtime access explain`.
    Cli,
    /// Objects applied to a real cluster, called through the pods' proxies.
    Cluster,
}

/// One case: in this situation, this request ends so.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// A sentence, unique in the corpus.
    pub name: String,
    /// The situation.
    pub given: Given,
    /// The request.
    pub when: When,
    /// The decision.
    pub expect: Expect,
    /// The drivers that can't express it, and why.
    #[serde(default)]
    pub not_in: BTreeMap<Driver, String>,
}

/// The situation a request meets.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// The policy document (the name of a file of `corpus/policies` is already replaced by
    /// its content); null where none was loaded.
    pub policy: Value,
    /// The time; where it is absent, the case ends the same at any time of these decades.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<Timestamp>,
}

/// The request, in the words of `access explain`'s input.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// Who, or nobody.
    pub subject: Option<Who>,
    /// Why nobody, if for another reason than that nobody was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_failure: Option<Reason>,
    /// What inspection refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inspection_failure: Option<Reason>,
    /// The session presented.
    #[serde(default)]
    pub session: Option<String>,
    /// Seconds since it was last served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_idle_s: Option<u64>,
    /// The JSON-RPC method; null for a GET.
    pub method: Option<String>,
    /// The tool, prompt or resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Who calls.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Who {
    /// The person.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub human: String,
    /// The agent.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub agent: String,
    /// The team.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub team: String,
}

/// How it ends; what is absent must be absent. Items outside the server's namespace are
/// written `namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Allow or deny.
    pub decision: Effect,
    /// Whether that is carried out.
    pub enforced: bool,
    /// Why.
    pub reason: Reason,
    /// HTTP status of a denial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The line that decided. Events don't tell: a driver that sees only those takes it over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u8>,
    /// The grant it rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched_grant: Option<String>,
    /// The session found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched_session: Option<String>,
    /// What the call has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_trust: Option<Trust>,
    /// What the call needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_trust: Option<Trust>,
}

/// What is wrong with the corpus itself.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// A file can't be read.
    #[error("can't read {file} of the corpus")]
    File {
        /// Which.
        file: &'static str,
        /// What the YAML reader said.
        source: Box<serde_saphyr::Error>,
    },
    /// A case names a policy that isn't there.
    #[error("case {case:?} names the policy {policy}, which isn't there")]
    NoSuchPolicy {
        /// The case's name.
        case: String,
        /// As written.
        policy: String,
    },
    /// A case's policy can't be read.
    #[error("can't read the policy of case {case:?}")]
    Document {
        /// The case's name.
        case: String,
        /// Why.
        source: DocumentError,
    },
    /// A case's policy isn't valid.
    #[error("the policy of case {case:?} isn't valid")]
    Policy {
        /// The case's name.
        case: String,
        /// Why.
        source: PolicyError,
    },
}

/// Every case, file by file.
///
/// # Errors
///
/// When a file isn't of the shape, or a policy it names isn't there.
pub fn cases() -> Result<Vec<Case>, CorpusError> {
    let mut policies = HashMap::new();
    for (file, yaml) in POLICIES {
        policies.insert(*file, read::<Value>(file, yaml)?);
    }
    let mut all = Vec::new();
    for (file, yaml) in CASES {
        for mut case in read::<Vec<Case>>(file, yaml)? {
            if let Value::String(name) = &case.given.policy {
                let Some(policy) = policies.get(name.as_str()) else {
                    let policy = name.clone();
                    return Err(CorpusError::NoSuchPolicy {
                        case: case.name,
                        policy,
                    });
                };
                case.given.policy = policy.clone();
            }
            all.push(case);
        }
    }
    Ok(all)
}

fn read<T: for<'de> Deserialize<'de>>(file: &'static str, yaml: &str) -> Result<T, CorpusError> {
    serde_saphyr::from_str(yaml).map_err(|source| CorpusError::File {
        file,
        source: Box::new(source),
    })
}

impl Case {
    /// The document, with its revision where it states one; `None` where none was loaded.
    ///
    /// # Errors
    ///
    /// When it isn't of the shape.
    pub fn document(&self) -> Result<Option<Document>, CorpusError> {
        if self.given.policy.is_null() {
            return Ok(None);
        }
        Document::parse(self.given.policy.to_string().as_bytes())
            .map(|parsed| Some(parsed.document))
            .map_err(|source| CorpusError::Document {
                case: self.name.clone(),
                source,
            })
    }

    /// The policy; `None` where none was loaded.
    ///
    /// # Errors
    ///
    /// When it isn't valid.
    pub fn policy(&self) -> Result<Option<Policy>, CorpusError> {
        let document = self.document()?;
        document
            .map(|document| Policy::try_from(&document))
            .transpose()
            .map_err(|source| CorpusError::Policy {
                case: self.name.clone(),
                source,
            })
    }

    /// Whether a driver can express it.
    pub fn runs_in(&self, driver: Driver) -> bool {
        !self.not_in.contains_key(&driver)
    }

    /// The server's namespace in the document.
    pub fn namespace(&self) -> &str {
        self.given
            .policy
            .pointer("/server/namespace")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// The request as `decide` takes it.
    pub fn request(&self) -> Request<'_> {
        let When {
            subject,
            auth_failure,
            inspection_failure,
            session,
            session_idle_s,
            ..
        } = &self.when;
        Request {
            subject: match subject {
                Some(Who { human, agent, team }) => Ok(Subject { human, agent, team }),
                None => Err(auth_failure.unwrap_or(Reason::MissingIdentity)),
            },
            inspection_failure: *inspection_failure,
            session: session.as_deref(),
            session_idle: session_idle_s.map(Duration::from_secs),
            method: self.when.method.as_deref(),
            name: self.when.name.as_deref(),
        }
    }
}

impl Expect {
    /// What a decision says, seen from the server's namespace.
    pub fn of(decision: &Decision, namespace: &str) -> Self {
        let basis = &decision.basis;
        let item = |item: &Option<ItemId>| {
            item.as_ref()
                .map(|item| relative(&item.namespace, &item.name, namespace))
        };
        Self {
            decision: decision.effect,
            enforced: decision.enforced,
            reason: decision.reason,
            status: decision.status,
            line: decision.line,
            matched_grant: item(&basis.grant),
            matched_session: item(&basis.session),
            effective_trust: basis.effective_trust,
            required_trust: basis.required_trust,
        }
    }

    /// What an audit event says, seen from the server's namespace; it has no line, and its
    /// status is the answer's: kept only for a denial that was carried out.
    pub fn of_event(payload: &Payload, namespace: &str) -> Self {
        let item = |name: &Option<std::sync::Arc<str>>, of: &Option<std::sync::Arc<str>>| {
            name.as_ref()
                .map(|name| relative(of.as_deref().unwrap_or_default(), name, namespace))
        };
        Self {
            decision: payload.decision,
            enforced: payload.enforced,
            reason: payload.reason,
            status: (payload.decision == Effect::Deny && payload.enforced)
                .then_some(payload.status),
            line: None,
            matched_grant: item(&payload.matched_grant, &payload.matched_grant_namespace),
            matched_session: item(&payload.matched_session, &payload.matched_session_namespace),
            effective_trust: payload.effective_trust,
            required_trust: payload.required_trust,
        }
    }

    /// What an audit event can say of this.
    #[must_use]
    pub fn as_event(&self) -> Self {
        Self {
            line: None,
            status: self.status.filter(|_| self.enforced),
            ..self.clone()
        }
    }
}

fn relative(namespace: &str, name: &str, own: &str) -> String {
    if namespace == own {
        name.to_owned()
    } else {
        format!("{namespace}/{name}")
    }
}

/// Counts what a driver ran, and prints the one line.
#[derive(Clone, Debug)]
pub struct Tally {
    driver: Driver,
    passed: usize,
    not_in: usize,
    /// What didn't end as expected: the case's name, and how it did end.
    pub failures: Vec<String>,
}

impl Tally {
    /// Nothing run yet.
    pub const fn new(driver: Driver) -> Self {
        Self {
            driver,
            passed: 0,
            not_in: 0,
            failures: Vec::new(),
        }
    }

    /// Whether the driver is to run the case; one it can't express is counted apart.
    pub fn takes(&mut self, case: &Case) -> bool {
        let takes = case.runs_in(self.driver);
        self.not_in += usize::from(!takes);
        takes
    }

    /// Notes how a case ended.
    pub fn record(&mut self, case: &Case, expected: &Expect, found: &Expect) {
        if expected == found {
            self.passed += 1;
        } else {
            self.fail(case, &format!("expected {expected:?}, found {found:?}"));
        }
    }

    /// Notes a case that didn't end at all.
    pub fn fail(&mut self, case: &Case, why: &str) {
        self.failures.push(format!("{}: {why}", case.name));
    }
}

impl fmt::Display for Tally {
    /// `corpus driver=unit cases=N passed=N`, and how many the driver can't express.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let driver = match self.driver {
            Driver::Unit => "unit",
            Driver::Proxy => "proxy",
            Driver::Cli => "cli",
            Driver::Cluster => "cluster",
        };
        let cases = self.passed + self.failures.len();
        let Self { passed, not_in, .. } = self;
        write!(
            f,
            "corpus driver={driver} cases={cases} passed={passed} not_in={not_in}"
        )
    }
}
