//! Stores the last key frame of an encoding and the packets since, for viewers that join later.
//!
//! A viewer that joins gets the key frame and the frames that build on it at once, and needs no new key
//! frame. Only the lowest temporal layer is kept. [`Replay`] sends the packets faster than real time
//! and then continues with live packets.
//!
//! The cache cannot be used (a miss) if the frames since the key frame last more than 2 s or exceed
//! 512 KiB, or if a packet since the key frame is missing. Each frame counts as at most 200 ms, so that
//! the cache of a static screen share, with an old key frame and few changes, stays usable.
//!
//! Call order: [`JoinCache::push`] for every packet of the encoding; at a join, [`JoinCache::entries`]
//! and [`Replay::new`]; then [`Replay::push`] for every live packet and [`Replay::poll`] at
//! [`Replay::poll_timeout`] until [`Replay::is_done`].

mod replay;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::packet::MediaPacket;
pub use replay::{Replay, ReplayConfig, Replayed};

/// Maximum number of packets that are remembered, including packets of dropped layers.
const MAX_ENTRIES: usize = 4096;
/// A missing packet may still arrive by retransmission for this time.
const REPAIR_TIME: Duration = Duration::from_millis(300);

/// Limits of a [`JoinCache`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoinCacheConfig {
    /// Longest duration of the frames since the key frame; default 2 s.
    pub max_duration: Duration,
    /// Longest duration that a single frame counts with; default 200 ms.
    pub max_frame_duration: Duration,
    /// Largest size of the packets; default 512 KiB.
    pub max_bytes: usize,
}

impl Default for JoinCacheConfig {
    fn default() -> Self {
        Self {
            max_duration: Duration::from_secs(2),
            max_frame_duration: Duration::from_millis(200),
            max_bytes: 512 << 10,
        }
    }
}

/// Why a viewer cannot start from the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheMiss {
    /// No key frame has arrived.
    NoKeyFrame,
    /// The frames since the key frame are longer than the limit.
    TooLong,
    /// The packets since the key frame are larger than the limit.
    TooLarge,
    /// A packet since the key frame is missing.
    Incomplete,
}

/// A packet of the cache.
#[derive(Clone, Debug)]
pub struct CacheEntry {
    /// Time of arrival.
    pub arrived: Duration,
    /// The packet, without its bytes if it belongs to an upper temporal layer.
    pub packet: Arc<MediaPacket>,
}

impl CacheEntry {
    /// Whether the packet has its bytes.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.packet.frame.temporal_id == 0
    }
}

/// The last key frame of an encoding, and the frames of the lowest temporal layer since.
#[derive(Clone, Debug)]
pub struct JoinCache {
    config: JoinCacheConfig,
    entries: VecDeque<CacheEntry>,
    miss: Option<CacheMiss>,
    bytes: usize,
    duration: Duration,
    /// Newest frame that was counted, and its time.
    newest: Option<(u32, Duration)>,
}

impl JoinCache {
    /// Creates an empty cache.
    #[must_use]
    pub fn new(config: JoinCacheConfig) -> Self {
        Self {
            config,
            entries: VecDeque::new(),
            miss: Some(CacheMiss::NoKeyFrame),
            bytes: 0,
            duration: Duration::ZERO,
            newest: None,
        }
    }

    /// Records a packet of the encoding.
    pub fn push(&mut self, now: Duration, packet: &Arc<MediaPacket>) {
        let first = self.entries.front().map(|entry| entry.packet.number);
        if packet.frame.starts_key_frame() && first.is_none_or(|first| packet.number > first) {
            self.restart(packet.number);
        } else if self.miss.is_some() || first.is_none_or(|first| packet.number <= first) {
            return;
        }
        let is_base = packet.frame.temporal_id == 0;
        let packet = if is_base { Arc::clone(packet) } else { Arc::new(without_bytes(packet)) };
        let place = self.entries.partition_point(|it| it.packet.number < packet.number);
        if self.entries.get(place).is_some_and(|it| it.packet.number == packet.number) {
            return;
        }
        if is_base {
            self.count(now, &packet);
        }
        self.entries.insert(place, CacheEntry { arrived: now, packet });
        if self.duration > self.config.max_duration {
            self.clear(Some(CacheMiss::TooLong));
        } else if self.bytes > self.config.max_bytes || self.entries.len() > MAX_ENTRIES {
            self.clear(Some(CacheMiss::TooLarge));
        }
    }

    /// The packets in order of their numbers, starting with the first packet of the key frame.
    ///
    /// # Errors
    /// Returns the reason if decoding cannot start from the cache.
    pub fn entries(&self, now: Duration) -> Result<&VecDeque<CacheEntry>, CacheMiss> {
        if let Some(miss) = self.miss {
            return Err(miss);
        }
        let pairs = self.entries.iter().zip(self.entries.iter().skip(1));
        let mut gaps = pairs.filter(|(one, other)| other.packet.number != one.packet.number + 1);
        let is_lost = |arrived: Duration| now.saturating_sub(arrived) > REPAIR_TIME;
        if gaps.any(|(_, after)| is_lost(after.arrived)) {
            return Err(CacheMiss::Incomplete);
        }
        Ok(&self.entries)
    }

    /// Size of the packets in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Starts with a key frame. Packets of the key frame that arrived before its first packet are kept.
    fn restart(&mut self, number: i64) {
        let place = self.entries.partition_point(|it| it.packet.number < number);
        let later = self.entries.split_off(place);
        self.clear(None);
        self.bytes = later.iter().map(|entry| entry.packet.data.len()).sum();
        self.entries = later;
    }

    fn clear(&mut self, miss: Option<CacheMiss>) {
        self.entries.clear();
        self.miss = miss;
        self.bytes = 0;
        self.duration = Duration::ZERO;
        self.newest = None;
    }

    fn count(&mut self, now: Duration, packet: &MediaPacket) {
        self.bytes = self.bytes.saturating_add(packet.data.len());
        let (timestamp, at) = *self.newest.get_or_insert((packet.timestamp, now));
        if timestamp != packet.timestamp {
            let since = now.saturating_sub(at);
            self.duration += since.min(self.config.max_frame_duration);
            self.newest = Some((packet.timestamp, now));
        }
    }
}

/// Returns the packet without its bytes.
fn without_bytes(packet: &MediaPacket) -> MediaPacket {
    MediaPacket { data: Arc::default(), ..*packet }
}
