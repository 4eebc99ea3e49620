//! The frame buffer itself: which frame comes out next, and when.

use std::time::Duration;

use super::FrameBufferConfig;
use super::assembly::{Assembly, PacketCounters, Pushed, is_key};
use super::decodability::{Head, Tracker, Verdict};
use super::delay::PlayoutDelayEstimator;
use super::frame::{DroppedFrames, Frame, LostFrame, PacketInfo, PlayoutDelay};
use super::stall::{Repair, Stall};
use super::stats::{Bookkeeping, Open, VideoStats};
use crate::packet::vp8::Decodable;
use crate::recovery::Reordering;
use crate::rtp::Malformed;

/// Most complete frames that wait for others; the oldest is dropped first.
const MAX_FRAMES: usize = 256;

/// What to do next.
enum Next {
    /// Give the frame out that starts there.
    Give {
        start: i64,
        gap: bool,
        decodable: Decodable,
    },
    /// Drop it.
    Drop {
        start: i64,
        gap: bool,
        why: Why,
    },
    Wait,
}

enum Why {
    ReferenceLost,
    NoKeyFrame,
    TooOld,
}

/// Makes frames of packets, in decoding order.
///
/// A frame that is complete and whose references were given out comes out at once when nothing is
/// missing before it. One that can be decoded though frames before it are missing waits as long as
/// they may only have been overtaken. One that refers to what is missing waits until it comes, or
/// until a later frame comes that needs neither. It comes out with the time at which to show it.
///
/// VP8 in RTP is what it reads (RFC 7741). At most 2048 packets and 16 MiB are held, at most 8 MiB
/// for one frame; beyond that everything is thrown away.
#[derive(Debug)]
pub struct FrameBuffer {
    config: FrameBufferConfig,
    assembly: Assembly,
    tracker: Tracker,
    delay: PlayoutDelayEstimator,
    stall: Stall,
    reordering: Reordering,
    books: Bookkeeping,
    dropped: DroppedFrames,
    /// Until when a frame that can be decoded waits for those before it.
    wait_until: Option<Duration>,
    polled: Duration,
    given: u64,
}

impl FrameBuffer {
    /// Before the first packet.
    #[must_use]
    pub fn new(config: FrameBufferConfig) -> Self {
        let (least, most) = config.reordering;
        let mut delay = PlayoutDelayEstimator::new(config.delay);
        delay.set_repair_time(config.repair.once());
        let stall = Stall::new(config.repair);
        Self {
            config,
            assembly: Assembly::default(),
            tracker: Tracker::default(),
            delay,
            stall,
            reordering: Reordering::new(least, most),
            books: Bookkeeping::default(),
            dropped: DroppedFrames::default(),
            wait_until: None,
            polled: Duration::ZERO,
            given: 0,
        }
    }

    /// Takes a media packet that came at `now`, or was made of RTX, RED or FEC then.
    ///
    /// # Errors
    /// [`Malformed`]: it is no RTP packet, or has no VP8 in it; nothing has changed.
    pub fn push(
        &mut self,
        now: Duration,
        bytes: &[u8],
        info: PacketInfo,
    ) -> Result<Pushed, Malformed> {
        let taken = self.assembly.push(now, bytes, info)?;
        self.stall.pushed(now);
        if let Some(frames) = taken.overflowed {
            self.dropped.overflow += frames;
            self.tracker.reset();
            self.stall.demand_key();
        }
        match taken.overtaken_for {
            Some(_) if info.repaired => self.reordering.lost(),
            Some(lateness) => self.reordering.overtaken(lateness),
            None => {}
        }
        Ok(taken.pushed)
    }

    /// The next frame that is to be decoded. To be called until there is none, after packets came
    /// and at [`Self::next_time`].
    pub fn poll(&mut self, now: Duration) -> Option<Frame> {
        self.polled = now;
        while let Some(start) = self.assembly.first_beyond(MAX_FRAMES) {
            self.drop_frame(start, true, &Why::TooOld);
        }
        loop {
            match self.choose(now) {
                Next::Wait => return None,
                Next::Drop { start, gap, why } => self.drop_frame(start, gap, &why),
                Next::Give { start, gap, decodable } => {
                    if let Some(frame) = self.give(now, start, gap, decodable) {
                        return Some(frame);
                    }
                }
            }
        }
    }

    fn choose(&mut self, now: Duration) -> Next {
        self.wait_until = None;
        let Some(next) = self.assembly.next() else { return Next::Wait };
        let reordering = self.reordering.wait();
        let mut is_first = true;
        // What is missing before the first frame is missing before all of them.
        let mut seen = None;
        for (start, first) in self.assembly.complete() {
            let head = Head::of(first);
            let follows =
                is_first && (start == next || self.tracker.missing_before(&head) == Some(0));
            if is_first && !follows {
                seen = self.assembly.gap(start).map(|(_, seen)| seen);
            }
            let is_next = std::mem::replace(&mut is_first, false);
            let gap = !follows;
            let verdict = self.tracker.judge(&head, gap);
            match verdict {
                Verdict::Now => {
                    let decodable = Decodable::Yes;
                    let until = self.wait_for_gap(seen.filter(|_| gap), first.timestamp);
                    if until.is_none_or(|until| until <= now) {
                        return Next::Give { start, gap, decodable };
                    }
                    self.wait_until = until;
                    return Next::Wait;
                }
                Verdict::Never if follows => {
                    let since = self.assembly.completed(start).unwrap_or(now);
                    self.stall.blocked(since, false, head.id());
                    if !self.tracker.has_key() {
                        self.stall.demand_key();
                        return Next::Drop { start, gap, why: Why::NoKeyFrame };
                    }
                    if self.config.conceal {
                        return Next::Give { start, gap, decodable: Decodable::No };
                    }
                    return Next::Drop { start, gap, why: Why::ReferenceLost };
                }
                Verdict::Never | Verdict::Perhaps => {
                    let completed = self.assembly.completed(start).unwrap_or(now);
                    if is_next {
                        let may_come = verdict == Verdict::Perhaps;
                        let lost = self.tracker.first_lost(&head);
                        self.stall.blocked(seen.unwrap_or(completed), may_come, lost);
                    }
                    if completed.saturating_add(self.config.max_age) <= now {
                        return Next::Drop { start, gap, why: Why::TooOld };
                    }
                    let lost = self.stall.lost_at(reordering).is_some_and(|at| at <= now);
                    if self.config.conceal && lost && self.tracker.has_key() {
                        return Next::Give { start, gap, decodable: Decodable::No };
                    }
                }
            }
        }
        Next::Wait
    }

    /// Until when a frame that can be decoded waits for those that are missing before it.
    /// `seen`: when it was seen that they are.
    fn wait_for_gap(&self, seen: Option<Duration>, timestamp: i64) -> Option<Duration> {
        let seen = seen.filter(|_| self.tracker.has_key())?;
        let reordering = self.reordering.wait();
        let overtaken = seen.saturating_add(reordering);
        if !self.config.waits_to_show_all {
            return Some(overtaken);
        }
        let repaired = seen.saturating_add(self.stall.repair.time(reordering));
        Some(self.delay.due(timestamp).min(repaired).max(overtaken))
    }

    /// Passes over what is before a frame.
    fn pass(&mut self, start: i64) {
        let (complete, incomplete) = self.assembly.pass(start);
        self.dropped.overtaken += complete;
        self.dropped.incomplete += incomplete;
    }

    fn drop_frame(&mut self, start: i64, gap: bool, why: &Why) {
        self.pass(start);
        let Some(Ok(assembled)) = self.assembly.take(start) else { return };
        let head = Head { is_key: is_key(&assembled.data), ..Head::of(&assembled.first) };
        self.tracker.follow(&head, gap, false);
        let counter = match why {
            Why::ReferenceLost => &mut self.dropped.reference_lost,
            Why::NoKeyFrame => &mut self.dropped.no_key_frame,
            Why::TooOld => &mut self.dropped.too_old,
        };
        *counter += 1;
    }

    fn give(
        &mut self,
        now: Duration,
        start: i64,
        gap: bool,
        decodable: Decodable,
    ) -> Option<Frame> {
        self.pass(start);
        let Ok(assembled) = self.assembly.take(start)? else {
            self.dropped.too_large += 1;
            return None;
        };
        let head = Head { is_key: is_key(&assembled.data), ..Head::of(&assembled.first) };
        self.tracker.follow(&head, gap, decodable == Decodable::Yes);
        if decodable == Decodable::Yes {
            self.stall.given(now, head.id());
        }
        if let Some(bounds) = assembled.first.info.playout_delay {
            self.delay.set_bounds(bounds);
        }
        let ticks = assembled.first.timestamp;
        self.delay.arrived(assembled.arrived.1, ticks, assembled.repaired > 0);
        let render_at = self.delay.render_at(now, ticks);
        let frame = Frame {
            number: self.given,
            data: assembled.data,
            id: head.id(),
            media_ticks: ticks,
            is_key: head.is_key,
            temporal_id: head.temporal_id(),
            descriptor: head.descriptor,
            decodable,
            captured: assembled.captured,
            arrived: assembled.arrived,
            packets: assembled.packets,
            repaired_packets: assembled.repaired,
            render_at,
        };
        self.given += 1;
        self.books.given(now, &frame, self.delay.target());
        Some(frame)
    }

    /// The decoder is done with a frame; it took so long.
    pub fn decoded(&mut self, now: Duration, number: u64, took: Duration) {
        if let Some(open) = self.books.close(number) {
            self.books.decoded(now, open, took);
            self.delay.decoded(took);
        }
    }

    /// The decoder refused a frame: what refers to it does not come out.
    pub fn failed(&mut self, now: Duration, number: u64) {
        if let Some(Open { id, .. }) = self.books.close(number) {
            self.tracker.failed(id);
            self.stall.failed(now, id);
        }
    }

    /// What came out last did not go to the decoder, as it was no frame of the sender: the stream
    /// goes on as if it had been lost.
    pub fn refused(&mut self, now: Duration, number: u64) {
        if let Some(Open { id, .. }) = self.books.close(number) {
            self.tracker.refused(id);
            self.stall.failed(now, id);
        }
    }

    /// A picture came up on the screen.
    pub fn rendered(&mut self, at: Duration) {
        self.books.rendered(at);
    }

    /// What could repair missing packets from now on.
    pub fn set_repair(&mut self, repair: Repair) {
        self.stall.repair = repair;
        self.delay.set_repair_time(repair.once());
    }

    /// Bounds of the playout delay from now on, for example to wait for the sound.
    pub fn set_delay_bounds(&mut self, bounds: PlayoutDelay) {
        self.delay.set_bounds(bounds);
    }

    /// The playout delay that is aimed at, on top of the fastest frame's way.
    #[must_use]
    pub fn target_delay(&self) -> Duration {
        self.delay.target()
    }

    /// How long packets are taken to be overtaken only.
    #[must_use]
    pub fn reordering(&self) -> Duration {
        self.reordering.wait()
    }

    /// Whether a key frame is to be asked for (PLI): at once if a frame came that needs one that
    /// never came, or the decoder failed; after 200 ms without a decodable frame where repair cannot
    /// help, after 400 ms or twice the time of a repair where it might; after 3 s without any. To be asked after [`Self::poll`] gave `None`.
    #[must_use]
    pub fn needs_key(&self, now: Duration) -> bool {
        self.stall.needs_key(now, self.reordering.wait())
    }

    /// A frame that is lost for good, once at once and then at intervals while nothing comes that
    /// can be decoded: the sender may refer to the last decoded one. To be asked after
    /// [`Self::poll`] gave `None`.
    pub fn wanted_feedback(&mut self, now: Duration) -> Option<LostFrame> {
        self.stall.report(now, self.reordering.wait())
    }

    /// When [`Self::poll`], [`Self::needs_key`] and [`Self::wanted_feedback`] are worth calling
    /// again, if no packet comes.
    #[must_use]
    pub fn next_time(&self) -> Option<Duration> {
        let stall = self.stall.next_time(self.polled, self.reordering.wait());
        self.wait_until.into_iter().chain(stall).min()
    }

    /// The sequence number that is waited for: nothing before it is wanted any more.
    #[must_use]
    pub fn next_sequence(&self) -> Option<u16> {
        self.assembly.next_sequence()
    }

    /// Packets that wait.
    #[must_use]
    pub fn held(&self) -> usize {
        self.assembly.held()
    }

    /// Statistics of frames.
    #[must_use]
    pub fn stats(&self) -> VideoStats {
        let mut stats = self.books.stats;
        let dropped = self.dropped.total();
        stats.frames_dropped = dropped;
        stats.frames_received += dropped;
        stats
    }

    /// Why frames did not come out.
    #[must_use]
    pub fn dropped(&self) -> DroppedFrames {
        self.dropped
    }

    /// What became of packets.
    #[must_use]
    pub fn packets(&self) -> PacketCounters {
        self.assembly.counters
    }
}
