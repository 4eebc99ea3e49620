//! A node: a process of its own, so that it can be killed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codec_cluster::{RoomBus, ServerOptions};
use codec_media::Env;
use codec_media::events::Events;
use codec_net::server::cluster::ClusterConfig;
use codec_net::server::{Config, Server};
use serde_json::{Value, json};

/// URL of the NATS server, in the process of a node.
const NATS: &str = "CODEC_TEST_NATS";

/// Runs a node until the process is killed; does nothing in the process of the tests.
pub(crate) fn run() {
    let Ok(url) = std::env::var(NATS) else { return };
    let options = ServerOptions { url, ca: None };
    let (_bus, bus) = RoomBus::connect(&options, &Env::new(Events::none())).unwrap();
    let config = ClusterConfig { bus, url: None };
    let server = Server::start(Config { cluster: Some(config), ..Config::loopback() }).unwrap();
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
        let mut command = Command::new(std::env::current_exe().unwrap());
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
