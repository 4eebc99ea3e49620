//! Third-party programs: availability, readiness and termination.

use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::depth;

/// Maximum wait for a program to start or end.
const DEADLINE: Duration = Duration::from_secs(15);

/// Whether a program runs with these arguments; otherwise prints what is skipped.
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

/// Whether ffmpeg is available.
pub(crate) fn have_ffmpeg(what: &str) -> bool {
    answers("ffmpeg", &["-version"], what)
}

/// Whether `GStreamer` with these elements is available, and long tests are not skipped: its pipelines take seconds.
pub(crate) fn have_gstreamer(elements: &[&str], what: &str) -> bool {
    !depth::skips_long()
        && answers("gst-launch-1.0", &["--version"], what)
        && elements.iter().all(|it| answers("gst-inspect-1.0", &["--exists", it], what))
}

/// Runs a program to completion.
pub(crate) fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
}

/// A program that is terminated with the test.
pub(crate) struct Program(Child);

impl Program {
    /// Starts ffmpeg with arguments separated by spaces.
    pub(crate) fn ffmpeg(arguments: &str) -> Self {
        Self::start("ffmpeg", &format!("-nostdin -hide_banner -v warning -y {arguments}"))
    }

    /// Starts a `GStreamer` pipeline.
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

    /// Waits until it ends by itself.
    pub(crate) fn wait(&mut self) {
        let begun = Instant::now();
        while begun.elapsed() < DEADLINE {
            if let Some(status) = self.0.try_wait().unwrap() {
                assert!(status.success(), "{status}");
                return;
            }
            sleep(Duration::from_millis(20));
        }
        panic!("the program does not end");
    }

    /// Waits until the program listens on all of these ports.
    pub(crate) fn listens(&mut self, ports: &[u16]) {
        let begun = Instant::now();
        while begun.elapsed() < DEADLINE {
            let Ok(table) = fs::read_to_string("/proc/net/udp") else {
                // Not available on this system; by then, programs are ready.
                sleep(Duration::from_secs(3));
                return;
            };
            let is_bound = |port: &u16| table.contains(&format!(":{port:04X} 00000000:0000"));
            if ports.iter().all(is_bound) {
                return;
            }
            assert!(self.0.try_wait().unwrap().is_none(), "the program ended prematurely");
            sleep(Duration::from_millis(20));
        }
        panic!("the program does not listen on {ports:?}");
    }
}

/// Waits until the listeners on these ports have read all received data, or a timeout.
pub(crate) fn wait_until_read(ports: &[u16]) {
    let begun = Instant::now();
    while begun.elapsed() < DEADLINE {
        // Without this information, programs are assumed to be fast enough.
        let table = fs::read_to_string("/proc/net/udp").unwrap_or_default();
        let waits = |line: &str| {
            // Index, local and remote address, state, bytes in send and receive queue.
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

/// Waits until a file written by a program has `bytes`, or a timeout; returns its content.
pub(crate) fn file_of(path: &Path, bytes: usize) -> Vec<u8> {
    let begun = Instant::now();
    loop {
        let len = fs::metadata(path).map_or(0, |it| it.len());
        if len >= bytes as u64 || begun.elapsed() > DEADLINE {
            return fs::read(path).unwrap_or_default();
        }
        sleep(Duration::from_millis(20));
    }
}

/// A free pair of an even port and the next one, below the ephemeral port range.
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
