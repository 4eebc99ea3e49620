//! `send --simulcast`.

use codec_core::frame::Size;
use serde_json::Value;

use super::net::Running;
use super::room_viewer::RoomViewer;
use super::whip::{PUBLISH, Server, VIEW, interrupt};
use super::{Place, depth};

const ADMIN: &str = "admin-s3cret";
const SOURCE: &str = "testsrc:size=320x192,audio=tone";
/// Sizes of the three layers of [`SOURCE`].
const SIZES: [(u32, u32); 3] = [(80, 48), (160, 96), (320, 192)];

/// Starts a publisher to a room that runs until it is stopped.
fn publisher(place: &Place, url: &str, more: &[&str]) -> Running {
    let send = ["send", SOURCE, url, "--token", ADMIN, "--progress", "json", "--speed", "10"];
    let layers = ["--simulcast=3", "--stats", "s.ndjson", "-y"];
    let arguments = [&send[..], &layers, more].concat();
    let mut running = Running::start(&mut place.command(&arguments));
    running.wait_for("\"progress\"");
    running
}

/// The last line of a file of statistics, as objects of layers by RID.
fn layers_of(place: &Place) -> Vec<Value> {
    let text = String::from_utf8(place.read("s.ndjson")).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let objects = last["stats"].as_array().unwrap().iter();
    objects.filter(|it| it["type"] == "outbound-rtp" && it["kind"] == "video").cloned().collect()
}

fn summary(said: &str) -> Value {
    serde_json::from_str(said.lines().find(|line| line.contains("\"summary\"")).unwrap()).unwrap()
}

#[test]
fn a_viewer_in_a_room_gets_the_size_of_its_tile() {
    if depth::skips_long() {
        return;
    }
    let place = Place::new();
    let server = Server::start(&place, &["--token", &format!("admin={ADMIN}")]);
    let sending = publisher(&place, &server.room(), &["-b", "900k"]);
    let mut viewer = RoomViewer::join(&server.room(), ADMIN);
    for (width, height) in [SIZES[0], SIZES[2], SIZES[1], SIZES[2]] {
        viewer.view(height);
        viewer.key_frames.clear();
        let size = Size::new(width, height);
        viewer.wait("key frame of the size", |it| it.key_frames.last() == Some(&size));
        let frames = viewer.frames;
        viewer.wait("frames after it", |it| it.frames > frames + 10);
    }
    // The server has the last key frames, so that switching needs no new ones. A viewer with damage does.
    viewer.key_frames.clear();
    viewer.request_key_frame();
    viewer.wait("key frame", |it| !it.key_frames.is_empty());
    interrupt(&sending);
    let (code, said) = sending.end();
    assert_eq!(code, 130, "{said}");
    let summary = summary(&said);
    let layers = summary["layers"].as_array().unwrap();
    let mut key_frames = 0;
    for ((layer, (width, height)), rid) in layers.iter().zip(SIZES).zip(["q", "h", "f"]) {
        assert_eq!(
            (layer["rid"].as_str(), layer["width"].as_u64()),
            (Some(rid), Some(width.into()))
        );
        assert_eq!(layer["height"].as_u64(), Some(height.into()), "{layer}");
        let frames = layer["frames"].as_u64().unwrap();
        assert!(frames > 30 && frames <= summary["frames"].as_u64().unwrap(), "{summary}");
        key_frames += layer["key_frames"].as_u64().unwrap();
    }
    assert_eq!(summary["key_frames"].as_u64(), Some(key_frames));
    let stats = layers_of(&place);
    assert_eq!(
        stats.iter().map(|it| it["rid"].as_str().unwrap()).collect::<Vec<_>>(),
        ["q", "h", "f"]
    );
    for layer in &stats {
        assert_eq!(layer["active"], true, "{layer}");
        assert!(layer["packetsSent"].as_u64() > Some(0) && layer["nackCount"].is_u64(), "{layer}");
        assert!(layer["targetBitrate"].as_u64() > Some(30_000), "{layer}");
    }
    // Only the layer that is watched is requested.
    let of = |layer: usize, name: &str| stats[layer][name].as_u64().unwrap();
    assert!(of(2, "pliCount") > 0 && of(2, "keyFramesEncoded") > 1, "{stats:?}");
    assert_eq!((of(0, "pliCount"), of(0, "keyFramesEncoded")), (0, 1), "{stats:?}");
    server.stop();
}

#[test]
fn layers_stop_and_start_with_the_bitrate() {
    if depth::skips_long() {
        return;
    }
    let place = Place::new();
    std::fs::write(place.path("rates.csv"), "0,900k\n3,60k\n6,900k\n").unwrap();
    let server = Server::start(&place, &["--token", &format!("admin={ADMIN}")]);
    let trace = ["--rate-trace", "rates.csv", "--duration", "12s"];
    let mut sending = publisher(&place, &server.room(), &trace);
    sending.wait_for(r#""height":192,"active":false"#);
    sending.wait_for(r#""height":192,"active":true"#);
    let (code, said) = sending.end();
    assert_eq!(code, 0, "{said}");
    let layers = summary(&said)["layers"].clone();
    let of = |layer: usize, name: &str| layers[layer][name].as_u64().unwrap();
    assert!(of(2, "frames") < of(0, "frames"), "{layers}");
    // The highest layer starts again with a key frame; the lowest one continues.
    assert!(of(2, "key_frames") >= 2 && of(0, "key_frames") == 1, "{layers}");
    server.stop();
}

#[test]
fn a_stream_without_simulcast_gets_the_largest_size_only() {
    if depth::skips_long() {
        return;
    }
    let place = Place::new();
    let server = Server::start(&place, &[]);
    let send = ["send", SOURCE, &server.whip(), "--token", PUBLISH, "--simulcast=3"];
    let mut sending = Running::start(&mut place.command(&send));
    sending.wait_for("does not accept simulcast: sending 320x192 only");
    let recv = ["recv", &server.whep(), "--token", VIEW, "-n", "30", "-o", "out.ivf"];
    place.ok(&recv);
    let probe = place.json(&["probe", "out.ivf", "--json"]);
    let track = &probe["tracks"][0];
    assert_eq!((&track["width"], &track["height"]), (&320.into(), &192.into()), "{probe}");
    interrupt(&sending);
    let (code, said) = sending.end();
    assert_eq!(code, 130, "{said}");
    assert!(!said.contains("layers"), "{said}");
    server.stop();
}

#[test]
fn what_cannot_be_simulcast_is_named() {
    let place = Place::new();
    let whip = "whip://127.0.0.1:9/whip/x";
    let fails = |message: &str, source: &str, url: &str, more: &[&str]| {
        place.fails(2, message, &[&["send", source, url], more].concat());
    };
    let small = "testsrc:size=160x120";
    fails("--simulcast cannot be used with rtp", small, "rtp://127.0.0.1:9", &["--simulcast"]);
    fails("at least 480x270: got 160x120", small, whip, &["--simulcast"]);
    fails("at least 16x16 for each layer", "testsrc:size=40x32", whip, &["--simulcast=3"]);
    let svc = ["--simulcast=2", "-c", "vp9", "--layers", "L2T1"];
    fails("--simulcast cannot be combined with spatial layers", small, whip, &svc);
    for more in [&["--region", "16x16+0+0:-4"][..], &["--max-frame-time", "5ms"], &["--no-video"]] {
        let all = [&["--simulcast=2"], more].concat();
        fails(&format!("cannot be combined with {}", more[0]), SOURCE, whip, &all);
    }
    fails("expected 2 or 3", small, whip, &["--simulcast=4"]);
    fails("--simulcast cannot be combined with --copy", "x.webm", whip, &["--simulcast", "--copy"]);
}
