//! Streams that begin here: pictures of a file, a pipe or a generator, encoded in their own time.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use codec_container::PictureReader;
use codec_core::codec::{
    Bitrate, EncoderConfig, FrameKind, FrameRequest, Outcome, Packet, Scalability, VideoEncoder,
};
use codec_core::frame::{Picture, Rational, Size};
use codec_core::registry;

use super::media::{VIDEO_HZ, VideoFrame};
use super::outcome::{EndReason, Refusal};
use super::room::{About, Hub, Publisher};

/// A frame that is so late is not made up for: the clock starts anew.
const TOO_LATE: Duration = Duration::from_millis(500);
/// How often the end is looked for while waiting for a frame's time.
const NAP: Duration = Duration::from_millis(50);
/// Where a source does not say.
const DEFAULT_RATE: Rational = Rational { num: 30, den: 1 };

/// Pictures one after the other.
pub trait Pictures {
    /// Size of all of them.
    fn size(&self) -> Size;

    /// How many a second, where known.
    fn rate(&self) -> Option<Rational>;

    /// The next one; `None` at the end.
    ///
    /// # Errors
    /// What is wrong with the source; nothing follows.
    fn next(&mut self) -> Result<Option<Picture<'_>>, String>;
}

impl Pictures for Box<dyn PictureReader> {
    fn size(&self) -> Size {
        self.stream().size
    }

    fn rate(&self) -> Option<Rational> {
        self.stream().frame_rate
    }

    fn next(&mut self) -> Result<Option<Picture<'_>>, String> {
        let picture = self.read().map_err(|error| error.to_string())?;
        Ok(picture.map(|picture| picture.picture))
    }
}

/// Opens the pictures: at the beginning, and again for each turn of a loop.
pub type OpenPictures = Box<dyn FnMut() -> Result<Box<dyn Pictures>, String> + Send>;

/// Pictures to be published.
pub struct LocalSource {
    /// Name of the stream.
    pub name: String,
    /// Where they come from.
    pub open: OpenPictures,
    /// From the beginning again at the end.
    pub repeats: bool,
    /// What they are coded with.
    pub bitrate: Bitrate,
    /// Speed of the encoder, 0 to 10.
    pub speed: u8,
    /// Temporal layers, so that each viewer gets what its link carries.
    pub layers: Scalability,
}

impl fmt::Debug for LocalSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalSource").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A source that is being published.
#[derive(Debug)]
pub(super) struct Running {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic in it has been shown.
            let _ = thread.join();
        }
    }
}

/// Starts the source's thread.
pub(super) fn start(hub: &Arc<Hub>, source: LocalSource) -> Result<Running, Refusal> {
    let wants_key = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&wants_key);
    let about = About { kind: "local", video: true, sound: false };
    let ask = Box::new(move || asked.store(true, Ordering::Relaxed));
    let publisher = hub.publish(&source.name, about, ask)?;
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let clock = hub.clock();
    let thread = std::thread::Builder::new().name("source".to_owned()).spawn(move || {
        let begun = clock.now();
        let mut run = Run { publisher, clock, source, wants_key, stopped, begun, time: None };
        let reason = run.all_turns();
        run.publisher.end(reason);
    });
    let failed = |error| Refusal::Bad(format!("cannot start a thread: {error}"));
    Ok(Running { stop, thread: Some(thread.map_err(failed)?) })
}

struct Run {
    publisher: Publisher,
    clock: crate::clock::Clock,
    source: LocalSource,
    wants_key: Arc<AtomicBool>,
    stopped: Arc<AtomicBool>,
    /// When pictures are due: time 0 of theirs.
    begun: Duration,
    /// Of the last picture, since then.
    time: Option<Duration>,
}

impl Run {
    fn all_turns(&mut self) -> EndReason {
        loop {
            let before = self.time;
            if let Err(reason) = self.turn() {
                return reason;
            }
            if !self.source.repeats {
                return EndReason::SourceEnded;
            }
            if self.time == before {
                return EndReason::Failed(
                    "a source without pictures cannot be repeated".to_owned(),
                );
            }
        }
    }

    /// From the beginning of the source to its end.
    fn turn(&mut self) -> Result<(), EndReason> {
        let mut reader = (self.source.open)().map_err(EndReason::Failed)?;
        let rate = reader.rate().filter(|rate| rate.num > 0 && rate.den > 0);
        let rate = rate.unwrap_or(DEFAULT_RATE);
        let mut config = EncoderConfig::rtc(reader.size(), rate, self.source.bitrate);
        config.timebase = Rational { num: 1, den: VIDEO_HZ };
        (config.speed, config.scalability) = (self.source.speed, self.source.layers);
        let failed = |error: codec_core::error::Error| EndReason::Failed(error.to_string());
        let (_, open, _) = registry::find_encoder("vp8").map_err(failed)?;
        let mut encoder = open(&config).map_err(failed)?;
        let frame = Duration::from_secs(rate.den.into()) / rate.num.max(1);
        let offset = self.time.map_or(Duration::ZERO, |last| last + frame);
        let mut packet = Packet::default();
        let mut number = 0;
        loop {
            let Some(picture) = reader.next().map_err(EndReason::Failed)? else { return Ok(()) };
            let time = offset + frame * number;
            number += 1;
            self.wait_until(time)?;
            self.time = Some(time);
            // Nobody sees it: the next one that is seen is a key frame, which a viewer asks for.
            if !self.publisher.stream().is_watched() {
                continue;
            }
            let mut request = FrameRequest::at(ticks(time));
            request.key_frame = self.wants_key.swap(false, Ordering::Relaxed);
            let captured = self.clock.ntp(self.clock.now());
            let outcome = encoder.encode(&picture, &request).map_err(failed)?;
            if outcome == Outcome::Coded {
                self.pass(encoder.as_mut(), &mut packet, captured)?;
            }
        }
    }

    fn pass(
        &self,
        encoder: &mut dyn VideoEncoder,
        packet: &mut Packet,
        captured: u64,
    ) -> Result<(), EndReason> {
        let layered = self.source.layers.temporal_layers() > 1;
        while encoder.receive(packet) {
            let meta = &packet.meta;
            self.publisher.video(VideoFrame {
                data: packet.data.clone().into(),
                pts: u64::try_from(packet.pts).unwrap_or(0),
                key: meta.kind == FrameKind::Key,
                temporal_id: meta.temporal_id,
                layer_sync: meta.layer_sync,
                tl0_index: layered.then_some(meta.tl0_index),
                discardable: meta.discardable,
                hidden: !meta.shown,
                captured,
                ..VideoFrame::default()
            })?;
        }
        Ok(())
    }

    /// Waits for a picture's time; late ones come at once, and much too late ones set the clock.
    fn wait_until(&mut self, time: Duration) -> Result<(), EndReason> {
        loop {
            if self.stopped.load(Ordering::Relaxed) {
                return Err(EndReason::ServerStopped);
            }
            let (now, due) = (self.clock.now(), self.begun + time);
            if now >= due {
                if now - due > TOO_LATE {
                    self.begun = now.saturating_sub(time);
                }
                return Ok(());
            }
            std::thread::sleep((due - now).min(NAP));
        }
    }
}

fn ticks(time: Duration) -> i64 {
    let ticks = time.as_nanos() * u128::from(VIDEO_HZ) / 1_000_000_000;
    i64::try_from(ticks).unwrap_or(i64::MAX)
}
