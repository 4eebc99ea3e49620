//! Messages of rooms with files: an interrupted upload resumes, files survive a restart of the server, and
//! persons who were away receive them later.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use codec_core::frame::Size;
use codec_net::server::{Config, Server};
use codec_webrtc::{Direction, Kind, MediaPlan};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::browser::Place;
use crate::browsers::Browser;
use crate::caller::{Caller, SDP, plan};
use crate::client::{request, request_with};
use crate::peers::measure;

const LONG: Duration = Duration::from_secs(20);
const ANN: &str = "key-of-ann-0123456789";
const BOB: &str = "key-of-bob-0123456789";

fn join(server: &Server, person: &str) -> Caller {
    let microphone = MediaPlan { kind: Kind::Audio, ..plan(Direction::SendOnly) };
    let plans = [microphone, plan(Direction::ReceiveOnly)];
    let headers = [("codec-person", person)];
    let mut caller = Caller::call_with(server, "/room/team", &plans, &headers, false);
    assert!(caller.live(LONG, |it| it.last("log").is_some()), "{:?}", caller.lines);
    caller
}

fn config(folder: &Place) -> Config {
    Config { files: Some(folder.path("files")), ..Config::loopback() }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A file of ASCII text, because the HTTP client of the tests reads text.
fn file() -> Vec<u8> {
    (0..40_000_u32).map(|n| b'a' + u8::try_from(n * n % 23).unwrap()).collect()
}

fn offer(file: &[u8], kind: &str) -> Value {
    json!({
        "type": "file", "id": 3, "key": "k1", "kind": kind, "name": "voice.webm",
        "mediaType": "audio/webm", "bytes": file.len(), "sha256": hex(&Sha256::digest(file)),
        "duration": 10_000,
    })
}

fn has_chat(it: &Caller) -> bool {
    it.last("chat").is_some()
}

#[test]
fn a_file_that_was_cut_resumes_and_reaches_who_was_away() {
    let place = Place::new("room-files");
    let server = Server::start(config(&place)).unwrap();
    let file = file();
    let mut bob = join(&server, BOB);
    let mut ann = join(&server, ANN);
    ann.send(&offer(&file, "voice"));
    assert!(ann.live(LONG, |it| it.last("fileAt").is_some()), "{:?}", ann.lines);
    ann.send_chunk(3, 0, &file[..16_384]);
    ann.live(Duration::from_millis(200), |_| false);
    // The connection is cut without notice: the server still has the session.
    drop(ann);
    let mut ann = join(&server, ANN);
    ann.send(&offer(&file, "voice"));
    assert!(ann.live(LONG, |it| it.last("fileAt").is_some()), "{:?}", ann.lines);
    assert_eq!(ann.last("fileAt").unwrap()["offset"], 16_384, "it resumes");
    for (index, chunk) in file.chunks(16_384).enumerate().skip(1) {
        ann.send_chunk(3, index as u64 * 16_384, chunk);
    }
    assert!(ann.live(LONG, |it| it.last("fileStored").is_some()), "{:?}", ann.lines);
    assert!(bob.live(LONG, has_chat), "{:?}", bob.lines);
    let attachment = bob.last("chat").unwrap()["attachment"].clone();
    assert_eq!(attachment["sha256"], hex(&Sha256::digest(&file)));

    let path = format!("/room-files/{}", attachment["file"].as_str().unwrap());
    let whole = request(server.address(), "GET", &path, &[]);
    assert_eq!((whole.status, whole.body.as_bytes()), (200, &file[..]));
    assert_eq!(whole.header("content-type"), Some("audio/webm"));
    assert_eq!(whole.header("content-security-policy"), Some("default-src 'none'; sandbox"));
    assert_eq!(whole.header("x-content-type-options"), Some("nosniff"));
    let part = request(server.address(), "GET", &path, &[("range", "bytes=100-199")]);
    assert_eq!((part.status, part.body.as_bytes()), (206, &file[100..200]));
    assert_eq!(part.header("content-range"), Some("bytes 100-199/40000"));
    let outside = request(server.address(), "GET", &path, &[("range", "bytes=40000-")]);
    assert_eq!(outside.status, 416);
    let unknown = request(server.address(), "GET", "/room-files/0123", &[]);
    assert!(unknown.status == 404 && unknown.body.contains("unknown or deleted file"));

    // All leave and the server restarts: who was away gets the message and the file.
    drop((ann, bob));
    server.stop();
    let server = Server::start(config(&place)).unwrap();
    let mut bob = join(&server, BOB);
    assert!(bob.live(LONG, has_chat), "{:?}", bob.lines);
    assert_eq!(bob.last("chat").unwrap()["attachment"], attachment);
    assert_eq!(request(server.address(), "GET", &path, &[]).body.as_bytes(), file);
}

#[test]
fn dangerous_files_are_only_saved() {
    let place = Place::new("room-html");
    let server = Server::start(config(&place)).unwrap();
    let mut ann = join(&server, ANN);
    let page = b"<script>alert(1)</script>";
    let mut offer = offer(page, "file");
    (offer["mediaType"], offer["name"]) = ("text/html".into(), "a\r\nb.html".into());
    ann.send(&offer);
    assert!(ann.live(LONG, |it| it.last("fileAt").is_some()), "{:?}", ann.lines);
    ann.send_chunk(3, 0, page);
    assert!(ann.live(LONG, has_chat), "{:?}", ann.lines);
    let attachment = &ann.last("chat").unwrap()["attachment"];
    let path = format!("/room-files/{}", attachment["file"].as_str().unwrap());
    let answer = request(server.address(), "GET", &path, &[]);
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    let disposition = answer.header("content-disposition").unwrap();
    assert_eq!(disposition, "attachment; filename*=UTF-8''ab.html");
}

#[test]
fn devices_of_a_person_are_one_and_keys_are_checked_and_secret() {
    let server = Server::start(Config::loopback()).unwrap();
    let mut first = join(&server, ANN);
    let mut second = join(&server, ANN);
    let mut bob = join(&server, BOB);
    let is_one = |it: &Caller| {
        it.last("people").is_some_and(|it| it["people"].as_array().unwrap().len() == 2)
    };
    assert!(first.live(LONG, is_one) && second.live(LONG, is_one) && bob.live(LONG, is_one));
    let active = |it: &Caller| it.last("device").map(|it| it["active"].clone());
    assert_eq!((active(&first), active(&second)), (Some(true.into()), Some(false.into())));
    second.send(&json!({ "type": "muted", "audio": true, "video": true }));
    second.send(&json!({ "type": "take" }));
    assert!(second.live(LONG, |it| active(it) == Some(true.into())), "{:?}", second.lines);
    assert!(first.live(LONG, |it| active(it) == Some(false.into())), "{:?}", first.lines);
    second.send(&json!({ "type": "chat", "text": "from the second device" }));
    assert!(second.live(LONG, has_chat), "{:?}", second.lines);
    assert!(first.live(LONG, |it| has_chat(it) && it.last("read").is_some()), "{:?}", first.lines);
    assert!(bob.live(LONG, has_chat), "{:?}", bob.lines);
    let seen = format!("{:?}{:?}", first.lines, bob.lines);
    assert!(!seen.contains(ANN) && !seen.contains(BOB), "keys are never sent");
    let headers = [SDP, ("codec-person", "short")];
    let wrong = request_with(server.address(), "POST", "/room/team", &headers, "v=0");
    assert!(
        wrong.status == 400 && wrong.body.contains("invalid person key: got 5 bytes"),
        "{wrong:?}"
    );
}

/// Runs a scenario of messages in Chromium.
fn drive(server: &Server, place: &Place, scenario: &str) -> Option<Value> {
    let folder = Browser::Chromium.scripts("messages of rooms")?;
    let camera: PathBuf = place.camera_of(Size { width: 320, height: 180 });
    let mut command = Command::new("node");
    command.arg(folder.join("room_messages.mjs")).arg(server.url()).arg(camera).arg(scenario);
    Some(measure(&mut command))
}

#[test]
fn voice_and_video_messages_reach_three_others_in_chromium() {
    let place = Place::new("room-voice");
    let server = Server::start(config(&place)).unwrap();
    let Some(seen) = drive(&server, &place, "messages") else { return };
    for kind in ["voice", "video"] {
        let message = &seen[kind];
        assert!(message["resumedAt"].as_u64() > Some(0), "{kind} was sent from the start: {seen}");
        assert_eq!(message["receivers"], 3, "{seen}");
        assert_eq!(message["digests"], "equal", "{seen}");
    }
    assert!(seen["voice"]["seconds"].as_f64() > Some(9.0), "{seen}");
    assert!(seen["video"]["seconds"].as_f64() > Some(4.0), "{seen}");
    assert_eq!(seen["text"], "all");
}

#[test]
fn two_devices_hand_a_call_over_in_chromium() {
    let place = Place::new("room-devices");
    let server = Server::start(config(&place)).unwrap();
    let Some(seen) = drive(&server, &place, "devices") else { return };
    assert_eq!((&seen["tiles"], &seen["heard"]), (&2.into(), &0.into()), "{seen}");
    assert_eq!(seen["readMark"], "shared", "{seen}");
    for medium in ["videoGapMs", "audioGapMs"] {
        // A busy machine has gaps without a hand-over, too, and a process may wait for a second.
        let usual = seen["withoutHandOver"][medium].as_f64().unwrap();
        let hand_overs = seen["handOvers"].as_array().unwrap();
        let mut gaps: Vec<f64> =
            hand_overs.iter().map(|hand_over| hand_over[medium].as_f64().unwrap()).collect();
        gaps.sort_by(f64::total_cmp);
        assert!(gaps[gaps.len() / 2] < 500.0 + usual, "{medium}: {seen}");
    }
}
