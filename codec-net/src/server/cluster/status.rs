//! The state of a cluster, for operators and tests.

use std::sync::{Mutex, PoisonError};

use super::{Cluster, LinkCounters, NodeId};

/// Another node, as this one sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// Its id.
    pub id: NodeId,
    /// Whether it was heard in the last 3 s.
    pub is_alive: bool,
    /// Members that are connected to it.
    pub members: usize,
    /// Packets on the link to it.
    pub link: LinkCounters,
}

/// The other nodes, for other threads.
#[derive(Debug, Default)]
pub(in super::super) struct ClusterStatus(Mutex<Vec<NodeStatus>>);

impl ClusterStatus {
    /// The other nodes, as they were at most 100 ms ago.
    pub(in super::super) fn nodes(&self) -> Vec<NodeStatus> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the nodes.
    pub(in super::super) fn set(&self, cluster: &Cluster) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = cluster.status();
    }
}

impl Cluster {
    /// The other nodes.
    pub(super) fn status(&self) -> Vec<NodeStatus> {
        let nodes = self.nodes.values().map(|node| NodeStatus {
            id: node.id,
            is_alive: node.is_alive,
            members: node.rooms.values().map(|room| room.state.members.len()).sum(),
            link: node.link.counters(),
        });
        nodes.collect()
    }
}
