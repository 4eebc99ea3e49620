//! What comes out of RTP on its way to the command: announced first, on one time line.

use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use codec_net::clock::Clock;
use codec_rtc::jitter::video::Frame;

use super::inlet::{Announced, InFrame, InSound, InletEvent, Times};
use super::rtp_sound::{Held, SoundOrder};

/// Events that may wait; from then on frames are left out and a key frame is asked for.
const EVENTS: usize = 256;

/// How long sound that is expected is waited for once pictures come, and the other way round: a
/// sender may need a while for its first picture.
const WAIT_FOR_SOUND: Duration = Duration::from_millis(300);
const WAIT_FOR_PICTURES: Duration = Duration::from_secs(2);

/// Most that counts as waited from one look to the next: what has come meanwhile is read first where
/// the machine stood still.
const MOST_WAITED: Duration = Duration::from_millis(40);

/// Ticks per second of either medium.
const VIDEO_HZ: u32 = 90_000;
const SOUND_HZ: u32 = 48_000;

/// Where media are put on the common time line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Basis {
    /// By when they were captured, where that is told.
    Capture,
    /// By when they came.
    #[cfg(feature = "whip")]
    Arrival,
}

/// Hands over what comes.
pub(super) struct Delivery {
    events: SyncSender<InletEvent>,
    clock: Clock,
    basis: Basis,
    /// Since the first packet: when it was looked at last, and how long was waited.
    waits: Option<(Duration, Duration)>,
    is_announced: bool,
    /// Events that wait for the announcement.
    waiting: Vec<InletEvent>,
    has_gap: bool,
    /// Wall time, NTP, of the first thing that came: both media are counted from there.
    zero: Option<u64>,
    /// Ticks of the first frame and of the first packet of sound, and their place.
    video_zero: Option<(i64, i64)>,
    sound_zero: Option<(i64, i64)>,
}

/// What is still expected.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lacks {
    pub(super) video: bool,
    pub(super) sound: bool,
}

impl Delivery {
    /// With the end at which events come out.
    pub(super) fn new(clock: Clock, basis: Basis) -> (Self, std::sync::mpsc::Receiver<InletEvent>) {
        let (events, receiver) = sync_channel(EVENTS);
        let delivery = Self {
            events,
            clock,
            basis,
            waits: None,
            is_announced: false,
            waiting: Vec::new(),
            has_gap: false,
            zero: None,
            video_zero: None,
            sound_zero: None,
        };
        (delivery, receiver)
    }

    /// A packet of the media came.
    pub(super) fn came(&mut self, now: Duration) {
        self.waits.get_or_insert((now, Duration::ZERO));
    }

    /// Whether it is time for [`Self::announce`]: all is there, or was waited for. `at_last`: there
    /// is nothing to wait for any more.
    pub(super) fn is_due(&mut self, now: Duration, lacks: Lacks, at_last: bool) -> bool {
        let Some((looked, waited)) = self.waits.as_mut().filter(|_| !self.is_announced) else {
            return false;
        };
        *waited += now.saturating_sub(*looked).min(MOST_WAITED);
        *looked = now;
        let waited = *waited;
        let waits =
            lacks.video && waited < WAIT_FOR_PICTURES || lacks.sound && waited < WAIT_FOR_SOUND;
        at_last || !waits
    }

    /// Says what comes, and from whom; then what has waited for it.
    pub(super) fn announce(&mut self, announced: Announced, peer: String) {
        self.is_announced = true;
        self.tell(InletEvent::Begins(Box::new(announced), peer));
        for event in std::mem::take(&mut self.waiting) {
            self.tell(event);
        }
    }

    /// Hands a frame over; `reported`: its time by the sender's reports.
    pub(super) fn frame(&mut self, frame: Frame, reported: Option<u64>) {
        let Frame { captured, arrived: (first, last), media_ticks, .. } = frame;
        let times = Times { captured, reported, arrived: Some(last) };
        let place = match self.video_zero {
            Some(place) => place,
            None => (media_ticks, self.place(captured, first, VIDEO_HZ)),
        };
        self.video_zero = Some(place);
        self.deliver(InletEvent::Frame(InFrame {
            key: frame.is_key,
            shown: frame.data.first().is_none_or(|tag| tag & 0x10 != 0),
            pts: place.1 + media_ticks - place.0,
            times,
            handle: frame.number,
            data: frame.data,
        }));
    }

    /// Hands over sound that need not wait any more.
    pub(super) fn sound(&mut self, order: &mut SoundOrder) {
        for held in order.ready() {
            let event = self.sound_event(held);
            self.deliver(event);
        }
    }

    /// Hands over all sound that is left, and waits for room.
    pub(super) fn rest(&mut self, order: &mut SoundOrder) {
        for held in order.rest() {
            let event = self.sound_event(held);
            self.tell(event);
        }
    }

    fn sound_event(&mut self, held: Held) -> InletEvent {
        let Held { data, ticks, times } = held;
        let place = match self.sound_zero {
            Some(place) => place,
            None => {
                let arrived = times.arrived.unwrap_or_default();
                (ticks, self.place(times.captured, arrived, SOUND_HZ))
            }
        };
        self.sound_zero = Some(place);
        InletEvent::Sound(InSound { data, pts: place.1 + ticks - place.0, times })
    }

    /// Where something lies on the common time line, in ticks of `hz`.
    fn place(&mut self, captured: Option<u64>, arrived: Duration, hz: u32) -> i64 {
        let captured = captured.filter(|_| self.basis == Basis::Capture);
        let wall = captured.unwrap_or_else(|| self.clock.ntp(arrived));
        let zero = *self.zero.get_or_insert(wall);
        let steps = i128::from(wall.wrapping_sub(zero).cast_signed());
        i64::try_from((steps * i128::from(hz)) >> 32).unwrap_or(0)
    }

    /// Hands an event over, after the announcement. A reader that is too slow loses frames.
    fn deliver(&mut self, event: InletEvent) {
        if !self.is_announced {
            if self.waiting.len() < EVENTS {
                self.waiting.push(event);
            }
            return;
        }
        if self.has_gap {
            if self.events.try_send(InletEvent::Gap).is_err() {
                return;
            }
            self.has_gap = false;
        }
        if let Err(TrySendError::Full(InletEvent::Frame(_))) = self.events.try_send(event) {
            self.has_gap = true;
        }
    }

    /// Hands an event over, and waits for room.
    pub(super) fn tell(&self, event: InletEvent) {
        // Where nobody listens the command ends.
        let _ = self.events.send(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery() -> (Delivery, std::sync::mpsc::Receiver<InletEvent>, Clock) {
        let clock = Clock::start();
        let (delivery, events) = Delivery::new(clock, Basis::Capture);
        (delivery, events, clock)
    }

    #[test]
    fn the_time_line_is_that_of_captures() {
        let ms = Duration::from_millis;
        let (mut delivery, _events, clock) = delivery();
        let at = |time: u64| Some(clock.ntp(ms(time)));
        assert_eq!(delivery.place(at(1000), ms(0), 90_000), 0);
        let later = delivery.place(at(1500), ms(0), 48_000);
        assert!((23_999..=24_000).contains(&later), "{later}");
        let earlier = delivery.place(at(500), ms(0), 48_000);
        assert!((-24_000..=-23_999).contains(&earlier), "{earlier}");
        let came = delivery.place(None, ms(2000), 48_000);
        assert!((47_999..=48_000).contains(&came), "{came}");
    }

    #[test]
    fn what_comes_waits_for_the_announcement_and_slow_readers_lose_frames() {
        let (mut delivery, events, _) = delivery();
        let frame = |pts| {
            let (data, times) = (Vec::new(), Times::default());
            InletEvent::Frame(InFrame { data, key: false, shown: true, pts, times, handle: 0 })
        };
        let lacks = Lacks { video: false, sound: true };
        assert!(!delivery.is_due(Duration::ZERO, lacks, true), "nothing came");
        delivery.came(Duration::ZERO);
        // A machine that stood still has not waited.
        for ms in (5000..5260).step_by(40) {
            assert!(!delivery.is_due(Duration::from_millis(ms), lacks, false), "{ms} ms");
        }
        assert!(delivery.is_due(Duration::from_millis(5280), lacks, false));
        delivery.deliver(frame(0));
        assert!(events.try_recv().is_err());
        delivery.announce(Announced::default(), "peer".to_owned());
        assert!(!delivery.is_due(Duration::from_secs(9), lacks, true), "once");
        assert!(matches!(events.try_recv(), Ok(InletEvent::Begins(..))));
        assert!(matches!(events.try_recv(), Ok(InletEvent::Frame(_))));
        for pts in 0..1000 {
            delivery.deliver(frame(pts));
        }
        assert_eq!(events.try_iter().count(), EVENTS);
        delivery.deliver(frame(1000));
        assert!(matches!(events.try_recv(), Ok(InletEvent::Gap)));
        assert!(matches!(events.try_recv(), Ok(InletEvent::Frame(_))));
    }
}
