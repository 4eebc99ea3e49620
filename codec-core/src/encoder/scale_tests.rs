//! Tests that rate control works for codecs whose quantiser steps have different scales. A fake
//! frame coder computes the size of a frame from its analysis costs and the quantiser step, which
//! it converts to 8-bit sample values.

use std::sync::Arc;

use super::tests::CODEC;
use super::{CodecDescription, CodecKnobs, Encoder, FrameCoder, FrameReport, UnchangedStats};
use crate::analysis::FrameAnalysis;
use crate::codec::plan::FramePlan;
use crate::codec::{
    Bitrate, Capabilities, EncoderConfig, FrameKind, FrameRequest, Packet, RateControl,
    Scalability, SlotSet, VideoEncoder,
};
use crate::error::Error;
use crate::frame::{Picture, Rational, Size};
use crate::parallel::Pool;
use crate::rate::{BitsLaw, TwoPass};

const SIZE: Size = Size { width: 96, height: 80 };
const FPS: Rational = Rational { num: 30, den: 1 };

/// A codec whose step doubles with every sixth of 52 indices, as in H.264.
static LOGARITHMIC: CodecDescription = CodecDescription {
    capabilities: &CAPABILITIES,
    steps_per_level: 32,
    indices_per_sixth_octave: 1,
    // The units are four octaves finer than the units of the other codec.
    key_law: shifted(CODEC.key_law),
    inter_law: shifted(CODEC.inter_law),
    intra_law: CODEC.intra_law,
    sharp_qindex: 24,
    hidden_frames: false,
    min_altref_gain: 2,
    ..CODEC
};

static CAPABILITIES: Capabilities = Capabilities {
    scalability: Scalability::TEMPORAL,
    qindex_range: (0, 51),
    rtc_qindex_range: (4, 48),
    reference_slots: 3,
    knobs: &[super::knobs::LOOKAHEAD],
    quantiser_steps: &STEPS,
    ..Capabilities::minimal("logarithmic")
};

/// Steps in 1/32 of a pixel level.
static STEPS: [u16; 52] = steps();

const fn steps() -> [u16; 52] {
    let mut steps = [0; 52];
    let octave = [20, 22, 25, 28, 32, 36];
    let mut index = 0;
    while index < 52 {
        steps[index] = octave[index % 6] << (index / 6);
        index += 1;
    }
    steps
}

const fn shifted(law: BitsLaw) -> BitsLaw {
    BitsLaw { alpha_q16: law.alpha_q16 + 4 * law.beta_q16, ..law }
}

#[derive(Clone, Copy, Debug, Default)]
struct NoKnobs;

impl CodecKnobs for NoKnobs {
    fn set(&mut self, _name: &str, _value: i64) {}
}

/// Produces bits in proportion to the costs of the analysis and inversely to the step.
#[derive(Debug, Default)]
struct Model<const IS_LOGARITHMIC: bool> {
    plans: Vec<FramePlan>,
}

type Linear = Model<false>;
type Logarithmic = Model<true>;

impl<const IS_LOGARITHMIC: bool> FrameCoder for Model<IS_LOGARITHMIC> {
    type Knobs = NoKnobs;

    fn codec() -> &'static CodecDescription {
        if IS_LOGARITHMIC { &LOGARITHMIC } else { &CODEC }
    }

    fn open(_config: &EncoderConfig, _knobs: NoKnobs) -> Result<Self, Error> {
        Ok(Self::default())
    }

    fn compare(&mut self, _analysis: Option<&FrameAnalysis>) -> UnchangedStats {
        UnchangedStats::default()
    }

    fn encode_frame(
        &mut self,
        picture: &Picture<'_>,
        plan: &FramePlan,
        analysis: Option<&FrameAnalysis>,
        packet: &mut Packet,
    ) -> Result<FrameReport, Error> {
        let cost = analysis.map_or(0, |analysis| match plan.kind {
            FrameKind::Key => analysis.intra_cost,
            FrameKind::Inter => analysis.inter_cost,
        });
        let codec = Self::codec();
        let bits = 100 + 8 * cost * u64::from(codec.steps_per_level) / codec.step(plan.qindex);
        packet.data.resize(usize::try_from(bits / 8).unwrap(), 0);
        (packet.meta.kind, packet.meta.shown) = (plan.kind, plan.shown);
        packet.meta.qindex = plan.qindex;
        self.plans.push(*plan);
        let (cols, rows) = picture.size().macroblocks();
        let pixels = 256 * (cols * rows) as u64;
        Ok(FrameReport {
            bits,
            qindex: plan.qindex,
            zero_motion: u32::try_from(cols * rows).unwrap(),
            // The scene moves at first; then it is predicted with an error of two pixel levels.
            prediction_sse: if self.plans.len() < 4 { u64::MAX } else { 4 * pixels },
            ..FrameReport::default()
        })
    }

    fn resize(&mut self, _size: Size) -> Result<(), Error> {
        Ok(())
    }

    fn set_knobs(&mut self, _knobs: NoKnobs) -> Result<(), Error> {
        Ok(())
    }

    fn set_pool(&mut self, _pool: Option<Arc<dyn Pool>>) {}
}

/// Encodes a moving texture with noise, and returns the packets and plans.
fn encode<C: FrameCoder>(config: &EncoderConfig, frames: u32) -> (Vec<Packet>, Encoder<C>) {
    let mut encoder = Encoder::<C>::new(config).unwrap();
    let mut packets = Vec::new();
    let mut seed = 1_u32;
    for n in 0..frames {
        let mut noise = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed >> 28
        };
        let mut samples = vec![128; usize::try_from(SIZE.i420_bytes()).unwrap()];
        for (at, sample) in (0_u32..).zip(samples.iter_mut().take(96 * 80)) {
            let (x, y) = (at % 96 + 3 * n, at / 96);
            *sample = u8::try_from((x * x / 7 + y * 5) % 200 + noise()).unwrap();
        }
        let picture = Picture::i420_packed(SIZE, &samples).unwrap();
        encoder.encode(&picture, &FrameRequest::at(n.into())).unwrap();
    }
    encoder.finish().unwrap();
    let mut packet = Packet::default();
    while encoder.receive(&mut packet) {
        packets.push(std::mem::take(&mut packet));
    }
    (packets, encoder)
}

fn kbps(packets: &[Packet], frames: u32) -> u64 {
    packets.iter().map(|p| 8 * p.data.len() as u64).sum::<u64>() * 30 / u64::from(frames) / 1000
}

fn constant_bitrate_is_met<C: FrameCoder>(scale: u64) -> Vec<u64> {
    let rates = [100, 200, 400];
    let steps = rates.map(|rate| {
        let config = EncoderConfig::rtc(SIZE, FPS, Bitrate::kbps(rate));
        let (packets, _) = encode::<C>(&config, 300);
        let spent = kbps(&packets, 300);
        assert!(spent.abs_diff(rate) * 100 <= 3 * rate, "{spent} of {rate} kb/s");
        let last = packets.last().unwrap().meta.qindex;
        C::codec().step(last) * 32 / scale
    });
    steps.to_vec()
}

#[test]
fn codecs_with_any_scale_of_steps_meet_a_bitrate_at_the_same_step() {
    let linear = constant_bitrate_is_met::<Linear>(2);
    let logarithmic = constant_bitrate_is_met::<Logarithmic>(32);
    for (a, b) in linear.iter().zip(&logarithmic) {
        // The steps of the logarithmic scale are 12 % apart.
        assert!(a.abs_diff(*b) * 4 <= *a, "{linear:?} {logarithmic:?}");
    }
}

fn files_meet_their_bitrate<C: FrameCoder>() {
    let config = EncoderConfig::file(SIZE, FPS, RateControl::Vbr(Bitrate::kbps(200)));
    let (packets, _) = encode::<C>(&config, 240);
    let spent = kbps(&packets, 240);
    assert!(spent.abs_diff(200) <= 20, "one pass: {spent}");

    let mut two_pass = TwoPass::new(C::codec().capabilities);
    while let Some(trial) = two_pass.next_analysis_pass(&config) {
        encode::<C>(&trial, 240).0.iter().for_each(|packet| two_pass.add_packet(packet));
    }
    let mut last = config.clone();
    last.rate.first_pass = Some(Arc::new(two_pass.into_stats()));
    let (packets, _) = encode::<C>(&last, 240);
    let spent = kbps(&packets, 240);
    // The prediction assumes that slow speeds save bits, which this coder does not do.
    assert!(spent.abs_diff(200) <= 12, "two passes: {spent}");
    assert_eq!(packets.iter().filter(|packet| packet.meta.shown).count(), 240);
}

#[test]
fn files_meet_their_bitrate_with_any_scale_of_steps() {
    files_meet_their_bitrate::<Linear>();
    files_meet_their_bitrate::<Logarithmic>();
}

/// Returns the finest step, in 1/32 of a pixel level, at which a scene that is predicted with an error
/// of two levels becomes the background in golden.
fn finest_background_step<C: FrameCoder>(plans: fn(&C) -> &[FramePlan]) -> u64 {
    let codec = C::codec();
    let (_, last) = codec.capabilities.qindex_range;
    let updates_golden = |qindex: &u8| {
        let mut config = EncoderConfig::rtc(SIZE, FPS, Bitrate::kbps(100));
        config.rate.mode = RateControl::FixedQ(*qindex);
        let (_, encoder) = encode::<C>(&config, 20);
        plans(&encoder.coding.unit)[1..].iter().any(|p| p.updates.contains(SlotSet::GOLDEN))
    };
    let finest = (0..=last).find(updates_golden).unwrap();
    codec.step(finest) * 32 / u64::from(codec.steps_per_level)
}

#[test]
fn a_background_is_detected_at_the_same_step_on_any_scale() {
    let linear = finest_background_step::<Linear>(|coder| &coder.plans);
    let logarithmic = finest_background_step::<Logarithmic>(|coder| &coder.plans);
    assert_eq!((linear, logarithmic), (112, 112));
}
