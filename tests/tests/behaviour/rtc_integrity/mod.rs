//! Frames and packets survive losses unchanged: if packets are lost, duplicated, delayed, recovered by FEC or
//! retransmitted, every frame that comes out equals the frame that was sent, and every recovered packet equals the
//! packet that was sent.

mod rooms;
mod source;
mod viewer;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use codec_rtc::jitter::video::FrameBufferConfig;
use codec_rtc::packet::VideoFormat;
use codec_rtc::rng::Rng;
use codec_tests::rng;

use source::{Habits, SSRC, Source};
use viewer::{Arrival, Link, Network, Viewer};

const FORMATS: [VideoFormat; 3] = [VideoFormat::Vp8, VideoFormat::Vp9, VideoFormat::H264];
const FRAMES: u64 = 80;
const INTERVAL_MS: u64 = 33;

fn habits(format: VideoFormat, rng: &mut Rng) -> Habits {
    let is_numbered = format != VideoFormat::H264;
    Habits {
        format,
        // Without frame numbers, a lost FEC packet looks like a part of a frame.
        fec: is_numbered && rng.below(4) > 0,
        padding: rng.below(2) == 0,
        padding_within: rng.below(3) == 0,
        unsent_percent: if is_numbered && rng.below(4) == 0 { 5 } else { 0 },
        layers: format == VideoFormat::Vp8 && rng.below(2) == 0,
        packets: 7,
    }
}

fn link(rng: &mut Rng) -> Link {
    Link {
        loss_percent: rng.below(20),
        repaired_percent: *rng.pick(&[0, 50, 90, 100]),
        duplicate_percent: rng.below(10),
        jitter_ms: *rng.pick(&[0, 5, 40, 120]),
    }
}

fn config(format: VideoFormat, rng: &mut Rng) -> FrameBufferConfig {
    let config = match rng.below(4) {
        0 => FrameBufferConfig::forwarding(),
        1 => FrameBufferConfig::low_latency(),
        2 => FrameBufferConfig { conceal: true, ..FrameBufferConfig::default() },
        _ => FrameBufferConfig::default(),
    };
    FrameBufferConfig { format, ..config }
}

/// Sends frames over a link; returns the source and the viewer.
fn transfer(
    habits: Habits,
    link: Link,
    config: FrameBufferConfig,
    rng: &mut Rng,
) -> (Source, Viewer) {
    let mut source = Source::new(habits, SSRC, Rng::new(rng.next_u64()));
    // A gap within a frame could be a part of it.
    let shows_fec = habits.padding_within || rng.below(2) == 0;
    let mut viewer = Viewer::new(config, SSRC, shows_fec);
    let mut network = Network::default();
    let mut key_at = 0;
    for now_ms in 0..FRAMES * INTERVAL_MS + 1000 {
        let now = Duration::from_millis(now_ms);
        if now_ms % INTERVAL_MS == 0 && now_ms < FRAMES * INTERVAL_MS {
            let is_key = now_ms >= key_at || rng.below(50) == 0;
            if is_key {
                key_at = u64::MAX;
            }
            for (kind, packet) in source.next(is_key) {
                let arrival = Arrival { kind, packet, retransmitted: false };
                network.send(now_ms, rng, link, &arrival);
            }
        }
        for arrival in network.due(now_ms) {
            viewer.take(now, &arrival, &source.packets);
        }
        for frame in viewer.poll(now) {
            viewer.check(now, &frame, &source.frames);
        }
        if key_at == u64::MAX && viewer.buffer.needs_key_frame(now) {
            key_at = now_ms + 50;
        }
    }
    (source, viewer)
}

#[test]
fn frames_are_emitted_unchanged_after_any_loss() {
    let recovered = AtomicU64::new(0);
    rng::for_each_seed(400, |_, rng| {
        for format in FORMATS {
            let (habits, link, config) = (habits(format, rng), link(rng), config(format, rng));
            let (_, viewer) = transfer(habits, link, config, rng);
            let count = viewer.emitted.len();
            assert!(count > 0, "{habits:?} {link:?}");
            recovered.fetch_add(viewer.recovered, Ordering::Relaxed);
        }
    });
    // A single seed may be one without FEC.
    assert!(recovered.into_inner() > 0 || std::env::var_os("CHECK_SEED").is_some());
}

/// FEC, padding and duplicates between the packets do not cost a frame.
#[test]
fn all_frames_are_emitted_without_loss() {
    rng::for_each_seed(100, |_, rng| {
        for format in FORMATS {
            let habits = Habits { unsent_percent: 0, ..habits(format, rng) };
            let jitter_ms = *rng.pick(&[0, 3]);
            let link = Link { loss_percent: 0, jitter_ms, ..link(rng) };
            let config = FrameBufferConfig { format, ..FrameBufferConfig::forwarding() };
            let (source, viewer) = transfer(habits, link, config, rng);
            assert_eq!(viewer.emitted.len(), source.frames.len(), "{habits:?} {link:?}");
        }
    });
}
