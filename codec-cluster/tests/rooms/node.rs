//! A node of the cluster: a server in a process of its own, so that a test can kill it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codec_cluster::{RoomBus, ServerOptions};
use codec_media::Env;
use codec_media::events::Events;
use codec_net::server::auth::Access;
use codec_net::server::cluster::{Bus, ClusterConfig};
use codec_net::server::{Config, Server};
use serde_json::{Value, json};

/// URL of the NATS server, in the process of a node.
const NATS: &str = "CODEC_TEST_NATS";
/// Where it listens, and the other node whose pages may use it.
const LISTEN: &str = "CODEC_TEST_LISTEN";
const OTHER: &str = "CODEC_TEST_OTHER";

/// Addresses of a node that has pages, and of the other such node.
pub(crate) struct Pages {
    pub(crate) listen: SocketAddr,
    pub(crate) other: SocketAddr,
}

/// The configuration of the process of a node.
fn config(bus: Bus) -> Config {
    let loopback = Config::loopback();
    let Ok(listen) = std::env::var(LISTEN) else {
        return Config { cluster: Some(ClusterConfig { bus, url: None }), ..loopback };
    };
    let mut access = Access::open();
    access.add_origin(&format!("http://{}", std::env::var(OTHER).unwrap())).unwrap();
    let cluster = Some(ClusterConfig { bus, url: Some(format!("http://{listen}")) });
    Config { listen: listen.parse().unwrap(), access, cluster, ..loopback }
}

/// Runs a node until the process is killed; does nothing in the process of the tests.
pub(crate) fn run() {
    let Ok(url) = std::env::var(NATS) else { return };
    let options = ServerOptions { url, ca: None };
    let (_bus, bus) = RoomBus::connect(&options, &Env::new(Events::none())).unwrap();
    let server = Server::start(config(bus)).unwrap();
    loop {
        let nodes: Vec<Value> = server
            .cluster_nodes()
            .iter()
            .map(|it| json!({ "alive": it.is_alive, "sent": it.link.sent, "members": it.members }))
            .collect();
        // The test harness may have written the beginning of a line.
        let line = json!({ "address": server.address().to_string(), "nodes": nodes });
        let mut out = std::io::stdout();
        writeln!(out, "\n{line}").unwrap();
        out.flush().unwrap();
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A running node.
pub(crate) struct Node {
    child: Child,
    pub(crate) address: SocketAddr,
    last: Arc<Mutex<Value>>,
}

impl Node {
    pub(crate) fn start(nats: &str) -> Self {
        let command = Command::new(std::env::current_exe().unwrap());
        Self::run(command, nats)
    }

    /// Starts a node with pages that can continue at the other one.
    pub(crate) fn with_pages(nats: &str, pages: &Pages) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(LISTEN, pages.listen.to_string()).env(OTHER, pages.other.to_string());
        Self::run(command, nats)
    }

    fn run(mut command: Command, nats: &str) -> Self {
        command.args(["node_process", "--exact", "--nocapture"]).env(NATS, nats);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut next = move || {
            let parsed = lines.by_ref().map_while(Result::ok);
            parsed.filter_map(|line| serde_json::from_str::<Value>(&line).ok()).next()
        };
        let first = next().unwrap();
        let address = first["address"].as_str().unwrap().parse().unwrap();
        let last = Arc::new(Mutex::new(first));
        let written = Arc::clone(&last);
        std::thread::spawn(move || {
            while let Some(value) = next() {
                *written.lock().unwrap() = value;
            }
        });
        Self { child, address, last }
    }

    /// Number of other nodes that are alive, as this one sees them.
    pub(crate) fn others(&self) -> usize {
        let last = self.last.lock().unwrap();
        last["nodes"].as_array().unwrap().iter().filter(|it| it["alive"] == true).count()
    }

    /// Packets sent on each link.
    pub(crate) fn sent(&self) -> Vec<u64> {
        let last = self.last.lock().unwrap();
        last["nodes"].as_array().unwrap().iter().map(|it| it["sent"].as_u64().unwrap()).collect()
    }

    /// Kills the process.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}
