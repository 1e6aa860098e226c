//! What can come of a pod: one spelling for metric, audit annotation, denial and command line.

use std::fmt;

/// Declares the codes with what they say over HTTP: 0 where the pod is let through.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident $status:literal,)+) => {
        /// The outcome of looking at one pod. Its spelling is the variant's.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $($(#[$doc])* $variant,)+ }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The one spelling.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)+ }
            }

            /// HTTP status of the denial; `None` for codes that let the pod through.
            pub const fn status(self) -> Option<u16> {
                let status = match self { $(Self::$variant => $status,)+ };
                if status == 0 { None } else { Some(status) }
            }
        }
    };
}

codes! {
    /// The proxy was put in.
    Injected 0,
    /// An intact proxy is there.
    AlreadyInjected 0,
    /// The proxy is there again as it has to be, after another webhook moved or stripped it.
    Repaired 0,
    /// The pod doesn't carry the label that makes it governed.
    NotGoverned 0,
    /// A container has the proxy's name and isn't the proxy as we make it.
    TamperedSidecar 403,
    /// The server's gateway is off.
    GatewayDisabled 403,
    /// The label names no server of the namespace, or is missing.
    ServerNotFound 403,
    /// The server is managed, and the pod isn't of its Deployment.
    NotThisServersPod 403,
    /// The server's spec is invalid.
    InvalidServer 422,
    /// Another container declares one of the proxy's ports.
    PortConflict 422,
    /// Another volume has the name of one of ours.
    VolumeConflict 422,
    /// A container that isn't an init container has the proxy's name.
    NameConflict 422,
    /// Another container runs as the proxy's user.
    UserConflict 422,
    /// The pod's own resources are too small for its containers and the proxy.
    PodLevelResources 422,
    /// `hostNetwork`: the proxy's ports would be the node's, and the server's too.
    HostNetwork 403,
    /// `hostPID`: the proxy would be visible to, and killable from, other pods.
    HostPID 403,
    /// `hostIPC`.
    HostIPC 403,
    /// `shareProcessNamespace`: the server could see and end the proxy.
    SharedProcessNamespace 403,
    /// Not Linux.
    UnsupportedOS 422,
    /// A static pod's mirror: the kubelet runs the pod whatever we answer, without a proxy.
    MirrorPod 403,
    /// An annotation of ours has a value it can't have.
    InvalidAnnotation 422,
    /// The pod's JSON isn't shaped like a pod.
    InvalidPod 422,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a pod is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The reason.
    pub code: Code,
    /// Path of the field in the pod, such as `spec.hostNetwork`.
    pub field: String,
    /// What is wrong, one sentence without a full stop, with the value found.
    pub message: String,
    /// What to do instead.
    pub remedy: String,
}

impl Denial {
    pub(crate) fn new(
        code: Code,
        field: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            code,
            field: field.into(),
            message: message.into(),
            remedy: remedy.into(),
        }
    }

    /// HTTP status: 403 for what isn't allowed, 422 for what can't be.
    pub fn status(&self) -> u16 {
        self.code.status().unwrap_or(403)
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}: {}; {}",
            self.code, self.field, self.message, self.remedy
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_denial_has_a_client_error_and_nothing_else_has_a_status() {
        for code in Code::ALL {
            match code.status() {
                None => assert!(
                    matches!(
                        code,
                        Code::Injected | Code::AlreadyInjected | Code::Repaired | Code::NotGoverned
                    ),
                    "{code}"
                ),
                Some(status) => assert!(matches!(status, 403 | 422), "{code}"),
            }
        }
    }

    #[test]
    fn a_denial_says_code_field_message_and_remedy() {
        let denial = Denial::new(
            Code::HostNetwork,
            "spec.hostNetwork",
            "is true",
            "leave it out",
        );
        assert_eq!(
            denial.to_string(),
            "HostNetwork: spec.hostNetwork: is true; leave it out"
        );
    }
}
