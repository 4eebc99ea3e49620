//! Passes media received over RTP to the command: first a description of the tracks, then audio and
//! video on a common timeline.

use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use codec_net::clock::Clock;
use codec_rtc::jitter::video::Frame;
use codec_rtc::packet::VideoFormat;
use codec_rtc::sequence::{Unwrapper32, wrap_32};

use super::input::{AnnouncedTracks, InputEvent, ReceivedAudio, ReceivedFrame, Times};
use super::rtp_audio::{AudioOrder, HeldPacket};

/// Maximum number of queued events; beyond it frames are dropped and a key frame is requested.
const EVENTS: usize = 256;

/// How long to wait for expected audio once video arrives, and vice versa: a sender may need a
/// while for its first frame.
const WAIT_FOR_AUDIO: Duration = Duration::from_millis(300);
const WAIT_FOR_VIDEO: Duration = Duration::from_secs(2);

/// Upper limit of the waiting time counted between two calls: if the machine stalled, data that
/// arrived meanwhile is read first.
const MAX_WAITED: Duration = Duration::from_millis(40);

/// Ticks per second of each medium.
const VIDEO_HZ: u32 = 90_000;
const AUDIO_HZ: u32 = 48_000;

/// Audio or video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Medium {
    Video,
    Audio,
}

/// How media are placed on the common timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Basis {
    /// By capture time, if known.
    Capture,
    /// By arrival time, relative to the packets with the lowest delay.
    #[cfg(feature = "whip")]
    Arrival,
}

/// Passes on received media.
pub(super) struct Delivery {
    events: SyncSender<InputEvent>,
    clock: Clock,
    basis: Basis,
    /// Since the first packet: time of the last call, and time waited.
    waits: Option<(Duration, Duration)>,
    is_announced: bool,
    /// Whether this is a later session of a sender.
    is_restart: bool,
    /// Events that wait for the announcement.
    waiting: Vec<InputEvent>,
    has_gap: bool,
    /// NTP wall time of the first medium: both media count from there.
    zero: Option<u64>,
    video: Line,
    audio: Line,
}

/// A medium on the common timeline.
struct Line {
    hz: u32,
    unwrap: Unwrapper32,
    /// NTP wall time of tick 0 if it had arrived with the lowest delay seen so far.
    fastest: Option<i128>,
    /// Ticks of the first item that was passed on, and its position.
    zero: Option<(i64, i64)>,
}

impl Line {
    fn new(hz: u32) -> Self {
        Self { hz, unwrap: Unwrapper32::default(), fastest: None, zero: None }
    }

    /// Converts ticks to a duration in NTP units.
    fn length(&self, ticks: i64) -> i128 {
        (i128::from(ticks) << 32) / i128::from(self.hz)
    }

    /// Records that a packet arrived at this wall time.
    fn came(&mut self, wall: u64, timestamp: u32) {
        let ticks = self.unwrap.unwrap(timestamp);
        let zero = i128::from(wall) - self.length(ticks);
        self.fastest = Some(self.fastest.map_or(zero, |fastest| fastest.min(zero)));
    }

    /// When a packet without queueing delay would have arrived.
    fn due(&self, ticks: i64) -> Option<u64> {
        let ticks = self.unwrap.peek(wrap_32(ticks));
        u64::try_from(self.fastest? + self.length(ticks)).ok()
    }
}

/// The media that are still expected.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MissingMedia {
    pub(super) video: bool,
    pub(super) audio: bool,
}

impl Delivery {
    /// Creates a delivery and the receiver of its events.
    pub(super) fn new(clock: Clock, basis: Basis) -> (Self, std::sync::mpsc::Receiver<InputEvent>) {
        let (events, receiver) = sync_channel(EVENTS);
        let delivery = Self {
            events,
            clock,
            basis,
            waits: None,
            is_announced: false,
            is_restart: false,
            waiting: Vec::new(),
            has_gap: false,
            zero: None,
            video: Line::new(VIDEO_HZ),
            audio: Line::new(AUDIO_HZ),
        };
        (delivery, receiver)
    }

    /// Records a packet of a medium.
    pub(super) fn came(&mut self, now: Duration, medium: Medium, timestamp: u32) {
        self.waits.get_or_insert((now, Duration::ZERO));
        let wall = self.clock.ntp(now);
        self.line(medium).came(wall, timestamp);
    }

    fn line(&mut self, medium: Medium) -> &mut Line {
        match medium {
            Medium::Video => &mut self.video,
            Medium::Audio => &mut self.audio,
        }
    }

    /// Whether media may be passed on now. At first everything queued is read, because queued
    /// packets have not arrived with low delay. `is_idle`: nothing more is available.
    pub(super) fn takes(&mut self, now: Duration, is_idle: bool) -> bool {
        self.is_announced || is_idle || self.waited(now).is_some_and(|it| it >= WAIT_FOR_AUDIO)
    }

    /// The time waited since the first packet.
    fn waited(&mut self, now: Duration) -> Option<Duration> {
        let (looked, waited) = self.waits.as_mut()?;
        *waited += now.saturating_sub(*looked).min(MAX_WAITED);
        *looked = now;
        Some(*waited)
    }

    /// Whether to call [`Self::announce`]: all media are there, or the wait is over. `at_last`:
    /// nothing more will arrive.
    pub(super) fn is_due(&mut self, now: Duration, lacks: MissingMedia, at_last: bool) -> bool {
        let Some(waited) = self.waited(now).filter(|_| !self.is_announced) else { return false };
        let waits =
            lacks.video && waited < WAIT_FOR_VIDEO || lacks.audio && waited < WAIT_FOR_AUDIO;
        at_last || !waits
    }

    /// Announces the media and their sender, then passes on the events that waited.
    pub(super) fn announce(&mut self, announced: AnnouncedTracks, peer: String) {
        self.is_announced = true;
        let announced = Box::new(announced);
        self.send_event(if self.is_restart {
            InputEvent::Restarts(announced, peer)
        } else {
            InputEvent::Begins(announced, peer)
        });
        for event in std::mem::take(&mut self.waiting) {
            self.send_event(event);
        }
    }

    /// Prepares for a new session with its own timestamps, which is announced like the first.
    pub(super) fn restart(&mut self) {
        self.is_restart |= self.is_announced;
        self.is_announced = false;
        (self.waits, self.has_gap, self.zero) = (None, false, None);
        self.waiting.clear();
        (self.video, self.audio) = (Line::new(VIDEO_HZ), Line::new(AUDIO_HZ));
    }

    /// Passes on a frame; `reported`: its time by the sender's reports.
    pub(super) fn frame(&mut self, format: VideoFormat, frame: Frame, reported: Option<u64>) {
        let Frame { captured, arrived: (first, last), media_ticks, .. } = frame;
        let times = Times { captured, reported, arrived: Some(last) };
        let pts = self.place(Medium::Video, media_ticks, captured, first);
        self.deliver(InputEvent::Frame(ReceivedFrame {
            key: frame.is_key,
            // RFC 6386, section 9.1.
            shown: format != VideoFormat::Vp8
                || frame.data.first().is_none_or(|tag| tag & 0x10 != 0),
            pts,
            times,
            handle: frame.number,
            data: frame.data,
        }));
    }

    /// Passes on audio that need not wait any longer.
    pub(super) fn audio(&mut self, order: &mut AudioOrder) {
        for held in order.ready() {
            let event = self.audio_event(held);
            self.deliver(event);
        }
    }

    /// Passes on all remaining audio, and waits for queue space.
    pub(super) fn rest(&mut self, order: &mut AudioOrder) {
        for held in order.rest() {
            let event = self.audio_event(held);
            self.send_event(event);
        }
    }

    fn audio_event(&mut self, held: HeldPacket) -> InputEvent {
        let HeldPacket { data, ticks, times } = held;
        let arrived = times.arrived.unwrap_or_default();
        let pts = self.place(Medium::Audio, ticks, times.captured, arrived);
        InputEvent::Audio(ReceivedAudio { data, pts, times })
    }

    /// Position on the common timeline, in ticks of the medium.
    fn place(
        &mut self,
        medium: Medium,
        ticks: i64,
        captured: Option<u64>,
        arrived: Duration,
    ) -> i64 {
        let captured = captured.filter(|_| self.basis == Basis::Capture);
        let came = self.clock.ntp(arrived);
        let zero = self.zero;
        let line = self.line(medium);
        let wall = captured.or_else(|| line.due(ticks)).unwrap_or(came);
        let (first, place) = *line.zero.get_or_insert_with(|| {
            let steps = i128::from(wall.wrapping_sub(zero.unwrap_or(wall)).cast_signed());
            (ticks, i64::try_from((steps * i128::from(line.hz)) >> 32).unwrap_or(0))
        });
        self.zero = zero.or(Some(wall));
        place + ticks - first
    }

    /// Passes on an event after the announcement. A slow reader loses frames.
    fn deliver(&mut self, event: InputEvent) {
        if !self.is_announced {
            if self.waiting.len() < EVENTS {
                self.waiting.push(event);
            }
            return;
        }
        if self.has_gap {
            if self.events.try_send(InputEvent::Gap).is_err() {
                return;
            }
            self.has_gap = false;
        }
        if let Err(TrySendError::Full(InputEvent::Frame(_))) = self.events.try_send(event) {
            self.has_gap = true;
        }
    }

    /// Passes on an event, and waits for queue space.
    pub(super) fn send_event(&self, event: InputEvent) {
        // If the receiver is gone, the command is ending.
        let _ = self.events.send(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery() -> (Delivery, std::sync::mpsc::Receiver<InputEvent>, Clock) {
        let clock = Clock::start();
        let (delivery, events) = Delivery::new(clock, Basis::Capture);
        (delivery, events, clock)
    }

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_timeline_follows_capture_times() {
        let (mut delivery, _events, clock) = delivery();
        let at = |time: u64| Some(clock.ntp(ms(time)));
        let mut place = |medium, ticks, captured| {
            delivery.came(ms(2000), medium, wrap_32(ticks));
            delivery.place(medium, ticks, captured, ms(2000))
        };
        assert_eq!(place(Medium::Video, 700, at(1000)), 0);
        let later = place(Medium::Audio, -5000, at(1500));
        assert!((23_999..=24_000).contains(&later), "{later}");
        assert_eq!(place(Medium::Audio, -4040, at(9)), later + 960, "by its own ticks");
        assert_eq!(place(Medium::Video, 3700, None), 3000);
    }

    #[cfg(feature = "whip")]
    #[test]
    fn without_capture_times_the_lowest_delay_places_media() {
        let clock = Clock::start();
        let (mut delivery, _events) = Delivery::new(clock, Basis::Arrival);
        let wall = Some(clock.ntp(ms(9)));
        // Frames arrive; then the machine stalls, and 50 audio packets queue up. Their timestamps
        // wrap meanwhile.
        for frame in 0..3 {
            delivery.came(
                ms(1040 + 40 * frame),
                Medium::Video,
                u32::try_from(3600 * frame).unwrap(),
            );
        }
        let begin = u32::MAX - 20_000;
        for packet in 0..50_u32 {
            delivery.came(ms(2000), Medium::Audio, begin.wrapping_add(960 * packet));
        }
        assert_eq!(delivery.place(Medium::Video, 0, wall, ms(1040)), 0);
        // The last one arrived without delay; the first would have arrived 20 ms before the first
        // frame.
        let place = delivery.place(Medium::Audio, begin.into(), wall, ms(2000));
        let expected = -48 * 20;
        assert!((place - expected).abs() <= 1, "{place}");
    }

    #[test]
    fn events_wait_for_the_announcement_and_slow_readers_lose_frames() {
        let (mut delivery, events, _) = delivery();
        let frame = |pts| {
            let (data, times) = (Vec::new(), Times::default());
            InputEvent::Frame(ReceivedFrame {
                data,
                key: false,
                shown: true,
                pts,
                times,
                handle: 0,
            })
        };
        let lacks = MissingMedia { video: false, audio: true };
        assert!(!delivery.is_due(Duration::ZERO, lacks, true), "nothing arrived");
        delivery.came(Duration::ZERO, Medium::Video, 0);
        // A stalled machine has not waited.
        for ms in (5000..5260).step_by(40) {
            assert!(!delivery.is_due(Duration::from_millis(ms), lacks, false), "{ms} ms");
        }
        assert!(delivery.is_due(Duration::from_millis(5280), lacks, false));
        delivery.deliver(frame(0));
        assert!(events.try_recv().is_err());
        delivery.announce(AnnouncedTracks::default(), "peer".to_owned());
        assert!(!delivery.is_due(Duration::from_secs(9), lacks, true), "once");
        assert!(matches!(events.try_recv(), Ok(InputEvent::Begins(..))));
        assert!(matches!(events.try_recv(), Ok(InputEvent::Frame(_))));
        for pts in 0..1000 {
            delivery.deliver(frame(pts));
        }
        assert_eq!(events.try_iter().count(), EVENTS);
        delivery.deliver(frame(1000));
        assert!(matches!(events.try_recv(), Ok(InputEvent::Gap)));
        assert!(matches!(events.try_recv(), Ok(InputEvent::Frame(_))));
    }
}
