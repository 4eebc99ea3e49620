//! Hits, misses, pacing and timestamps of replays.

use codec_core::codec::Bitrate;

use super::*;
use crate::room::packet::{Fields, FrameInfo};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn packet(number: i64, timestamp: u32, bytes: usize, frame: FrameInfo) -> Arc<MediaPacket> {
    let data = vec![0; bytes].into();
    Arc::new(MediaPacket { data, number, timestamp, frame, fields: Fields::default() })
}

fn single(is_key: bool, temporal_id: u8) -> FrameInfo {
    FrameInfo { starts_frame: true, ends_frame: true, is_key, temporal_id, ..FrameInfo::default() }
}

/// An L1T3 stream of 30 frames per second, one packet of 1000 bytes each, with a key frame first.
fn camera(cache: &mut JoinCache, frames: u32) {
    for frame in 0..frames {
        let temporal_id = [0, 2, 1, 2][frame as usize % 4];
        let packet = packet(frame.into(), frame * 3000, 1000, single(frame == 0, temporal_id));
        cache.push(ms(u64::from(frame) * 100 / 3), &packet);
    }
}

fn config(kbps: u64) -> ReplayConfig {
    ReplayConfig { rate: Bitrate::kbps(kbps), max_past: ms(300), clock_hz: 90_000 }
}

/// Sends the whole replay: times and timestamps of the packets.
fn drain(replay: &mut Replay) -> Vec<(Duration, i64, u32)> {
    let mut sent = Vec::new();
    while let Some(at) = replay.poll_timeout() {
        while let Some(next) = replay.poll(at) {
            if let Replayed::Packet(packet, timestamp) = next {
                replay.sent(at, packet.data.len());
                sent.push((at, packet.number, timestamp));
            }
        }
    }
    sent
}

#[test]
fn the_key_frame_and_its_base_layer_are_replayed_at_the_rate() {
    let mut cache = JoinCache::new(JoinCacheConfig::default());
    assert_eq!(cache.entries(ms(0)).unwrap_err(), CacheMiss::NoKeyFrame);
    camera(&mut cache, 41);
    let now = ms(1340);
    let mut replay = Replay::new(now, cache.entries(now).unwrap(), config(800));
    let sent = drain(&mut replay);
    let numbers: Vec<i64> = sent.iter().map(|it| it.1).collect();
    assert_eq!(numbers, [0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40]);
    // Eleven packets of 10 ms each.
    let last = sent.last().unwrap().0;
    assert!((ms(95)..=ms(100)).contains(&(last - now)), "{last:?}");
}

#[test]
fn timestamps_are_squeezed_into_the_recent_past() {
    let mut cache = JoinCache::new(JoinCacheConfig::default());
    camera(&mut cache, 41);
    let now = ms(1340);
    let mut replay = Replay::new(now, cache.entries(now).unwrap(), config(800));
    let sent = drain(&mut replay);
    assert!(sent.windows(2).all(|pair| pair[1].2 > pair[0].2));
    let (first, last) = (sent[0].2, sent.last().unwrap().2);
    assert!((26_000..=27_000).contains(&(last - first)), "{first} {last}");
    assert_eq!(last, 40 * 3000);
}

#[test]
fn live_packets_follow_without_a_gap() {
    let mut cache = JoinCache::new(JoinCacheConfig::default());
    camera(&mut cache, 9);
    let mut replay = Replay::new(ms(280), cache.entries(ms(280)).unwrap(), config(400));
    for frame in 9..12_u32 {
        replay.push(&packet(frame.into(), frame * 3000, 1000, single(false, 1)), true);
    }
    let sent = drain(&mut replay);
    assert_eq!(sent.iter().map(|it| it.1).collect::<Vec<_>>(), [0, 4, 8, 9, 10, 11]);
    assert_eq!(sent.last().unwrap().2, 33_000);
    assert!(replay.is_done() && !replay.has_overflowed());
}

/// Replays three packets at 100 kb/s while live packets arrive at fifteen times that rate. The viewer gets the first
/// `wanted` of the five packets of each live frame. Returns the times of the three packets, and the number of live
/// packets that the replay has sent when it ends.
fn race(wanted: i64) -> (Vec<Duration>, usize) {
    let mut cache = JoinCache::new(JoinCacheConfig::default());
    camera(&mut cache, 9);
    let start = ms(280);
    let mut replay = Replay::new(start, cache.entries(start).unwrap(), config(100));
    let (mut number, mut cached, mut live) = (9, Vec::new(), 0);
    let mut at = start;
    while !replay.is_done() {
        assert!(at < start + ms(2000), "{number}: {cached:?}, {live} live packets");
        if at.as_millis().is_multiple_of(33) {
            for part in 0..5 {
                let timestamp = u32::try_from(at.as_millis() * 90).unwrap();
                let packet = packet(number, timestamp, 1240, single(false, 0));
                replay.push(&packet, part < wanted);
                number += 1;
            }
        }
        while let Some(next) = replay.poll(at) {
            let Replayed::Packet(packet, _) = next else { continue };
            if packet.number < 9 {
                cached.push(at - start);
            } else if (packet.number - 9) % 5 >= wanted {
                continue;
            } else {
                live += 1;
            }
            replay.sent(at, packet.data.len());
        }
        at += ms(1);
    }
    assert!(!replay.has_overflowed());
    (cached, live)
}

#[test]
fn a_replay_reaches_live_packets_that_are_faster_than_its_rate() {
    // The rate of a layer is unknown at its first packets.
    let (cached, live) = race(5);
    assert_eq!(cached.len(), 3);
    assert!(live > 10, "{live}");
}

#[test]
fn only_the_wanted_live_packets_make_a_replay_faster() {
    let (all, _) = race(5);
    let (one, _) = race(1);
    // 1000 bytes at 100 kb/s take 80 ms.
    assert_eq!(race(0).0, [0, 80, 160].map(ms));
    assert!(all[2] < one[2] && one[2] < ms(160), "{all:?} {one:?}");
}

#[test]
fn a_static_screen_share_with_an_old_key_frame_is_a_hit() {
    let mut cache = JoinCache::new(JoinCacheConfig::default());
    for part in 0..60_i64 {
        let frame = FrameInfo {
            starts_frame: part == 0,
            ends_frame: part == 59,
            is_key: true,
            ..FrameInfo::default()
        };
        cache.push(ms(0), &packet(part, 0, 1200, frame));
    }
    // Three changes within ten minutes.
    for (number, seconds) in [(60, 20_u32), (61, 300), (62, 500)] {
        let packet = packet(number, seconds * 90_000, 300, single(false, 0));
        cache.push(Duration::from_secs(seconds.into()), &packet);
    }
    let now = Duration::from_secs(600);
    let mut replay = Replay::new(now, cache.entries(now).unwrap(), config(4000));
    // The source is at 600 s, less the jitter of arrivals.
    assert_eq!(replay.source_now(), 600 * 90_000 - 9000);
    let sent = drain(&mut replay);
    assert_eq!(sent.len(), 63);
    let span = sent.last().unwrap().2 - sent[0].2;
    assert!(span <= 27_000, "{span} ticks");
    assert!(sent.last().unwrap().0 - now < ms(160), "{:?}", sent.last());
}

#[test]
fn old_large_and_incomplete_groups_are_misses() {
    let mut cache = JoinCache::new(JoinCacheConfig::default());
    camera(&mut cache, 70);
    assert_eq!(cache.entries(ms(2400)).unwrap_err(), CacheMiss::TooLong);
    assert_eq!(cache.bytes(), 0);
    let mut cache = JoinCache::new(JoinCacheConfig::default());
    for number in 0..600 {
        cache.push(
            ms(0),
            &packet(
                number,
                0,
                1000,
                FrameInfo { starts_frame: number == 0, is_key: true, ..FrameInfo::default() },
            ),
        );
    }
    assert_eq!(cache.entries(ms(0)).unwrap_err(), CacheMiss::TooLarge);
    let mut cache = JoinCache::new(JoinCacheConfig::default());
    let push = |cache: &mut JoinCache, at: u64, number: i64| {
        let frame = single(number == 0, 0);
        cache.push(ms(at), &packet(number, u32::try_from(number).unwrap() * 3000, 100, frame));
    };
    push(&mut cache, 0, 0);
    push(&mut cache, 66, 2);
    // The packet may still arrive.
    assert!(cache.entries(ms(100)).is_ok());
    assert_eq!(cache.entries(ms(400)).unwrap_err(), CacheMiss::Incomplete);
    push(&mut cache, 410, 1);
    let numbers = cache.entries(ms(420)).unwrap().iter().map(|it| it.packet.number);
    assert_eq!(numbers.collect::<Vec<_>>(), [0, 1, 2]);
    // A new key frame starts again.
    cache.push(ms(500), &packet(9, 90_000, 100, single(true, 0)));
    assert_eq!(cache.entries(ms(500)).unwrap().len(), 1);
}

#[test]
fn memory_is_bounded_for_hostile_streams() {
    let mut cache = JoinCache::new(JoinCacheConfig::default());
    cache.push(ms(0), &packet(0, 0, 1, single(true, 0)));
    for number in 1..100_000 {
        // Upper layers only, which have no bytes in the cache.
        cache.push(ms(0), &packet(number, 0, 1, single(false, 1)));
    }
    assert!(cache.entries.len() <= MAX_ENTRIES);
    cache.push(ms(0), &packet(200_000, 0, 1000, single(true, 0)));
    let mut replay = Replay::new(ms(0), cache.entries(ms(0)).unwrap(), config(0));
    for number in 0..100_000 {
        replay.push(&packet(200_001 + number, 0, 1000, single(false, 0)), true);
    }
    assert!(replay.has_overflowed() && replay.is_done());
}
