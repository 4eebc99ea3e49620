//! Paced replay of cached packets, until the live packets are reached.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use codec_core::codec::Bitrate;

use super::CacheEntry;
use crate::room::output::ticks;
use crate::room::packet::MediaPacket;
use crate::sequence::distance_32;

/// Limits of the packets that wait: live packets that arrive faster than the replay sends end it.
const MAX_BYTES: usize = 2 << 20;
const MAX_PACKETS: usize = 8192;
/// Arrival times vary by up to this.
const JITTER: Duration = Duration::from_millis(100);
/// Unused pacing time that accumulates.
const BURST: Duration = Duration::from_millis(5);
/// Slowest replay.
const MIN_RATE: Bitrate = Bitrate(100_000);
/// A replay is faster than the live packets that arrive meanwhile by this share, in percent: otherwise it would
/// never reach them.
const LIVE_EXCESS: u64 = 50;
/// Shortest time over which the rate of the live packets is measured.
const MEASURED: Duration = Duration::from_millis(200);

/// Pacing of a [`Replay`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayConfig {
    /// Rate of the replay: 3 to 5 times the rate of the layer; at least 100 kb/s. If the wanted live packets need more
    /// than two thirds of it, the replay is faster.
    pub rate: Bitrate,
    /// Longest time into the past that the timestamps of replayed frames reach; at most 500 ms are
    /// useful, because frames in the past are shown at once.
    pub max_past: Duration,
    /// RTP clock rate in Hz.
    pub clock_hz: u32,
}

/// Next output of a replay.
#[derive(Clone, Debug)]
pub enum Replayed {
    /// A packet, with its timestamp in the clock of the source.
    Packet(Arc<MediaPacket>, u32),
    /// A packet that is not sent, because its layer is not in the cache: only its numbers are known.
    Skipped(Arc<MediaPacket>),
}

/// Sends cached packets to one viewer, then the live packets that arrived in the meantime.
///
/// The timestamps of the cached frames are squeezed: they ascend, end at the time of the join and reach
/// at most [`ReplayConfig::max_past`] back, however old the key frame is. Live packets keep theirs.
#[derive(Clone, Debug)]
pub struct Replay {
    config: ReplayConfig,
    waiting: VecDeque<Replayed>,
    bytes: usize,
    started: Duration,
    /// Bytes of the wanted live packets since the start.
    live_bytes: u64,
    next: Duration,
    source_now: u32,
    has_overflowed: bool,
}

impl Replay {
    /// Starts a replay of cached packets. `entries`: from [`JoinCache::entries`](super::JoinCache).
    #[must_use]
    pub fn new(now: Duration, entries: &VecDeque<CacheEntry>, config: ReplayConfig) -> Self {
        let newest = entries.iter().rev().find(|entry| entry.is_kept());
        let (timestamp, arrived) =
            newest.map_or((0, now), |entry| (entry.packet.timestamp, entry.arrived));
        let age = now.saturating_sub(arrived).saturating_sub(JITTER);
        let source_now = timestamp.wrapping_add(ticks(age, config.clock_hz));
        let mut replay = Self {
            config,
            waiting: VecDeque::new(),
            bytes: 0,
            started: now,
            live_bytes: 0,
            next: now,
            source_now,
            has_overflowed: false,
        };
        replay.fill(entries);
        replay
    }

    /// Timestamp of the source for the time of the join.
    #[must_use]
    pub fn source_now(&self) -> u32 {
        self.source_now
    }

    /// Number of the first packet.
    #[must_use]
    pub fn first_number(&self) -> Option<i64> {
        let (Replayed::Packet(packet, _) | Replayed::Skipped(packet)) = self.waiting.front()?;
        Some(packet.number)
    }

    /// Adds a live packet behind those that wait. `is_wanted`: whether it belongs to the layers that the viewer gets.
    pub fn push(&mut self, packet: &Arc<MediaPacket>, is_wanted: bool) {
        if is_wanted {
            let length = u64::try_from(packet.data.len()).unwrap_or(u64::MAX);
            self.live_bytes = self.live_bytes.saturating_add(length);
        }
        if self.bytes > MAX_BYTES || self.waiting.len() >= MAX_PACKETS {
            self.has_overflowed = true;
            self.waiting.clear();
            self.bytes = 0;
        }
        if !self.has_overflowed {
            self.bytes = self.bytes.saturating_add(packet.data.len());
            self.waiting.push_back(Replayed::Packet(Arc::clone(packet), packet.timestamp));
        }
    }

    /// Whether live packets came faster than they were sent. The viewer then needs a key frame.
    #[must_use]
    pub fn has_overflowed(&self) -> bool {
        self.has_overflowed
    }

    /// Whether all packets were sent: the viewer gets live packets directly from now on.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Time of the next packet.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        (!self.is_done()).then_some(self.next)
    }

    /// Returns the next packet that is due. The packets that a viewer does not get cost no time.
    pub fn poll(&mut self, now: Duration) -> Option<Replayed> {
        if now < self.next {
            return None;
        }
        let next = self.waiting.pop_front()?;
        if let Replayed::Packet(packet, _) = &next {
            self.bytes = self.bytes.saturating_sub(packet.data.len());
        }
        Some(next)
    }

    /// Charges the bytes of a packet that was sent to the rate.
    pub fn sent(&mut self, now: Duration, bytes: usize) {
        let rate = self.config.rate.max(MIN_RATE).0.max(self.catching_up(now));
        let bits = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(8);
        let nanos = bits.saturating_mul(1_000_000_000) / rate;
        let start = self.next.max(now.saturating_sub(BURST));
        self.next = start.saturating_add(Duration::from_nanos(nanos));
    }

    /// The rate in bits per second that reaches the live packets at their rate so far.
    fn catching_up(&self, now: Duration) -> u64 {
        let elapsed = now.saturating_sub(self.started).max(MEASURED).as_millis();
        let elapsed = u64::try_from(elapsed).unwrap_or(u64::MAX);
        let live = self.live_bytes.saturating_mul(8000) / elapsed;
        live.saturating_add(live / 100 * LIVE_EXCESS)
    }

    /// Queues the cached packets with squeezed timestamps.
    fn fill(&mut self, entries: &VecDeque<CacheEntry>) {
        let steps = self.steps(entries);
        let mut frames = steps.iter().peekable();
        let span: u32 = steps.iter().fold(0, |sum, (_, step)| sum.wrapping_add(*step));
        let mut timestamp = self.source_now.wrapping_sub(span);
        for entry in entries {
            let packet = &entry.packet;
            if !entry.is_kept() {
                self.waiting.push_back(Replayed::Skipped(Arc::clone(packet)));
                continue;
            }
            if let Some((_, step)) = frames.next_if(|(frame, _)| *frame == packet.timestamp) {
                timestamp = timestamp.wrapping_add(*step);
            }
            self.bytes = self.bytes.saturating_add(packet.data.len());
            self.waiting.push_back(Replayed::Packet(Arc::clone(packet), timestamp));
        }
    }

    /// Timestamps of the cached frames, each with the squeezed distance from the frame before it.
    fn steps(&self, entries: &VecDeque<CacheEntry>) -> Vec<(u32, u32)> {
        let mut steps: Vec<(u32, u32)> = Vec::new();
        for packet in entries.iter().filter(|it| it.is_kept()).map(|it| &it.packet) {
            let last = steps.last().map(|(timestamp, _)| *timestamp);
            let ahead = last.map_or(1, |last| distance_32(last, packet.timestamp));
            if let Ok(step @ 1..) = u32::try_from(ahead) {
                let step = if last.is_none() { 0 } else { step };
                steps.push((packet.timestamp, step));
            }
        }
        let past = u64::from(ticks(self.config.max_past, self.config.clock_hz)).max(1);
        // Pauses of a static source count no more than usual distances.
        let longest = u64::from(self.config.clock_hz / 5).max(1);
        let span: u64 = steps.iter().map(|(_, step)| u64::from(*step).min(longest)).sum();
        for (_, step) in steps.iter_mut().skip(1) {
            let capped = u64::from(*step).min(longest);
            let squeezed = if span > past { capped * past / span } else { capped };
            *step = u32::try_from(squeezed).unwrap_or(0).max(1);
        }
        steps
    }
}
