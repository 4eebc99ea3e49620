//! Local streams keep audio and video in sync.

use std::fs;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use codec_container::{CodedPacket, Input, ReadOptions, Source, open as open_file};
use codec_core::codec::{Bitrate, Scalability};
use codec_core::frame::{Picture, Rational, Size};
use codec_net::framing::{Item, Kind, Parser, Record};
use codec_net::server::{
    AudioSource, Config, LocalMedia, LocalSource, Server, SourceAudioPacket, SourceFrame,
    VideoSource,
};
use tungstenite::{Error, Message};

use crate::websocket::{Socket, open};

const SIZE: Size = Size { width: 64, height: 48 };
/// Frames and packets of a pass, which lasts half a second.
const FRAMES: u32 = 15;
const PACKETS: i64 = 25;
/// Start of the source's clock.
const BEGIN: Duration = Duration::from_secs(1);
const PACKET_TICKS: i64 = 960;

struct Film {
    data: Vec<u8>,
    next: u32,
}

impl VideoSource for Film {
    fn size(&self) -> Size {
        SIZE
    }

    fn rate(&self) -> Option<Rational> {
        Some(Rational::new(30, 1))
    }

    fn next(&mut self) -> Result<Option<SourceFrame<'_>>, String> {
        if self.next == FRAMES {
            return Ok(None);
        }
        let time = Some(BEGIN + Duration::from_secs(self.next.into()) / 30);
        self.next += 1;
        Ok(Some(SourceFrame {
            picture: Picture::i420_packed(SIZE, &self.data).unwrap(),
            time,
            age: None,
        }))
    }
}

/// Numbered packets of 20 ms.
struct Numbered {
    next: i64,
    given: Arc<AtomicU64>,
}

impl Numbered {
    fn due(&self, until: Duration) -> bool {
        let ticks = i64::try_from(until.as_nanos() * 48 / 1_000_000).unwrap();
        self.next < PACKETS && self.pts() < ticks
    }

    fn pts(&self) -> i64 {
        48_000 + self.next * PACKET_TICKS
    }
}

impl AudioSource for Numbered {
    fn next(&mut self, until: Duration) -> Result<Vec<SourceAudioPacket>, String> {
        let mut packets = Vec::new();
        while self.due(until) {
            let data = vec![0xf8, u8::try_from(self.next).unwrap()];
            packets.push(SourceAudioPacket { data, pts: self.pts() });
            self.next += 1;
            self.given.fetch_add(1, Ordering::Relaxed);
        }
        Ok(packets)
    }

    fn skip(&mut self, until: Duration) -> Result<(), String> {
        while self.due(until) {
            self.next += 1;
        }
        Ok(())
    }
}

fn film(given: &Arc<AtomicU64>) -> LocalSource {
    let given = Arc::clone(given);
    LocalSource {
        name: "film".to_owned(),
        open: Box::new(move || {
            let data = vec![90; usize::try_from(SIZE.i420_bytes()).unwrap()];
            Ok(LocalMedia {
                video: Box::new(Film { data, next: 0 }),
                audio: Some(Box::new(Numbered { next: 0, given: Arc::clone(&given) })),
            })
        }),
        audio: true,
        repeat: true,
        bitrate: Bitrate::kbps(300),
        speed: 10,
        layers: Scalability::L1T3,
    }
}

/// Returns the next record, skipping the hello.
pub(crate) fn record(socket: &mut Socket, parser: &mut Parser) -> Record {
    loop {
        let message = match socket.read() {
            // The process was suspended and continues.
            Err(Error::Io(error)) if error.kind() == ErrorKind::Interrupted => continue,
            message => message.unwrap(),
        };
        let Message::Binary(bytes) = message else { continue };
        if let Some(Item::Record(record)) = parser.next(&mut &bytes[..]).unwrap() {
            return record;
        }
    }
}

/// Watches for a second and a half; returns the start time.
fn watch(server: &Server) -> i64 {
    let mut socket = open(server.address(), "/view/film", &[]).unwrap();
    let mut parser = Parser::new();
    let first = record(&mut socket, &mut parser);
    assert!(first.kind == Kind::Video && first.flags.key, "it begins with a key frame");
    let begin_us = first.pts * 100 / 9;
    let (mut picture_us, mut last_audio) = (begin_us, None::<i64>);
    let mut packets = 0;
    while picture_us < begin_us + 1_500_000 {
        let record = record(&mut socket, &mut parser);
        if record.kind == Kind::Video {
            picture_us = record.pts * 100 / 9;
            continue;
        }
        assert_eq!(record.kind, Kind::Audio);
        let audio_us = record.pts * 1000 / 48;
        let away = audio_us - picture_us;
        assert!((-60_000..150_000).contains(&away), "{away} µs from the video");
        match last_audio {
            // Ends of passes are rounded to ticks of both media.
            None => {
                assert!((-90..41_000).contains(&away), "it begins {away} µs from the video")
            }
            Some(last) => assert!((record.pts - last - PACKET_TICKS).abs() < 4),
        }
        // Each pass begins with its first packet.
        let number = (record.pts + 100) / PACKET_TICKS % PACKETS;
        assert_eq!(i64::from(record.payload[1]), number, "at {}", record.pts);
        last_audio = Some(record.pts);
        packets += 1;
    }
    assert!((70..=78).contains(&packets), "{packets} packets");
    begin_us
}

#[test]
fn audio_accompanies_video_and_is_encoded_only_for_viewers() {
    let server = Server::start(Config::loopback()).unwrap();
    let given = Arc::new(AtomicU64::new(0));
    server.add_source(film(&given)).unwrap();
    std::thread::sleep(Duration::from_millis(250));
    assert_eq!(given.load(Ordering::Relaxed), 0);
    let first = watch(&server);
    let stream = server.hub().find("film").unwrap();
    assert!(stream.json()["audio"] == true && stream.stats().0.audio_packets > 60);
    let end = Instant::now() + Duration::from_secs(10);
    while stream.stats().1 > 0 {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(5));
    }
    // Later viewers receive both in sync too.
    std::thread::sleep(Duration::from_millis(330));
    assert!(watch(&server) > first + 1_500_000);
}

#[test]
fn a_file_without_viewers_is_recorded_with_its_audio() {
    let folder = std::env::temp_dir().join(format!("codec-film-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    let record = Some(folder.clone());
    let server = Server::start(Config { record, ..Config::loopback() }).unwrap();
    let given = Arc::new(AtomicU64::new(0));
    server.add_source(LocalSource { repeat: false, ..film(&given) }).unwrap();
    let stream = server.hub().find("film").unwrap();
    let end = Instant::now() + Duration::from_secs(10);
    while stream.end_reason().is_none() {
        assert!(Instant::now() < end, "the file does not end");
        std::thread::sleep(Duration::from_millis(5));
    }
    server.stop();
    assert_eq!(stream.json()["recorded"], true);
    assert_eq!(stream.decoder_stats(), None, "local streams are not decoded");
    let mut files = fs::read_dir(&folder).unwrap();
    let path = files.next().unwrap().unwrap().path();
    assert!(files.next().is_none());
    let source = Source::seekable(fs::File::open(path).unwrap());
    let Ok(Input::Packets(mut reader)) = open_file(source, &ReadOptions::default()) else {
        panic!("not a file of packets")
    };
    let mut packet = CodedPacket::default();
    let mut times = [Vec::new(), Vec::new()];
    while reader.read(&mut packet).unwrap() {
        let base = reader.tracks()[packet.track].time_base();
        times[packet.track].push(packet.pts * 1000 * i64::from(base.num) / i64::from(base.den));
    }
    let [pictures, audio] = times;
    // File timestamps are whole milliseconds.
    let close = |all: &[i64], step: i64| {
        let due = (0..).map(|n| n * step / 3);
        all.iter().zip(due).all(|(at, due)| (at - due).abs() <= 2)
    };
    assert!(pictures.len() == 15 && close(&pictures, 100), "{pictures:?}");
    assert!(audio.len() == 25 && close(&audio, 60), "{audio:?}");
    let _ = fs::remove_dir_all(&folder);
}
