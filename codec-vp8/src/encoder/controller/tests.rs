//! Tests of the encoder's planning with a fake frame encoder.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::{FrameCoder, Vp8Encoder};
use crate::encoder::{FrameKnobs, FrameReport, UnchangedStats};
use crate::tables::AC_STEPS;
use crate::types::QIndex;
use codec_core::analysis::FrameAnalysis;
use codec_core::codec::plan::FramePlan;
use codec_core::codec::{
    Applied, Bitrate, Clock, Deadline, DropPolicy, DropReason, EncoderConfig, FrameKind,
    FrameRequest, Outcome, Packet, Preset, RateControl, Scalability, SlotSet, Stage, StageClock,
    Update, VideoEncoder,
};
use codec_core::error::Error;
use codec_core::frame::{Picture, Rational, Size};
use codec_core::parallel::Pool;

const SIZE: Size = Size { width: 64, height: 48 };

/// Codes nothing, but records its plans and stores them in the packets.
#[derive(Debug, Default)]
struct Fake {
    plans: Vec<FramePlan>,
    knobs: FrameKnobs,
    bits: u64,
    fails: bool,
    clock: Option<Arc<Simulated>>,
}

/// A clock that advances by the simulated coding time of the fake encoder's frames.
#[derive(Debug, Default)]
struct Simulated {
    now_us: AtomicU64,
    /// Time of an inter frame at speed 10.
    frame_us: AtomicU64,
}

impl Clock for Simulated {
    fn now_us(&self) -> u64 {
        self.now_us.load(Relaxed)
    }
}

impl FrameCoder for Fake {
    fn compare(&mut self, _analysis: Option<&FrameAnalysis>) -> UnchangedStats {
        UnchangedStats::default()
    }

    fn encode_frame(
        &mut self,
        _picture: &Picture<'_>,
        plan: &FramePlan,
        _analysis: Option<&FrameAnalysis>,
        packet: &mut Packet,
    ) -> Result<FrameReport, Error> {
        if self.fails {
            return Err(Error::unsupported("a test"));
        }
        if let Some(clock) = &self.clock {
            let slower = u64::from(10 - plan.speed);
            let us = clock.frame_us.load(Relaxed) * (4 + slower) / 4;
            let us = if plan.kind == FrameKind::Key { 3 * us } else { us };
            clock.now_us.fetch_add(us, Relaxed);
        }
        let bits = self.bits / u64::from(AC_STEPS[usize::from(plan.qindex)]);
        let over_cap = plan.max_bits.is_some_and(|max| bits > max);
        let dropped = plan.drop_above_bits.is_some_and(|most| bits > most);
        if !dropped {
            self.plans.push(*plan);
        }
        packet.data.resize(usize::try_from(bits / 8).unwrap(), 0);
        packet.meta.kind = plan.kind;
        packet.meta.shown = plan.shown;
        packet.meta.speed = plan.speed;
        let qindex = plan.qindex;
        Ok(FrameReport {
            bits,
            over_cap,
            dropped,
            qindex: QIndex::saturating(qindex),
            zero_motion: 12,
            ..FrameReport::default()
        })
    }

    fn resize(&mut self, _size: Size) -> Result<(), Error> {
        Ok(())
    }

    fn set_knobs(&mut self, knobs: FrameKnobs) -> Result<(), Error> {
        self.knobs = knobs;
        Ok(())
    }

    fn set_pool(&mut self, _: Option<Arc<dyn Pool>>) {}
}

fn rtc(change: impl FnOnce(&mut EncoderConfig)) -> Vp8Encoder<Fake> {
    let mut config = EncoderConfig::rtc(SIZE, Rational::new(30, 1), Bitrate::kbps(300));
    change(&mut config);
    Vp8Encoder::with_frame_coder(&config, Fake { bits: 400_000, ..Fake::default() }).unwrap()
}

fn file() -> Vp8Encoder<Fake> {
    let rate = RateControl::Vbr(Bitrate::kbps(300));
    let config = EncoderConfig::file(SIZE, Rational::new(30, 1), rate);
    Vp8Encoder::with_frame_coder(&config, Fake { bits: 400_000, ..Fake::default() }).unwrap()
}

fn samples(size: Size, seed: u8) -> Vec<u8> {
    let len = usize::try_from(size.i420_bytes()).unwrap();
    (0..len).map(|n| u8::try_from((n * 7 + n / 64 * 3) % 200).unwrap() + seed % 50).collect()
}

fn push(encoder: &mut Vp8Encoder<Fake>, request: &FrameRequest) -> Result<Outcome, Error> {
    let size = encoder.config.size;
    let data = samples(size, u8::try_from(request.pts.rem_euclid(3)).unwrap());
    encoder.encode(&Picture::i420_packed(size, &data).unwrap(), request)
}

fn packets(encoder: &mut Vp8Encoder<Fake>) -> Vec<Packet> {
    std::iter::from_fn(|| {
        let mut packet = Packet::default();
        encoder.receive(&mut packet).then_some(packet)
    })
    .collect()
}

#[test]
fn in_real_time_every_frame_yields_its_packet_immediately() {
    let mut encoder = rtc(|_| {});
    assert_eq!(encoder.capabilities().latency_frames, 0);
    for pts in 0..20 {
        assert_eq!(push(&mut encoder, &FrameRequest::at(pts)).unwrap(), Outcome::Coded);
        let packets = packets(&mut encoder);
        assert_eq!(packets.len(), 1);
        assert_eq!((packets[0].pts, packets[0].duration), (pts, Some(1)));
        assert_eq!(packets[0].meta.frame_id, pts.unsigned_abs());
        let kind = if pts == 0 { FrameKind::Key } else { FrameKind::Inter };
        assert_eq!(packets[0].meta.kind, kind);
    }
}

#[test]
fn timestamps_must_increase_and_a_rejected_frame_changes_nothing() {
    let mut encoder = rtc(|_| {});
    push(&mut encoder, &FrameRequest::at(10)).unwrap();
    let refused = push(&mut encoder, &FrameRequest::at(10)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "invalid pts: got 10, expected a value above the previous frame's 10"
    );
    assert_eq!(push(&mut encoder, &FrameRequest::at(11)).unwrap(), Outcome::Coded);
    assert_eq!(packets(&mut encoder).len(), 2);
}

#[test]
fn a_dropped_key_frame_stays_pending() {
    let mut encoder = rtc(|config| {
        config.rate.drops = DropPolicy::BelowBufferPct(30);
        config.rate.max_frame_bytes = Some(1000);
    });
    encoder.coding.unit.bits = 100_000_000;
    let outcome = push(&mut encoder, &FrameRequest::at(0)).unwrap();
    assert!(matches!(outcome, Outcome::Dropped { reason: DropReason::OverCap, .. }));
    assert!(packets(&mut encoder).is_empty());
    encoder.coding.unit.bits = 100_000;
    push(&mut encoder, &FrameRequest::at(1)).unwrap();
    assert_eq!(packets(&mut encoder)[0].meta.kind, FrameKind::Key);
}

#[test]
fn after_a_failure_the_next_frame_is_a_key_frame() {
    let mut encoder = rtc(|_| {});
    encoder.coding.unit.fails = true;
    assert!(push(&mut encoder, &FrameRequest::at(0)).is_err());
    encoder.coding.unit.fails = false;
    push(&mut encoder, &FrameRequest::at(1)).unwrap();
    assert_eq!(packets(&mut encoder)[0].meta.kind, FrameKind::Key);
}

#[test]
fn explicit_slots_are_used_unchanged() {
    let mut encoder = rtc(|_| {});
    push(&mut encoder, &FrameRequest::at(0)).unwrap();
    let mut request = FrameRequest::at(1);
    (request.references, request.updates) = (Some(SlotSet::GOLDEN), Some(SlotSet::NONE));
    push(&mut encoder, &request).unwrap();
    let plan = encoder.coding.unit.plans[1];
    assert_eq!((plan.references, plan.updates), (SlotSet::GOLDEN, SlotSet::NONE));
    assert!(!plan.refresh_entropy);
    assert!(packets(&mut encoder)[1].meta.discardable);
    (request.pts, request.updates) = (2, Some(SlotSet(8)));
    assert!(push(&mut encoder, &request).is_err());
}

#[test]
fn disabled_layers_are_dropped_with_that_reason() {
    let mut encoder = rtc(|config| config.scalability = Scalability::L1T3);
    encoder.apply(Update::ActiveTemporalLayers(1)).unwrap();
    let coded: Vec<_> = (0..8)
        .filter(|&pts| match push(&mut encoder, &FrameRequest::at(pts)).unwrap() {
            Outcome::Coded => true,
            Outcome::Dropped { reason, .. } => {
                assert_eq!(reason, DropReason::LayerOff);
                false
            }
            other => panic!("no look-ahead in real time: {other:?}"),
        })
        .collect();
    assert_eq!(coded, [0, 4]);
    assert!(encoder.apply(Update::ActiveTemporalLayers(4)).is_err());
}

#[test]
fn files_use_altref_frames_and_flush_completely() {
    let mut encoder = file();
    let latency = i64::from(encoder.capabilities().latency_frames);
    for pts in 0..40 {
        let outcome = push(&mut encoder, &FrameRequest::at(pts)).unwrap();
        assert_eq!(outcome == Outcome::Buffered, pts < latency, "{pts}");
    }
    encoder.finish().unwrap();
    let packets = packets(&mut encoder);
    let shown: Vec<_> = packets.iter().filter(|p| p.meta.shown).map(|p| p.pts).collect();
    assert_eq!(shown, (0..40).collect::<Vec<_>>());
    let hidden: Vec<_> = packets.iter().filter(|p| !p.meta.shown).map(|p| p.pts).collect();
    assert_eq!(hidden, [1, 14, 28]);
    push(&mut encoder, &FrameRequest::at(50)).unwrap();
    encoder.finish().unwrap();
    assert_eq!(encoder.coding.unit.plans.last().unwrap().kind, FrameKind::Key);
}

#[test]
fn a_new_size_flushes_the_look_ahead_and_starts_with_a_key_frame() {
    let mut encoder = file();
    for pts in 0..5 {
        push(&mut encoder, &FrameRequest::at(pts)).unwrap();
    }
    let applied = encoder.apply(Update::Resolution(Size::new(32, 32))).unwrap();
    assert_eq!(applied, Applied::NextFrameAsKey);
    assert_eq!(packets(&mut encoder).iter().filter(|p| p.meta.shown).count(), 5);
    push(&mut encoder, &FrameRequest::at(9)).unwrap();
    encoder.finish().unwrap();
    assert_eq!(packets(&mut encoder)[0].meta.kind, FrameKind::Key);
}

#[test]
fn intra_refresh_covers_all_rows() {
    let mut encoder = rtc(|config| config.intra_refresh = 2);
    for pts in 0..4 {
        push(&mut encoder, &FrameRequest::at(pts)).unwrap();
    }
    let walked: Vec<_> = encoder.coding.unit.plans.iter().map(|p| p.intra_refresh).collect();
    assert_eq!(walked, [(0, 0), (0, 8), (8, 4), (0, 8)]);
}

#[test]
fn settings_out_of_range_are_rejected_by_name() {
    let refused = |change: fn(&mut EncoderConfig)| {
        let mut config = EncoderConfig::rtc(SIZE, Rational::new(30, 1), Bitrate::kbps(300));
        change(&mut config);
        match Vp8Encoder::with_frame_coder(&config, Fake::default()) {
            Err(Error::Config(error)) => (error.knob, error.allowed),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(|c| c.size.width = 16384).0, "size");
    assert_eq!(refused(|c| c.speed = 11), ("speed", "0..=10".to_owned()));
    assert_eq!(refused(|c| c.rate.max_qindex = Some(128)).1, "0..=127");
    assert_eq!(
        refused(|c| (c.rate.min_qindex, c.rate.max_qindex) = (Some(107), Some(106))).0,
        "min qindex"
    );
    assert_eq!(refused(|c| c.rate.mode = RateControl::Cbr(Bitrate(0))).0, "bitrate");
    assert_eq!(refused(|c| c.framerate = Rational::new(0, 1)).0, "framerate");
    assert_eq!(refused(|c| c.timebase = Rational::new(1, 0)).0, "timebase");
    assert_eq!(refused(|c| c.rate.buffering.optimal_ms = 1001).0, "optimal buffer");
    assert_eq!(refused(|c| c.keys.max_interval = Some(0)).0, "key interval");
    assert_eq!(refused(|c| c.knobs = vec![("sharpness".to_owned(), 9)]).1, "0..=7");
}

#[test]
fn knobs_reach_the_frame_encoder() {
    let mut encoder = rtc(|_| {});
    encoder.apply(Update::Knob("token-partitions".to_owned(), 4)).unwrap();
    assert_eq!(encoder.coding.unit.knobs.token_partitions, 4);
    assert!(encoder.apply(Update::Knob("token-partitions".to_owned(), 5)).is_err());
    assert!(encoder.apply(Update::Knob("lookahead".to_owned(), 5)).is_err());
    assert_eq!(encoder.coding.unit.knobs.token_partitions, 4);
}

#[test]
fn a_deadline_is_met_by_raising_the_speed_and_reported_with_each_packet() {
    let clock = Arc::new(Simulated::default());
    clock.frame_us.store(2000, Relaxed);
    let mut encoder = rtc(|config| {
        config.speed = 5;
        config.deadline = Some(Deadline { max_us: 8000, clock: Arc::clone(&clock) as _ });
    });
    encoder.coding.unit.clock = Some(Arc::clone(&clock));
    let mut code = |from: i64, count: i64| -> Vec<(u8, bool)> {
        let frame = |pts| {
            push(&mut encoder, &FrameRequest::at(pts)).unwrap();
            let meta = packets(&mut encoder)[0].meta;
            let time = meta.time.unwrap();
            assert_eq!(time.max_us, 8000);
            (meta.speed, time.is_met())
        };
        (from..from + count).map(frame).collect()
    };
    // The key frame is late; the others are not.
    let calm = code(0, 30);
    assert_eq!(calm[0], (5, false));
    assert!(calm[1..].iter().all(|&(_, met)| met), "{calm:?}");
    assert_eq!(calm[29], (5, true));
    // The machine, or the content, becomes three times as slow: one frame is late.
    clock.frame_us.store(6000, Relaxed);
    let busy = code(30, 30);
    assert!(!busy[0].1 && busy[1..].iter().filter(|&&(_, met)| !met).count() <= 2, "{busy:?}");
    assert!(busy[29].0 > 5);
    // Back to normal: the effort recovers and no frame is late.
    clock.frame_us.store(2000, Relaxed);
    let calm = code(60, 60);
    assert!(calm.iter().all(|&(_, met)| met), "{calm:?}");
    assert_eq!(calm[59].0, 5);
    // Even the fastest speed is too slow, which is reported as well.
    clock.frame_us.store(20_000, Relaxed);
    assert_eq!(code(120, 10)[9], (10, false));
}

#[test]
fn a_deadline_needs_real_time_and_a_clock() {
    let mut encoder = rtc(|_| {});
    assert!(encoder.apply(Update::MaxFrameTime(5000)).is_err());
    let clock: Arc<dyn Clock> = Arc::new(Simulated::default());
    let mut config = EncoderConfig::rtc(SIZE, Rational::new(30, 1), Bitrate::kbps(300));
    config.deadline = Some(Deadline { max_us: 0, clock });
    assert!(Vp8Encoder::with_frame_coder(&config, Fake::default()).is_err());
    if let Some(deadline) = &mut config.deadline {
        deadline.max_us = 5000;
    }
    let mut encoder = Vp8Encoder::with_frame_coder(&config, Fake::default()).unwrap();
    assert_eq!(encoder.apply(Update::MaxFrameTime(4000)).unwrap(), Applied::NextFrame);
    config.preset = Preset::File;
    assert!(Vp8Encoder::with_frame_coder(&config, Fake::default()).is_err());
}

/// A clock that advances by one nanosecond on each read.
#[derive(Debug, Default)]
struct Counting {
    now_ns: AtomicU64,
    spent: [AtomicU64; 5],
}

impl StageClock for Counting {
    fn now_ns(&self) -> u64 {
        self.now_ns.fetch_add(1, Relaxed)
    }

    fn spent(&self, stage: Stage, ns: u64) {
        self.spent[stage as usize].fetch_add(ns, Relaxed);
    }
}

#[test]
fn stage_times_are_reported_and_change_no_byte() {
    let size = Size::new(96, 80);
    for speed in [1, 7] {
        let coded = |clock: Option<Arc<Counting>>, preset| {
            let rate = Rational::new(30, 1);
            let mut config = match preset {
                Preset::Rtc => EncoderConfig::rtc(size, rate, Bitrate::kbps(300)),
                Preset::File => EncoderConfig::file(size, rate, RateControl::Quality(60)),
            };
            config.speed = speed;
            config.stages = clock.map(|clock| clock as Arc<dyn StageClock>);
            let mut encoder = Vp8Encoder::new(&config).unwrap();
            let mut data = Vec::new();
            let mut packet = Packet::default();
            for n in 0..8_u8 {
                let mut pixels = vec![128; usize::try_from(size.i420_bytes()).unwrap()];
                for (index, pixel) in pixels.iter_mut().take(96 * 80).enumerate() {
                    let (x, y) = (index % 96 + 3 * usize::from(n), index / 96);
                    *pixel = u8::try_from((x * x / 7 + y * 5) % 200).unwrap();
                }
                let picture = Picture::i420_packed(size, &pixels).unwrap();
                encoder.encode(&picture, &FrameRequest::at(n.into())).unwrap();
                while encoder.receive(&mut packet) {
                    data.push(packet.data.clone());
                }
            }
            encoder.finish().unwrap();
            while encoder.receive(&mut packet) {
                data.push(packet.data.clone());
            }
            data
        };
        for preset in [Preset::Rtc, Preset::File] {
            let clock = Arc::new(Counting::default());
            assert_eq!(coded(Some(Arc::clone(&clock)), preset), coded(None, preset));
            for (stage, spent) in Stage::ALL.into_iter().zip(&clock.spent) {
                assert!(spent.load(Relaxed) > 0, "{preset:?}, speed {speed}: {}", stage.name());
            }
        }
    }
}
