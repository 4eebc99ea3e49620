//! A NATS server for a test.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A server on a free port, with a storage folder of its own.
pub(crate) struct Nats {
    folder: TempDir,
    port: u16,
    options: Vec<String>,
    child: Option<Child>,
}

impl Nats {
    /// Starts a server with options; `None`, with a message, if it is not installed.
    pub(crate) fn with(options: &[&str]) -> Option<Self> {
        if Command::new("nats-server").arg("--version").output().is_err() {
            let is_required = std::env::var_os("CODEC_COUNTERPARTS").is_some();
            assert!(!is_required, "no nats-server: see .ci/run");
            eprintln!("skipped: no nats-server");
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let options = options.iter().map(|&option| option.to_owned()).collect();
        let mut nats = Self { folder: tempfile::tempdir().unwrap(), port, options, child: None };
        nats.restart();
        Some(nats)
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://{}", self.address())
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts the server again with its stored messages, and waits until it accepts connections.
    pub(crate) fn restart(&mut self) {
        let port = self.port.to_string();
        let child = Command::new("nats-server")
            .args(["-a", "127.0.0.1", "-p", &port, "-sd"])
            .arg(self.folder.path())
            .args(&self.options)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        let began = Instant::now();
        while TcpStream::connect(self.address()).is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "nats-server does not start");
            sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.kill();
    }
}
