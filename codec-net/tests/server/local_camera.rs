//! Live streams are sent immediately, with their capture times.

use std::time::{Duration, Instant};

use codec_core::codec::{Bitrate, Scalability};
use codec_core::frame::{Picture, Rational, Size};
use codec_net::framing::{Kind, Parser};
use codec_net::server::{Config, LocalMedia, LocalSource, Server, SourceFrame, VideoSource};

use crate::local_audio::record;
use crate::websocket::open;

const SIZE: Size = Size { width: 64, height: 48 };
const FRAMES: u32 = 300;
/// Delay from capture to arrival.
const ON_ITS_WAY: Duration = Duration::from_millis(20);

/// A camera with an uneven frame rate.
struct Camera {
    data: Vec<u8>,
    begun: Instant,
    next: u32,
}

impl Camera {
    fn taken_at(number: u32) -> Duration {
        Duration::from_millis(u64::from(33 * number + 7 * (number % 3)))
    }

    /// Time until the next frame arrives.
    fn left(&self) -> Duration {
        (Self::taken_at(self.next) + ON_ITS_WAY).saturating_sub(self.begun.elapsed())
    }
}

impl VideoSource for Camera {
    fn size(&self) -> Size {
        SIZE
    }

    fn rate(&self) -> Option<Rational> {
        Some(Rational::new(30, 1))
    }

    fn wait(&mut self, most: Duration) -> Result<bool, String> {
        std::thread::sleep(self.left().min(most));
        Ok(self.left().is_zero())
    }

    fn next(&mut self) -> Result<Option<SourceFrame<'_>>, String> {
        if self.next == FRAMES {
            return Ok(None);
        }
        assert!(self.left().is_zero(), "frame {} is not available yet", self.next);
        let time = Self::taken_at(self.next);
        self.next += 1;
        let picture = Picture::i420_packed(SIZE, &self.data).unwrap();
        let age = self.begun.elapsed().checked_sub(time);
        Ok(Some(SourceFrame { picture, time: Some(time), age }))
    }
}

#[test]
fn camera_frames_keep_their_capture_times() {
    let server = Server::start(Config::loopback()).unwrap();
    let source = LocalSource {
        name: "camera".to_owned(),
        open: Box::new(move || {
            let data = vec![90; usize::try_from(SIZE.i420_bytes()).unwrap()];
            Ok(LocalMedia::video_only(Camera { data, begun: Instant::now(), next: 0 }))
        }),
        audio: false,
        repeat: false,
        bitrate: Bitrate::kbps(300),
        speed: 10,
        layers: Scalability::L1T3,
    };
    server.add_source(source).unwrap();
    let mut socket = open(server.address(), "/view/camera", &[]).unwrap();
    let mut parser = Parser::new();
    let mut numbers = Vec::new();
    for _ in 0..20 {
        let record = record(&mut socket, &mut parser);
        assert_eq!(record.kind, Kind::Video);
        let is_its = |number: &u32| {
            let taken_ms = i64::try_from(Camera::taken_at(*number).as_millis()).unwrap();
            (record.pts - taken_ms * 90).abs() <= 1
        };
        numbers.push((0..FRAMES).find(is_its).expect("the time of a frame"));
    }
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
}
