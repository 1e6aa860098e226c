//! AdmissionReview v1 (Kubernetes API, `admission.k8s.io/v1`), as much of it as is read and written.
//!
//! Our own small types over raw JSON: the objects inside stay as they were sent, and a denial
//! carries code, reason and causes, which the API server hands on and kubectl prints.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use json_patch::Patch;
use serde::{Deserialize, Serialize};
use serde_json::Value;

const API_VERSION: &str = "admission.k8s.io/v1";
const KIND: &str = "AdmissionReview";

/// A body that isn't a review we can answer.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// Not text. JSON's reader looks at what it keeps only.
    #[error("reading the body as an AdmissionReview: {0}")]
    Text(#[source] std::str::Utf8Error),
    /// Not JSON, or not of a review's shape.
    #[error("reading the body as an AdmissionReview: {0}")]
    Json(#[source] serde_json::Error),
    /// Another kind or version.
    #[error("{api_version:?} {kind:?} isn't {API_VERSION} {KIND}")]
    Kind {
        /// As sent.
        api_version: String,
        /// As sent.
        kind: String,
    },
    /// No request, or one without uid.
    #[error("the AdmissionReview has no request with a uid")]
    NoRequest,
    /// A kind of object that this endpoint isn't for.
    #[error("{endpoint} isn't for {group:?} {kind:?}")]
    NotForUs {
        /// The path.
        endpoint: &'static str,
        /// The object's group.
        group: String,
        /// The object's kind.
        kind: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    request: Option<Request>,
}

/// What is to be admitted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Request {
    /// Echoed in the answer.
    pub uid: String,
    /// Of the object.
    pub kind: GroupVersionKind,
    /// Such as `status`; empty for the object itself.
    pub sub_resource: String,
    /// Empty where the API server is still to make one from generateName.
    pub name: String,
    /// The object's namespace.
    pub namespace: String,
    /// `CREATE`, `UPDATE`, `DELETE` or `CONNECT`.
    pub operation: String,
    /// Who asks.
    pub user_info: UserInfo,
    /// Nothing will come of it but the answer.
    pub dry_run: bool,
    /// The object as it would be; null with DELETE.
    pub object: Value,
    /// The object as it is; null with CREATE.
    pub old_object: Value,
}

/// Group, version and kind.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct GroupVersionKind {
    /// Empty for the core group.
    pub group: String,
    /// Such as `v1`.
    pub version: String,
    /// Such as `Pod`.
    pub kind: String,
}

/// Who asks.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct UserInfo {
    /// As authenticated.
    pub username: String,
}

impl Request {
    /// The request in a review's body.
    ///
    /// # Errors
    /// [`ReviewError`] for a body that no API server sends.
    pub fn from_body(body: &[u8]) -> Result<Self, ReviewError> {
        let text = std::str::from_utf8(body).map_err(ReviewError::Text)?;
        let review: Review = serde_json::from_str(text).map_err(ReviewError::Json)?;
        if review.api_version != API_VERSION || review.kind != KIND {
            return Err(ReviewError::Kind {
                api_version: review.api_version,
                kind: review.kind,
            });
        }
        review
            .request
            .filter(|request| !request.uid.is_empty())
            .ok_or(ReviewError::NoRequest)
    }

    /// The object's name for people: that of generateName where there is no other.
    pub fn object_name(&self) -> &str {
        let of = |pointer| self.object.pointer(pointer).and_then(Value::as_str);
        Some(self.name.as_str())
            .filter(|name| !name.is_empty())
            .or_else(|| of("/metadata/name"))
            .or_else(|| of("/metadata/generateName"))
            .unwrap_or_default()
    }
}

/// One cause of a denial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// The stable code.
    pub reason: String,
    /// What is wrong, with the value found, and what to do instead.
    pub message: String,
    /// Path of the field.
    pub field: String,
}

/// What is answered to a review.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The outcome: metric label and audit annotation.
    pub code: &'static str,
    /// `None` where it is allowed.
    pub denial: Option<Refusal>,
    /// Applied where it is allowed; empty for none.
    pub patch: Patch,
    /// One sentence each; kubectl prints them.
    pub warnings: Vec<String>,
}

/// Why it is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status: 403 or 422.
    pub status: u16,
    /// The whole of it in one line.
    pub message: String,
    /// In the order of the fields.
    pub causes: Vec<Cause>,
}

impl Answer {
    /// Allowed as it is.
    pub fn allow(code: &'static str) -> Self {
        Self {
            code,
            denial: None,
            patch: Patch(Vec::new()),
            warnings: Vec::new(),
        }
    }

    /// Allowed with a patch.
    pub fn patch(code: &'static str, patch: Patch) -> Self {
        Self {
            patch,
            ..Self::allow(code)
        }
    }

    /// Refused.
    pub fn deny(code: &'static str, denial: Refusal) -> Self {
        Self {
            denial: Some(denial),
            ..Self::allow(code)
        }
    }

    /// The body that answers `request`.
    ///
    /// # Errors
    /// None in practice: an object that JSON can't hold.
    pub fn into_body(self, request: &Request) -> Result<Vec<u8>, serde_json::Error> {
        let patch = if self.patch.is_empty() {
            None
        } else {
            Some(STANDARD.encode(serde_json::to_vec(&self.patch)?))
        };
        serde_json::to_vec(&ReviewOut {
            api_version: API_VERSION,
            kind: KIND,
            response: Response {
                uid: &request.uid,
                allowed: self.denial.is_none(),
                status: self.denial.map(|denial| status(denial, request)),
                patch_type: patch.as_ref().map(|_| "JSONPatch"),
                patch,
                // The API server puts the webhook's name before the key.
                audit_annotations: AuditAnnotations { code: self.code },
                warnings: self.warnings,
            },
        })
    }
}

fn status(denial: Refusal, request: &Request) -> Status<'_> {
    Status {
        code: denial.status,
        reason: if denial.status == 422 {
            "Invalid"
        } else {
            "Forbidden"
        },
        message: denial.message,
        details: Details {
            group: &request.kind.group,
            kind: &request.kind.kind,
            name: request.object_name(),
            causes: denial.causes,
        },
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReviewOut<'a> {
    api_version: &'static str,
    kind: &'static str,
    response: Response<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
    audit_annotations: AuditAnnotations,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct AuditAnnotations {
    code: &'static str,
}

#[derive(Serialize)]
struct Status<'a> {
    code: u16,
    reason: &'static str,
    message: String,
    details: Details<'a>,
}

#[derive(Serialize)]
struct Details<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    group: &'a str,
    kind: &'a str,
    name: &'a str,
    causes: Vec<Cause>,
}
