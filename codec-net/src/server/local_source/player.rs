//! Plays a local source in real time: encodes its video, and sends its audio with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use codec_audio::opus_packet::duration_us;
use codec_core::codec::{Bitrate, FrameRequest};
use codec_core::frame::{Picture, Rational};

use super::super::local_encoder::{LocalEncoder, LocalEncoderConfig};
use super::super::media::{AUDIO_HZ, AudioPacket, VIDEO_HZ, VideoCodec};
use super::super::outcome::{EndReason, Rejection};
use super::super::room::{Hub, Publisher, StreamInfo};
use super::{AudioSource, LocalMedia, LocalSource, SourceAudioPacket};
use crate::clock::Clock;

/// A frame that is later than this resets the clock instead of catching up.
const MAX_LATENESS: Duration = Duration::from_millis(500);
/// Interval of checks for the end while waiting for a frame's time.
const MAX_WAIT: Duration = Duration::from_millis(50);
/// Maximum time that audio waits.
const MAX_AUDIO_WAIT: Duration = Duration::from_millis(10);
/// Tolerated overlap of audio packets: files round their timestamps.
const OVERLAP_TICKS: u64 = 96;
/// Shortest interval between two frames.
const MIN_FRAME_INTERVAL: Duration = Duration::from_millis(1);
/// Default frame rate.
const DEFAULT_RATE: Rational = Rational { num: 30, den: 1 };

/// A running source.
#[derive(Debug)]
pub(in super::super) struct RunningSource {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for RunningSource {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic was already printed.
            let _ = thread.join();
        }
    }
}

/// Starts the source's thread.
pub(in super::super) fn start(
    hub: &Arc<Hub>,
    source: LocalSource,
) -> Result<RunningSource, Rejection> {
    let wants_key_frame = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&wants_key_frame);
    let info = StreamInfo { kind: "local", video: Some(VideoCodec::Vp8), audio: source.audio };
    let ask = Box::new(move || asked.store(true, Ordering::Relaxed));
    let publisher = hub.publish(&source.name, info, ask)?;
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let clock = hub.clock();
    let thread = std::thread::Builder::new().name("source".to_owned()).spawn(move || {
        let mut run = Player {
            publisher,
            clock,
            source,
            wants_key_frame,
            stopped,
            begun: None,
            end: Duration::ZERO,
            is_live: false,
            audio_end: 0,
            audio_rate: AudioRate::default(),
        };
        let reason = run.run();
        run.publisher.end(reason);
    });
    let failed = |error| Rejection::BadRequest(format!("cannot start a thread: {error}"));
    Ok(RunningSource { stop, thread: Some(thread.map_err(failed)?) })
}

struct Player {
    publisher: Publisher,
    clock: Clock,
    source: LocalSource,
    wants_key_frame: Arc<AtomicBool>,
    stopped: Arc<AtomicBool>,
    /// When the first frame is due: time 0 of the stream.
    begun: Option<Duration>,
    /// End of the last frame, as a time since `begun`.
    end: Duration,
    /// Whether there are viewers who have been sent a frame.
    is_live: bool,
    /// End of the last audio packet, in audio ticks.
    audio_end: u64,
    audio_rate: AudioRate,
}

/// The smoothed bitrate of the accompanying audio.
#[derive(Clone, Copy, Debug, Default)]
struct AudioRate(Option<u64>);

impl AudioRate {
    /// Adds a packet of this size and duration in microseconds.
    fn packet(&mut self, bytes: usize, length_us: u32) {
        let now = 8_000_000 * bytes as u64 / u64::from(length_us.max(1));
        self.0 = Some(self.0.map_or(now, |before| (7 * before + now) / 8));
    }

    /// The bitrate; 0 without audio.
    fn bitrate(self) -> Bitrate {
        Bitrate(self.0.unwrap_or(0))
    }
}

/// The audio of one pass over the source.
struct AudioPass {
    audio: Option<Box<dyn AudioSource>>,
    /// A stream time, and the corresponding time of the source's clock.
    offset: Duration,
    base: Duration,
}

impl AudioPass {
    fn source_time(&self, time: Duration) -> Duration {
        self.base + time.saturating_sub(self.offset)
    }
}

impl Player {
    fn run(&mut self) -> EndReason {
        loop {
            let before = self.end;
            if let Err(reason) = self.play_once() {
                return reason;
            }
            if !self.source.repeat {
                return EndReason::SourceEnded;
            }
            if self.end == before {
                return EndReason::Failed("cannot repeat a source without video frames".to_owned());
            }
        }
    }

    /// Plays the source from start to end.
    fn play_once(&mut self) -> Result<(), EndReason> {
        let LocalMedia { video: mut reader, audio } =
            (self.source.open)().map_err(EndReason::Failed)?;
        let rate = reader.rate().filter(|rate| rate.num > 0 && rate.den > 0);
        let rate = rate.unwrap_or(DEFAULT_RATE);
        let LocalSource { bitrate, speed, layers, .. } = self.source;
        let failed = |error: codec_core::error::Error| EndReason::Failed(error.to_string());
        let settings = LocalEncoderConfig { size: reader.size(), rate, bitrate, speed, layers };
        let mut local_encoder = LocalEncoder::open(settings).map_err(failed)?;
        self.publisher.stream().set_nominal_bitrate(bitrate);
        let frame = Duration::from_secs(rate.den.into()) / rate.num.max(1);
        let mut audio_pass = AudioPass { audio, offset: self.end, base: Duration::ZERO };
        let mut last = None;
        loop {
            while !reader.wait(MAX_AUDIO_WAIT).map_err(EndReason::Failed)? {
                self.idle(&mut audio_pass)?;
            }
            let Some(shown) = reader.next().map_err(EndReason::Failed)? else { break };
            let time = match (last, shown.time) {
                (None, time) => {
                    audio_pass.base = time.unwrap_or_default();
                    audio_pass.offset
                }
                (Some(_), None) => self.end,
                (Some(last), Some(time)) => {
                    let time = audio_pass.offset + time.saturating_sub(audio_pass.base);
                    time.max(last + MIN_FRAME_INTERVAL)
                }
            };
            last = Some(time);
            let captured = shown.age.map(|age| self.clock.now().saturating_sub(age));
            if captured.is_some() {
                self.catch_up(time);
            }
            self.wait_until(time, &mut audio_pass)?;
            self.end = time + frame;
            // There are no viewers: the next one will request a key frame.
            if !self.publisher.stream().has_viewers() {
                continue;
            }
            let captured = self.clock.ntp(captured.unwrap_or_else(|| self.clock.now()));
            self.encode(&mut local_encoder, time, &shown.picture, captured)?;
        }
        if last.is_none() {
            return Ok(());
        }
        // The last frame is shown for its full duration, with audio.
        let end = self.end;
        self.wait_until(end, &mut audio_pass)?;
        let at = audio_pass.source_time(end);
        if self.is_live
            && let Some(audio) = &mut audio_pass.audio
        {
            let packets = audio.finish(at).map_err(EndReason::Failed)?;
            self.send_audio_packets(packets, &audio_pass)?;
        }
        Ok(())
    }

    /// Sends audio up to a stream time. Without viewers it is skipped, up to the first frame for a
    /// viewer.
    fn send_audio_until(
        &mut self,
        audio_pass: &mut AudioPass,
        until: Duration,
    ) -> Result<(), EndReason> {
        let at = audio_pass.source_time(until);
        self.is_live &= self.publisher.stream().has_viewers();
        let Some(audio) = &mut audio_pass.audio else { return Ok(()) };
        if !self.is_live {
            return audio.skip(at).map_err(EndReason::Failed);
        }
        let packets = audio.next(at).map_err(EndReason::Failed)?;
        self.send_audio_packets(packets, audio_pass)
    }

    fn send_audio_packets(
        &mut self,
        packets: Vec<SourceAudioPacket>,
        audio_pass: &AudioPass,
    ) -> Result<(), EndReason> {
        let shift = ticks(audio_pass.offset, AUDIO_HZ) - ticks(audio_pass.base, AUDIO_HZ);
        for SourceAudioPacket { data, pts } in packets {
            let Ok(pts) = u64::try_from(pts.saturating_add(shift)) else { continue };
            let Some(length) = duration_us(&data) else { continue };
            // At a repetition, both passes may have a packet for the same time.
            if pts + OVERLAP_TICKS < self.audio_end {
                continue;
            }
            self.audio_end = pts + u64::from(length) * u64::from(AUDIO_HZ) / 1_000_000;
            self.audio_rate.packet(data.len(), length);
            let data = data.into();
            self.publisher.send_audio(AudioPacket { data, pts, ..AudioPacket::default() })?;
        }
        Ok(())
    }

    /// Encodes a frame and passes it on, unless a sole viewer's link cannot carry it.
    fn encode(
        &mut self,
        local_encoder: &mut LocalEncoder,
        time: Duration,
        picture: &Picture<'_>,
        captured: u64,
    ) -> Result<(), EndReason> {
        let failed = |error: codec_core::error::Error| EndReason::Failed(error.to_string());
        let budget = self.publisher.stream().budget();
        if !local_encoder.adapt(time, budget, self.audio_rate.bitrate()).map_err(failed)? {
            return Ok(());
        }
        let mut request = FrameRequest::at(ticks(time, VIDEO_HZ));
        request.key_frame = self.wants_key_frame.swap(false, Ordering::Relaxed);
        request.may_drop = request.key_frame.then_some(false);
        if local_encoder.encode(time, picture, &request).map_err(failed)? {
            while let Some(frame) = local_encoder.receive(time, captured) {
                self.publisher.send_video(frame)?;
            }
            self.is_live = true;
        }
        Ok(())
    }

    /// Sends audio while no frame is available.
    fn idle(&mut self, audio_pass: &mut AudioPass) -> Result<(), EndReason> {
        if self.stopped.load(Ordering::Relaxed) {
            return Err(EndReason::ServerStopped);
        }
        match self.begun {
            Some(begun) => {
                self.send_audio_until(audio_pass, self.clock.now().saturating_sub(begun))
            }
            None => Ok(()),
        }
    }

    /// Adjusts the clock of a live source, whose frames are due on arrival: the fastest frame sets
    /// the clock.
    fn catch_up(&mut self, time: Duration) {
        let now = self.clock.now();
        let begun = *self.begun.get_or_insert(now);
        if begun + time > now {
            self.begun = Some(now.saturating_sub(time));
        }
    }

    /// Waits for a frame's time, and sends audio meanwhile. Late frames are sent immediately; a
    /// very late frame resets the clock.
    fn wait_until(&mut self, time: Duration, audio_pass: &mut AudioPass) -> Result<(), EndReason> {
        loop {
            if self.stopped.load(Ordering::Relaxed) {
                return Err(EndReason::ServerStopped);
            }
            let now = self.clock.now();
            let begun = *self.begun.get_or_insert(now);
            let due = begun + time;
            self.send_audio_until(audio_pass, now.saturating_sub(begun).min(time))?;
            if now >= due {
                if now - due > MAX_LATENESS {
                    self.begun = Some(now.saturating_sub(time));
                }
                return Ok(());
            }
            let has_audio = self.is_live && audio_pass.audio.is_some();
            std::thread::sleep((due - now).min(if has_audio { MAX_AUDIO_WAIT } else { MAX_WAIT }));
        }
    }
}

fn ticks(time: Duration, hz: u32) -> i64 {
    let ticks = time.as_nanos() * u128::from(hz) / 1_000_000_000;
    i64::try_from(ticks).unwrap_or(i64::MAX)
}
