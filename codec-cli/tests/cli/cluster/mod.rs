//! `codec cluster` and `codec serve --cluster` with a real NATS server, and workers and servers that are processes.

mod faults;
mod jetstream;
mod jobs;
mod messages;
#[path = "../../../../codec-cluster/tests/rooms/nats.rs"]
mod nats;
mod points;
mod rooms;
mod servers;

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Place, Run};
use nats::Nats;

/// One test at a time: each runs several encoders.
static ALONE: Mutex<()> = Mutex::new(());

/// Limit of the time for anything that a test waits for.
const PATIENCE: Duration = Duration::from_secs(120);

/// Options that encode slowly enough to be disturbed.
const OPTIONS: [&str; 6] = ["-c", "vp8", "-q", "40", "--speed", "3"];

/// A cluster with a clip, and the output that one machine makes of it.
struct Cluster {
    place: Place,
    nats: Nats,
    url: String,
    whole: Vec<u8>,
    _alone: MutexGuard<'static, ()>,
}

impl Cluster {
    /// A cluster with a clip of as many chunks; `None` without a server.
    fn new(chunks: u32) -> Option<Self> {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let nats = Nats::start()?;
        let frames = (chunks * 100).to_string();
        let place = Place::new();
        let size = ["--size", "144x96", "--fps", "10"];
        let clip = ["generate", "texture-pan", "-o", "clip.y4m", "-n", &frames];
        place.ok(&[&clip[..], &size].concat());
        let whole = ["transcode", "clip.y4m", "-o", "whole.mkv", "--chunked", "-j", "2"];
        let run = place.ok(&[&whole[..], &OPTIONS].concat());
        assert!(run.err.contains(&format!("in {chunks} chunks")), "{}", run.err);
        let (url, whole) = (nats.url(), place.read("whole.mkv"));
        Some(Self { place, nats, url, whole, _alone: alone })
    }

    /// The arguments of a submit of the clip.
    fn submit<'a>(&'a self, output: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let submit = ["cluster", "submit", "clip.y4m", "-o", output, "--work", "work"];
        [&submit[..], &["--nats", &self.url], &OPTIONS, more].concat()
    }

    /// Starts a command whose standard error is the file `name.log`.
    fn start(&self, name: &str, arguments: &[&str]) -> Process {
        let log = File::create(self.place.path(&format!("{name}.log"))).unwrap();
        let mut command = self.place.command(arguments);
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        Process { child }
    }

    fn worker(&self, name: &str, more: &[&str]) -> Process {
        let worker = ["cluster", "worker", "--work", "work", "-j", "1", "--nats", &self.url];
        self.start(name, &[&worker[..], more].concat())
    }

    /// Runs a worker until the queue is empty.
    fn drain(&self, more: &[&str]) -> Run {
        let worker = ["cluster", "worker", "--work", "work", "--drain", "--nats", &self.url];
        self.place.ok(&[&worker[..], more].concat())
    }

    fn log(&self, name: &str) -> String {
        String::from_utf8_lossy(&self.place.read(&format!("{name}.log"))).into_owned()
    }

    /// The state of the cluster.
    fn status(&self) -> Value {
        self.place.json(&["cluster", "status", "--json", "--nats", &self.url])
    }

    /// The names of the files with results.
    fn results(&self) -> Vec<String> {
        let entries = fs::read_dir(self.place.path("work")).into_iter().flatten();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".chunk")).collect()
    }

    /// The files in the folder of the results that are no results.
    fn leftovers(&self) -> Vec<String> {
        let entries = fs::read_dir(self.place.path("work")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with('.') || !name.ends_with(".chunk")).collect()
    }

    fn assert_whole(&self, output: &str) {
        assert!(self.place.read(output) == self.whole, "{output} differs");
    }
}

/// Waits until something holds.
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
        sleep(Duration::from_millis(50));
    }
}

/// A process that ends with the test.
struct Process {
    child: Child,
}

impl Process {
    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(status.success(), "{signal}");
    }

    /// Waits for the end; the exit code.
    fn code(mut self) -> Option<i32> {
        let mut code = None;
        wait_until("a process ends", || {
            code = self.child.try_wait().unwrap();
            code.is_some()
        });
        code.and_then(|status| status.code())
    }

    /// Ends it in the normal way.
    fn end(self) {
        self.signal("-INT");
        assert_eq!(self.code(), Some(0));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
