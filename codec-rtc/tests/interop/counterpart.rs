//! Other people's programs: whether they are there, when they listen, and that they end.

use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Longest wait for a program to begin, or to end.
const PATIENCE: Duration = Duration::from_secs(15);

/// Whether a program answers to these arguments; if not, says what is skipped.
fn answers(program: &str, arguments: &[&str], what: &str) -> bool {
    let status = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if status.is_ok_and(|status| status.success()) {
        return true;
    }
    let missing = format!("{program} {arguments:?} is missing: {what}");
    assert!(std::env::var_os("CODEC_COUNTERPARTS").is_none(), "{missing}");
    eprintln!("skipped, {missing}");
    false
}

/// Whether there is ffmpeg.
pub(crate) fn have_ffmpeg(what: &str) -> bool {
    answers("ffmpeg", &["-version"], what)
}

/// Whether there is `GStreamer` with these elements.
pub(crate) fn have_gstreamer(elements: &[&str], what: &str) -> bool {
    answers("gst-launch-1.0", &["--version"], what)
        && elements.iter().all(|it| answers("gst-inspect-1.0", &["--exists", it], what))
}

/// Runs a program to its end.
pub(crate) fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
}

/// A program that ends with the test.
pub(crate) struct Program(Child);

impl Program {
    /// ffmpeg with arguments that spaces separate.
    pub(crate) fn ffmpeg(arguments: &str) -> Self {
        Self::start("ffmpeg", &format!("-nostdin -hide_banner -v warning -y {arguments}"))
    }

    /// A pipeline of `GStreamer`.
    pub(crate) fn gstreamer(pipeline: &str) -> Self {
        Self::start("gst-launch-1.0", &format!("-q {pipeline}"))
    }

    fn start(program: &str, arguments: &str) -> Self {
        let child = Command::new(program)
            .args(arguments.split_whitespace())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }

    /// Until it ends by itself.
    pub(crate) fn wait(&mut self) {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = self.0.try_wait().unwrap() {
                assert!(status.success(), "{status}");
                return;
            }
            sleep(Duration::from_millis(20));
        }
        panic!("it does not end");
    }

    /// Until something listens on all of these ports.
    pub(crate) fn listens(&mut self, ports: &[u16]) {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let Ok(table) = fs::read_to_string("/proc/net/udp") else {
                // Not on this system; programs are up by then.
                sleep(Duration::from_secs(3));
                return;
            };
            let is_bound = |port: &u16| table.contains(&format!(":{port:04X} 00000000:0000"));
            if ports.iter().all(is_bound) {
                return;
            }
            assert!(self.0.try_wait().unwrap().is_none(), "it ended at once");
            sleep(Duration::from_millis(20));
        }
        panic!("it does not listen on {ports:?}");
    }
}

/// Waits until whoever listens on these ports has read all that came, or the time is over.
pub(crate) fn wait_until_read(ports: &[u16]) {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        // Where the system does not tell, programs are quick enough.
        let table = fs::read_to_string("/proc/net/udp").unwrap_or_default();
        let waits = |line: &str| {
            // Number, address, peer, state, bytes to send and to read.
            let mut fields = line.split_whitespace().skip(1);
            let address = fields.next().unwrap_or_default();
            let is_ours = ports.iter().any(|port| address.ends_with(&format!(":{port:04X}")));
            let queues = fields.nth(2).and_then(|queues| queues.split_once(':'));
            is_ours && queues.is_some_and(|(_, unread)| !unread.trim_matches('0').is_empty())
        };
        if !table.lines().any(waits) {
            return;
        }
        sleep(Duration::from_millis(1));
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until a file that a program writes has `bytes`, or the time is over; gives what is in it.
pub(crate) fn file_of(path: &Path, bytes: usize) -> Vec<u8> {
    let begun = Instant::now();
    loop {
        let len = fs::metadata(path).map_or(0, |it| it.len());
        if len >= bytes as u64 || begun.elapsed() > PATIENCE {
            return fs::read(path).unwrap_or_default();
        }
        sleep(Duration::from_millis(20));
    }
}

/// An even port with the one behind it, both free, below those that the system gives out by itself.
pub(crate) fn port_pair() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 500).unwrap() * 20;
    for _ in 0..2000 {
        let port = 20_000 + (first + 2 * NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        let is_free = |port| UdpSocket::bind(("0.0.0.0", port)).is_ok();
        if is_free(port) && is_free(port + 1) {
            return port;
        }
    }
    panic!("no two free ports");
}
