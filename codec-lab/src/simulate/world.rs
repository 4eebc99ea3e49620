//! Runs the simulation in virtual time: source, sender, link, receiver and viewer.
//!
//! Time jumps from one event to the next. Events at the same instant happen in this order: feedback
//! reaches the sender, a frame is captured, packets leave, packets arrive, frames are decoded,
//! feedback leaves, a frame is shown, the visible frame is scored.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use codec_core::frame::Rational;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::frame::planes::Planes;
use codec_media::io::source::FrameSource;
use codec_media::progress::{Now, Progress};
use codec_media::stop::Stop;
use codec_rtc::link::{Link, Sent};
use codec_rtc::packet::vp8::CLOCK_HZ;

use super::frame::{Decoded, FrameRecord, Received};
use super::outputs::Outputs;
use super::receiver::Receiver;
use super::seconds::Seconds;
use super::sender::{Feedback, Sender, Wire};
use super::settings::Settings;
use super::viewer::Viewer;

/// Source frames, read one ahead.
pub(super) struct Camera<'a> {
    source: &'a mut dyn FrameSource,
    time_base: Rational,
    first_pts: Option<i64>,
    /// The next frame, its pts, and its capture time.
    next: Option<(Planes, i64, Duration)>,
    taken: u64,
    frames: Option<u64>,
    duration: Option<Duration>,
    last: Option<Duration>,
    /// The error that ended the input early.
    failure: Option<Failure>,
    stop: Stop,
}

impl<'a> Camera<'a> {
    pub(super) fn new(
        source: &'a mut dyn FrameSource,
        settings: &Settings,
        stop: Stop,
    ) -> Result<Self> {
        let time_base = source.stream_info().time_base;
        let Settings { frames, duration, .. } = *settings;
        let mut camera = Self {
            source,
            time_base,
            first_pts: None,
            next: None,
            taken: 0,
            frames,
            duration,
            last: None,
            failure: None,
            stop,
        };
        camera.advance(Planes::default())?;
        // Damage before the first frame leaves nothing to simulate.
        match camera.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(camera),
        }
    }

    /// Reads the next frame. Damage ends the input and is reported at the end.
    fn advance(&mut self, planes: Planes) -> Result<()> {
        self.next = None;
        match self.read(planes) {
            Err(failure) if matches!(failure.kind, Kind::Input | Kind::Corrupt) => {
                self.failure = Some(failure);
                Ok(())
            }
            other => other,
        }
    }

    fn read(&mut self, mut planes: Planes) -> Result<()> {
        if self.frames.is_some_and(|frames| self.taken >= frames) || self.stop.is_requested() {
            return Ok(());
        }
        let Some(shot) = self.source.next()? else { return Ok(()) };
        let first = *self.first_pts.get_or_insert(shot.pts);
        let at = ticks(shot.pts.saturating_sub(first), self.time_base);
        if self.last.is_some_and(|last| at <= last) {
            let message =
                format!("frame {}: timestamp not greater than the previous one", self.taken);
            return Err(Failure::new(Kind::Corrupt, message));
        }
        if self.duration.is_some_and(|duration| at >= duration) {
            return Ok(());
        }
        planes.copy_from(&shot.picture);
        self.taken += 1;
        self.last = Some(at);
        self.next = Some((planes, shot.pts, at));
        Ok(())
    }

    fn poll_timeout(&self) -> Option<Duration> {
        self.next.as_ref().map(|(_, _, at)| *at)
    }
}

/// Converts ticks to a duration; 0 if negative.
fn ticks(count: i64, base: Rational) -> Duration {
    let count = u128::from(count.max(0).unsigned_abs());
    let nanos = count * u128::from(base.num) * 1_000_000_000 / u128::from(base.den.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX >> 1))
}

/// Converts to RTP time, rounded up so that a frame is not due before its capture time plus playout
/// delay.
fn timestamp(at: Duration) -> u32 {
    let ticks = (at.as_nanos() * u128::from(CLOCK_HZ)).div_ceil(1_000_000_000);
    #[expect(clippy::cast_possible_truncation, reason = "timestamps wrap")]
    let wrapped = ticks as u32;
    wrapped
}

/// The simulation.
pub(super) struct World<'a> {
    settings: &'a Settings,
    camera: Camera<'a>,
    pub(super) sender: Sender,
    pub(super) link: Link<Wire>,
    pub(super) receiver: Receiver,
    pub(super) viewer: Viewer,
    /// Feedback on its way to the sender.
    feedback: VecDeque<(Duration, Feedback)>,
    pub(super) records: Vec<FrameRecord>,
    /// Frames by RTP timestamp.
    by_timestamp: HashMap<u32, usize>,
    pub(super) seconds: Seconds,
    decoder_ready: Duration,
    media_bytes: u64,
}

impl<'a> World<'a> {
    pub(super) fn new(
        settings: &'a Settings,
        camera: Camera<'a>,
        sender: Sender,
        receiver: Receiver,
    ) -> Result<Self> {
        let link = Link::new(settings.link.clone(), settings.seed);
        Ok(Self {
            settings,
            camera,
            sender,
            link: link.map_err(|error| Failure::usage(error.to_string()))?,
            receiver,
            viewer: Viewer::default(),
            feedback: VecDeque::new(),
            records: Vec::new(),
            by_timestamp: HashMap::new(),
            seconds: Seconds::default(),
            decoder_ready: Duration::ZERO,
            media_bytes: 0,
        })
    }

    pub(super) fn run(&mut self, outputs: &mut Outputs, progress: &mut Progress) -> Result<()> {
        let mut now = Duration::ZERO;
        loop {
            self.hear(now);
            self.capture(now, progress)?;
            self.send(now);
            self.arrive(now);
            let ends = !self.is_busy();
            self.decode(now, ends, outputs)?;
            self.ask(now, ends);
            self.watch(now, outputs)?;
            match self.poll_timeout() {
                // Overdue events happen immediately.
                Some(next) => now = next.max(now),
                None if ends => break,
                // The last incomplete frames are still to be abandoned.
                None => {}
            }
        }
        Ok(())
    }

    /// The error that ended the input early.
    pub(super) fn failure(&mut self) -> Option<Failure> {
        self.camera.failure.take()
    }

    /// Whether packets are in flight or may still be sent.
    fn is_busy(&self) -> bool {
        self.camera.next.is_some()
            || self.sender.poll_timeout().is_some()
            || self.link.poll_timeout().is_some()
            || !self.feedback.is_empty()
            || self.receiver.still_asks()
    }

    fn poll_timeout(&self) -> Option<Duration> {
        let live = self.camera.next.is_some();
        [
            self.feedback.front().map(|&(at, _)| at),
            self.camera.poll_timeout(),
            self.sender.poll_timeout(),
            self.link.poll_timeout(),
            self.receiver.poll_timeout(live).filter(|_| self.is_busy()),
            self.viewer.poll_timeout(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn hear(&mut self, now: Duration) {
        while self.feedback.front().is_some_and(|&(at, _)| at <= now) {
            if let Some((_, feedback)) = self.feedback.pop_front() {
                self.sender.hear(feedback);
            }
        }
    }

    fn capture(&mut self, now: Duration, progress: &mut Progress) -> Result<()> {
        while self.camera.poll_timeout().is_some_and(|at| at <= now) {
            let Some((planes, pts, at)) = self.camera.next.take() else { return Ok(()) };
            let frame = self.records.len();
            let mut record = FrameRecord::new(pts, at, at + self.settings.playout);
            let timestamp = timestamp(at);
            self.by_timestamp.insert(timestamp, frame);
            self.sender.encode(at, frame, timestamp, &planes.picture()?, &mut record)?;
            self.media_bytes += record.coded.map_or(0, |coded| coded.bytes);
            self.seconds.at(at).target = self.sender.target;
            self.viewer.expect(frame, record.due, planes);
            self.records.push(record);
            let spare = self.viewer.spare();
            self.camera.advance(spare)?;
            let qindex = record.coded.map(|coded| coded.qindex);
            let frames = self.records.len() as u64;
            progress.update(&Now { frames, bytes: self.media_bytes, qindex, dropped: 0 });
        }
        Ok(())
    }

    fn send(&mut self, now: Duration) {
        while let Some(wire) = self.sender.poll(now) {
            let (bytes, frame, is_again) = (wire.bytes.len(), wire.frame, wire.is_again);
            let sent = self.link.send(now, bytes, wire);
            let size = bytes as u64 + u64::from(self.settings.link.overhead_bytes);
            let second = self.seconds.at(now);
            second.sent_bytes += size;
            second.retransmitted_bytes += if is_again { size } else { 0 };
            match sent {
                Sent::Queued { queued, .. } => second.queueing = second.queueing.max(queued),
                Sent::Dropped => second.dropped += 1,
            }
            if let Some(record) = self.records.get_mut(frame) {
                record.sent = Some(now);
            }
        }
    }

    fn arrive(&mut self, now: Duration) {
        while let Some(arrival) = self.link.poll(now) {
            let bytes = arrival.packet.bytes.len() as u64;
            let overhead = u64::from(self.settings.link.overhead_bytes);
            self.seconds.at(arrival.at).arrived_bytes += bytes + overhead;
            self.receiver.push(arrival.at, &arrival.packet.bytes);
        }
    }

    fn decode(&mut self, now: Duration, ends: bool, outputs: &mut Outputs) -> Result<()> {
        while let Some(incoming) = self.receiver.poll(now, ends)? {
            let Some(&number) = self.by_timestamp.get(&incoming.frame.timestamp) else {
                continue;
            };
            let record = &mut self.records[number];
            record.received = Some(Received {
                arrived: incoming.frame.arrived,
                complete: incoming.frame.is_complete,
                decodable: incoming.frame.is_decodable,
                missing_packets: incoming.frame.missing_packets,
            });
            if incoming.was_tried {
                outputs.received(&incoming.frame, record.pts)?;
            }
            let Some(picture) = incoming.picture else { continue };
            let expected = record.coded.map(|coded| coded.digest);
            // Frames are decoded one after the other, as with one decoder with a fixed delay.
            let ready = (now + self.settings.decode_time).max(self.decoder_ready);
            self.decoder_ready = ready;
            record.decoded = Some(Decoded {
                ready,
                concealed_mbs: incoming.concealed_mbs,
                damaged: incoming.digest != expected,
                shown: None,
            });
            self.viewer.queue(number, ready.max(record.due), picture);
        }
        Ok(())
    }

    fn ask(&mut self, now: Duration, ends: bool) {
        if ends {
            return;
        }
        let live = self.camera.next.is_some();
        for feedback in self.receiver.ask(now, live) {
            self.feedback.push_back((now + self.settings.link.delay, feedback));
        }
    }

    fn watch(&mut self, now: Duration, outputs: &mut Outputs) -> Result<()> {
        self.viewer.show(now, &mut self.records);
        while let Some(frame) = self.viewer.judge(now, &mut self.records)? {
            outputs.seen(self.viewer.screen.as_ref())?;
            let record = &self.records[frame];
            if let Some(seen) = record.seen {
                let second = self.seconds.at(record.capture);
                second.psnr_y.push(seen.score.psnr.y);
                second.frozen += u64::from(seen.frame != frame);
            }
        }
        Ok(())
    }
}
