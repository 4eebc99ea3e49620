//! Identifies a member at another node of a cluster: by the node, and by the member's number at that node.

/// Where a remote member is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Origin {
    pub(super) node: u64,
    /// Its number there.
    pub(super) member: u64,
}
