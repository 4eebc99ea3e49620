//! Streams with VP9: negotiation, and Chromium with and without spatial layers.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use codec_container::{Format, Output, RawVideoStream, create_raw_video};
use codec_core::codec::{Bitrate, EncoderConfig, FrameKind, FrameRequest};
use codec_core::frame::{Picture, Rational, Size};
use codec_net::server::media::{VideoCodec, VideoFrame};
use codec_net::server::room::StreamInfo;
use codec_net::server::{Config, Server};
use codec_rtc::packet::VideoFormat;
use serde_json::Value;

use crate::browser::{ON_THEIR_WAY, Place};
use crate::browsers::Browser;
use crate::caller::SDP;
use crate::client::request_with;
use crate::offers::{VP8, line, offer};
use crate::peers::{codecs_in_chromium, measure, number, scripts};

const SIZE: Size = Size { width: 320, height: 180 };

/// A media line of VP9, in the direction of a publisher or a viewer.
fn vp9_line(direction: &str, profile: u8) -> String {
    let fmtp = format!("a=fmtp:98 profile-id={profile}\r\n");
    line(0, "video", direction, &[(98, "VP9/90000")], &fmtp)
}

fn post(server: &Server, path: &str, line: String) -> crate::client::Answer {
    request_with(server.address(), "POST", path, &[SDP], &offer(&[line]))
}

/// A grey gradient that moves.
fn gradient(size: Size, number: u32) -> Vec<u8> {
    let luma = (0..size.height).flat_map(|y| (0..size.width).map(move |x| x + 2 * y));
    let mut samples: Vec<u8> = luma.map(|at| (at + 3 * number).to_le_bytes()[0] / 2 + 40).collect();
    samples.resize(usize::try_from(size.i420_bytes()).unwrap(), 128);
    samples
}

/// Two seconds of a moving gradient, coded by our encoder, with a key frame every second.
fn clip() -> Vec<VideoFrame> {
    let config = EncoderConfig::rtc(SIZE, Rational::new(30, 1), Bitrate::kbps(300));
    let mut encoder = codec_backends::open_encoder("vp9", &config).unwrap();
    let mut frames = Vec::new();
    for number in 0..60_u32 {
        let samples = gradient(SIZE, number);
        let picture = Picture::i420_packed(SIZE, &samples).unwrap();
        let mut request = FrameRequest::at(number.into());
        request.key_frame = number % 30 == 0;
        encoder.encode(&picture, &request).unwrap();
        for packet in encoder.packets() {
            frames.push(VideoFrame {
                data: packet.data.clone().into(),
                format: VideoFormat::Vp9,
                pts: u64::from(number) * 3000,
                key: packet.meta.kind == FrameKind::Key,
                ..VideoFrame::default()
            });
        }
    }
    frames
}

/// The clip, published in a loop.
struct Live {
    stopped: Arc<AtomicBool>,
    sending: std::thread::JoinHandle<()>,
}

impl Live {
    fn publish(server: &Server) -> Self {
        let info = StreamInfo { kind: "ws", video: Some(VideoCodec::Vp9), audio: false };
        let publisher = server.hub().publish("live", info, Box::new(|| {})).unwrap();
        let frames = clip();
        let stopped = Arc::new(AtomicBool::new(false));
        let is_stopped = Arc::clone(&stopped);
        let sending = std::thread::spawn(move || {
            for (number, frame) in (0..).zip(frames.iter().cycle()) {
                let frame = VideoFrame { pts: number * 3000, ..frame.clone() };
                if is_stopped.load(Ordering::Relaxed) || publisher.send_video(frame).is_err() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(33));
            }
        });
        Self { stopped, sending }
    }

    fn end(self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.sending.join().unwrap();
    }
}

#[test]
fn firefox_watches_and_publishes_vp9() {
    if Browser::Firefox.scripts("Firefox, VP9").is_none() {
        return;
    }
    let server = Server::start(Config::loopback()).unwrap();
    let live = Live::publish(&server);
    let script = scripts().join("firefox.mjs");
    let seen = measure(Command::new("node").arg(script).args([&server.url(), "live", "vp9"]));
    live.end();
    let (watch, publish) = (&seen["watch"], &seen["publish"]);
    let rate = number(&watch["decoded"]) / number(&watch["seconds"]);
    assert!((10.0..36.0).contains(&rate), "{rate} frames/s: {watch}");
    assert_eq!((&watch["width"], &watch["height"]), (&320.into(), &180.into()), "{watch}");
    assert_eq!((&publish["codec"], &publish["decodeErrors"]), (&"VP9".into(), &0.into()));
    let frames = number(&publish["frames"]);
    assert!(frames > 30.0, "{publish}");
    assert!(number(&publish["decodedFrames"]) > frames - ON_THEIR_WAY, "{publish}");
}

#[test]
fn only_profile_0_is_accepted() {
    let server = Server::start(Config::loopback()).unwrap();
    let answer = post(&server, "/whip/deep", vp9_line("sendonly", 2));
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(answer.body.contains("VP9 (not profile 0)"), "{answer:?}");
    let answer = post(&server, "/whip/mine", vp9_line("sendonly", 0));
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(server.hub().find("mine").unwrap().info().video, Some(VideoCodec::Vp9));
    let answer = post(&server, "/whep/mine", line(0, "video", "recvonly", &VP8, ""));
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(answer.body.contains("expected one of VP9, as published"), "{answer:?}");
}

#[test]
fn chromium_publishes_vp9_and_the_recording_plays() {
    if Browser::Chromium.scripts("Chromium, VP9").is_none() {
        return;
    }
    let place = Place::new("chromium-vp9");
    let folder = place.path("record");
    let server =
        Server::start(Config { record: Some(folder.clone()), ..Config::loopback() }).unwrap();
    let camera = place.camera();
    let Some(seen) = codecs_in_chromium(&server, &camera, "vp9", "publish", "mine") else { return };
    assert_eq!(seen["codec"], "VP9", "{seen}");
    assert!(number(&seen["frames"]) > 60.0, "{seen}");
    assert!(number(&seen["decodedFrames"]) > number(&seen["sent"]) - ON_THEIR_WAY, "{seen}");
    assert_eq!(seen["decodeErrors"], 0, "{seen}");
    server.stop();
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let file = files.iter().find(|file| file.extension().is_some_and(|it| it == "webm")).unwrap();
    let source = codec_container::Source::seekable(fs::File::open(file).unwrap());
    let options = codec_container::ReadOptions::default();
    let mut reader = codec_container::open_packets(source, &options).unwrap();
    let mut decoder = codec_backends::open_decoder("vp9", &Default::default()).unwrap();
    let mut packet = codec_container::CodedPacket::default();
    let mut decoded = 0;
    while reader.read(&mut packet).unwrap() {
        if packet.track != 0 {
            continue;
        }
        decoder.decode(&packet.data, 0, None).unwrap();
        decoded += u32::from(decoder.receive().is_some());
    }
    assert!(decoded > 60, "{decoded}");
}

#[test]
fn chromium_watches_vp9_of_our_encoder() {
    if Browser::Chromium.scripts("Chromium, VP9").is_none() {
        return;
    }
    let place = Place::new("chromium-watches-vp9");
    let server = Server::start(Config::loopback()).unwrap();
    let live = Live::publish(&server);
    let camera = place.camera();
    let seen: [Option<Value>; 2] = ["watch", "socket"]
        .map(|scenario| codecs_in_chromium(&server, &camera, "vp9", scenario, "live"));
    live.end();
    let [watched, by_socket] = seen;
    if let Some(watched) = watched {
        let rate = number(&watched["decoded"]) / number(&watched["seconds"]);
        assert!((15.0..36.0).contains(&rate), "{rate} frames/s: {watched}");
        assert_eq!((&watched["width"], &watched["height"]), (&320.into(), &180.into()));
        assert!(watched["sdp"].as_str().unwrap().contains("VP9"), "{watched}");
    }
    if let Some(by_socket) = by_socket {
        assert_eq!(
            (&by_socket["codec"], &by_socket["errors"]),
            (&"vp09.00.41.08".into(), &0.into())
        );
    }
}

/// The file of a camera; Chromium codes layers of at least 240x135.
fn camera_of(place: &Place, size: Size, fps: u32) -> PathBuf {
    let camera = place.path("camera-of-size.y4m");
    let stream = RawVideoStream::new(Format::Y4m, size, Rational::new(fps, 1));
    let output = Output::seekable(fs::File::create(&camera).unwrap());
    let mut writer = create_raw_video(output, Format::Y4m, &stream).unwrap();
    for number in 0..10 {
        let samples = gradient(size, number);
        writer.write(&Picture::i420_packed(size, &samples).unwrap()).unwrap();
    }
    writer.finish().unwrap();
    camera
}

/// Three viewers of three layers change their layer ten times each. Layers above need a key frame of
/// Chromium, which codes the more slowly the busier the machine is.
#[test]
fn viewers_switch_between_the_layers_of_chromium() {
    if Browser::Chromium.scripts("Chromium, layers of VP9").is_none() {
        return;
    }
    let place = Place::new("chromium-vp9-switching");
    let server = Server::start(Config::loopback()).unwrap();
    let camera = camera_of(&place, Size::new(960, 540), 15);
    let Some(seen) = codecs_in_chromium(&server, &camera, "vp9", "switching", "mine") else {
        return;
    };
    println!("{seen}");
    assert_eq!((&seen["spatialLayers"], &seen["decodeErrors"]), (&3.into(), &0.into()), "{seen}");
    let numbers = |name: &str| -> Vec<f64> {
        let list = seen[name].as_array().unwrap_or_else(|| panic!("{name}: {seen}"));
        list.iter().map(|value| value.as_f64().unwrap_or(f64::INFINITY)).collect()
    };
    let (up, down) = (numbers("up"), numbers("down"));
    assert_eq!(up.len() + down.len(), 30, "{seen}");
    let median = |times: &[f64]| {
        let mut times = times.to_vec();
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    println!("median ms to a lower layer {:.0}, to a higher one {:.0}", median(&down), median(&up));
    assert!(down.iter().chain(&up).all(|time| *time < 10_000.0), "{seen}");
    assert!(median(&down) < 1000.0 && median(&up) < 2000.0, "{seen}");
    for (decoded, seconds) in numbers("decoded").iter().zip(numbers("seconds")) {
        assert!(decoded / seconds > 5.0, "{seen}");
    }
    // No viewer got a frame whose references it lacks.
    assert_eq!(numbers("requests"), [0.0; 3], "{seen}");
    assert!(numbers("frozen").iter().all(|frozen| *frozen < 5.0), "{seen}");
}

#[test]
fn spatial_layers_of_chromium_are_forwarded() {
    if Browser::Chromium.scripts("Chromium, layers of VP9").is_none() {
        return;
    }
    let place = Place::new("chromium-vp9-layers");
    let server = Server::start(Config::loopback()).unwrap();
    let camera = camera_of(&place, Size::new(1280, 720), 30);
    let Some(seen) = codecs_in_chromium(&server, &camera, "vp9", "layers", "mine") else { return };
    assert_eq!((&seen["codec"], &seen["mode"]), (&"VP9".into(), &"L3T3_KEY".into()), "{seen}");
    assert_eq!((&seen["spatialLayers"], &seen["width"]), (&3.into(), &1280.into()), "{seen}");
    assert_eq!(seen["decodeErrors"], 0, "{seen}");
    let watched = &seen["watched"];
    let rate = number(&watched["decoded"]) / number(&watched["seconds"]);
    assert!((15.0..36.0).contains(&rate), "{rate} frames/s: {seen}");
    assert!(number(&watched["width"]) > 0.0, "{seen}");
}
