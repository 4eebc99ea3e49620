//! Microphone capture: packets of samples, with gaps filled.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use codec_audio::{AudioCodec, AudioFormat, ChannelLayout, PcmEncoding};
use codec_container::{AudioTrack, CodedPacket, Format, PacketReader, Track};

use super::device::{MicrophoneDevice, explain};
use super::drift::SampleClock;
use super::stamps::Stamps;
use super::worker::{Now, Turn, Worker};
use crate::failure::{Failure, Result};

/// Timeout of one wait for the driver.
const WAIT: Duration = Duration::from_millis(100);
/// A microphone without samples has failed after this time.
const SILENT: Duration = Duration::from_secs(5);
/// A driver that does not return has failed after this time.
const STUCK: Duration = Duration::from_secs(10);
/// Samples further ahead of the clock are delayed: a device without its own clock returns them
/// immediately.
const AHEAD_S: f64 = 0.02;
/// Maximum queued duration, in seconds.
const QUEUE_S: u64 = 2;
/// The longest packet of silence, in seconds.
const SILENCE_S: f64 = 0.1;
/// The group with access to microphones.
const GROUP: &str = "audio";

/// Lost audio.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct AudioLosses {
    /// Gaps, and the silence that fills them, in seconds.
    pub(super) gaps: u64,
    pub(super) silence_s: f64,
    /// Audio that was not read in time, in seconds.
    pub(super) late_s: f64,
}

#[derive(Debug)]
struct Block {
    data: Vec<u8>,
    pts: i64,
    frames: u64,
}

#[derive(Debug, Default)]
struct State {
    blocks: VecDeque<Block>,
    /// Queued sample frames.
    queued: u64,
    /// Time of the newest queued block, in samples.
    newest: Option<i64>,
    losses: AudioLosses,
    ended: Option<String>,
    is_closed: bool,
}

/// A queue between the microphone's thread and the encoder's.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    rate: u32,
}

impl Queue {
    fn new(rate: u32) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), rate }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn losses(&self) -> AudioLosses {
        self.lock().losses
    }

    /// Start of the newest block, in seconds: audio up to there, and the block that follows, can be
    /// read without waiting.
    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    pub(super) fn available_until_s(&self) -> f64 {
        let state = self.lock();
        if state.ended.is_some() || state.is_closed {
            return f64::INFINITY;
        }
        state.newest.map_or(f64::NEG_INFINITY, |pts| pts as f64 / f64::from(self.rate))
    }

    /// Stops queueing.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    fn end(&self, why: &str) {
        self.lock().ended.get_or_insert_with(|| why.to_owned());
        self.changed.notify_all();
    }

    fn put(&self, block: Block) {
        let mut state = self.lock();
        state.queued += block.frames;
        state.newest = Some(block.pts);
        state.blocks.push_back(block);
        while state.queued > u64::from(self.rate) * QUEUE_S && state.blocks.len() > 1 {
            let Some(oldest) = state.blocks.pop_front() else { break };
            state.queued -= oldest.frames;
            state.losses.late_s += self.seconds(oldest.frames);
        }
        drop(state);
        self.changed.notify_all();
    }

    fn note_gap(&self, frames: u64) {
        let mut state = self.lock();
        state.losses.gaps += 1;
        state.losses.silence_s += self.seconds(frames);
    }

    #[expect(clippy::cast_precision_loss, reason = "a report")]
    fn seconds(&self, frames: u64) -> f64 {
        frames as f64 / f64::from(self.rate)
    }
}

/// Moves samples from a device into the queue.
struct Pump<D> {
    device: D,
    queue: Arc<Queue>,
    stamps: Stamps,
    clock: SampleClock,
    channels: usize,
    samples: Vec<i16>,
    last: Option<Duration>,
    /// Whether samples were lost before the next ones.
    after_overrun: bool,
}

impl<D: MicrophoneDevice> Pump<D> {
    fn new(device: D, queue: &Arc<Queue>, zero: Duration) -> Self {
        let (rate, channels) = device.format();
        Self {
            device,
            queue: Arc::clone(queue),
            stamps: Stamps::new(zero),
            clock: SampleClock::new(rate),
            channels: usize::from(channels).max(1),
            samples: Vec::new(),
            last: None,
            after_overrun: false,
        }
    }

    fn turn(&mut self, now: &dyn Fn() -> Duration) -> Turn {
        let before = now();
        let now_s = self.stamps.since(before).as_secs_f64();
        if self.clock.reached_s().is_some_and(|reached| reached > now_s + AHEAD_S) {
            return Turn::Rest;
        }
        let last = *self.last.get_or_insert(before);
        self.samples.clear();
        let grabbed = self.device.grab(WAIT, &mut self.samples);
        let now = now();
        let heard = match grabbed {
            Ok(heard) => heard,
            Err(error) => {
                self.queue.end(&explain(&error, GROUP));
                return Turn::End;
            }
        };
        self.after_overrun |= heard.after_overrun;
        let frames = self.samples.len() / self.channels;
        if frames == 0 {
            if now.saturating_sub(last) > SILENT {
                self.queue.end(&format!("no audio for {} s", SILENT.as_secs()));
                return Turn::End;
            }
            return Turn::Go;
        }
        self.last = Some(now);
        let end_s = self.stamps.place(heard.end, now).as_secs_f64();
        self.put(frames, end_s);
        Turn::Go
    }

    /// Queues samples, with silence before them if some are missing.
    fn put(&mut self, frames: usize, end_s: f64) {
        let start_s = (end_s - self.queue.seconds(frames as u64)).max(0.0);
        let after_overrun = std::mem::take(&mut self.after_overrun);
        let placed = self.clock.place(frames as u64, start_s, after_overrun);
        if placed.gap > 0 || after_overrun {
            self.queue.note_gap(placed.gap);
        }
        let (mut left, mut pts) = (placed.gap, placed.gap_pts);
        while left > 0 {
            let frames = left.min(self.silence_frames());
            let bytes = usize::try_from(frames).unwrap_or(0) * self.channels * 2;
            self.queue.put(Block { data: vec![0; bytes], pts, frames });
            left -= frames;
            pts = pts.saturating_add_unsigned(frames);
        }
        let whole = &self.samples[..frames * self.channels];
        let data = whole.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        self.queue.put(Block { data, pts: placed.pts, frames: frames as u64 });
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a tenth")]
    fn silence_frames(&self) -> u64 {
        ((f64::from(self.queue.rate) * SILENCE_S) as u64).max(1)
    }
}

impl<D> Drop for Pump<D> {
    /// Ends the queue, so that the reader does not wait for a thread that is gone.
    fn drop(&mut self) {
        self.queue.end("the microphone was closed");
    }
}

/// The audio of a microphone.
pub(super) struct MicrophoneReader {
    queue: Arc<Queue>,
    tracks: [Track; 1],
    index: u64,
    _worker: Worker,
}

impl MicrophoneReader {
    /// Starts the thread of a device.
    pub(super) fn start(
        device: impl MicrophoneDevice + 'static,
        now: Now,
        zero: Duration,
    ) -> Result<Self> {
        let (rate, channels) = device.format();
        let layout = if channels == 1 { ChannelLayout::Mono } else { ChannelLayout::Stereo };
        let queue = Arc::new(Queue::new(rate));
        let mut pump = Pump::new(device, &queue, zero);
        let worker = Worker::start("microphone", now, move |now| pump.turn(now));
        let worker =
            worker.map_err(|error| Failure::internal(format!("cannot start a thread: {error}")))?;
        let codec = AudioCodec::Pcm(PcmEncoding::S16Le);
        let track = AudioTrack::new(Format::Pcm, codec, AudioFormat::new(rate, layout));
        Ok(Self { queue, tracks: [Track::Audio(track)], index: 0, _worker: worker })
    }

    pub(super) fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }
}

impl PacketReader for MicrophoneReader {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// There is only one track.
    fn select(&mut self, _tracks: &[usize]) {}

    fn read(&mut self, packet: &mut CodedPacket) -> codec_container::Result<bool> {
        let begun = Instant::now();
        let failed = |why: &str| codec_container::Error::Io(io::Error::other(why.to_owned()));
        let mut state = self.queue.lock();
        let block = loop {
            if state.is_closed {
                return Ok(false);
            }
            if let Some(block) = state.blocks.pop_front() {
                state.queued -= block.frames;
                break block;
            }
            if let Some(why) = &state.ended {
                return Err(failed(why));
            }
            if begun.elapsed() > STUCK {
                return Err(failed("the driver does not respond"));
            }
            let waited = self.queue.changed.wait_timeout(state, WAIT);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        };
        drop(state);
        (packet.data, packet.pts, packet.duration) = (block.data, block.pts, Some(block.frames));
        (packet.track, packet.trim_start, packet.trim_end) = (0, 0, 0);
        (packet.key, packet.shown, packet.index) = (true, true, self.index);
        self.index += 1;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::super::device::Heard;
    use super::*;

    /// The scripted blocks of a device, after which it is unplugged.
    struct Script(VecDeque<(usize, Heard)>);

    impl MicrophoneDevice for Script {
        fn format(&self) -> (u32, u8) {
            (48_000, 2)
        }

        fn grab(&mut self, _: Duration, samples: &mut Vec<i16>) -> io::Result<Heard> {
            let (frames, heard) = self.0.pop_front().ok_or(Errno::ENODEV)?;
            samples.resize(frames * 2, 257);
            Ok(heard)
        }
    }

    const ZERO: Duration = Duration::from_secs(100);

    fn at(ms: u64) -> Duration {
        ZERO + Duration::from_millis(ms)
    }

    /// A block of 10 ms that ends at this time.
    fn block(ms: u64) -> (usize, Heard) {
        (480, Heard { end: Some(at(ms)), after_overrun: false })
    }

    fn start(script: impl IntoIterator<Item = (usize, Heard)>) -> (Pump<Script>, MicrophoneReader) {
        let queue = Arc::new(Queue::new(48_000));
        let pump = Pump::new(Script(script.into_iter().collect()), &queue, ZERO);
        let worker = Worker::start("idle", Arc::new(|| ZERO), |_| Turn::End).unwrap();
        let codec = AudioCodec::Pcm(PcmEncoding::S16Le);
        let format = AudioFormat::new(48_000, ChannelLayout::Stereo);
        let tracks = [Track::Audio(AudioTrack::new(Format::Pcm, codec, format))];
        (pump, MicrophoneReader { queue, tracks, index: 0, _worker: worker })
    }

    fn read(reader: &mut MicrophoneReader) -> (i64, u64, u8) {
        let mut packet = CodedPacket::default();
        assert!(reader.read(&mut packet).unwrap());
        let frames = packet.duration.unwrap();
        assert_eq!(packet.data.len() as u64, frames * 4);
        (packet.pts, frames, packet.data[0])
    }

    #[test]
    fn overruns_are_filled_with_silence_and_counted() {
        let lost = Heard { after_overrun: true, ..block(175).1 };
        // The device reports the overrun before it has new samples.
        let script =
            [block(10), block(20), (0, Heard { after_overrun: true, end: None }), (480, lost)];
        let (mut pump, mut reader) = start(script);
        assert!(reader.queue.available_until_s() < 0.0);
        for ms in [11, 21, 60, 176] {
            assert_eq!(pump.turn(&|| at(ms)), Turn::Go);
        }
        assert_eq!(read(&mut reader), (0, 480, 1));
        assert_eq!(read(&mut reader), (480, 480, 1));
        // 145 ms, in two packets.
        assert_eq!(read(&mut reader), (960, 4800, 0));
        assert_eq!(read(&mut reader), (5760, 2160, 0));
        assert!((reader.queue.available_until_s() - 0.165).abs() < 1e-9);
        assert_eq!(read(&mut reader), (7920, 480, 1));
        let losses = reader.queue.losses();
        assert_eq!((losses.gaps, losses.late_s), (1, 0.0));
        assert!((losses.silence_s - 0.145).abs() < 1e-9);
    }

    #[test]
    fn an_unplugged_microphone_is_reported_after_its_last_samples() {
        let (mut pump, mut reader) = start([block(10)]);
        assert_eq!(pump.turn(&|| at(11)), Turn::Go);
        assert_eq!(pump.turn(&|| at(21)), Turn::End);
        assert!(reader.queue.available_until_s() > 1e9);
        read(&mut reader);
        let error = reader.read(&mut CodedPacket::default()).unwrap_err();
        assert!(error.to_string().contains("unplugged"), "{error}");
        // Without a reader this is not an error.
        reader.queue.close();
        assert!(!reader.read(&mut CodedPacket::default()).unwrap());
    }

    #[test]
    fn silent_devices_fail_and_devices_without_a_clock_are_delayed() {
        let (mut pump, mut reader) = start((0..100).map(|_| (0, Heard::default())));
        assert_eq!((0..100).find(|turn| pump.turn(&|| at(turn * 100)) == Turn::End), Some(51));
        let error = reader.read(&mut CodedPacket::default()).unwrap_err();
        assert!(error.to_string().contains("no audio for 5 s"), "{error}");
        // 100 ms of audio per call, immediately.
        let (mut pump, reader) = start((0..100).map(|_| (4800, Heard::default())));
        let (mut asked, mut ms) = (0, 0);
        while ms < 2000 {
            asked += u64::from(pump.turn(&|| at(ms)) == Turn::Go);
            ms += 5;
        }
        assert!((19..=22).contains(&asked), "{asked}");
        assert_eq!(reader.queue.losses().gaps, 0);
    }

    #[test]
    fn audio_that_is_not_read_is_dropped_oldest_first() {
        let (mut pump, mut reader) = start((1..=300).map(|n| block(n * 10)));
        for n in 1..=300 {
            assert_eq!(pump.turn(&|| at(n * 10 + 1)), Turn::Go);
        }
        assert!((reader.queue.losses().late_s - 1.0).abs() < 1e-9);
        assert_eq!(read(&mut reader).0, 48_000);
    }
}
