//! The frame buffer: selects the next frame to decode and its time.

use std::time::Duration;

use super::FrameBufferConfig;
use super::assembly::{Assembly, PacketCounters, Pushed, Unusable};
use super::decodability::{Decodability, Head, Tracker};
use super::delay::PlayoutDelayEstimator;
use super::frame::{DroppedFrames, Frame, LostFrame, PacketInfo};
use super::stall::{RecoveryOptions, Stall};
use super::stats::{Open, StatsTracker, VideoStats};
use crate::extension::PlayoutDelay;
use crate::packet::h264::ParameterSets;
use crate::packet::vp8::Decodable;
use crate::recovery::ReorderingWindow;
use crate::rtp::Malformed;

/// Maximum number of complete frames that wait; the oldest is dropped first.
const MAX_FRAMES: usize = 256;

/// Next action.
enum Next {
    /// Emit the frame starting at `start`.
    Emit {
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

/// Assembles packets into frames and emits them in decoding order.
///
/// A complete frame whose references were emitted is emitted immediately if nothing is missing
/// before it. If frames that it does not reference are missing, it waits while these may be
/// reordered rather than lost. If it references missing frames, it waits until they arrive or until
/// a later frame is complete that references neither them nor it. Each frame has a render time.
///
/// The payload format is VP8 (RFC 7741), VP9 (RFC 9628) or H.264 (RFC 6184). A frame of VP9 is a superframe
/// with all spatial layers that were sent; its references are exact if the sender states them or the
/// frame group. H.264 packets have no frame numbers, so
/// that every gap may be a lost reference; its key frames are IDR pictures whose parameter sets are
/// known. The buffer holds at most 2048 packets and 16 MiB, and at
/// most 8 MiB per frame; it is cleared on overflow.
#[derive(Debug)]
pub struct FrameBuffer {
    config: FrameBufferConfig,
    assembly: Assembly,
    tracker: Tracker,
    delay: PlayoutDelayEstimator,
    stall: Stall,
    reordering: ReorderingWindow,
    stats: StatsTracker,
    dropped: DroppedFrames,
    /// How long a decodable frame waits for those before it.
    wait_until: Option<Duration>,
    polled: Duration,
    emitted: u64,
}

impl FrameBuffer {
    /// Creates an empty buffer.
    #[must_use]
    pub fn new(config: FrameBufferConfig) -> Self {
        let (least, most) = config.reordering;
        let mut delay = PlayoutDelayEstimator::new(config.delay);
        delay.set_recovery_time(config.recovery.single_retransmission());
        let stall = Stall::new(config.recovery);
        Self {
            config,
            assembly: Assembly::new(config.format),
            tracker: Tracker::default(),
            delay,
            stall,
            reordering: ReorderingWindow::new(least, most),
            stats: StatsTracker::default(),
            dropped: DroppedFrames::default(),
            wait_until: None,
            polled: Duration::ZERO,
            emitted: 0,
        }
    }

    /// Sets parameter sets from signalling, before the first packet (H.264).
    pub fn set_parameter_sets(&mut self, sets: &ParameterSets) {
        self.assembly.contents.set_parameters(sets);
    }

    /// Adds a media packet that arrived at `now`, directly or recovered by RTX, RED or FEC.
    ///
    /// # Errors
    /// Returns [`Malformed`] and changes nothing if it is not an RTP packet with a payload of the
    /// configured format.
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
            self.stall.require_key_frame();
        }
        match taken.reordered_by {
            Some(_) if info.recovered => self.reordering.lost(),
            Some(lateness) => self.reordering.reordered(lateness),
            None => {}
        }
        Ok(taken.pushed)
    }

    /// Returns the next frame to decode. Call it until it returns `None`, after each packet and at
    /// [`Self::poll_timeout`].
    pub fn poll_frame(&mut self, now: Duration) -> Option<Frame> {
        self.polled = now;
        while let Some(start) = self.assembly.first_beyond(MAX_FRAMES) {
            self.drop_frame(start, true, &Why::TooOld);
        }
        loop {
            match self.choose(now) {
                Next::Wait => return None,
                Next::Drop { start, gap, why } => self.drop_frame(start, gap, &why),
                Next::Emit { start, gap, decodable } => {
                    if let Some(frame) = self.emit(now, start, gap, decodable) {
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
        // The gap before the first complete frame is also before all others.
        let mut seen = None;
        for (start, first, content) in self.assembly.complete() {
            let head = Head::of(first, content);
            let follows =
                is_first && (start == next || self.tracker.missing_before(&head) == Some(0));
            if is_first && !follows {
                seen = self.assembly.gap(start).map(|(_, seen)| seen);
            }
            let is_next = std::mem::replace(&mut is_first, false);
            let gap = !follows;
            let verdict = self.tracker.classify(&head, gap);
            match verdict {
                Decodability::Now => {
                    let decodable = Decodable::Yes;
                    let until = self.wait_for_gap(seen.filter(|_| gap), first.timestamp);
                    if until.is_none_or(|until| until <= now) {
                        return Next::Emit { start, gap, decodable };
                    }
                    self.wait_until = until;
                    return Next::Wait;
                }
                Decodability::Never if follows => {
                    let since = self.assembly.completed(start).unwrap_or(now);
                    self.stall.blocked(since, false, head.id());
                    if !self.tracker.has_key() {
                        self.stall.require_key_frame();
                        return Next::Drop { start, gap, why: Why::NoKeyFrame };
                    }
                    if self.config.conceal {
                        return Next::Emit { start, gap, decodable: Decodable::No };
                    }
                    return Next::Drop { start, gap, why: Why::ReferenceLost };
                }
                Decodability::Never | Decodability::Unknown => {
                    let completed = self.assembly.completed(start).unwrap_or(now);
                    if is_next {
                        let may_come = verdict == Decodability::Unknown;
                        let lost = self.tracker.first_lost(&head);
                        self.stall.blocked(seen.unwrap_or(completed), may_come, lost);
                    }
                    if completed.saturating_add(self.config.max_age) <= now {
                        return Next::Drop { start, gap, why: Why::TooOld };
                    }
                    if self.config.conceal && self.tracker.has_key() {
                        // Each gap is waited for, because it may hold a key frame.
                        let lost = seen.unwrap_or(completed);
                        let lost = lost.saturating_add(self.stall.recovery.deadline(reordering));
                        if lost <= now {
                            return Next::Emit { start, gap, decodable: Decodable::No };
                        }
                        self.wait_until = Some(self.wait_until.map_or(lost, |at| at.min(lost)));
                    }
                }
            }
        }
        Next::Wait
    }

    /// Returns until when a decodable frame waits for missing ones before it. `seen`: when the gap
    /// became visible.
    fn wait_for_gap(&self, seen: Option<Duration>, timestamp: i64) -> Option<Duration> {
        let seen = seen.filter(|_| self.tracker.has_key())?;
        let reordering = self.reordering.wait();
        let overtaken = seen.saturating_add(reordering);
        if !self.config.wait_for_all_frames {
            return Some(overtaken);
        }
        let repaired = seen.saturating_add(self.stall.recovery.deadline(reordering));
        Some(self.delay.due(timestamp).min(repaired).max(overtaken))
    }

    /// Skips everything before a frame.
    fn pass(&mut self, start: i64) {
        let (complete, incomplete) = self.assembly.pass(start);
        self.dropped.skipped += complete;
        self.dropped.incomplete += incomplete;
    }

    fn drop_frame(&mut self, start: i64, gap: bool, why: &Why) {
        self.pass(start);
        let Some((first, content)) = self.assembly.first_of(start) else { return };
        let head = Head::of(first, content);
        self.assembly.take(start);
        self.tracker.record(&head, gap, false);
        let counter = match why {
            Why::ReferenceLost => &mut self.dropped.reference_lost,
            Why::NoKeyFrame => &mut self.dropped.no_key_frame,
            Why::TooOld => &mut self.dropped.too_old,
        };
        *counter += 1;
    }

    fn emit(
        &mut self,
        now: Duration,
        start: i64,
        gap: bool,
        decodable: Decodable,
    ) -> Option<Frame> {
        self.pass(start);
        let (first, content) = self.assembly.first_of(start)?;
        let head = Head::of(first, content);
        let mut assembled = match self.assembly.take(start)? {
            Ok(assembled) => assembled,
            Err(why) => {
                self.tracker.record(&head, true, false);
                match why {
                    Unusable::TooLarge => self.dropped.too_large += 1,
                    Unusable::Malformed => self.dropped.malformed += 1,
                }
                return None;
            }
        };
        self.assembly.contents.emit(head.is_key, &mut assembled.data);
        self.tracker.record(&head, gap, decodable == Decodable::Yes);
        if decodable == Decodable::Yes {
            self.stall.emitted(now, head.id());
        }
        if let Some(bounds) = assembled.first.info.playout_delay {
            self.delay.set_bounds(bounds);
        }
        let ticks = assembled.first.timestamp;
        self.delay.arrived(assembled.arrived.1, ticks, assembled.recovered > 0);
        let render_at = self.delay.render_at(now, ticks);
        let frame = Frame {
            number: self.emitted,
            data: assembled.data,
            layers: assembled.layers,
            references: head.references,
            id: head.id(),
            media_ticks: ticks,
            is_key: head.is_key,
            temporal_id: head.temporal_id(),
            descriptor: head.descriptor,
            decodable,
            captured: assembled.captured,
            arrived: assembled.arrived,
            packets: assembled.packets,
            recovered_packets: assembled.recovered,
            render_at,
        };
        self.emitted += 1;
        self.stats.emitted(now, &frame, self.delay.target());
        Some(frame)
    }

    /// Reports that a frame was decoded, which took `took`.
    pub fn decoded(&mut self, now: Duration, number: u64, took: Duration) {
        if let Some(open) = self.stats.close(number) {
            self.stats.decoded(now, open, took);
            self.delay.decoded(took);
        }
    }

    /// Reports that decoding failed: frames that reference this one are not emitted.
    pub fn failed(&mut self, now: Duration, number: u64) {
        if let Some(Open { id, .. }) = self.stats.close(number) {
            self.tracker.failed(id);
            self.stall.failed(now, id);
        }
    }

    /// Reports that the last emitted frame was not decoded because it failed authentication: the
    /// stream continues as if the frame had been lost.
    pub fn undecryptable(&mut self, now: Duration, number: u64) {
        if let Some(Open { id, .. }) = self.stats.close(number) {
            self.tracker.undecryptable(id);
            self.stall.failed(now, id);
        }
    }

    /// Reports that a frame was rendered.
    pub fn rendered(&mut self, at: Duration) {
        self.stats.rendered(at);
    }

    /// Sets which recovery mechanisms are available.
    pub fn set_recovery(&mut self, recovery: RecoveryOptions) {
        self.stall.recovery = recovery;
        self.delay.set_recovery_time(recovery.single_retransmission());
    }

    /// Sets the bounds of the playout delay, for example for lip sync.
    pub fn set_delay_bounds(&mut self, bounds: PlayoutDelay) {
        self.delay.set_bounds(bounds);
    }

    /// Target playout delay relative to the fastest frame.
    #[must_use]
    pub fn target_delay(&self) -> Duration {
        self.delay.target()
    }

    /// Current reordering window: how long a missing packet is considered reordered.
    #[must_use]
    pub fn reordering(&self) -> Duration {
        self.reordering.wait()
    }

    /// Whether to request a key frame (PLI): at once if a received frame needs a key frame that
    /// never arrived, or decoding failed; after 200 ms without a decodable frame if recovery is
    /// impossible; after 400 ms or twice the recovery time if it is possible; after 3 s without any
    /// frame. Call it after [`Self::poll_frame`] returned `None`.
    #[must_use]
    pub fn needs_key_frame(&self, now: Duration) -> bool {
        self.stall.needs_key_frame(now, self.reordering.wait())
    }

    /// Returns a frame that is permanently lost, once immediately and then at intervals while
    /// nothing decodable arrives, so that the sender can reference the last decoded one. Call it
    /// after [`Self::poll_frame`] returned `None`.
    pub fn poll_lost_frame(&mut self, now: Duration) -> Option<LostFrame> {
        self.stall.report(now, self.reordering.wait())
    }

    /// Deadline of the next call of [`Self::poll_frame`], [`Self::needs_key_frame`] and
    /// [`Self::poll_lost_frame`] if no packet arrives.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        let stall = self.stall.poll_timeout(self.polled, self.reordering.wait());
        self.wait_until.into_iter().chain(stall).min()
    }

    /// Next expected sequence number; packets before it are no longer needed.
    #[must_use]
    pub fn next_sequence(&self) -> Option<u16> {
        self.assembly.next_sequence()
    }

    /// Number of buffered packets.
    #[must_use]
    pub fn buffered_packets(&self) -> usize {
        self.assembly.buffered_packets()
    }

    /// Frame statistics.
    #[must_use]
    pub fn stats(&self) -> VideoStats {
        let mut stats = self.stats.stats;
        let dropped = self.dropped.total();
        stats.frames_dropped = dropped;
        stats.frames_received += dropped;
        stats
    }

    /// Dropped frames by reason.
    #[must_use]
    pub fn dropped(&self) -> DroppedFrames {
        self.dropped
    }

    /// Packet counters.
    #[must_use]
    pub fn packets(&self) -> PacketCounters {
        self.assembly.counters
    }
}
