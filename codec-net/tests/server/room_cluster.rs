//! A room on two servers of a cluster: members download files that are stored on the other server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use codec_net::server::cluster::{Bus, BusClient, ClusterConfig, bus};
use codec_net::server::{Config, Server};
use codec_webrtc::{Direction, Kind, MediaPlan};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::browser::Place;
use crate::caller::{Caller, plan};
use crate::client::request;

const LONG: Duration = Duration::from_secs(20);

/// A bus between two servers.
struct Wire {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Wire {
    fn new() -> (Self, [Bus; 2]) {
        let ((one, one_end), (other, other_end)) = (bus(), bus());
        let is_over = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&is_over);
        let thread = std::thread::spawn(move || pass([one_end, other_end], &stop));
        (Self { is_over, thread: Some(thread) }, [one, other])
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

fn pass(mut ends: [BusClient; 2], is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        let messages: Vec<Vec<u8>> =
            ends.iter_mut().flat_map(|end| std::iter::from_fn(|| end.try_next())).collect();
        messages.iter().for_each(|it| ends.iter().for_each(|end| end.deliver(it)));
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn start(place: &Place, name: &str, bus: Bus) -> Server {
    let cluster = Some(ClusterConfig { bus, url: None });
    let config = Config { files: Some(place.path(name)), cluster, ..Config::loopback() };
    Server::start(config).unwrap()
}

fn join(server: &Server) -> Caller {
    let microphone = MediaPlan { kind: Kind::Audio, ..plan(Direction::SendOnly) };
    let mut caller = Caller::call_with(
        server,
        "/room/team",
        &[microphone, plan(Direction::ReceiveOnly)],
        &[],
        false,
    );
    assert!(caller.live(LONG, |it| it.last("log").is_some()), "{:?}", caller.lines);
    caller
}

/// A file of ASCII text, because the HTTP client of the tests reads text.
fn file(seed: u64) -> Vec<u8> {
    (0..200_000_u64).map(|n| b'a' + u8::try_from((n / 7 + seed) * n % 23).unwrap()).collect()
}

/// Sends a file; returns what the other member gets of it.
fn send(from: &mut Caller, to: &mut Caller, number: u64, file: &[u8]) -> Value {
    let digest: String = Sha256::digest(file).iter().map(|byte| format!("{byte:02x}")).collect();
    from.send(&json!({
        "type": "file", "id": number, "kind": "voice", "name": "voice.webm",
        "mediaType": "audio/webm", "bytes": file.len(), "sha256": digest, "duration": 10_000,
    }));
    assert!(from.live(LONG, |it| it.last("fileAt").is_some_and(|it| it["id"] == number)));
    for (index, chunk) in file.chunks(16_384).enumerate() {
        from.send_chunk(u32::try_from(number).unwrap(), index as u64 * 16_384, chunk);
    }
    assert!(from.live(LONG, |it| it.last("fileStored").is_some_and(|it| it["id"] == number)));
    let has_it =
        |it: &Caller| it.last("chat").is_some_and(|it| it["attachment"]["sha256"] == digest);
    assert!(to.live(LONG, has_it), "{:?}", to.lines);
    to.last("chat").unwrap()["attachment"].clone()
}

#[test]
fn members_download_files_of_another_node() {
    let place = Place::new("node-files");
    let (_wire, [one, other]) = Wire::new();
    let (one, other) = (start(&place, "one", one), start(&place, "other", other));
    let (mut ann, mut bob) = (join(&one), join(&other));
    let sees_both = |it: &Caller| {
        it.last("people").is_some_and(|it| it["people"].as_array().is_some_and(|it| it.len() == 2))
    };
    assert!(bob.live(LONG, sees_both) && ann.live(LONG, sees_both), "{:?}", bob.lines);
    let files = [file(1), file(2)];
    let paths: Vec<String> = (1..)
        .zip(&files)
        .map(|(number, file)| {
            let attachment = send(&mut ann, &mut bob, number, file);
            format!("/room-files/{}", attachment["file"].as_str().unwrap())
        })
        .collect();
    let range = [("range", "bytes=100-199")];
    let part = request(other.address(), "GET", &paths[0], &range);
    assert_eq!((part.status, part.body.as_bytes()), (206, &files[0][100..200]));
    drop((ann, bob));
    one.stop();
    // What was fetched stays; the other file is gone with its server.
    let whole = request(other.address(), "GET", &paths[0], &[]);
    assert_eq!((whole.status, whole.body.as_bytes()), (200, &files[0][..]));
    assert_eq!(whole.header("content-type"), Some("audio/webm"));
    let gone = request(other.address(), "GET", &paths[1], &[]);
    assert_eq!(gone.status, 503);
    let words = "cannot fetch the file: the server with this file cannot be reached";
    assert!(gone.body.contains(words), "{}", gone.body);
}
