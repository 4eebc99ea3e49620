//! A NATS server of a test, and messages that no client of ours sends.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A server on a free port, with a storage folder of its own.
pub(super) struct Nats {
    folder: TempDir,
    port: u16,
    options: Vec<String>,
    child: Option<Child>,
}

/// Whether the server is installed; prints a message if not.
fn has_nats() -> bool {
    let found = Command::new("nats-server").arg("--version").output().is_ok();
    if !found {
        assert!(std::env::var_os("CODEC_COUNTERPARTS").is_none(), "no nats-server: see .ci/run");
        eprintln!("skipped: no nats-server");
    }
    found
}

impl Nats {
    /// Starts a server with `-js`; `None` if it is not installed.
    pub(super) fn start() -> Option<Self> {
        Self::with(&["-js"])
    }

    /// Starts a server with options.
    pub(super) fn with(options: &[&str]) -> Option<Self> {
        if !has_nats() {
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let options = options.iter().map(|&option| option.to_owned()).collect();
        let mut nats = Self { folder: tempfile::tempdir().unwrap(), port, options, child: None };
        nats.restart();
        Some(nats)
    }

    pub(super) fn url(&self) -> String {
        format!("nats://{}", self.address())
    }

    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts the server again with what it stored, and waits until it accepts connections.
    pub(super) fn restart(&mut self) {
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

    pub(super) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Publishes a message; returns the errors of the server.
    pub(super) fn publish(&self, subject: &str, payload: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let info = lines.next().unwrap().unwrap();
        assert!(info.starts_with("INFO "), "{info}");
        let mut message = b"CONNECT {\"verbose\":false,\"pedantic\":false}\r\n".to_vec();
        message.extend(format!("PUB {subject} {}\r\n", payload.len()).bytes());
        message.extend(payload);
        message.extend(b"\r\nPING\r\n");
        stream.write_all(&message).unwrap();
        let answers = lines.map_while(Result::ok).take_while(|line| line != "PONG");
        answers.filter(|line| line.starts_with("-ERR")).collect()
    }

    /// Stores the value of a key of the bucket with the jobs.
    pub(super) fn put(&self, key: &str, value: &[u8]) {
        assert_eq!(self.publish(&format!("$KV.codec-jobs.{key}"), value), "");
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.kill();
    }
}
