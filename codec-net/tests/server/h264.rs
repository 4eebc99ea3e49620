//! Streams with H.264: negotiation, viewers without the codec, recordings, and other implementations.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use codec_net::peer_socket::PeerSocket;
use codec_net::server::audit::AuditLog;
use codec_net::server::media::{AudioPacket, VideoCodec, VideoCodecs, VideoFrame};
use codec_net::server::room::{Publisher, StreamInfo};
use codec_net::server::{Config, Server};
use codec_rtc::extension::Extensions;
use codec_rtc::extension::dependency::{DescriptorBuilder, FrameReferences, Reader, Writer};
use codec_rtc::packet::VideoFormat;
use codec_rtc::packet::h264::{
    Depacketizer, DepacketizerConfig, Packetizer, PacketizerConfig, Profile,
};
use codec_rtc::rtp::{self, FIXED_HEADER_BYTES};
use codec_webrtc::{
    ChannelSettings, Codec, Direction, Event, H264Profiles, Kind, MediaPlan, Mid, Peer,
};
use serde_json::Value;

use crate::browser::{ON_THEIR_WAY, Place};
use crate::browsers::Browser;
use crate::caller::{SDP, plan};
use crate::client::request_with;
use crate::depth;
use crate::offers::{VP8, line, offer};
use crate::peers::{codecs_in_chromium, measure, number, python, scripts};

/// SPS and PPS of a 240x320 stream in Constrained Baseline.
const SETS: [u8; 21] = [
    0, 0, 0, 1, 0x67, 66, 0xc0, 30, 0xda, 0x0f, 0x0a, 0x68, 0x40, 0, 0, 0, 1, 0x68, 0xce, 0x3c,
    0x80,
];
const HIGH: VideoCodec = VideoCodec::H264(Profile::High);
const LOW: VideoCodec = VideoCodec::H264(Profile::ConstrainedBaseline);

/// Format parameters of a payload type.
fn fmtp(payload_type: u8, profile: &str, mode: u8) -> String {
    format!(
        "a=fmtp:{payload_type} level-asymmetry-allowed=1;packetization-mode={mode};\
         profile-level-id={profile}\r\n"
    )
}

/// A media line of H.264, in the direction of a publisher or a viewer.
fn h264_line(direction: &str, profile: &str, mode: u8) -> String {
    line(0, "video", direction, &[(102, "H264/90000")], &fmtp(102, profile, mode))
}

fn access_unit(number: u32, is_key: bool) -> Vec<u8> {
    let mut unit = if is_key { SETS.to_vec() } else { Vec::new() };
    unit.extend([0, 0, 0, 1, if is_key { 0x65 } else { 0x41 }, 0x88, 0x84]);
    unit.extend((0..2500_u32).map(|at| (at * 7 + number * 31).to_le_bytes()[0] | 1));
    unit
}

fn frame(number: u32, is_key: bool) -> VideoFrame {
    VideoFrame {
        data: access_unit(number, is_key).into(),
        format: VideoFormat::H264,
        pts: u64::from(number) * 3000,
        key: is_key,
        ..VideoFrame::default()
    }
}

fn published(server: &Server, name: &str, video: VideoCodec, audio: bool) -> Publisher {
    let info = StreamInfo { kind: "ws", video: Some(video), audio };
    server.hub().publish(name, info, Box::new(|| {})).unwrap()
}

fn post(server: &Server, path: &str, lines: &[String]) -> crate::client::Answer {
    request_with(server.address(), "POST", path, &[SDP], &offer(lines))
}

/// An audit log in memory.
#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn codec_of_a_publisher_is_one_that_the_offer_has() {
    let server = Server::start(Config::loopback()).unwrap();
    let mut number = 0;
    let mut codec = |line: String, server: &Server| {
        number += 1;
        let name = format!("mine{number}");
        let answer = post(server, &format!("/whip/{name}"), &[line]);
        assert_eq!(answer.status, 201, "{answer:?}");
        (server.hub().find(&name).unwrap().info().video.unwrap(), answer.body)
    };
    let (found, answer) = codec(h264_line("sendonly", "64001f", 1), &server);
    assert_eq!(found, HIGH);
    assert!(answer.contains("profile-level-id=6400") && !answer.contains("VP8"), "{answer}");
    let both = line(
        0,
        "video",
        "sendonly",
        &[(102, "H264/90000"), (104, "H264/90000"), (96, "VP8/90000")],
        &[fmtp(102, "4d001f", 1), fmtp(104, "42e01f", 1)].concat(),
    );
    let (found, answer) = codec(both.clone(), &server);
    assert_eq!(found, VideoCodec::Vp8);
    assert!(answer.contains("VP8") && !answer.contains("H264"), "{answer}");
    let video_codecs = VideoCodecs::new(VideoFormat::H264, VideoFormat::Vp8);
    let server = Server::start(Config { video_codecs, ..Config::loopback() }).unwrap();
    assert_eq!(codec(both, &server).0, LOW, "the profile that most decoders have");
}

#[test]
fn unusable_h264_is_rejected_with_the_reason() {
    let server = Server::start(Config::loopback()).unwrap();
    for (profile, mode, part) in [
        ("42e01f", 0, "H264 (Constrained Baseline, packetization mode 0)"),
        ("f4001f", 1, "H264 (High 4:4:4 Predictive, packetization mode 1)"),
        ("ffffff", 1, "H264 (unknown profile)"),
    ] {
        let answer = post(&server, "/whip/mine", &[h264_line("sendonly", profile, mode)]);
        assert_eq!(answer.status, 422, "{answer:?}");
        assert!(answer.body.contains(part), "{answer:?}");
    }
    let video_codecs = VideoCodecs::only(VideoFormat::Vp8);
    let server = Server::start(Config { video_codecs, ..Config::loopback() }).unwrap();
    let answer = post(&server, "/whip/mine", &[h264_line("sendonly", "42e01f", 1)]);
    assert!(answer.body.contains("got H264; expected one of VP8"), "{answer:?}");
}

#[test]
fn viewers_without_the_codec_are_told_what_is_published() {
    let log = Memory::default();
    let audit = AuditLog::to(log.clone());
    let server = Server::start(Config { audit, ..Config::loopback() }).unwrap();
    let _publisher = published(&server, "live", HIGH, false);
    for line in [line(0, "video", "recvonly", &VP8, ""), h264_line("recvonly", "42e01f", 1)] {
        let answer = post(&server, "/whep/live", &[line]);
        assert_eq!(answer.status, 422, "{answer:?}");
        assert!(answer.body.contains("expected one of H.264 High, as published"), "{answer:?}");
    }
    let logged = log.text();
    assert_eq!(logged.matches("\"reject\"").count(), 2, "{logged}");
    assert!(logged.contains("got VP8; expected one of H.264 High"), "{logged}");
    let answer = post(&server, "/whep/live", &[h264_line("recvonly", "640c1f", 1)]);
    assert_eq!(answer.status, 422, "Constrained High does not decode High: {answer:?}");
    let answer = post(&server, "/whep/live", &[h264_line("recvonly", "64001f", 1)]);
    assert_eq!(answer.status, 201, "{answer:?}");
}

/// A peer with a socket.
struct End {
    socket: PeerSocket,
    peer: Peer,
    connected: bool,
    /// The media section of the video.
    video: Option<Mid>,
    key_requests: u32,
    units: Vec<Vec<u8>>,
    keys: Vec<bool>,
    audio: u32,
    lines: Vec<Value>,
    /// The Dependency Descriptors of the packets.
    descriptors: Vec<Vec<u8>>,
    depacketizer: Depacketizer,
}

impl End {
    fn call(server: &Server, path: &str, plans: &[MediaPlan], h264: H264Profiles) -> Self {
        let socket = PeerSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let mut config = socket.config().unwrap();
        config.codecs.h264 = h264;
        let channels = [ChannelSettings::reliable("codec")];
        let offered = Peer::offer(&config, plans, &channels, socket.now());
        let (mut peer, sdp, pending, _) = offered.unwrap();
        let answer = request_with(server.address(), "POST", path, &[SDP], &sdp);
        assert_eq!(answer.status, 201, "{answer:?}");
        peer.accept_answer(pending, &answer.body, socket.now()).unwrap();
        let depacketizer = Depacketizer::new(DepacketizerConfig::default());
        Self {
            socket,
            peer,
            connected: false,
            video: None,
            key_requests: 0,
            units: Vec::new(),
            keys: Vec::new(),
            audio: 0,
            lines: Vec::new(),
            descriptors: Vec::new(),
            depacketizer,
        }
    }

    fn step(&mut self) {
        let wait = Duration::from_millis(2);
        if let Some(event) = self.socket.next_event_within(&mut self.peer, wait).unwrap() {
            match event {
                Event::Connected => self.connected = true,
                Event::Media(media) if media.kind == Kind::Video => self.video = Some(media.mid),
                Event::KeyFrameRequest { .. } => self.key_requests += 1,
                Event::Rtp(packet) if packet.codec == Codec::H264 => {
                    let mut bytes = Vec::new();
                    rtp::write(&packet.header, &mut bytes);
                    bytes.extend_from_slice(&packet.payload);
                    self.descriptors.extend(packet.extensions.dependency.clone());
                    self.depacketizer.push(&bytes).unwrap();
                }
                Event::Rtp(packet) if !packet.payload.is_empty() => self.audio += 1,
                Event::ChannelMessage { data, .. } => {
                    self.lines.push(serde_json::from_slice(&data).unwrap());
                }
                Event::Closed(reason) => panic!("{reason}"),
                _ => {}
            }
        }
        while let Some(unit) = self.depacketizer.poll_access_unit() {
            self.keys.push(unit.is_key);
            self.units.push(unit.data);
        }
    }
}

/// Runs the ends until a condition holds.
fn run(ends: &mut [&mut End], what: &str, mut is_there: impl FnMut(&mut [&mut End]) -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_there(ends) {
        assert!(Instant::now() < end, "{what}");
        ends.iter_mut().for_each(|it| it.step());
    }
}

/// The video of a publisher that a server has accepted, in packets.
struct Sender {
    mid: Mid,
    payload_type: u8,
    packetizer: Packetizer,
    /// Number of the next frame.
    number: u32,
}

impl Sender {
    /// Sends the next frame, with a descriptor of its dependencies, if there is one.
    fn send(&mut self, publisher: &mut End, is_key: bool, dependency: Option<Vec<u8>>) {
        let unit = access_unit(self.number, is_key);
        let mut packets = Vec::new();
        self.packetizer.packetize(&unit, self.number * 3000, &mut packets).unwrap();
        let extensions = Extensions { dependency, ..Extensions::default() };
        let (now, peer) = (publisher.socket.now(), &mut publisher.peer);
        let sent = peer.send_video(now, self.mid, self.payload_type, &packets, now, &extensions);
        sent.unwrap();
        self.number += 1;
    }
}

/// A server that takes H.264 alone, and a publisher of the stream "live" that is connected to it.
fn publishes() -> (Server, End, Sender) {
    let video_codecs = VideoCodecs::only(VideoFormat::H264);
    let server = Server::start(Config { video_codecs, ..Config::loopback() }).unwrap();
    let mut publisher =
        End::call(&server, "/whip/live", &[plan(Direction::SendOnly)], H264Profiles::ALL);
    run(&mut [&mut publisher], "not connected", |ends| ends[0].connected);
    let mid = publisher.video.unwrap();
    let payload = publisher.peer.media(mid).unwrap().h264(Profile::ConstrainedBaseline).unwrap();
    let mtu = Peer::MAX_PAYLOAD_BYTES + FIXED_HEADER_BYTES;
    let config = PacketizerConfig { mtu, ..PacketizerConfig::default() };
    let packetizer = Packetizer::new(config).unwrap();
    let sender = Sender { mid, payload_type: payload.payload_type, packetizer, number: 0 };
    (server, publisher, sender)
}

/// A viewer who joins between key frames: the publisher is asked for one, and the viewer gets it whole.
#[test]
fn a_viewer_joins_between_key_frames() {
    let server = Server::start(Config::loopback()).unwrap();
    let all = H264Profiles::ALL;
    let mut publisher = End::call(&server, "/whip/live", &[plan(Direction::SendOnly)], all);
    run(&mut [&mut publisher], "not connected", |ends| ends[0].connected);
    let mid = publisher.video.unwrap();
    let payload = publisher.peer.media(mid).unwrap().h264(Profile::ConstrainedBaseline);
    assert!(payload.is_none(), "VP8 is preferred");
    drop(publisher);

    let (server, mut publisher, mut sender) = publishes();
    let mut answered = 0;
    let mut send = |publisher: &mut End| {
        let is_key = sender.number == 0 || publisher.key_requests > answered;
        answered = publisher.key_requests;
        sender.send(publisher, is_key, None);
    };
    for _ in 0..5 {
        send(&mut publisher);
        (0..10).for_each(|_| publisher.step());
    }
    let requests = publisher.key_requests;
    let mut viewer = End::call(&server, "/whep/live", &[plan(Direction::ReceiveOnly)], all);
    let mut last = Instant::now();
    run(&mut [&mut publisher, &mut viewer], "no frames", |ends| {
        if last.elapsed() >= Duration::from_millis(33) {
            last = Instant::now();
            send(ends[0]);
        }
        ends[1].units.len() >= 10
    });
    assert!(publisher.key_requests > requests, "a key frame is requested for the viewer");
    assert!(viewer.keys[0], "the first frame is a key frame");
    assert_eq!(viewer.units[0][..SETS.len()], SETS, "with its parameter sets");
    assert!(viewer.keys[1..].iter().filter(|it| **it).count() <= 1, "{:?}", viewer.keys);
    assert_eq!(server.hub().find("live").unwrap().info().video, Some(LOW));
}

/// Two temporal layers, which descriptors state: the server knows them, and viewers get them described.
#[test]
fn temporal_layers_are_described_to_the_server_and_to_viewers() {
    let (server, mut publisher, mut sender) = publishes();
    let (mut builder, mut writer) = (DescriptorBuilder::new(2, None).unwrap(), Writer::default());
    let mut send = |publisher: &mut End| {
        let number = sender.number;
        let is_key = number.is_multiple_of(20);
        let at = i64::from(number);
        let temporal_id = u8::from(number % 2 == 1);
        let base = [at - if temporal_id == 1 { 1 } else { 2 }];
        let references = if is_key { &[][..] } else { &base };
        let frame = FrameReferences { number: at, temporal_id, references };
        let mut bytes = Vec::new();
        writer.write(&builder.build(&frame).unwrap(), &mut bytes).unwrap();
        sender.send(publisher, is_key, Some(bytes));
    };
    let plans = [plan(Direction::ReceiveOnly)];
    let mut viewer = End::call(&server, "/whep/live", &plans, H264Profiles::ALL);
    let mut last = Instant::now();
    run(&mut [&mut publisher, &mut viewer], "no frames", |ends| {
        if last.elapsed() >= Duration::from_millis(33) {
            last = Instant::now();
            send(ends[0]);
        }
        ends[1].units.len() >= 20
    });
    assert_eq!(server.hub().find("live").unwrap().stats().0.layers, 2);
    let mut reader = Reader::default();
    let described = viewer.descriptors.iter().map(|bytes| reader.read(bytes).unwrap());
    let starts: Vec<_> = described.filter(|it| it.start_of_frame).collect();
    assert!(starts.len() >= 20, "{}", starts.len());
    // The upper layer is held back while the bandwidth is unknown.
    assert!(starts.iter().any(|it| it.temporal_id == 1));
    let mut base = starts[0].frame_number;
    for (number, frame) in (starts[0].frame_number..).zip(&starts) {
        assert_eq!(frame.frame_number, number);
        let is_key = frame.structure.is_some();
        assert!(is_key || frame.frame_diffs == [number - base], "{:?}", frame.frame_diffs);
        if frame.temporal_id == 0 {
            base = number;
        }
    }
}

#[test]
fn a_viewer_without_the_codec_gets_audio_and_the_reason() {
    let server = Server::start(Config::loopback()).unwrap();
    let publisher = published(&server, "live", LOW, true);
    let audio = MediaPlan { kind: Kind::Audio, ..plan(Direction::ReceiveOnly) };
    let plans = [plan(Direction::ReceiveOnly), audio];
    let mut viewer = End::call(&server, "/whep/live", &plans, H264Profiles::NONE);
    let mut number = 0;
    run(&mut [&mut viewer], "no message", |ends| {
        number += 1;
        publisher.send_video(frame(number, number % 30 == 1)).unwrap();
        let pts = u64::from(number) * 960;
        let data = vec![0xfc; 40].into();
        publisher.send_audio(AudioPacket { data, pts, ..AudioPacket::default() }).unwrap();
        let is_told = |line: &Value| {
            line["paused"]
                .as_str()
                .is_some_and(|it| it.contains("does not accept the stream's H.264"))
        };
        ends[0].lines.iter().any(is_told) && ends[0].audio > 20
    });
    assert!(viewer.units.is_empty());
}

/// The codec of a stream changes with its publisher: viewers that know both continue.
#[test]
fn another_publisher_changes_the_codec() {
    let server = Server::start(Config::loopback()).unwrap();
    let publisher = published(&server, "live", VideoCodec::Vp8, false);
    let plans = [plan(Direction::ReceiveOnly)];
    let mut viewer = End::call(&server, "/whep/live", &plans, H264Profiles::ALL);
    run(&mut [&mut viewer], "not connected", |ends| ends[0].connected);
    let mut number = 0;
    run(&mut [&mut viewer], "no frames", |ends| {
        number += 1;
        publisher.send_video(frame(number, number % 10 == 1)).unwrap();
        ends[0].units.len() > 20
    });
    assert!(viewer.keys[0]);
    assert_eq!(server.hub().find("live").unwrap().info().video, Some(LOW));
}

/// A program, if it is installed.
fn program(name: &str, what: &str) -> bool {
    let has = Command::new(name).arg("-version").output().is_ok();
    assert!(has || std::env::var_os("CODEC_COUNTERPARTS").is_none(), "no {name}: see .ci/run");
    if !has {
        eprintln!("skipped, no {name}: {what}");
    }
    has
}

/// Access units of a clip that changes its size after 30 of 60 frames.
fn clip(place: &Place) -> Vec<VideoFrame> {
    let mut frames = Vec::new();
    for (size, name) in [("320x180", "a.264"), ("160x96", "b.264")] {
        let path = place.path(name);
        let source = format!("testsrc2=size={size}:rate=30");
        let encoded = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-f", "lavfi", "-i", &source, "-frames:v", "30"])
            .args(["-c:v", "libx264", "-preset", "superfast", "-tune", "zerolatency"])
            .args(["-profile:v", "baseline", "-bf", "0", "-y"])
            .arg(&path)
            .status();
        assert!(encoded.unwrap().success());
        let source = codec_container::Source::seekable(fs::File::open(&path).unwrap());
        let options = codec_container::ReadOptions::default();
        let mut reader = codec_container::open_packets(source, &options).unwrap();
        let mut packet = codec_container::CodedPacket::default();
        while reader.read(&mut packet).unwrap() {
            let pts = 3000 * frames.len() as u64;
            frames.push(VideoFrame {
                data: packet.data.clone().into(),
                format: VideoFormat::H264,
                pts,
                key: packet.key,
                ..VideoFrame::default()
            });
        }
    }
    frames
}

fn recordings(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Number of frames that ffprobe decodes from a file, and the codec.
fn probed(path: &Path) -> (String, u32) {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-count_frames", "-select_streams", "v:0", "-of", "csv=p=0"])
        .args(["-show_entries", "stream=codec_name,nb_read_frames"])
        .arg(path)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (codec, frames) = text.trim().split_once(',').unwrap_or_else(|| panic!("{text:?}"));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (codec.to_owned(), frames.parse().unwrap())
}

#[test]
fn a_recording_plays_across_a_change_of_size() {
    if !program("ffmpeg", "recording H.264") || !program("ffprobe", "recording H.264") {
        return;
    }
    let place = Place::new("record-h264");
    let folder = place.path("record");
    let config = Config { record: Some(folder.clone()), ..Config::loopback() };
    let server = Server::start(config).unwrap();
    let publisher = published(&server, "live", LOW, false);
    let frames = clip(&place);
    assert_eq!(frames.len(), 60);
    for frame in frames {
        publisher.send_video(frame).unwrap();
        std::thread::sleep(Duration::from_millis(5));
    }
    let stream = Arc::clone(publisher.stream());
    drop(publisher);
    server.stop();
    let decoded = stream.decoder_stats().unwrap();
    assert_eq!((decoded.frames, decoded.errors), (60, 0));
    let files = recordings(&folder);
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!(files[0].extension().unwrap(), "mkv");
    assert_eq!(probed(&files[0]), ("h264".to_owned(), 60));
}

#[test]
fn aiortc_publishes_and_watches_h264() {
    if depth::skips_long() {
        return;
    }
    let Some(python) = python("aiortc, H.264") else { return };
    let server = Server::start(Config::loopback()).unwrap();
    let script = scripts().join("aiortc_peer.py");
    let run = |mode: &str, path: &str, frames: &str| {
        let url = format!("{}{path}", server.url());
        let mut command = Command::new(&python);
        command.arg(&script).args([mode, &url, frames, "h264"]);
        command
    };
    let mut publisher = run("publish", "whip/python", "400");
    let publisher = std::thread::spawn(move || publisher.stdin(Stdio::null()).output().unwrap());
    let end = Instant::now() + Duration::from_secs(30);
    while server.hub().find("python").is_err() {
        assert!(Instant::now() < end, "aiortc does not publish");
        std::thread::sleep(Duration::from_millis(20));
    }
    // Other measurements must not delay it beyond the end of the publisher.
    let output = run("watch", "whep/python", "100").stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let watched: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    assert_eq!(watched["frames"], 100, "{watched}");
    assert_eq!((&watched["width"], &watched["height"]), (&320.into(), &240.into()), "{watched}");
    let output = publisher.join().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let published: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    let (sent, stream) = (number(&published["frames"]), &published["stream"]);
    assert!(sent >= 400.0, "{published}");
    assert!(stream["codec"].as_str().unwrap().starts_with("H.264"), "{published}");
    assert!(number(&stream["decodedFrames"]) > sent - ON_THEIR_WAY, "{published}");
    assert_eq!(stream["decodeErrors"], 0, "{published}");
}

/// The result of a scenario in Chromium; `None` if it lacks H.264.
fn chromium(server: &Server, place: &Place, scenario: &str, stream: &str) -> Option<Value> {
    codecs_in_chromium(server, &place.camera(), "h264", scenario, stream)
}

/// Firefox has H.264 in WebRTC only with a plugin, which it downloads: without it, it says why there is
/// no video.
#[test]
fn firefox_watches_and_publishes_h264_or_says_why_not() {
    if Browser::Firefox.scripts("Firefox, H.264").is_none() || !program("ffmpeg", "Firefox, H.264")
    {
        return;
    }
    let place = Place::new("firefox-h264");
    let server = Server::start(Config::loopback()).unwrap();
    let publisher = published(&server, "live", LOW, false);
    let frames = clip(&place);
    let stopped = Arc::new(AtomicBool::new(false));
    let is_stopped = Arc::clone(&stopped);
    let sending = std::thread::spawn(move || {
        for (number, frame) in (0..).zip(frames.iter().take(30).cycle()) {
            let frame = VideoFrame { pts: number * 3000, ..frame.clone() };
            if is_stopped.load(Ordering::Relaxed) || publisher.send_video(frame).is_err() {
                break;
            }
            std::thread::sleep(Duration::from_millis(33));
        }
    });
    let script = scripts().join("firefox.mjs");
    let seen = measure(Command::new("node").arg(script).args([&server.url(), "live", "h264"]));
    stopped.store(true, Ordering::Relaxed);
    sending.join().unwrap();
    if let Some(lacks) = seen["lacks"].as_str() {
        let notice = seen["notice"].as_str().unwrap();
        assert!(notice.contains("H.264 Constrained Baseline"), "{notice}");
        eprintln!("skipped, this Firefox lacks {lacks}; it says: {notice}");
        return;
    }
    let (watch, publish) = (&seen["watch"], &seen["publish"]);
    let rate = number(&watch["decoded"]) / number(&watch["seconds"]);
    assert!((15.0..36.0).contains(&rate), "{rate} frames/s: {watch}");
    assert!(publish["codec"].as_str().unwrap().starts_with("H.264"), "{publish}");
    assert_eq!(publish["decodeErrors"], 0, "{publish}");
}

#[test]
fn chromium_publishes_h264() {
    if Browser::Chromium.scripts("Chromium, H.264").is_none() {
        return;
    }
    let place = Place::new("chromium-h264");
    let server = Server::start(Config::loopback()).unwrap();
    let Some(seen) = chromium(&server, &place, "publish", "mine") else { return };
    assert!(seen["codec"].as_str().unwrap().starts_with("H.264"), "{seen}");
    assert!(seen["sdp"].as_str().unwrap().contains("H264"), "{seen}");
    assert!(number(&seen["frames"]) > 60.0, "{seen}");
    assert!(number(&seen["decodedFrames"]) > number(&seen["sent"]) - ON_THEIR_WAY, "{seen}");
    assert_eq!(seen["decodeErrors"], 0, "{seen}");
}

#[test]
fn chromium_watches_what_ffmpeg_publishes() {
    if Browser::Chromium.scripts("Chromium, H.264").is_none() {
        return;
    }
    let Some(ffmpeg) = whip_ffmpeg() else { return };
    let place = Place::new("whip-h264");
    let folder = place.path("record");
    let config = Config { record: Some(folder.clone()), ..Config::loopback() };
    let server = Server::start(config).unwrap();
    let url = format!("http://{}/whip/live", server.address());
    let mut publisher = publishing(&server, &ffmpeg, &url);
    let seen = ["watch", "socket", "refused"].map(|it| chromium(&server, &place, it, "live"));
    // `q` ends ffmpeg.
    let _ = publisher.stdin.take().unwrap().write_all(b"q");
    let said = publisher.wait_with_output().unwrap();
    let stream = server.hub().find("live").ok();
    server.stop();
    drop(stream);
    let said = String::from_utf8_lossy(&said.stderr);
    let [watched, by_socket, refused] = seen;
    if let Some(watched) = watched {
        let rate = number(&watched["decoded"]) / number(&watched["seconds"]);
        assert!((15.0..36.0).contains(&rate), "{rate} frames/s: {watched} {said}");
        assert_eq!((&watched["width"], &watched["height"]), (&320.into(), &180.into()));
        assert!(watched["sdp"].as_str().unwrap().contains("H264"), "{watched}");
    }
    if let Some(by_socket) = by_socket {
        assert!(by_socket["codec"].as_str().unwrap().starts_with("avc1.42"), "{by_socket}");
        assert_eq!(by_socket["errors"], 0, "{by_socket}");
    }
    if let Some(refused) = refused {
        let notice = refused["notice"].as_str().unwrap();
        assert!(notice.contains("does not accept the stream's H.264"), "{notice}");
    }
    // Each start of ffmpeg has a recording.
    let mut files = recordings(&folder);
    files.sort();
    let (codec, frames) = probed(files.last().unwrap());
    assert_eq!(codec, "h264");
    assert!(frames > 100, "{frames}");
}

/// Starts ffmpeg and waits for its frames. It is started again if its handshake exceeds 5 s on a busy
/// machine, or if it sends only about one packet in a second, which some runs do from the start.
fn publishing(server: &Server, ffmpeg: &str, url: &str) -> std::process::Child {
    for _ in 0..5 {
        let mut publisher = Command::new(ffmpeg)
            .args(["-v", "error", "-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30"])
            .args(["-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"])
            .args(["-c:v", "libx264", "-preset", "superfast", "-tune", "zerolatency", "-bf", "0"])
            .args(["-profile:v", "baseline", "-g", "30", "-b:v", "600k", "-pix_fmt", "yuv420p"])
            .args(["-c:a", "libopus", "-ac", "2", "-ar", "48000", "-t", "200", "-f", "whip", url])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let end = Instant::now() + Duration::from_secs(12);
        while publisher.try_wait().unwrap().is_none() && Instant::now() < end {
            let stream = server.hub().find("live").ok();
            if stream.is_some_and(|stream| stream.stats().0.frames_per_second > 20) {
                return publisher;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = publisher.kill();
        let output = publisher.wait_with_output().unwrap();
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    }
    panic!("ffmpeg does not publish");
}

/// An ffmpeg with a WHIP muxer (version 8 or later): that of the Python package `imageio-ffmpeg`.
fn whip_ffmpeg() -> Option<String> {
    let python = python("WHIP of ffmpeg")?;
    let find = "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())";
    let output = Command::new(python).args(["-c", find]).output().ok()?;
    let path = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    let muxers = Command::new(&path).args(["-hide_banner", "-muxers"]).output();
    let has = muxers.is_ok_and(|it| String::from_utf8_lossy(&it.stdout).contains(" whip "));
    if !has {
        eprintln!("skipped, no ffmpeg with a WHIP muxer (pip install imageio-ffmpeg)");
    }
    has.then_some(path)
}
