//! How long and how many: the schema's limits, which also keep the cost of the rules in sight of the API server.

/// Characters of an environment variable's value.
pub(crate) const VALUE: usize = 32_768;
/// Characters of a description.
pub(crate) const TEXT: usize = 2048;
/// Characters of an image reference.
pub(crate) const IMAGE: usize = 512;
/// Characters of a tag (OCI distribution specification).
pub(crate) const IMAGE_TAG: usize = 128;
/// Characters of an object's or header's name.
pub(crate) const NAME: usize = 253;
/// Characters of a DNS label.
pub(crate) const LABEL: usize = 63;
/// Characters of a host, port included.
pub(crate) const HOST: usize = 260;
/// Characters of a network, such as 2001:db8:0000:0000:0000:0000:192.0.2.128/128.
pub(crate) const CIDR: usize = 50;
/// Characters of a header's name.
pub(crate) const HEADER: usize = 128;
/// Characters of a path or prefix.
pub(crate) const PATH: usize = 256;
/// Characters of a URL.
pub(crate) const URL: usize = 2048;
/// Characters of a team's id, as the Go project has it.
pub(crate) const TEAM_ID: usize = 128;
/// Characters of a person's or agent's id.
pub(crate) const ID: usize = 512;
/// Characters of a tool's, prompt's or resource's name.
pub(crate) const TOOL_NAME: usize = 256;
/// Characters of a policy's version.
pub(crate) const VERSION: usize = 128;
/// Characters of a duration.
pub(crate) const DURATION: usize = 32;
/// Characters of a quantity.
pub(crate) const QUANTITY: usize = 32;
/// Characters of a number or percentage.
pub(crate) const AMOUNT: usize = 16;
/// Members of a list that is short by nature.
pub(crate) const FEW: usize = 16;
/// Members of a list or map that people write by hand.
pub(crate) const SOME: usize = 128;
/// Members of an inventory or a grant's rules.
pub(crate) const MANY: usize = 512;
/// Seconds of drain: the pod's grace stays under ten minutes.
pub(crate) const DRAIN_SECONDS: i64 = 590;
