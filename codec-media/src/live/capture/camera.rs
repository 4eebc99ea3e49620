//! Camera capture: the newest frame waits for the encoder, and older ones are dropped.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use codec_core::frame::{PictureInfo, Rational};

use super::device::{CameraDevice, Grab, Mode, explain};
use super::format::Converter;
use super::stamps::Stamps;
use super::worker::{Now, Turn, Worker};
use crate::failure::{Failure, Kind, Result};
use crate::io::source::{FrameSource, SourceFrame, StreamInfo};

/// Ticks per second of frame times.
const HZ: u32 = 90_000;
/// Timeout of one wait for the driver.
const WAIT: Duration = Duration::from_millis(100);
/// A camera without frames has failed after this time.
const SILENT: Duration = Duration::from_secs(5);
/// A driver that does not return has failed after this time.
const STUCK: Duration = Duration::from_secs(10);
/// Maximum number of consecutive unreadable frames.
const MAX_DAMAGED: u32 = 100;
/// Maximum gap of sequence numbers; a larger one means that the driver has reset its counter.
const MAX_MISSING: u32 = 1000;
/// The group with access to cameras.
const GROUP: &str = "video";

/// Frames that were not encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FrameLosses {
    /// Gaps in the driver's sequence numbers: it had no buffers.
    pub(super) driver: u64,
    /// Replaced by a newer frame before the encoder was ready.
    pub(super) late: u64,
    /// Incomplete frames.
    pub(super) damaged: u64,
}

/// A waiting frame.
#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    time: Duration,
}

#[derive(Debug, Default)]
struct State {
    newest: Option<Waiting>,
    spare: Vec<u8>,
    losses: FrameLosses,
    ended: Option<Failure>,
}

/// A slot between the camera's thread and the encoder's.
#[derive(Debug, Default)]
pub(super) struct Slot {
    state: Mutex<State>,
    changed: Condvar,
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn losses(&self) -> FrameLosses {
        self.lock().losses
    }

    /// Stores a frame, and returns memory for the next one.
    fn put(&self, picture: Waiting) -> Vec<u8> {
        let mut state = self.lock();
        let older = state.newest.replace(picture);
        state.losses.late += u64::from(older.is_some());
        let memory = older.map_or_else(|| std::mem::take(&mut state.spare), |older| older.bytes);
        drop(state);
        self.changed.notify_all();
        memory
    }

    fn end(&self, failure: Failure) {
        self.lock().ended.get_or_insert(failure);
        self.changed.notify_all();
    }

    /// Returns the newest frame; `None` if no frame arrives within `most`.
    fn take(&self, most: Duration) -> Result<Option<Waiting>> {
        let is_empty = |state: &mut State| state.newest.is_none() && state.ended.is_none();
        let waited = self.changed.wait_timeout_while(self.lock(), most, is_empty);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match (state.newest.take(), &state.ended) {
            (Some(picture), _) => Ok(Some(picture)),
            (None, Some(failure)) => Err(failure.clone()),
            (None, None) => Ok(None),
        }
    }
}

/// Moves frames from a device into the slot.
struct Pump<D> {
    device: D,
    name: String,
    slot: Arc<Slot>,
    stamps: Stamps,
    bytes: Vec<u8>,
    sequence: Option<u32>,
    last: Option<Duration>,
}

impl<D: CameraDevice> Pump<D> {
    fn turn(&mut self, now: &dyn Fn() -> Duration) -> Turn {
        let last = *self.last.get_or_insert_with(now);
        let grabbed = self.device.grab(WAIT, &mut self.bytes);
        let now = now();
        match grabbed {
            Ok(Some(grab)) => {
                self.last = Some(now);
                self.take(grab, now);
                Turn::Go
            }
            Ok(None) if now.saturating_sub(last) > SILENT => {
                let seconds = SILENT.as_secs();
                self.fail(&format!("no frame for {seconds} s"));
                Turn::End
            }
            Ok(None) => Turn::Go,
            Err(error) => {
                self.fail(&explain(&error, GROUP));
                Turn::End
            }
        }
    }

    fn take(&mut self, grab: Grab, now: Duration) {
        let passed = self.sequence.map_or(1, |last| grab.sequence.wrapping_sub(last));
        self.sequence = Some(grab.sequence);
        let missing = if passed > MAX_MISSING { 0 } else { passed.saturating_sub(1) };
        let damaged = grab.is_damaged || self.bytes.is_empty();
        let mut state = self.slot.lock();
        state.losses.driver += u64::from(missing);
        state.losses.damaged += u64::from(damaged);
        drop(state);
        if !damaged {
            let time = self.stamps.place(grab.stamp, now);
            self.bytes = self.slot.put(Waiting { bytes: std::mem::take(&mut self.bytes), time });
        }
    }

    fn fail(&self, why: &str) {
        self.slot.end(Failure::new(Kind::Input, format!("{}: {why}", self.name)));
    }
}

impl<D> Drop for Pump<D> {
    /// Ends the slot, so that the reader does not wait for a thread that is gone.
    fn drop(&mut self) {
        let message = format!("{}: the camera was closed", self.name);
        self.slot.end(Failure::new(Kind::Input, message));
    }
}

/// The frames of a camera.
pub(super) struct CameraSource {
    slot: Arc<Slot>,
    name: String,
    converter: Converter,
    stream_info: StreamInfo,
    /// Time of a frame that was converted but not returned yet.
    ready: Option<i64>,
    last_pts: Option<i64>,
    last_taken: Instant,
    damaged: u32,
    _worker: Worker,
}

impl CameraSource {
    /// Starts the thread of a device.
    pub(super) fn start(
        device: impl CameraDevice + 'static,
        mode: Mode,
        name: String,
        now: Now,
        zero: Duration,
    ) -> Result<Self> {
        let slot = Arc::new(Slot::default());
        let stamps = Stamps::new(zero);
        let mut pump = Pump {
            device,
            name: name.clone(),
            slot: Arc::clone(&slot),
            stamps,
            bytes: Vec::new(),
            sequence: None,
            last: None,
        };
        let worker = Worker::start("camera", now, move |now| pump.turn(now));
        let worker =
            worker.map_err(|error| Failure::internal(format!("cannot start a thread: {error}")))?;
        Ok(Self::new(slot, name, mode, worker))
    }

    fn new(slot: Arc<Slot>, name: String, mode: Mode, worker: Worker) -> Self {
        let converter = Converter::new(mode);
        let stream_info = StreamInfo {
            samples: codec_core::frame::SampleFormat::YUV420,
            size: mode.size,
            time_base: Rational::new(1, HZ),
            frame_rate: mode.rate,
            count: None,
            info: PictureInfo { color: converter.color(), ..PictureInfo::default() },
            kind: format!("{} of {name}", mode.pixels.name()),
            title: None,
        };
        Self {
            slot,
            name,
            converter,
            stream_info,
            ready: None,
            last_pts: None,
            last_taken: Instant::now(),
            damaged: 0,
            _worker: worker,
        }
    }

    pub(super) fn slot(&self) -> &Arc<Slot> {
        &self.slot
    }

    fn convert(&mut self, picture: Waiting) -> Result<()> {
        match self.converter.convert(&picture.bytes) {
            Ok(()) => {
                self.damaged = 0;
                let pts = self.last_pts.map_or(i64::MIN, |last| last + 1).max(ticks(picture.time));
                self.last_pts = Some(pts);
                self.ready = Some(pts);
            }
            Err(why) => {
                self.damaged += 1;
                self.slot.lock().losses.damaged += 1;
                if self.damaged >= MAX_DAMAGED {
                    let message = format!("{}: {why}", self.name);
                    return Err(Failure::new(Kind::Corrupt, message));
                }
            }
        }
        self.slot.lock().spare = picture.bytes;
        Ok(())
    }
}

impl FrameSource for CameraSource {
    fn stream_info(&self) -> &StreamInfo {
        &self.stream_info
    }

    fn wait(&mut self, most: Duration) -> Result<bool> {
        if self.ready.is_some() {
            return Ok(true);
        }
        match self.slot.take(most)? {
            Some(picture) => {
                self.last_taken = Instant::now();
                self.convert(picture)?;
            }
            None if self.last_taken.elapsed() > STUCK => {
                let message = format!("{}: the driver does not respond", self.name);
                return Err(Failure::new(Kind::Input, message));
            }
            None => {}
        }
        Ok(self.ready.is_some())
    }

    fn next(&mut self) -> Result<Option<SourceFrame<'_>>> {
        while !self.wait(WAIT)? {}
        let Some(pts) = self.ready.take() else { return Ok(None) };
        let picture = self.converter.picture().map_err(Failure::internal)?;
        let duration = u64::from(HZ) * u64::from(self.stream_info.frame_rate.den);
        let duration = duration.checked_div(self.stream_info.frame_rate.num.into());
        Ok(Some(SourceFrame { picture, pts, duration }))
    }
}

fn ticks(time: Duration) -> i64 {
    let ticks = time.as_nanos() * u128::from(HZ) / 1_000_000_000;
    i64::try_from(ticks).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::io;

    use codec_core::frame::{Color, Size};
    use nix::errno::Errno;

    use super::super::device::Pixels;
    use super::*;

    type Event = io::Result<Option<(Grab, Vec<u8>)>>;

    /// The scripted events of a device, after which it is unplugged.
    struct Script(VecDeque<Event>);

    impl CameraDevice for Script {
        fn grab(&mut self, _: Duration, bytes: &mut Vec<u8>) -> io::Result<Option<Grab>> {
            let next = self.0.pop_front().unwrap_or_else(|| Err(Errno::ENODEV.into()))?;
            Ok(next.map(|(grab, taken)| {
                *bytes = taken;
                grab
            }))
        }
    }

    const ZERO: Duration = Duration::from_secs(100);

    fn at(ms: u64) -> Duration {
        ZERO + Duration::from_millis(ms)
    }

    fn grab(sequence: u32, ms: u64) -> Grab {
        Grab { sequence, stamp: Some(at(ms)), is_damaged: false }
    }

    /// A 2x2 frame of one shade.
    fn taken(grab: Grab, shade: u8) -> Event {
        Ok(Some((grab, vec![shade, shade, shade, shade, 128, 128])))
    }

    fn pump(script: impl IntoIterator<Item = Event>) -> Pump<Script> {
        Pump {
            device: Script(script.into_iter().collect()),
            name: "v4l2:/dev/video7".to_owned(),
            slot: Arc::new(Slot::default()),
            stamps: Stamps::new(ZERO),
            bytes: Vec::new(),
            sequence: None,
            last: None,
        }
    }

    fn video(slot: &Arc<Slot>, pixels: Pixels) -> CameraSource {
        let (size, rate) = (Size::new(2, 2), Rational::new(30, 1));
        let mode = Mode { pixels, size, stride: 2, rate, color: Color::default() };
        let idle = Worker::start("idle", Arc::new(|| ZERO), |_| Turn::End).unwrap();
        CameraSource::new(Arc::clone(slot), "v4l2".to_owned(), mode, idle)
    }

    #[test]
    fn the_newest_frame_is_encoded_and_others_are_counted() {
        let mut pump = pump([
            taken(grab(7, 0), 50),
            taken(grab(8, 33), 60),
            // The driver dropped two.
            taken(grab(11, 133), 70),
            // This one is marked as damaged; the next one is empty.
            taken(Grab { is_damaged: true, ..grab(12, 166) }, 80),
            Ok(Some((grab(13, 200), Vec::new()))),
            Ok(None),
            // The counter restarts.
            taken(grab(0, 266), 90),
        ]);
        let mut video = video(&pump.slot, Pixels::I420);
        for ms in [5, 40, 140] {
            assert_eq!(pump.turn(&|| at(ms)), Turn::Go);
        }
        let shot = video.next().unwrap().unwrap();
        assert_eq!((shot.pts, shot.duration), (133 * 90, Some(3000)));
        assert_eq!(shot.picture.luma().row(0), [70, 70]);
        for ms in [170, 205, 230] {
            assert_eq!(pump.turn(&|| at(ms)), Turn::Go);
        }
        assert!(!video.wait(Duration::ZERO).unwrap());
        assert_eq!(pump.turn(&|| at(270)), Turn::Go);
        assert_eq!(video.next().unwrap().unwrap().pts, 266 * 90);
        let losses = FrameLosses { driver: 2, late: 2, damaged: 2 };
        assert_eq!(pump.slot.losses(), losses);
    }

    #[test]
    fn an_unplugged_camera_ends_after_its_last_frame() {
        let mut pump = pump([taken(grab(0, 0), 50)]);
        let mut video = video(&pump.slot, Pixels::I420);
        assert_eq!(pump.turn(&|| at(5)), Turn::Go);
        assert_eq!(pump.turn(&|| at(38)), Turn::End);
        assert!(video.next().unwrap().is_some());
        let failure = video.wait(Duration::ZERO).unwrap_err();
        assert_eq!(failure.kind, Kind::Input);
        assert!(failure.message.contains("video7: device not found"), "{failure:?}");
    }

    #[test]
    fn silent_cameras_and_those_without_a_thread_fail() {
        let mut silent = pump((0..100).map(|_| Ok(None)));
        let mut pictures_of = video(&silent.slot, Pixels::I420);
        let end = (0..100).find(|turn| silent.turn(&|| at(turn * 100)) == Turn::End);
        assert_eq!(end, Some(51));
        assert!(pictures_of.next().unwrap_err().message.contains("no frame for 5 s"));
        let gone = pump([]);
        let mut pictures_of = video(&gone.slot, Pixels::I420);
        drop(gone);
        assert!(pictures_of.next().unwrap_err().message.contains("was closed"));
    }

    #[test]
    fn damaged_jpeg_frames_are_dropped_unless_there_are_no_others() {
        let slot = Arc::new(Slot::default());
        let mut video = video(&slot, Pixels::Mjpeg);
        let put = |bytes: &[u8]| {
            slot.put(Waiting { bytes: bytes.to_vec(), time: Duration::from_millis(20) });
        };
        for turn in 1..u64::from(MAX_DAMAGED) {
            put(&[0xff, 0xd8, 0xff]);
            assert!(!video.wait(Duration::ZERO).unwrap());
            assert_eq!(slot.losses().damaged, turn);
        }
        put(&super::super::mjpeg::tests::slope(2, 2));
        assert_eq!(video.next().unwrap().unwrap().pts, 1800);
        // Two frames never have the same time.
        put(&super::super::mjpeg::tests::slope(2, 2));
        assert_eq!(video.next().unwrap().unwrap().pts, 1801);
        let failure = (0..MAX_DAMAGED).find_map(|_| {
            put(&[]);
            video.wait(Duration::ZERO).err()
        });
        assert_eq!(failure.unwrap().kind, Kind::Corrupt);
    }
}
