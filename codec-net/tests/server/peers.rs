//! Peers other than Chromium: Firefox and aiortc.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use codec_core::codec::{Bitrate, Scalability};
use codec_core::frame::{Picture, Rational, Size};
use codec_net::server::{
    Config, LocalMedia, LocalSource, RtcConfig, Server, SourceFrame, VideoSource,
};
use serde_json::Value;

use crate::browser::ON_THEIR_WAY;
use crate::browsers::Browser;
use crate::depth;

const RATE: Rational = Rational { num: 30, den: 1 };
/// Number of frames before they repeat seamlessly.
pub(crate) const PICTURES: u32 = 64;
/// Peers run one after the other, because they are measured.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// An endless moving pattern with some noise.
struct Endless {
    size: Size,
    pictures: Arc<Vec<Vec<u8>>>,
    next: usize,
}

impl VideoSource for Endless {
    fn size(&self) -> Size {
        self.size
    }

    fn rate(&self) -> Option<Rational> {
        Some(RATE)
    }

    fn next(&mut self) -> Result<Option<SourceFrame<'_>>, String> {
        let data = &self.pictures[self.next % self.pictures.len()];
        self.next += 1;
        Ok(Some(Picture::i420_packed(self.size, data).unwrap().into()))
    }
}

pub(crate) fn draw(size: Size, index: u32) -> Vec<u8> {
    let mut data = Vec::new();
    for (plane, size) in [(0, size), (1, size.chroma()), (2, size.chroma())] {
        for y in 0..size.height {
            for x in 0..size.width {
                let wave = (x + 2 * index) % 64 + (y + index * 3) % 64;
                let noise = (x * 31 + y * 17 + index * 7919).wrapping_mul(2_654_435_761) >> 29;
                data.push(u8::try_from(50 + plane * 20 + wave / 2 + noise).unwrap());
            }
        }
    }
    data
}

/// A stream named `demo`.
pub(crate) fn demo(size: Size, kbps: u64) -> LocalSource {
    let pictures = Arc::new((0..PICTURES).map(|index| draw(size, index)).collect::<Vec<_>>());
    LocalSource {
        name: "demo".to_owned(),
        open: Box::new(move || {
            Ok(LocalMedia::video_only(Endless { size, pictures: Arc::clone(&pictures), next: 0 }))
        }),
        audio: false,
        repeat: false,
        bitrate: Bitrate::kbps(kbps),
        speed: 10,
        layers: Scalability::L1T3,
    }
}

pub(crate) fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/browser")
}

/// Reports that a test is skipped; a failure if counterparts are required.
fn skip(missing: &str, what: &str) {
    assert!(std::env::var_os("CODEC_COUNTERPARTS").is_none(), "no {missing}: see .ci/run");
    eprintln!("skipped, no {missing}: {what}");
}

/// Waits until no other peer runs.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a peer and returns its measurements.
pub(crate) fn measure(command: &mut Command) -> Value {
    let _turn = turn();
    measured(command)
}

/// Runs two peers at the same time and returns their measurements.
pub(crate) fn measure_both(first: &mut Command, second: &mut Command) -> [Value; 2] {
    let _turn = turn();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| measured(first));
        let second = measured(second);
        [first.join().unwrap(), second]
    })
}

fn measured(command: &mut Command) -> Value {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let measured = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}: {said}\n{measured}", output.status);
    eprintln!("{}", measured.trim());
    serde_json::from_str(measured.trim()).unwrap()
}

/// The result of a scenario of `codecs.mjs` in Chromium; `None` if it lacks the codec.
pub(crate) fn codecs_in_chromium(
    server: &Server,
    camera: &Path,
    codec: &str,
    scenario: &str,
    stream: &str,
) -> Option<Value> {
    let mut command = Command::new("node");
    command.arg(scripts().join("codecs.mjs")).arg(server.url()).arg(camera);
    let seen = measure(command.args([codec, scenario, stream]));
    if let Some(lacks) = seen["lacks"].as_str() {
        eprintln!("skipped, this Chromium lacks {lacks}");
        return None;
    }
    Some(seen)
}

pub(crate) fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_default()
}

#[test]
fn firefox_watches_and_publishes() {
    if Browser::Firefox.scripts("Firefox").is_none() {
        return;
    }
    let server = Server::start(Config::loopback()).unwrap();
    server.add_source(demo(Size { width: 320, height: 180 }, 500)).unwrap();
    let script = scripts().join("firefox.mjs");
    let seen = measure(Command::new("node").arg(script).args([&server.url(), "demo"]));
    let watch = &seen["watch"];
    let rate = number(&watch["decoded"]) / number(&watch["seconds"]);
    assert!((15.0..36.0).contains(&rate), "{rate} frames/s: {watch}");
    assert_eq!((&watch["width"], &watch["height"]), (&320.into(), &180.into()), "{watch}");
    assert_eq!(watch["player"]["width"], 320, "{watch}");
    let publish = &seen["publish"];
    let frames = number(&publish["frames"]);
    // Its fake camera has 30 frames per second, fewer on a busy machine.
    assert!(frames > 60.0, "{publish}");
    assert!(number(&publish["decodedFrames"]) > frames - ON_THEIR_WAY, "{publish}");
    assert_eq!(publish["decodeErrors"], 0, "{publish}");
    assert!(number(&publish["width"]) >= 160.0, "{publish}");
    assert!(number(&publish["audioPackets"]) > 100.0, "{publish}");
}

/// Without the preferences that allow 127.0.0.1.
#[test]
fn firefox_falls_back_to_websocket_without_webrtc() {
    if Browser::Firefox.scripts("Firefox").is_none() {
        return;
    }
    let server = Server::start(Config::loopback()).unwrap();
    server.add_source(demo(Size { width: 320, height: 180 }, 500)).unwrap();
    let script = scripts().join("firefox.mjs");
    let arguments = [&server.url(), "demo", "fallback"];
    let seen = measure(Command::new("node").arg(script).args(arguments));
    assert_eq!(seen["transport"], "socket", "{seen}");
    for said in ["notice", "publishing"] {
        assert!(seen[said].as_str().is_some_and(|text| text.contains("127.0.0.1")), "{seen}");
    }
}

/// By default Firefox uses the server's network address.
#[test]
fn firefox_with_default_preferences_watches_over_webrtc() {
    if Browser::Firefox.scripts("Firefox").is_none() {
        return;
    }
    let config = Config::loopback();
    let rtc = RtcConfig { beyond_loopback: true, ..config.rtc };
    let server = Server::start(Config { rtc, ..config }).unwrap();
    if server.rtc_addresses().len() < 2 {
        eprintln!("skipped, no network: Firefox with its default preferences");
        return;
    }
    server.add_source(demo(Size { width: 320, height: 180 }, 500)).unwrap();
    let script = scripts().join("firefox.mjs");
    let arguments = [&server.url(), "demo", "default"];
    let seen = measure(Command::new("node").arg(script).args(arguments));
    let watch = &seen["watch"];
    assert!(number(&watch["decoded"]) > 15.0 * number(&watch["seconds"]), "{watch}");
}

/// The Python interpreter with aiortc.
pub(crate) fn python(what: &str) -> Option<String> {
    let python = std::env::var("CODEC_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has = Command::new(&python).args(["-c", "import aiortc"]).stderr(Stdio::null()).status();
    if has.is_ok_and(|status| status.success()) {
        return Some(python);
    }
    skip("aiortc (pip install aiortc, its Python in CODEC_PYTHON)", what);
    None
}

#[test]
fn aiortc_watches_and_publishes() {
    if depth::skips_long() {
        return;
    }
    let Some(python) = python("aiortc") else { return };
    let server = Server::start(Config::loopback()).unwrap();
    server.add_source(demo(Size { width: 320, height: 180 }, 500)).unwrap();
    let run = |mode: &str, path: &str| {
        let script = scripts().join("aiortc_peer.py");
        let url = format!("{}{path}", server.url());
        measure(Command::new(&python).arg(script).args([mode, &url, "150"]))
    };
    let watch = run("watch", "whep/demo");
    assert_eq!(watch["frames"], 150, "{watch}");
    assert_eq!((&watch["width"], &watch["height"]), (&320.into(), &180.into()), "{watch}");
    let publish = run("publish", "whip/python");
    let (sent, stream) = (number(&publish["frames"]), &publish["stream"]);
    assert!(sent >= 150.0, "{publish}");
    assert!(number(&stream["frames"]) > sent - ON_THEIR_WAY, "{publish}");
    assert!(
        number(&stream["decodedFrames"]) > number(&stream["frames"]) - ON_THEIR_WAY,
        "{publish}"
    );
    assert_eq!((&stream["decodeErrors"], &stream["width"]), (&0.into(), &320.into()), "{publish}");
}
