//! Tests of the encoder's planning with a fake frame encoder.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::knobs::{ALTREF, ALTREF_STRENGTH, LOOKAHEAD, REFRESH};
use super::{
    CodecDescription, CodecKnobs, Encoder, FilterStrength, FrameCoder, FrameReport, UnchangedStats,
};
use crate::analysis::FrameAnalysis;
use crate::codec::plan::FramePlan;
use crate::codec::{
    Applied, Bitrate, Capabilities, Clock, Deadline, DropPolicy, DropReason, EncoderConfig,
    FrameKind, FrameRequest, Knob, KnobKind, Outcome, Packet, PassShares, Preset, RateControl,
    Scalability, SlotSet, Update, VideoEncoder,
};
use crate::error::Error;
use crate::frame::{Picture, Rational, Size};
use crate::parallel::Pool;
use crate::rate::BitsLaw;

const SIZE: Size = Size { width: 64, height: 48 };

/// A codec with a scale of quantiser steps like that of VP8.
pub(super) static CODEC: CodecDescription = CodecDescription {
    capabilities: &CAPABILITIES,
    steps_per_level: 2,
    indices_per_sixth_octave: 4,
    key_law: BitsLaw { alpha_q16: 98_304, beta_q16: 53_740 },
    inter_law: BitsLaw { alpha_q16: 203_162, beta_q16: 75_366 },
    intra_law: None,
    layer_boosts_q16: None,
    sharp_qindex: 16,
    empty_frame_bits: |macroblocks| 150 + macroblocks / 4,
    filter_pct: FilterStrength { rtc: 26, rtc_visual: 22, file: 20 },
    hidden_frames: true,
    min_altref_gain: 2,
    copies_golden_to_altref: true,
    golden_frames: |_| None,
    mb_tree_pct: 100,
    overlay_pct: 100,
    altref_motion: false,
    key_finer_q16: 0,
    moving_group: None,
    middle_group: None,
    mb_tree_noise: 16,
    speed_costs: [560, 340, 245, 192, 141, 103, 89, 78, 73, 69, 64],
};

static CAPABILITIES: Capabilities = Capabilities {
    scalability: Scalability::TEMPORAL,
    reference_slots: 3,
    knobs: &[
        Knob::new(
            "token-partitions",
            KnobKind::Choice(&[(1, "one"), (4, "four")]),
            1,
            "Partitions.",
        )
        .live(),
        Knob::new("sharpness", KnobKind::Range { min: 0, max: 7 }, 0, "Sharpness.").live(),
        REFRESH,
        LOOKAHEAD,
        ALTREF,
        ALTREF_STRENGTH,
    ],
    quantiser_steps: &STEPS,
    pass_shares: PassShares { altref: (238, 238), plain: (255, 199), ..PassShares::EQUAL },
    ..Capabilities::minimal("fake")
};

/// Steps from 4 upwards, each larger by about a thirtieth.
static STEPS: [u16; 128] = steps();

const fn steps() -> [u16; 128] {
    let mut steps = [4; 128];
    let mut index = 1;
    while index < 128 {
        let last = steps[index - 1];
        steps[index] = last + if last < 58 { 1 } else { last / 29 };
        index += 1;
    }
    steps
}

/// Number of partitions.
#[derive(Clone, Copy, Debug, Default)]
struct FakeKnobs(i64);

impl CodecKnobs for FakeKnobs {
    fn set(&mut self, name: &str, value: i64) {
        if name == "token-partitions" {
            self.0 = value;
        }
    }
}

/// Codes nothing, but records its plans and stores them in the packets.
#[derive(Debug, Default)]
struct Fake {
    plans: Vec<FramePlan>,
    knobs: FakeKnobs,
    bits: u64,
    b_frames: u8,
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
    type Knobs = FakeKnobs;

    fn codec() -> &'static CodecDescription {
        &CODEC
    }

    fn open(_config: &EncoderConfig, knobs: FakeKnobs) -> Result<Self, Error> {
        Ok(Self { knobs, bits: 400_000, ..Self::default() })
    }

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
        let bits = self.bits / CODEC.step(plan.qindex);
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
            qindex,
            zero_motion: 12,
            ..FrameReport::default()
        })
    }

    fn resize(&mut self, _size: Size) -> Result<(), Error> {
        Ok(())
    }

    fn set_knobs(&mut self, knobs: FakeKnobs) -> Result<(), Error> {
        self.knobs = knobs;
        Ok(())
    }

    fn set_pool(&mut self, _: Option<Arc<dyn Pool>>) {}
}

/// The same for a codec without hidden frames.
#[derive(Debug)]
struct InOrder(Fake);

static IN_ORDER: CodecDescription = CodecDescription {
    hidden_frames: false,
    min_altref_gain: 2,
    copies_golden_to_altref: false,
    golden_frames: |_| Some(3),
    ..CODEC
};

impl FrameCoder for InOrder {
    type Knobs = FakeKnobs;

    fn codec() -> &'static CodecDescription {
        &IN_ORDER
    }

    fn open(config: &EncoderConfig, knobs: FakeKnobs) -> Result<Self, Error> {
        Fake::open(config, knobs).map(Self)
    }

    fn max_b_frames(&self) -> u8 {
        self.0.b_frames
    }

    fn compare(&mut self, analysis: Option<&FrameAnalysis>) -> UnchangedStats {
        self.0.compare(analysis)
    }

    fn encode_frame(
        &mut self,
        picture: &Picture<'_>,
        plan: &FramePlan,
        analysis: Option<&FrameAnalysis>,
        packet: &mut Packet,
    ) -> Result<FrameReport, Error> {
        self.0.encode_frame(picture, plan, analysis, packet)
    }

    fn resize(&mut self, size: Size) -> Result<(), Error> {
        self.0.resize(size)
    }

    fn set_knobs(&mut self, knobs: FakeKnobs) -> Result<(), Error> {
        self.0.set_knobs(knobs)
    }

    fn set_pool(&mut self, pool: Option<Arc<dyn Pool>>) {
        self.0.set_pool(pool);
    }
}

fn rtc(change: impl FnOnce(&mut EncoderConfig)) -> Encoder<Fake> {
    let mut config = EncoderConfig::rtc(SIZE, Rational::new(30, 1), Bitrate::kbps(300));
    change(&mut config);
    Encoder::new(&config).unwrap()
}

fn file() -> Encoder<Fake> {
    let rate = RateControl::Vbr(Bitrate::kbps(300));
    let config = EncoderConfig::file(SIZE, Rational::new(30, 1), rate);
    Encoder::new(&config).unwrap()
}

fn samples(size: Size, seed: u8) -> Vec<u8> {
    let len = usize::try_from(size.i420_bytes()).unwrap();
    (0..len).map(|n| u8::try_from((n * 7 + n / 64 * 3) % 200).unwrap() + seed % 50).collect()
}

fn push<C: FrameCoder>(encoder: &mut Encoder<C>, request: &FrameRequest) -> Result<Outcome, Error> {
    let size = encoder.config.size;
    let data = samples(size, u8::try_from(request.pts.rem_euclid(3)).unwrap());
    encoder.encode(&Picture::i420_packed(size, &data).unwrap(), request)
}

fn packets<C: FrameCoder>(encoder: &mut Encoder<C>) -> Vec<Packet> {
    std::iter::from_fn(|| {
        let mut packet = Packet::default();
        encoder.receive(&mut packet).then_some(packet)
    })
    .collect()
}

/// Codes `frames` frames in the file preset, with a key frame at 10, and returns the packets with the plans.
fn with_b_frames(
    b_frames: u8,
    frames: i64,
    change: impl FnOnce(&mut EncoderConfig),
) -> Vec<(Packet, FramePlan)> {
    let mut config = EncoderConfig::file(SIZE, Rational::new(30, 1), RateControl::Quality(50));
    change(&mut config);
    let unit = InOrder(Fake { bits: 400_000, b_frames, ..Fake::default() });
    let mut encoder = Encoder::with_frame_coder(&config, unit).unwrap();
    for frame in 0..frames {
        let request = FrameRequest { key_frame: frame == 10, ..FrameRequest::at(100 * frame) };
        push(&mut encoder, &request).unwrap();
    }
    encoder.finish().unwrap();
    let packets = packets(&mut encoder);
    packets.into_iter().zip(encoder.coding.unit.0.plans.clone()).collect()
}

#[test]
fn groups_of_b_frames_follow_the_frame_that_is_shown_after_them() {
    let coded = with_b_frames(3, 20, |_| {});
    let order: Vec<i64> = coded.iter().map(|(packet, _)| packet.pts / 100).collect();
    assert_eq!(order, [0, 4, 2, 1, 3, 8, 6, 5, 7, 9, 10, 14, 12, 11, 13, 18, 16, 15, 17, 19]);
    let levels: Vec<u8> = coded.iter().map(|(packet, _)| packet.meta.b_level).collect();
    assert_eq!(levels[..10], [0, 0, 1, 2, 2, 0, 1, 2, 2, 0]);
    let updates: Vec<SlotSet> = coded[1..5].iter().map(|(_, plan)| plan.updates).collect();
    assert_eq!(updates, [SlotSet::LAST, SlotSet::ALTREF, SlotSet::NONE, SlotSet::NONE]);
    for (packet, plan) in &coded {
        let display = plan.order.unwrap().display;
        assert_eq!(i64::try_from(display).unwrap(), packet.pts / 100);
        assert!(packet.dts.unwrap() <= packet.pts, "{packet:?}");
    }
    assert!(coded.windows(2).all(|pair| pair[0].0.dts < pair[1].0.dts));
}

#[test]
fn decoding_times_increase_through_changes_of_temporal_layers() {
    let config = EncoderConfig::file(SIZE, Rational::new(30, 1), RateControl::Quality(50));
    let unit = InOrder(Fake { bits: 400_000, b_frames: 3, ..Fake::default() });
    let mut encoder = Encoder::with_frame_coder(&config, unit).unwrap();
    for frame in 0..120 {
        let layers = match frame {
            // The second change is within a group.
            40 => Some(Scalability::L1T2),
            66 => Some(Scalability::L1T1),
            93 => Some(Scalability::L1T3),
            _ => None,
        };
        if let Some(layers) = layers {
            encoder.apply(Update::Scalability(layers)).unwrap();
        }
        push(&mut encoder, &FrameRequest::at(100 * frame)).unwrap();
    }
    encoder.finish().unwrap();
    let coded = packets(&mut encoder);
    assert_eq!(coded.len(), 120);
    let is_b = |packet: &Packet| packet.meta.b_level > 0;
    assert!(is_b(&coded[3]) && coded[60..].iter().any(is_b));
    assert!(coded.iter().any(|packet| packet.meta.temporal_id > 0));
    for packet in &coded {
        assert!(packet.dts.unwrap() <= packet.pts, "{packet:?}");
    }
    for pair in coded.windows(2) {
        assert!(pair[0].dts < pair[1].dts, "{pair:?}");
    }
}

#[test]
fn constant_bitrate_and_codecs_without_b_frames_code_in_display_order() {
    let cbr = |config: &mut EncoderConfig| {
        config.rate.mode = RateControl::Cbr(Bitrate::kbps(300));
    };
    for coded in [with_b_frames(3, 20, cbr), with_b_frames(0, 20, |_| {})] {
        assert!(coded.windows(2).all(|pair| pair[0].0.pts < pair[1].0.pts));
        assert!(coded.iter().all(|(packet, _)| packet.meta.b_level == 0));
    }
    let plain = with_b_frames(0, 20, |_| {});
    assert!(plain.iter().all(|(packet, plan)| packet.dts.is_none() && plan.order.is_none()));
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
fn the_first_key_frame_is_not_dropped_because_of_the_buffer() {
    let mut encoder = rtc(|config| config.rate.drops = DropPolicy::BelowBufferPct(30));
    encoder.coding.unit.bits = 100_000_000;
    assert_eq!(push(&mut encoder, &FrameRequest::at(0)).unwrap(), Outcome::Coded);
    let again = FrameRequest { key_frame: true, ..FrameRequest::at(1) };
    let outcome = push(&mut encoder, &again).unwrap();
    assert!(matches!(outcome, Outcome::Dropped { reason: DropReason::OverCap, .. }));
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
fn without_hidden_frames_files_are_coded_in_display_order() {
    let rate = RateControl::Quality(60);
    let config = EncoderConfig::file(SIZE, Rational::new(30, 1), rate);
    let mut encoder = Encoder::<InOrder>::new(&config).unwrap();
    for pts in 0..40 {
        push(&mut encoder, &FrameRequest::at(pts)).unwrap();
    }
    encoder.finish().unwrap();
    let coded: Vec<_> = packets(&mut encoder).iter().map(|p| (p.pts, p.meta.shown)).collect();
    assert_eq!(coded, (0..40).map(|pts| (pts, true)).collect::<Vec<_>>());
    // The look-ahead still determines the quality of key frames.
    let plans = &encoder.coding.unit.0.plans;
    assert!(plans[0].qindex < plans[1].qindex, "{} {}", plans[0].qindex, plans[1].qindex);
}

#[test]
fn golden_is_copied_to_altref_only_if_the_codec_can() {
    let golden = SlotSet::GOLDEN;
    let mut config = EncoderConfig::rtc(SIZE, Rational::new(30, 1), Bitrate::kbps(300));
    config.speed = 3;
    let mut encoder = Encoder::<InOrder>::new(&config).unwrap();
    for pts in 0..10 {
        push(&mut encoder, &FrameRequest::at(pts)).unwrap();
    }
    let plans = &encoder.coding.unit.0.plans[1..];
    assert_eq!(plans.iter().filter(|plan| plan.updates.contains(golden)).count(), 3);
    assert!(plans.iter().all(|plan| !plan.copy_golden_to_altref));
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
        match Encoder::with_frame_coder(&config, Fake::default()) {
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
    assert_eq!(refused(|c| c.knobs = vec![("sharpness".to_owned(), 9)]).1, "0 to 7");
}

#[test]
fn knobs_reach_the_frame_encoder() {
    let mut encoder = rtc(|_| {});
    encoder.apply(Update::Knob("token-partitions".to_owned(), 4)).unwrap();
    assert_eq!(encoder.coding.unit.knobs.0, 4);
    assert!(encoder.apply(Update::Knob("token-partitions".to_owned(), 5)).is_err());
    assert!(encoder.apply(Update::Knob("lookahead".to_owned(), 5)).is_err());
    assert_eq!(encoder.coding.unit.knobs.0, 4);
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
    assert!(Encoder::with_frame_coder(&config, Fake::default()).is_err());
    if let Some(deadline) = &mut config.deadline {
        deadline.max_us = 5000;
    }
    let mut encoder = Encoder::with_frame_coder(&config, Fake::default()).unwrap();
    assert_eq!(encoder.apply(Update::MaxFrameTime(4000)).unwrap(), Applied::NextFrame);
    config.preset = Preset::File;
    assert!(Encoder::with_frame_coder(&config, Fake::default()).is_err());
}
