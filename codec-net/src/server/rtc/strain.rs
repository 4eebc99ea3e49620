//! Whether a link takes more than it carries.

use std::collections::VecDeque;
use std::time::Duration;

use codec_core::codec::Bitrate;
use codec_webrtc::PathStats;

/// Packets that wait on the way for so long are too many for the link.
const QUEUED: Duration = Duration::from_millis(150);
/// Or for so long: correction would make it worse.
const FILLING: Duration = Duration::from_millis(60);
/// So many are lost where the link has little room for them to wait; chance alone takes fewer.
const LOST: f32 = 0.25;
/// Shares of a new value in those that change soon, and in the round trip without queues, which
/// rises only where the way itself has become longer.
const SOON: u32 = 4;
const LATE: u32 = 512;
/// What the rate that is sent is taken over, and most moments that are kept for it.
const WINDOW: Duration = Duration::from_secs(1);
const MAX_MOMENTS: usize = 32;

/// How a link bears what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    /// Well.
    Carried,
    /// Packets wait or are lost, and the estimate says that it is not for what is sent here.
    Strained,
    /// Packets wait or are lost, for what is sent here as far as is known.
    Exceeded,
}

/// Watches a link.
#[derive(Clone, Debug, Default)]
pub(super) struct Strain {
    /// Round trip lately, and without queues.
    round_trips: Option<(Duration, Duration)>,
    loss: f32,
    /// The other end says what arrives. Before that the estimate is none.
    has_feedback: bool,
    estimate: Option<Bitrate>,
    /// Moments of the last second, and the bytes that had been sent by then.
    sent: VecDeque<(Duration, u64)>,
}

impl Strain {
    /// Figures of the last moment.
    pub(super) fn update(&mut self, path: &PathStats) {
        self.loss += (path.loss_sent.unwrap_or_default() - self.loss) / 4.0;
        self.has_feedback |= path.loss_sent.is_some();
        self.estimate = path.available.filter(|_| self.has_feedback);
        let Some(new) = path.round_trip.or(path.ice_round_trip) else { return };
        let (mut lately, mut least) = self.round_trips.unwrap_or((new, new));
        lately = (lately * (SOON - 1) + new) / SOON;
        least = if new < least { new } else { (least * (LATE - 1) + new) / LATE };
        self.round_trips = Some((lately, least));
    }

    /// So many bytes of media have been sent since the beginning.
    pub(super) fn sent(&mut self, now: Duration, bytes: u64) {
        self.sent.push_back((now, bytes));
        // The first one lies a whole second back, where there is one.
        while self.sent.len() > MAX_MOMENTS
            || self.sent.get(1).is_some_and(|(at, _)| now.saturating_sub(*at) >= WINDOW)
        {
            self.sent.pop_front();
        }
    }

    /// Bits a second of media lately.
    fn sent_rate(&self) -> u64 {
        let (Some((begin, before)), Some((end, after))) = (self.sent.front(), self.sent.back())
        else {
            return 0;
        };
        let millis = u64::try_from(end.saturating_sub(*begin).as_millis()).unwrap_or(u64::MAX);
        after.saturating_sub(*before).saturating_mul(8000) / millis.max(1)
    }

    /// What is lost is not lost for want of room, as far as can be seen: correction helps.
    pub(super) fn has_room(&self) -> bool {
        let waits = |(lately, least): (Duration, Duration)| lately.saturating_sub(least) > FILLING;
        self.loss <= LOST && !self.round_trips.is_some_and(waits)
    }

    /// How it is now.
    pub(super) fn load(&self) -> Load {
        let waits = |(lately, least): (Duration, Duration)| lately.saturating_sub(least) > QUEUED;
        if self.loss <= LOST && !self.round_trips.is_some_and(waits) {
            return Load::Carried;
        }
        // Headers and what is sent again need a part of it.
        let needed = self.sent_rate() / 4 * 5;
        match self.estimate {
            Some(estimate) if estimate.0 > needed => Load::Strained,
            _ => Load::Exceeded,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(loss: f32, millis: u64, kbps: Option<u64>) -> PathStats {
        PathStats {
            loss_sent: Some(loss),
            round_trip: Some(Duration::from_millis(millis)),
            available: kbps.map(Bitrate::kbps),
            ..PathStats::default()
        }
    }

    #[test]
    fn queues_and_much_loss_are_strain_and_chance_is_not() {
        let strained = |loss: f32, trips: &[u64]| {
            let mut strain = Strain::default();
            for &millis in trips {
                strain.update(&path(loss, millis, None));
            }
            strain.load() == Load::Exceeded
        };
        assert!(!strained(0.1, &[50, 60, 90, 55, 130, 60]));
        assert!(!strained(0.0, &[50, 50, 300, 50, 50]), "a single one");
        assert!(strained(0.0, &[50, 100, 200, 300, 340, 340, 340, 340]));
        assert!(strained(0.4, &[50; 8]));
        assert_eq!(Strain::default().load(), Load::Carried);
    }

    #[test]
    fn a_queue_that_grows_leaves_no_room_before_it_is_strain() {
        let mut strain = Strain::default();
        assert!(strain.has_room());
        (0..8).for_each(|_| strain.update(&path(0.1, 50, None)));
        assert!(strain.has_room(), "chance");
        (0..8).for_each(|_| strain.update(&path(0.1, 140, None)));
        assert!(!strain.has_room());
        assert_eq!(strain.load(), Load::Carried);
    }

    #[test]
    fn a_link_that_is_estimated_to_carry_more_is_strained_by_others() {
        let load = |kbps: u64| {
            let mut strain = Strain::default();
            for step in 0..50 {
                // 400 kbit/s.
                strain.sent(Duration::from_millis(200 * step), 10_000 * step);
                strain.update(&path(0.5, 50, Some(kbps)));
            }
            assert_eq!(strain.sent_rate(), 400_000);
            assert!(strain.sent.len() < 8);
            strain.load()
        };
        assert_eq!(load(300), Load::Exceeded);
        assert_eq!(load(450), Load::Exceeded, "headers need some");
        assert_eq!(load(600), Load::Strained);
        // Where nothing is heard of packets, what the estimate begins with is none.
        let mut strain = Strain::default();
        strain.sent(Duration::ZERO, 0);
        for _ in 0..50 {
            strain.update(&PathStats { loss_sent: None, ..path(0.0, 50, Some(2500)) });
        }
        for _ in 0..50 {
            strain.update(&PathStats { loss_sent: None, ..path(0.0, 900, Some(2500)) });
        }
        assert_eq!(strain.load(), Load::Exceeded);
    }
}
