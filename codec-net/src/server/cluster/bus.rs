//! The bus between the nodes of a cluster: each message goes to all other nodes, but delivery is not
//! guaranteed.

use tokio::sync::mpsc;

/// Maximum number of messages that wait in each direction; further ones are lost.
const MAX_MESSAGES: usize = 4096;
/// Maximum number of bytes of a message.
pub(super) const MAX_MESSAGE_BYTES: usize = 1 << 20;

/// The server's end of a bus.
#[derive(Debug)]
pub struct Bus {
    outgoing: mpsc::Sender<Vec<u8>>,
    incoming: mpsc::Receiver<Vec<u8>>,
}

/// The other end: passes messages between the server and a message broker.
#[derive(Debug)]
pub struct BusClient {
    outgoing: mpsc::Receiver<Vec<u8>>,
    incoming: mpsc::Sender<Vec<u8>>,
}

/// Creates a bus.
#[must_use]
pub fn bus() -> (Bus, BusClient) {
    let (outgoing, sent) = mpsc::channel(MAX_MESSAGES);
    let (delivered, incoming) = mpsc::channel(MAX_MESSAGES);
    (Bus { outgoing, incoming }, BusClient { outgoing: sent, incoming: delivered })
}

impl Bus {
    pub(in super::super) fn send(&self, message: Vec<u8>) {
        // Later messages repair the loss of this one.
        let _ = self.outgoing.try_send(message);
    }

    /// Waits for a message; `None` if the other end is closed. Cancel safe.
    pub(in super::super) async fn receive(&mut self) -> Option<Vec<u8>> {
        self.incoming.recv().await
    }
}

impl BusClient {
    /// Waits for a message for the other nodes; `None` when the server has stopped. Cancel safe.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        self.outgoing.recv().await
    }

    /// Returns a message for the other nodes, if one waits.
    pub fn try_next(&mut self) -> Option<Vec<u8>> {
        self.outgoing.try_recv().ok()
    }

    /// Passes a message from any node to the server. The message is dropped if it is too long or the queue is full.
    pub fn deliver(&self, message: &[u8]) {
        if message.len() <= MAX_MESSAGE_BYTES {
            let _ = self.incoming.try_send(message.to_vec());
        }
    }
}

/// The configuration of a server as a node of a cluster.
#[derive(Debug)]
pub struct ClusterConfig {
    /// Connects the nodes.
    pub bus: Bus,
    /// The address of this node's pages, such as `https://a.example:8443`: the pages of another node connect there when
    /// that node is gone. `None`: pages of other nodes do not connect to this node.
    pub url: Option<String>,
}
