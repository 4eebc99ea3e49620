//! Chromium watches a stream over a link whose capacity drops and recovers, and over a link with bursts
//! of losses. A call between two Chromium peers over the same link is measured for comparison. The tests
//! run in real time and need an idle machine:
//!
//! `CODEC_TESTS=all cargo test --release -p codec-net --features serve --test server bandwidth_drop --
//! --ignored --nocapture --test-threads 1` prints rows of the tables in `docs/calls.md`.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use codec_audio::{
    AudioCodec, AudioEncoderConfig, AudioFormat, AudioPacket, AudioView, ChannelLayout, Samples,
};
use codec_backends::registry;
use codec_container::{Format, Output, RawVideoStream, create_raw_video};
use codec_core::codec::Bitrate;
use codec_core::frame::{Picture, Rational, Size};
use codec_net::link_emulator::{LinkEmulator, LinkEmulatorConfig};
use codec_net::server::{AudioSource, Config, Server, SourceAudioPacket};
use codec_rtc::link::{LinkConfig, LinkSpec, RateTrace};
use serde_json::Value;

use crate::browsers::Browser;
use crate::emulated::server_behind;
use crate::peers::{PICTURES, demo, draw, number, scripts};

const SIZE: Size = Size { width: 640, height: 360 };
const KBPS: u64 = 1500;
/// Times on the relay's clock, in seconds.
const FALL: u64 = 25;
const RETURN: u64 = 45;
const END: u64 = 65;
/// Default number of runs of each side; `RUNS` overrides it.
const RUNS: usize = 3;
const PACKET_TICKS: i64 = 960;
/// Playout delays of the page.
const DELAYS: [(&str, &str); 2] =
    [("codec serve", "auto"), ("codec serve, half a second", "smooth")];

/// A repeated second of a tone in packets of 20 ms.
struct Tone {
    packets: Arc<Vec<Vec<u8>>>,
    next: i64,
}

fn tone() -> Vec<Vec<u8>> {
    let format = AudioFormat::new(48_000, ChannelLayout::Mono);
    let config = AudioEncoderConfig::new(AudioCodec::Opus, format);
    let (_, open, _) = registry::find_audio_encoder("opus").unwrap();
    let mut encoder = open(&config).unwrap();
    let sample = |n: u32| {
        let phase = f64::from(n) * 440.0 * std::f64::consts::TAU / 48_000.0;
        #[expect(clippy::cast_possible_truncation, reason = "within the range of i16")]
        let sample = (8000.0 * phase.sin()) as i16;
        sample
    };
    let samples: Vec<i16> = (0..48_000).map(sample).collect();
    encoder.encode(&AudioView::new(format, Samples::S16(&samples)).unwrap(), 0).unwrap();
    let mut packet = AudioPacket::default();
    let mut packets = Vec::new();
    while encoder.receive(&mut packet) {
        packets.push(packet.data.clone());
    }
    packets
}

impl Tone {
    fn due(&self, until: Duration) -> bool {
        u128::try_from(self.next * PACKET_TICKS).unwrap() < until.as_nanos() * 48 / 1_000_000
    }
}

impl AudioSource for Tone {
    fn next(&mut self, until: Duration) -> Result<Vec<SourceAudioPacket>, String> {
        let mut due = Vec::new();
        while self.due(until) {
            let at = usize::try_from(self.next).unwrap() % self.packets.len();
            due.push(SourceAudioPacket {
                data: self.packets[at].clone(),
                pts: self.next * PACKET_TICKS,
            });
            self.next += 1;
        }
        Ok(due)
    }
}

fn runs() -> usize {
    std::env::var("RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(RUNS)
}

fn epoch_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() * 1000.0
}

/// The measurements of a run, and the start of its relay.
struct Run {
    samples: Vec<Value>,
    said: Value,
    began_ms: f64,
}

impl Run {
    fn of(output: &str, began_ms: f64) -> Self {
        let measured: Value = serde_json::from_str(output.trim()).unwrap();
        let samples = measured["samples"].as_array().unwrap().clone();
        assert!(!samples.is_empty());
        Self { samples, said: measured["said"].clone(), began_ms }
    }

    /// A measurement at a time of the relay, interpolated between samples.
    fn at(&self, name: &str, second: f64) -> f64 {
        let time = |sample: &Value| (number(&sample["at"]) - self.began_ms) / 1000.0;
        let after = self.samples.iter().position(|sample| time(sample) >= second);
        let after = after.unwrap_or(self.samples.len() - 1);
        let (a, b) = (&self.samples[after.saturating_sub(1)], &self.samples[after]);
        let part = ((second - time(a)) / (time(b) - time(a)).max(1e-3)).clamp(0.0, 1.0);
        number(&a[name]) + part * (number(&b[name]) - number(&a[name]))
    }

    fn gone(&self, name: &str, from: f64, to: f64) -> f64 {
        self.at(name, to) - self.at(name, from)
    }

    /// Seconds from `from` until a second's bitrate is at least `share` of `full`.
    fn full_after(&self, from: f64, to: f64, full: f64) -> Option<f64> {
        let steps = (0..).map(|step| from + 0.1 * f64::from(step));
        let mut times = steps.take_while(|time| *time < to - 1.0);
        times.find(|time| self.gone("bytes", *time, time + 1.0) >= full).map(|time| time - from)
    }
}

fn link(trace: Option<RateTrace>, spec: &str) -> LinkConfig {
    let spec = spec.parse::<LinkSpec>().unwrap();
    match trace {
        Some(trace) => spec.with_rate(trace),
        None => spec.constant().unwrap(),
    }
}

fn falling() -> RateTrace {
    let steps = [(0, 2000), (FALL, 300), (RETURN, 2000)];
    let steps = steps.map(|(second, kbps)| (Duration::from_secs(second), Bitrate::kbps(kbps)));
    RateTrace::new(steps.to_vec()).unwrap()
}

/// Media pass through the link; the reverse direction is unlimited.
fn config(link: LinkConfig, towards_client: bool) -> LinkEmulatorConfig {
    let rate = RateTrace::constant(Bitrate::kbps(20_000)).unwrap();
    let mut config = LinkEmulatorConfig::symmetric(LinkConfig { rate, ..link.clone() }, 42);
    *(if towards_client { &mut config.backward } else { &mut config.forward }) = link;
    config
}

/// Plays the server's stream in Chromium over the link, with a playout delay that the page sets.
fn view(link: LinkConfig, seconds: u64, delay: &str) -> Run {
    let (server, _emulator) = server_behind(Config::loopback(), 4, &config(link, true));
    let packets = Arc::new(tone());
    let mut source = demo(SIZE, KBPS);
    let mut open = source.open;
    source.open = Box::new(move || {
        let mut media = open()?;
        media.audio = Some(Box::new(Tone { packets: Arc::clone(&packets), next: 0 }));
        Ok(media)
    });
    source.audio = true;
    server.add_source(source).unwrap();
    let began = epoch_ms();
    let output = Command::new("node")
        .arg(scripts().join("bandwidth_drop.mjs"))
        .args(["view", &server.url(), "demo", &seconds.to_string(), delay])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success());
    Run::of(&String::from_utf8_lossy(&output.stdout), began)
}

/// The server's frames, as video for the browser's camera.
struct Camera(PathBuf);

impl Camera {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("codec-falls-{}.y4m", std::process::id()));
        let stream = RawVideoStream::new(Format::Y4m, SIZE, Rational { num: 30, den: 1 });
        let output = Output::seekable(File::create(&path).unwrap());
        let mut writer = create_raw_video(output, Format::Y4m, &stream).unwrap();
        for index in 0..PICTURES {
            writer.write(&Picture::i420_packed(SIZE, &draw(SIZE, index)).unwrap()).unwrap();
        }
        writer.finish().unwrap();
        Self(path)
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Chromium sends to itself over the link.
fn to_itself(link: LinkConfig, seconds: u64) -> Run {
    let server = Server::start(Config::loopback()).unwrap();
    let camera = Camera::new();
    let mut child = Command::new("node")
        .arg(scripts().join("bandwidth_drop.mjs"))
        .args(["self", &server.url(), &KBPS.to_string(), &seconds.to_string()])
        .arg(&camera.0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let announcement: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    let upstream = announcement["upstream"].as_str().unwrap().parse().unwrap();
    let listen = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let relay = LinkEmulator::start(listen, upstream, &config(link, false)).unwrap();
    let began = epoch_ms();
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "{}", relay.address().port()).unwrap();
    let output = lines.next().unwrap().unwrap();
    assert!(child.wait().unwrap().success());
    Run::of(&output, began)
}

fn print_fall(name: &str, run: &Run) {
    let [fall, back, end] = [FALL, RETURN, END].map(|second| {
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let second = second as f64;
        second
    });
    let pictures = |from: f64| run.gone("frames", from, from + 1.0).round();
    let list = |from: f64| {
        let seconds = (0..20).map(|second| pictures(from + f64::from(second)).to_string());
        seconds.collect::<Vec<_>>().join(" ")
    };
    let least = (2..19).map(|second| pictures(fall + f64::from(second))).fold(99.0, f64::min);
    let before = run.gone("bytes", fall - 6.0, fall - 1.0) / 5.0;
    let full = run.full_after(back, end - 1.0, 0.85 * before);
    let concealed = run.gone("concealments", fall, end - 1.0);
    let concealed_ms = run.gone("concealed", fall, end - 1.0) / 48.0;
    let frozen = run.gone("frozen", fall, end - 1.0);
    eprintln!("{name}: frames a second after the fall: {}", list(fall));
    eprintln!("{name}: after the return: {}", list(back));
    eprintln!("{name}: said: {}", run.said);
    let full = full.map_or_else(|| "never".to_owned(), |after| format!("{after:.1} s"));
    eprintln!(
        "| {name} | {:.0} kb/s before | {least} | {frozen:.1} s | {concealed:.0}, {concealed_ms:.0} ms | {full} |",
        before * 8.0 / 1000.0
    );
}

#[test]
#[ignore = "takes real time, and needs an idle machine"]
fn a_link_that_drops_and_recovers() {
    let spec = "delay=25ms,jitter=0ms,rate=2000k,queue=500ms";
    if Browser::Chromium.scripts("falls").is_none() {
        return;
    }
    eprintln!(
        "| | rate | least frames/s from the third second on | frozen | audio concealed | full rate after |"
    );
    for _ in 0..runs() {
        for (name, delay) in DELAYS {
            print_fall(name, &view(link(Some(falling()), spec), END, delay));
        }
        print_fall("Chromium", &to_itself(link(Some(falling()), spec), END));
    }
}

#[test]
#[ignore = "takes real time, and needs an idle machine"]
fn burst_losses() {
    let spec = "delay=25ms,jitter=5ms,loss=5%,burst=4,rate=20M,queue=500ms";
    if Browser::Chromium.scripts("bursts").is_none() {
        return;
    }
    eprintln!("| | frames/s | freezes | frozen | kb/s |");
    for _ in 0..runs() {
        let runs = [
            ("codec serve", view(link(None, spec), 35, "auto")),
            ("Chromium", to_itself(link(None, spec), 35)),
        ];
        for (name, run) in runs {
            let (from, to) = (12.0, 32.0);
            eprintln!(
                "| {name} | {:.1} | {:.0} | {:.2} s | {:.0} |",
                run.gone("frames", from, to) / 20.0,
                run.gone("freezes", from, to),
                run.gone("frozen", from, to),
                run.gone("bytes", from, to) * 8.0 / 20_000.0,
            );
        }
    }
}
