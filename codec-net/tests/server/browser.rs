//! The page in a real browser: watch, publish, WebSockets, files, tokens.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use codec_audio::opus_head::OpusHead;
use codec_audio::{AudioCodec, AudioFormat, ChannelLayout};
use codec_backends::registry;
use codec_container::{
    AudioTrack, CodedPacket, Format, Input, Output, PacketRef, PacketWriter, RawVideoStream,
    ReadOptions, Source, Track, VideoTrack, WebmWriter, WriteOptions, create_raw_video, open,
};
use codec_core::codec::{
    Bitrate, Codec, DecoderConfig, EncoderConfig, FrameKind, FrameRequest, Outcome, Packet,
    Scalability, psnr,
};
use codec_core::frame::{Picture, Rational, Size};
use codec_net::ice_server::IceServer;
use codec_net::server::audit::AuditLog;
use codec_net::server::auth::{Access, Grants};
use codec_net::server::{
    Config, LocalMedia, LocalSource, RtcConfig, Server, SourceFrame, TurnServer, VideoSource,
};
use serde_json::Value;

use crate::browsers::Browser;
use crate::emulated::{emulator, server_behind, symmetric};
use crate::h264::Memory;
use crate::peers::measure;

const SIZE: Size = Size { width: 320, height: 180 };
const RATE: Rational = Rational { num: 30, den: 1 };
/// Number of frames before they repeat.
const PICTURES: u32 = 90;
/// Frames that may be in flight between two counts: those of a second, because a machine may stall
/// that long.
pub(crate) const ON_THEIR_WAY: f64 = 30.0;

/// Draws a moving pattern with detail.
fn draw(size: Size, index: u32) -> Vec<u8> {
    let mut data = Vec::new();
    for (plane, size) in [(0, size), (1, size.chroma()), (2, size.chroma())] {
        for y in 0..size.height {
            for x in 0..size.width {
                let shift = if plane == 0 { 2 * index } else { index };
                let wave = (x + shift) % 64 + (2 * y) % 96;
                let square = if (x / 20 + y / 20 + index / 30).is_multiple_of(2) { 40 } else { 0 };
                data.push(u8::try_from(50 + plane * 20 + wave / 2 + square).unwrap());
            }
        }
    }
    data
}

struct Pattern {
    pictures: Arc<Vec<Vec<u8>>>,
    next: usize,
}

impl VideoSource for Pattern {
    fn size(&self) -> Size {
        SIZE
    }

    fn rate(&self) -> Option<Rational> {
        Some(RATE)
    }

    fn next(&mut self) -> Result<Option<SourceFrame<'_>>, String> {
        let data = self.pictures.get(self.next);
        self.next += 1;
        Ok(data.map(|data| Picture::i420_packed(SIZE, data).unwrap().into()))
    }
}

fn pattern() -> LocalSource {
    let pictures = Arc::new((0..PICTURES).map(|index| draw(SIZE, index)).collect::<Vec<_>>());
    LocalSource {
        name: "demo".to_owned(),
        open: Box::new(move || {
            Ok(LocalMedia::video_only(Pattern { pictures: Arc::clone(&pictures), next: 0 }))
        }),
        audio: false,
        repeat: true,
        bitrate: Bitrate::kbps(800),
        speed: 8,
        layers: Scalability::L1T3,
    }
}

pub(crate) struct Place(PathBuf);

impl Place {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("codec-serve-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The video of the fake camera.
    pub(crate) fn camera(&self) -> PathBuf {
        self.camera_of(SIZE)
    }

    /// The video of a fake camera of another size.
    pub(crate) fn camera_of(&self, size: Size) -> PathBuf {
        let path = self.path("camera.y4m");
        let stream = RawVideoStream::new(Format::Y4m, size, RATE);
        let output = Output::seekable(fs::File::create(&path).unwrap());
        let mut writer = create_raw_video(output, Format::Y4m, &stream).unwrap();
        for index in 0..PICTURES {
            writer.write(&Picture::i420_packed(size, &draw(size, index)).unwrap()).unwrap();
        }
        writer.finish().unwrap();
        path
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs scenarios and returns their measurements.
fn drive(folder: &Path, server: &Server, place: &Place, scenarios: &str, token: &str) -> Value {
    let file = place.path("sent.bin");
    if !file.exists() {
        let bytes: Vec<u8> =
            (0..700_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
        fs::write(&file, bytes).unwrap();
    }
    let mut command = Command::new("node");
    command.arg(folder.join("serve.mjs")).arg(server.url()).arg(place.camera()).arg(&file);
    measure(command.args([scenarios, token]))
}

#[test]
fn a_viewer_watches_and_uploads_a_file() {
    let Some(folder) = Browser::Chromium.scripts("watching") else { return };
    let place = Place::new("watch");
    let files = Some(place.path("files"));
    let server = Server::start(Config { files, ..Config::loopback() }).unwrap();
    server.add_source(pattern()).unwrap();
    let seen = drive(&folder, &server, &place, "watch,socket", "");
    let watch = &seen["watch"];
    let number = |value: &Value| value.as_f64().unwrap();
    let rate = number(&watch["decoded"]) / number(&watch["seconds"]);
    // Never more than the source has; fewer on a busy machine.
    assert!((20.0..31.5).contains(&rate), "{rate} frames/s: {watch}");
    assert_eq!((&watch["width"], &watch["height"]), (&320.into(), &180.into()));
    assert!(number(&watch["freezes"]) <= 2.0, "{watch}");
    assert!(number(&watch["moves"]) > 1.0, "{watch}");
    assert_eq!(watch["stats"]["layers"], 3, "{watch}");
    let stored = seen["file"].as_str().unwrap().strip_prefix("stored as ").unwrap().to_owned();
    let kept = fs::read(place.path("files").join(&stored)).unwrap();
    assert_eq!(kept, fs::read(place.path("sent.bin")).unwrap());
    let socket = &seen["socket"];
    let rate = number(&socket["decoded"]) / number(&socket["seconds"]);
    assert!((20.0..33.0).contains(&rate), "{rate} frames/s: {socket}");
    assert_eq!(socket["errors"], 0, "{socket}");
    assert!(number(&socket["dropped"]) <= ON_THEIR_WAY, "{socket}");
    assert_eq!(socket["size"], serde_json::json!([320, 180]));
    assert!(number(&socket["colours"]) > 20.0, "{socket}");
}

#[test]
fn a_viewer_keeps_its_session_over_ice_restarts() {
    let Some(folder) = Browser::Chromium.scripts("ICE restarts") else { return };
    let place = Place::new("restart");
    let link = symmetric("delay=5ms");
    let (server, relay) = server_behind(Config::loopback(), 5, &link);
    server.add_source(pattern()).unwrap();
    let seen = std::thread::scope(|scope| {
        let outage = scope.spawn(|| {
            let end = Instant::now() + Duration::from_secs(60);
            while !place.path("interrupt").exists() && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(100));
            }
            drop(relay);
            std::thread::sleep(Duration::from_secs(14));
            // The server sees the client at another address.
            emulator(&server, &link)
        });
        let seen = drive(&folder, &server, &place, "restart", "");
        drop(outage.join());
        seen
    });
    let [first, online, recovered] =
        ["first", "online", "recovered"].map(|name| &seen["restart"][name]);
    for (later, before) in [(online, first), (recovered, online)] {
        assert_ne!(later["ufrag"], before["ufrag"], "{later}");
        for same in ["ssrc", "session"] {
            assert_eq!(later[same], before[same], "{later}");
        }
        assert!(later["decoded"].as_u64().unwrap() >= 60, "{later}");
        assert_eq!((&later["dtls"], &later["state"]), (&"connected".into(), &"connected".into()));
    }
}

#[test]
fn a_browser_with_an_rsa_certificate_is_rejected_soon_and_with_the_reason() {
    let Some(folder) = Browser::Chromium.scripts("RSA") else { return };
    let place = Place::new("rsa");
    let log = Memory::default();
    let audit = AuditLog::to(log.clone());
    let server = Server::start(Config { audit, ..Config::loopback() }).unwrap();
    server.add_source(pattern()).unwrap();
    let seen = drive(&folder, &server, &place, "rsa", "");
    assert_eq!(seen["rsa"]["status"], 404, "{seen}");
    let logged = log.text();
    assert!(logged.contains("alert 40 (handshake_failure)"), "{logged}");
    assert!(logged.contains("only an RSA certificate is not supported"), "{logged}");
}

#[test]
fn the_page_fits_its_window_and_links_open_streams() {
    let Some(folder) = Browser::Chromium.scripts("layout") else { return };
    let place = Place::new("layout");
    let server = Server::start(Config::loopback()).unwrap();
    server.add_source(pattern()).unwrap();
    assert_eq!(drive(&folder, &server, &place, "layout", "")["layout"], "fits");
}

#[test]
fn a_camera_is_published_decoded_and_recorded() {
    let Some(folder) = Browser::Chromium.scripts("publishing") else { return };
    let place = Place::new("publish");
    let record = Some(place.path("recordings"));
    let server = Server::start(Config { record, ..Config::loopback() }).unwrap();
    let seen = drive(&folder, &server, &place, "publish", "");
    let publish = &seen["publish"];
    let number = |name: &str| publish[name].as_f64().unwrap();
    assert!(number("frames") > 100.0, "{publish}");
    assert!(number("decodedFrames") > number("frames") - ON_THEIR_WAY, "{publish}");
    assert_eq!(publish["decodeErrors"], 0, "{publish}");
    assert_eq!(publish["width"], 320, "{publish}");
    assert!(number("watched") > 100.0, "{publish}");
    server.stop();
    let recording = recording(&place);
    check_recording(&recording);
    if Command::new("ffprobe").arg("-version").output().is_ok() {
        let entries = "stream=codec_name,width,height,nb_read_packets:format=duration";
        let output = Command::new("ffprobe")
            .args(["-v", "error", "-count_packets", "-show_entries", entries, "-of", "csv=p=0"])
            .arg(&recording)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        assert!(said.contains("vp8,320,180") && said.contains("opus"), "{said}");
    }
}

/// The only recording in the place.
fn recording(place: &Place) -> PathBuf {
    let files: Vec<_> = fs::read_dir(place.path("recordings")).unwrap().collect();
    assert_eq!(files.len(), 1);
    files[0].as_ref().unwrap().path()
}

fn shown(data: &[u8], track: usize, pts: i64, key: bool) -> PacketRef<'_> {
    PacketRef { data, track, pts, key, ..PacketRef::default() }
}

/// Writes the camera's video as a file with silence.
fn make_film(path: &Path) {
    let mut config = EncoderConfig::rtc(SIZE, RATE, Bitrate::kbps(3000));
    config.speed = 6;
    let (_, open_encoder, _) = registry::find_encoder("vp8").unwrap();
    let mut encoder = open_encoder(&config).unwrap();
    let video = VideoTrack::new(Format::WebM, Codec::Vp8, SIZE, config.timebase);
    let format = AudioFormat::new(48_000, ChannelLayout::Stereo);
    let mut audio = AudioTrack::new(Format::WebM, AudioCodec::Opus, format);
    audio.codec_private = OpusHead::plain(2, 0, 48_000).to_bytes();
    let tracks = [Track::Video(video), Track::Audio(audio)];
    let output = Output::seekable(fs::File::create(path).unwrap());
    let mut writer =
        WebmWriter::new(output, Format::WebM, &tracks, &WriteOptions::default()).unwrap();
    let mut packet = Packet::default();
    for index in 0..PICTURES {
        let data = draw(SIZE, index);
        let picture = Picture::i420_packed(SIZE, &data).unwrap();
        let ticks = i64::from(config.timebase.den) / i64::from(config.timebase.num);
        let pts = i64::from(index) * ticks / 30;
        assert_eq!(encoder.encode(&picture, &FrameRequest::at(pts)).unwrap(), Outcome::Coded);
        while encoder.receive(&mut packet) {
            let key = packet.meta.kind == FrameKind::Key;
            writer.write(shown(&packet.data, 0, packet.pts, key)).unwrap();
        }
        // 20 ms each: five packets for three frames.
        for number in index * 5 / 3..(index + 1) * 5 / 3 {
            let pts = i64::from(number) * 960;
            let silence =
                PacketRef { duration: Some(960), ..shown(&[0xf8, 0xff, 0xfe], 1, pts, true) };
            writer.write(silence).unwrap();
        }
    }
    writer.finish().unwrap();
}

#[test]
fn a_file_is_published_with_its_audio() {
    let Some(folder) = Browser::Chromium.scripts("publishing a file") else { return };
    let place = Place::new("film");
    make_film(&place.path("sent.bin"));
    let record = Some(place.path("recordings"));
    let server = Server::start(Config { record, ..Config::loopback() }).unwrap();
    let seen = drive(&folder, &server, &place, "film", "");
    let film = &seen["film"];
    let number = |name: &str| film[name].as_f64().unwrap();
    assert!(number("frames") > 100.0, "{film}");
    assert!(number("decodedFrames") > number("frames") - ON_THEIR_WAY, "{film}");
    assert_eq!((&film["decodeErrors"], &film["width"]), (&0.into(), &320.into()), "{film}");
    assert!(number("audioPackets") > 200.0, "{film}");
    server.stop();
    check_recording(&recording(&place));
}

#[test]
fn a_screen_is_published_until_the_browser_ends_it() {
    let Some(folder) = Browser::Chromium.scripts("publishing the screen") else { return };
    let place = Place::new("screen");
    let server = Server::start(Config::loopback()).unwrap();
    let seen = drive(&folder, &server, &place, "screen", "");
    let screen = &seen["screen"];
    let number = |name: &str| screen[name].as_f64().unwrap();
    // Not a camera, and not the size of one.
    assert_eq!(screen["settings"]["displaySurface"], "monitor", "{screen}");
    assert!(number("frames") > 20.0, "{screen}");
    assert!(number("decodedFrames") > number("frames") - ON_THEIR_WAY, "{screen}");
    assert_eq!(screen["decodeErrors"], 0, "{screen}");
    assert_eq!(screen["preview"], screen["settings"]["width"], "{screen}");
    // The thread of calls ends the stream after the answer, but does not wait for another publisher, for 15 s.
    let end = Instant::now() + Duration::from_secs(5);
    while server.hub().find("screen").is_ok() {
        assert!(Instant::now() < end, "it has not ended");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Checks that every recorded frame matches one of the camera's.
fn check_recording(path: &Path) {
    let originals: Vec<Vec<u8>> = (0..PICTURES).map(|index| draw(SIZE, index)).collect();
    let source = Source::seekable(fs::File::open(path).unwrap());
    let Ok(Input::Packets(mut reader)) = open(source, &ReadOptions::default()) else {
        panic!("not a file of packets")
    };
    let track = reader.select_video().unwrap();
    assert_eq!(reader.tracks()[track].video().unwrap().size, SIZE);
    let (_, open_decoder, _) = registry::find_decoder("vp8").unwrap();
    let mut decoder = open_decoder(&DecoderConfig::default()).unwrap();
    let mut packet = CodedPacket::default();
    let (mut count, mut sum, mut hint) = (0_u32, 0.0, 0_usize);
    let luma = usize::try_from(SIZE.pixels()).unwrap();
    while reader.read(&mut packet).unwrap() {
        decoder.decode(&packet.data, packet.pts, packet.duration).unwrap();
        while let Some(frame) = decoder.receive() {
            let decoded = frame.picture().to_i420();
            let quality = |original: &Vec<u8>| {
                let pairs = decoded[..luma].iter().zip(&original[..luma]);
                let sse = pairs.map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
                psnr(sse, SIZE.pixels())
            };
            // The camera advances by a frame or a few; the browser may drop some.
            let near = if count == 0 { 0..originals.len() } else { 0..20 };
            let at = |step: usize| (hint + step) % originals.len();
            let best = near.map(|step| (quality(&originals[at(step)]), at(step)));
            let best = best.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
            (sum, hint, count) = (sum + best.0, best.1, count + 1);
        }
    }
    let mean = sum / f64::from(count);
    assert!(count > 100 && mean > 30.0, "{count} frames, {mean:.2} dB");
    eprintln!("recorded {count} frames at {mean:.2} dB");
}

#[test]
fn wrong_tokens_are_reported_and_the_right_one_is_accepted() {
    let Some(folder) = Browser::Chromium.scripts("tokens") else { return };
    let place = Place::new("token");
    let mut access = Access::open();
    access.add_token("the-right-token", Grants::parse("view").unwrap()).unwrap();
    let server = Server::start(Config { access, ..Config::loopback() }).unwrap();
    server.add_source(pattern()).unwrap();
    let seen = drive(&folder, &server, &place, "token", "the-right-token");
    assert_eq!(seen["token"], "opened");
}

/// A running TURN server.
struct Coturn(std::process::Child);

impl Coturn {
    fn start(port: u16) -> Option<Self> {
        let port = port.to_string();
        Command::new("turnserver")
            .args(["-n", "--no-cli", "--no-tls", "--no-dtls", "--allow-loopback-peers"])
            .args(["--lt-cred-mech", "--realm", "test", "--user", "someone:their-secret"])
            .args(["--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1"])
            .args(["--listening-port", &port, "--log-file", "stdout", "--pidfile", ""])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()
            .map(Self)
    }
}

impl Drop for Coturn {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_viewer_is_reached_through_relays_on_both_sides() {
    let Some(folder) = Browser::Chromium.scripts("relays") else { return };
    // A port that is free now.
    let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let Some(_coturn) = Coturn::start(port) else {
        assert!(std::env::var_os("CODEC_COUNTERPARTS").is_none(), "no turnserver");
        eprintln!("skipped, no turnserver (package coturn): relays");
        return;
    };
    std::thread::sleep(Duration::from_secs(1));
    let place = Place::new("relay");
    let config = Config::loopback();
    let turn = TurnServer {
        address: ([127, 0, 0, 1], port).into(),
        server: IceServer::turn(&format!("127.0.0.1:{port}"), "someone", "their-secret").unwrap(),
        roots: None,
        relay_only: true,
        is_shared: false,
    };
    let rtc = RtcConfig { turn: Some(turn), ..config.rtc.clone() };
    let server = Server::start(Config { rtc, ..config }).unwrap();
    server.add_source(pattern()).unwrap();
    let seen = drive(&folder, &server, &place, "relay", &format!("turn:127.0.0.1:{port}"));
    assert_eq!(seen["relay"]["route"], "relay", "{seen}");
    assert!(seen["relay"]["framesDecoded"].as_f64().unwrap() > 60.0, "{seen}");
}
