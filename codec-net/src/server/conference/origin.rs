//! Identifies a member at another node of a cluster: the node, and its number for the member.

/// Where a remote member is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Origin {
    pub(super) node: u64,
    /// Its number there.
    pub(super) member: u64,
}
