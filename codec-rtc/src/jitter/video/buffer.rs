//! The frame buffer: selects the next frame to decode and determines its render time.

use std::time::Duration;

use super::FrameBufferConfig;
use super::assembly::{Assembly, PacketCounters, Partial, Pushed, Unusable};
use super::decodability::{Decodability, Head, Tracker};
use super::delay::PlayoutDelayEstimator;
use super::frame::{DroppedFrames, Frame, LostFrame, PacketInfo};
use super::layers::ALL_LAYERS;
use super::stall::{RecoveryOptions, Stall};
use super::stats::{Open, StatsTracker, VideoStats};
use crate::extension::PlayoutDelay;
use crate::packet::h264::ParameterSets;
use crate::packet::vp8::Decodable;
use crate::recovery::ReorderingWindow;
use crate::rtp::Malformed;

/// Maximum number of complete frames that wait; the oldest is dropped first.
const MAX_FRAMES: usize = 256;

/// A frame to emit.
struct Emission {
    /// Its first sequence number.
    start: i64,
    /// Whether frames before it are missing.
    gap: bool,
    decodable: Decodable,
    /// Set of layers that can be decoded.
    layers: u8,
    /// Set if packets of its upper layers are missing.
    partial: Option<Partial>,
}

/// Next action.
enum Next {
    Emit(Emission),
    /// Drop it.
    Drop {
        start: i64,
        gap: bool,
        why: Why,
    },
    Wait,
}

impl Next {
    /// Emits a frame whose references are lost.
    fn concealed(start: i64, gap: bool) -> Self {
        let decodable = Decodable::No;
        Self::Emit(Emission { start, gap, decodable, layers: ALL_LAYERS, partial: None })
    }
}

enum Why {
    ReferenceLost,
    NoKeyFrame,
    TooOld,
}

/// Assembles packets into frames and emits them in decoding order.
///
/// A complete frame whose references were emitted is emitted immediately if no earlier frame is missing.
/// If earlier frames are missing that it does not reference, it waits as long as their packets may be
/// reordered rather than lost. If it references missing frames, it waits until these arrive, or is
/// discarded when a later frame is complete that depends on none of the waiting and missing frames.
/// Each frame has a render time.
///
/// The payload format is VP8 (RFC 7741), VP9 (RFC 9628) or H.264 (RFC 6184). A frame of VP9 is a superframe
/// with all spatial layers that were sent; its references are exact if the sender states them or the
/// frame group. If packets of upper layers are missing when the superframe is due, or cannot be recovered,
/// the layers that can be decoded are emitted ([`Frame::lacks_layers`]). H.264 packets have no frame numbers, so
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
    /// How long a decodable frame waits for the frames before it.
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
                Next::Emit(emission) => {
                    if let Some(frame) = self.emit(now, &emission) {
                        return Some(frame);
                    }
                }
            }
        }
    }

    fn choose(&mut self, now: Duration) -> Next {
        self.wait_until = None;
        let Some(next) = self.assembly.next() else { return Next::Wait };
        // Before a later frame is emitted, the layers of this one are.
        let mut partial = None;
        if let Some((until, emission)) = self.choose_partial(next) {
            if until <= now {
                return Next::Emit(emission);
            }
            (self.wait_until, partial) = (Some(until), Some(emission));
        }
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
            let found = self.tracker.classify(&head, gap);
            let (verdict, layers) = (found.lowest, found.layers);
            match verdict {
                Decodability::Now => {
                    let decodable = Decodable::Yes;
                    let seen = seen.filter(|_| gap);
                    let until = match seen.filter(|_| found.may_gain) {
                        Some(seen) => Some(self.wait_for_layers(seen, first.timestamp)),
                        None => self.wait_for_gap(seen, first.timestamp),
                    };
                    if until.is_none_or(|until| until <= now) {
                        let whole = Emission { start, gap, decodable, layers, partial: None };
                        return Next::Emit(partial.unwrap_or(whole));
                    }
                    self.wait_until = until.into_iter().chain(self.wait_until).min();
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
                        return Next::concealed(start, gap);
                    }
                    return Next::Drop { start, gap, why: Why::ReferenceLost };
                }
                Decodability::Never | Decodability::Unknown => {
                    let completed = self.assembly.completed(start).unwrap_or(now);
                    if is_next {
                        // If no packet is missing, the sender cut a frame.
                        let is_cut = gap && seen.is_none();
                        let may_come = verdict == Decodability::Unknown && !is_cut;
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
                            return partial.map_or(Next::concealed(start, gap), Next::Emit);
                        }
                        self.wait_until = Some(self.wait_until.map_or(lost, |at| at.min(lost)));
                    }
                }
            }
        }
        Next::Wait
    }

    /// Returns the first superframe if its upper layers are missing, and until when it waits for them.
    fn choose_partial(&self, next: i64) -> Option<(Duration, Emission)> {
        let partial = self.assembly.partial()?;
        let (first, content) = self.assembly.first_of_partial(&partial)?;
        let head = Head::of(first, content);
        let follows = partial.start == next || self.tracker.missing_before(&head) == Some(0);
        let found = self.tracker.classify(&head, !follows);
        let layers = found.layers & head.layers?.bits();
        if found.lowest != Decodability::Now {
            return None;
        }
        let mut until = partial.seen;
        if !partial.is_cut {
            until = self.wait_for_layers(until, first.timestamp);
        }
        let emission = Emission {
            start: partial.start,
            gap: !follows,
            decodable: Decodable::Yes,
            layers,
            partial: Some(partial),
        };
        Some((until, emission))
    }

    /// Returns until when a superframe waits for its upper layers, or for their references: until it is
    /// due and one retransmission could have arrived, which saves a key frame, or until they count as
    /// lost. `seen`: when the gap became visible.
    fn wait_for_layers(&self, seen: Duration, timestamp: i64) -> Duration {
        let reordering = self.reordering.wait();
        let repaired = seen.saturating_add(self.stall.recovery.deadline(reordering));
        let once = seen.saturating_add(self.stall.recovery.single_retransmission());
        self.delay.due(timestamp).max(once).min(repaired).max(seen.saturating_add(reordering))
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
        self.assembly.take(start, ALL_LAYERS);
        self.tracker.record(&head, gap, 0);
        let counter = match why {
            Why::ReferenceLost => &mut self.dropped.reference_lost,
            Why::NoKeyFrame => &mut self.dropped.no_key_frame,
            Why::TooOld => &mut self.dropped.too_old,
        };
        *counter += 1;
    }

    fn emit(&mut self, now: Duration, emission: &Emission) -> Option<Frame> {
        let Emission { start, gap, decodable, layers, partial } = *emission;
        if let Some(partial) = &partial {
            self.assembly.complete_partial(partial);
        }
        self.pass(start);
        let (first, content) = self.assembly.first_of(start)?;
        let head = Head::of(first, content);
        let mut assembled = match self.assembly.take(start, layers)? {
            Ok(assembled) => assembled,
            Err(why) => {
                self.tracker.record(&head, true, 0);
                match why {
                    Unusable::TooLarge => self.dropped.too_large += 1,
                    Unusable::Malformed => self.dropped.malformed += 1,
                }
                return None;
            }
        };
        self.assembly.contents.emit(head.is_key, &mut assembled.data);
        let is_decodable = decodable == Decodable::Yes;
        let is_cut = head.layers.is_some_and(|all| all.bits() & !layers != 0);
        let lacks_layers = partial.is_some() || is_cut;
        self.tracker.record(&head, gap, if is_decodable { layers } else { 0 });
        if is_decodable {
            self.stall.emitted(now, head.id(), lacks_layers);
            self.dropped.layers += u64::from(lacks_layers);
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
            lacks_layers,
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
