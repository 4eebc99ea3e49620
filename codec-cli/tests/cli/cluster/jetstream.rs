//! A NATS server with `JetStream` (`-js`), and messages that our clients never send.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use super::nats::Nats;

impl Nats {
    /// Starts a server with `JetStream`; `None` if it is not installed.
    pub(super) fn start() -> Option<Self> {
        Self::with(&["-js"])
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
