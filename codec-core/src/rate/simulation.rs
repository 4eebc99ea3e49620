//! Tests of the rate controller with a simulated encoder: a simple bits model with noise.

use super::{CodecModel, Decision, FrameRole, FrameStats, LayerPlanner, RateController};
use crate::codec::{
    Bitrate, DropPolicy, DropReason, EncoderConfig, FrameKind, RateControl, Scalability, Update,
    WindowCap,
};
use crate::fixed::ONE_Q16;
use crate::frame::{Rational, Size};

/// 128 steps from 4 to about 280, a little over 3 % apart.
static STEPS: [u16; 128] = steps();

const fn steps() -> [u16; 128] {
    let mut steps = [0; 128];
    let mut fine: u64 = 4 << 20;
    let mut index = 0;
    while index < 128 {
        #[expect(clippy::cast_possible_truncation, reason = "below 300")]
        {
            steps[index] = (fine >> 20) as u16;
        }
        fine += fine / 29;
        index += 1;
    }
    steps
}

/// An encoder whose frames take `scale / 1000 * complexity / step` bits, plus or minus `noise_pct`.
struct Simulation {
    rate: RateController,
    layers: LayerPlanner,
    seed: u64,
    noise_pct: u64,
    scale: u64,
    /// Bits of every frame that do not depend on its complexity.
    leftover_bits: u64,
    /// Boost of every fifth frame.
    golden_boost_q16: i32,
    /// Quantiser index below which a frame takes four times its bits.
    cliff: u8,
    pts: i64,
    step_ticks: i64,
    sent: Vec<Sent>,
    lowest_level: i64,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    ticks: i64,
    bits: u64,
    kind: FrameKind,
    temporal_id: u8,
    qindex: u8,
    is_recoded: bool,
    dropped: Option<DropReason>,
}

const TICKS: u32 = 90_000;

impl Simulation {
    fn new(kbps: u64, change: impl FnOnce(&mut EncoderConfig)) -> Self {
        let framerate = Rational::new(30, 1);
        let mut config = EncoderConfig::rtc(Size::new(640, 360), framerate, Bitrate::kbps(kbps));
        config.timebase = Rational::new(1, TICKS);
        (config.rate.min_qindex, config.rate.max_qindex) = (Some(2), Some(106));
        change(&mut config);
        Self {
            rate: RateController::new(&config, &CodecModel::new(&STEPS)),
            layers: LayerPlanner::new(config.scalability),
            seed: 7,
            noise_pct: 20,
            scale: 8_000,
            leftover_bits: 0,
            golden_boost_q16: 0,
            cliff: 0,
            pts: 0,
            step_ticks: 3000,
            sent: Vec::new(),
            lowest_level: i64::MAX,
        }
    }

    fn noise(&mut self) -> u64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
        100 - self.noise_pct + (self.seed >> 33) % (2 * self.noise_pct + 1)
    }

    /// Codes one frame of that complexity; a key frame takes six times as many bits.
    fn frame(&mut self, kind: FrameKind, complexity: u64) -> Sent {
        let plan = self.layers.next(kind == FrameKind::Key);
        let mut stats = FrameStats::new(kind, self.pts, complexity);
        stats.temporal_id = plan.temporal_id;
        if self.golden_boost_q16 > 0 && self.sent.len() % 5 == 4 {
            (stats.role, stats.golden_boost_q16) = (FrameRole::Golden, self.golden_boost_q16);
        }
        let mut sent = Sent {
            ticks: self.pts,
            bits: 0,
            kind,
            temporal_id: plan.temporal_id,
            qindex: 0,
            is_recoded: false,
            dropped: None,
        };
        self.pts += self.step_ticks;
        if plan.off {
            self.layers.dropped();
            self.rate.frame_skipped(sent.ticks);
            sent.dropped = Some(DropReason::LayerOff);
            return sent;
        }
        let noise = self.noise();
        let weight = if kind == FrameKind::Key { 6 } else { 1 };
        let cliff = self.cliff;
        let bits_at = |scale: u64, qindex: u8| {
            let step = u64::from(STEPS[usize::from(qindex)]);
            let weight = if qindex < cliff { 4 * weight } else { weight };
            weight * scale * complexity * noise / 100_000 / step + self.leftover_bits
        };
        match self.rate.plan_frame(&stats) {
            Decision::Drop { reason, .. } => {
                self.layers.dropped();
                sent.dropped = Some(reason);
            }
            Decision::Code(budget) => {
                let mut qindex = budget.qindex;
                let fits =
                    |qindex| budget.max_bits.is_none_or(|max| bits_at(self.scale, qindex) <= max);
                // Beyond a cliff an encoder cannot estimate the lowest index that fits.
                let step = if cliff > 0 { 8 } else { 1 };
                while qindex < budget.max_qindex && !fits(qindex) {
                    qindex = qindex.saturating_add(step).min(budget.max_qindex);
                }
                sent.bits = bits_at(self.scale, qindex);
                sent.qindex = qindex;
                sent.is_recoded = qindex > budget.qindex;
                if budget.drop_above_bits.is_some_and(|most| sent.bits > most) {
                    self.rate.frame_dropped();
                    self.layers.dropped();
                    sent.bits = 0;
                    sent.dropped = Some(DropReason::OverCap);
                } else {
                    self.rate.frame_coded(sent.bits, qindex);
                    self.layers.coded(plan.references, plan.updates);
                }
            }
        }
        self.lowest_level = self.lowest_level.min(self.rate.buffer().level_bits());
        self.sent.push(sent);
        sent
    }

    fn run(&mut self, frames: u64, complexity: impl Fn(u64) -> u64) {
        for frame in 0..frames {
            let kind = if self.sent.iter().any(|s| s.dropped.is_none()) {
                FrameKind::Inter
            } else {
                FrameKind::Key
            };
            self.frame(kind, complexity(frame));
        }
    }

    /// Returns the mean bitrate of the frames from `from` on, in bits per second.
    fn bps(&self, from: usize) -> u64 {
        let sent = &self.sent[from..];
        let bits: u64 = sent.iter().map(|s| s.bits).sum();
        let ticks = self.pts - sent[0].ticks;
        bits * u64::from(TICKS) / ticks.unsigned_abs()
    }

    fn drops(&self) -> usize {
        self.sent.iter().filter(|s| s.dropped.is_some()).count()
    }
}

/// A scene whose complexity varies by a third over four seconds.
fn breathing(frame: u64) -> u64 {
    let phase = frame % 120;
    80_000 + 600 * phase.min(120 - phase)
}

fn within(value: u64, target: u64, percent: u64) -> bool {
    value.abs_diff(target) * 100 <= target * percent
}

#[test]
fn ten_seconds_of_constant_bitrate_meet_the_target_within_three_percent() {
    for kbps in [100, 300, 600, 1500, 3000] {
        for (step_ticks, fps) in [(3000, 30), (1500, 60), (9000, 10)] {
            let mut sim = Simulation::new(kbps, |_| {});
            sim.step_ticks = step_ticks;
            sim.scale = kbps * 400 / fps;
            sim.run(10 * fps, breathing);
            assert!(within(sim.bps(0), kbps * 1000, 3), "{kbps} at {fps}: {}", sim.bps(0));
            assert!(sim.lowest_level >= 0, "{kbps} at {fps}: {}", sim.lowest_level);
            assert_eq!(sim.drops(), 0);
        }
    }
}

#[test]
fn any_two_seconds_stay_within_a_tenth_of_the_target() {
    let mut sim = Simulation::new(600, |_| {});
    sim.run(600, breathing);
    for from in 0..540 {
        let bits: u64 = sim.sent[from..from + 60].iter().map(|s| s.bits).sum();
        // The bits of the key frame are recovered during the second after it.
        let tolerance = if from < 30 { 14 } else { 10 };
        assert!(within(bits, 1_200_000, tolerance), "from frame {from}: {bits}");
    }
}

#[test]
fn bitrate_change_by_a_factor_of_four_is_met_within_a_second() {
    for (before, after) in [(400, 1600), (1600, 400), (200, 800), (2000, 500)] {
        let mut sim = Simulation::new(before, |_| {});
        sim.scale = 8_000;
        sim.run(150, breathing);
        sim.rate.apply(&Update::Bitrate(Bitrate::kbps(after))).unwrap();
        sim.run(150, breathing);
        let second = sim.sent[150..180].iter().map(|s| s.bits).sum::<u64>();
        for s in &sim.sent[140..180] {
            eprintln!("{s:?}");
        }
        assert!(within(second, after * 1000, 15), "{before} to {after}: {second}");
        let rest = sim.bps(180);
        assert!(within(rest, after * 1000, 5), "{before} to {after}: then {rest}");
        assert!(sim.sent.iter().skip(1).all(|s| s.kind == FrameKind::Inter));
        assert!(sim.lowest_level >= 0);
    }
}

#[test]
fn repeated_frames_do_not_change_the_quantiser_of_the_next() {
    // As in films whose frame rate was raised: the bits of a repeated frame are those that the
    // frame before did not get.
    let mut sim = Simulation::new(600, |_| {});
    (sim.noise_pct, sim.leftover_bits) = (0, 10_000);
    sim.run(300, |frame| if frame % 25 == 24 { 1000 } else { 80_000 });
    for frame in (30..299).filter(|frame| frame % 25 == 24) {
        let [before, after] = [frame - 1, frame + 1].map(|at| sim.sent[at].qindex);
        assert!(before.abs_diff(after) <= 5, "around frame {frame}: {before} and {after}");
    }
}

#[test]
fn golden_frames_of_higher_quality_are_saved_by_those_between_them() {
    let run = |mode: fn(Bitrate) -> RateControl, golden_boost_q16| {
        let mut simulation =
            Simulation::new(800, |config| config.rate.mode = mode(Bitrate::kbps(800)));
        simulation.golden_boost_q16 = golden_boost_q16;
        simulation.run(400, breathing);
        simulation
    };
    let (even, simulation) = (run(RateControl::Cbr, 0), run(RateControl::Cbr, ONE_Q16 / 2));
    for simulation in [&simulation, &run(RateControl::Vbr, ONE_Q16 / 2)] {
        assert!(within(simulation.bps(100), 800_000, 3), "{}", simulation.bps(100));
        // A step is about 1/21 of an octave.
        let finer = simulation.sent[100..].chunks_exact(5).map(|group| {
            let plain = group[..4].iter().map(|sent| i32::from(sent.qindex)).sum::<i32>() / 4;
            plain - i32::from(group[4].qindex)
        });
        let finer: Vec<i32> = finer.collect();
        assert!(finer.iter().all(|finer| (4..=18).contains(finer)), "{finer:?}");
        let mean = finer.iter().sum::<i32>() / 60;
        assert!((9..=12).contains(&mean), "{mean}");
    }
    // A frame of more than the mean takes a tenth of a second longer at most.
    let lower = even.lowest_level - simulation.lowest_level;
    assert!((0..80_000).contains(&lower), "{lower}");
}

#[test]
fn golden_frames_are_rarely_coded_twice() {
    let run = |cliff| {
        let mut simulation = Simulation::new(800, |_| {});
        (simulation.golden_boost_q16, simulation.cliff) = (ONE_Q16 / 2, cliff);
        simulation.run(400, |_| 100_000);
        simulation
    };
    let golden = |simulation: &Simulation| {
        let all = simulation.sent[100..].iter().enumerate();
        all.filter(|(at, _)| at % 5 == 4).map(|(_, sent)| *sent).collect::<Vec<_>>()
    };
    let free = golden(&run(0)).iter().map(|sent| sent.qindex).max().unwrap_or(0);
    let recoded = golden(&run(free + 2)).iter().filter(|sent| sent.is_recoded).count();
    assert!(recoded <= 15, "{recoded} of 60");
}

#[test]
fn the_buffer_never_underflows_when_drops_are_allowed() {
    for pct in [0, 10, 30, 60] {
        for complexity in [100_000_u64, 300_000, 600_000] {
            let mut sim = Simulation::new(200, |config| {
                config.rate.drops = DropPolicy::BelowBufferPct(pct);
            });
            // Bursts of ten times the cost, which the model cannot predict. The first frame, which is never
            // dropped, is small.
            let cost = |frame| match frame {
                0 => complexity / 10,
                _ if frame % 50 == 49 => 10 * complexity,
                _ => complexity,
            };
            sim.run(300, cost);
            assert!(sim.lowest_level >= 0, "{pct} % {complexity}: {}", sim.lowest_level);
        }
    }
}

#[test]
fn a_higher_drop_threshold_never_drops_less_or_later() {
    let mut before = (0, usize::MAX);
    for pct in [0, 20, 40, 60, 80] {
        let mut sim = Simulation::new(100, |config| {
            config.rate.drops = DropPolicy::BelowBufferPct(pct);
        });
        // The load exceeds what the highest quantiser index can achieve by half.
        sim.noise_pct = 0;
        sim.scale = 15_000;
        sim.run(300, |_| 43_000);
        let first = sim.sent.iter().position(|s| s.dropped.is_some()).unwrap_or(usize::MAX);
        assert!(sim.drops() >= before.0 && first <= before.1, "{pct}: {} {first}", sim.drops());
        before = (sim.drops(), first);
    }
    assert!(before.0 > 30);
}

#[test]
fn a_frame_is_coded_after_two_seconds_of_drops() {
    let mut sim = Simulation::new(1, |config| config.rate.drops = DropPolicy::BelowBufferPct(30));
    sim.run(300, |_| 10_000_000);
    let coded: Vec<i64> =
        sim.sent.iter().filter(|s| s.dropped.is_none()).map(|s| s.ticks).collect();
    assert!(coded.len() >= 4);
    assert!(coded.windows(2).all(|pair| pair[1] - pair[0] <= 2 * i64::from(TICKS)));
}

#[test]
fn every_layer_gets_its_share() {
    let modes: [(_, &[u64]); 2] =
        [(Scalability::L1T2, &[60, 40]), (Scalability::L1T3, &[40, 20, 40])];
    for (mode, percent) in modes {
        let mut sim = Simulation::new(600, |config| config.scalability = mode);
        sim.run(600, breathing);
        for (id, share) in percent.iter().enumerate() {
            let of_layer = sim.sent.iter().filter(|s| usize::from(s.temporal_id) == id);
            let bits: u64 = of_layer.map(|s| s.bits).sum();
            let due = 600_000 * 20 * share / 100;
            assert!(within(bits, due, 10), "{mode:?} layer {id}: {bits} of {due}");
        }
        assert!(within(sim.bps(0), 600_000, 3), "{}", sim.bps(0));
    }
}

#[test]
fn active_layers_share_the_whole_rate() {
    let mut sim = Simulation::new(600, |config| config.scalability = Scalability::L1T3);
    sim.run(300, breathing);
    let from = sim.sent.len();
    sim.rate.apply(&Update::ActiveTemporalLayers(1)).unwrap();
    sim.layers.set_active_layers(1);
    sim.run(600, breathing);
    assert!(within(sim.bps(from), 600_000, 5), "{}", sim.bps(from));
    let level = sim.rate.buffer().level_bits();
    assert!(level > sim.rate.buffer().optimal_bits() / 2, "{level}");
}

#[test]
fn a_forced_key_frame_meets_its_cap_and_is_recovered_within_a_second() {
    let mut sim = Simulation::new(600, |_| {});
    sim.run(120, breathing);
    let key = sim.frame(FrameKind::Key, 100_000);
    assert!(key.bits <= 180_000, "{}", key.bits);
    sim.run(45, breathing);
    let level = sim.rate.buffer().level_bits();
    assert!(level > 250_000, "{level}");
    let mut sim = Simulation::new(600, |config| config.rate.max_key_frame_pct = Some(300));
    let key = sim.frame(FrameKind::Key, 100_000);
    assert!(key.bits <= 60_000, "{}", key.bits);
}

#[test]
fn the_first_frame_may_take_more_than_later_key_frames_unless_it_is_capped() {
    let most = |sim: &mut Simulation| {
        let stats = FrameStats::new(FrameKind::Key, sim.pts, 100_000);
        let Decision::Code(budget) = sim.rate.plan_frame(&stats) else { panic!("a drop") };
        budget.max_bits
    };
    let mut sim = Simulation::new(600, |_| {});
    // 225 ms and a sixteenth.
    assert_eq!(most(&mut sim), Some(143_437));
    sim.run(120, breathing);
    assert_eq!(most(&mut sim), Some(120_000));
    let mut sim = Simulation::new(600, |config| config.rate.max_key_frame_pct = Some(300));
    // Three shares of 33.333 ms in whole bits.
    assert_eq!(most(&mut sim), Some(59_997));
    let mut sim = Simulation::new(600, |config| config.rate.max_frame_bytes = Some(4000));
    assert_eq!(most(&mut sim), Some(32_000));
}

#[test]
fn hard_caps_hold_when_drops_are_allowed() {
    let cap = WindowCap { window_ms: 200, max_bytes: 12_000 };
    let mut sim = Simulation::new(600, |config| {
        config.rate.drops = DropPolicy::BelowBufferPct(0);
        config.rate.max_frame_bytes = Some(4000);
        config.rate.window_cap = Some(cap);
    });
    sim.run(300, |frame| if frame % 40 < 3 { 3_000_000 } else { 100_000 });
    assert!(sim.sent.iter().all(|s| s.bits <= 32_000));
    for (index, last) in sim.sent.iter().enumerate() {
        let window = sim.sent[..=index].iter().filter(|s| last.ticks - s.ticks < 18_000);
        assert!(window.map(|s| s.bits).sum::<u64>() <= 96_000, "frame {index}");
    }
}

#[test]
fn a_new_frame_rate_takes_effect_immediately() {
    let mut sim = Simulation::new(600, |_| {});
    sim.run(150, breathing);
    sim.step_ticks = 9000;
    sim.rate.apply(&Update::FrameRate(Rational::new(10, 1))).unwrap();
    let from = sim.sent.len();
    sim.run(100, breathing);
    let three: u64 = sim.sent[from + 2..from + 12].iter().map(|s| s.bits).sum();
    assert!(within(three, 600_000, 25), "{three}");
    assert!(within(sim.bps(from), 600_000, 5), "{}", sim.bps(from));
}

#[test]
fn variable_bitrate_keeps_the_quantiser_steady_and_meets_the_average() {
    let mut sim = Simulation::new(600, |config| {
        config.rate.mode = RateControl::Vbr(Bitrate::kbps(600));
    });
    sim.run(900, |frame| if frame / 60 % 2 == 0 { 60_000 } else { 140_000 });
    assert!(within(sim.bps(0), 600_000, 4), "{}", sim.bps(0));
    let late = &sim.sent[300..];
    let (least, most) = late.iter().fold((255, 0), |(a, b), s| (s.qindex.min(a), s.qindex.max(b)));
    assert!(most - least <= 24, "{least}..{most}");
}

#[test]
fn higher_quality_uses_lower_qindex_and_fixed_indices_are_exact() {
    let mut before = 128;
    for quality in [0, 25, 50, 75, 100] {
        let mut sim = Simulation::new(0, |config| {
            config.rate.mode = RateControl::Quality(quality);
            (config.rate.min_qindex, config.rate.max_qindex) = (Some(0), Some(127));
        });
        sim.run(30, |_| 100_000);
        let q = sim.sent[20].qindex;
        assert!(q < before, "{quality}: {q}");
        before = q;
    }
    let mut sim = Simulation::new(0, |config| {
        config.rate.mode = RateControl::FixedQ(40);
        (config.rate.min_qindex, config.rate.max_qindex) = (Some(4), Some(106));
    });
    sim.run(30, breathing);
    assert!(sim.sent.iter().all(|s| s.qindex == 40));
}

#[test]
fn the_quantiser_stays_within_its_range() {
    let mut sim = Simulation::new(600, |config| {
        (config.rate.min_qindex, config.rate.max_qindex) = (Some(30), Some(50));
    });
    sim.run(300, |frame| if frame < 150 { 100 } else { 10_000_000 });
    assert!(sim.sent.iter().all(|s| (30..=50).contains(&s.qindex)));
}

#[test]
fn extreme_settings_and_timestamps_neither_panic_nor_hang() {
    let rates = [0, 1, u64::MAX];
    let framerates = [Rational::new(1, u32::MAX), Rational::new(u32::MAX, 1)];
    for bps in rates {
        for framerate in framerates {
            for mode in [RateControl::Cbr(Bitrate(bps)), RateControl::Vbr(Bitrate(bps))] {
                let mut sim = Simulation::new(600, |config| {
                    config.rate.mode = mode;
                    config.framerate = framerate;
                    config.rate.max_key_frame_pct = Some(u32::MAX);
                    config.rate.buffering.size_ms = u32::MAX;
                    config.rate.buffering.optimal_ms = u32::MAX;
                    config.rate.drops = DropPolicy::BelowBufferPct(30);
                    config.scalability = Scalability::L1T3;
                });
                for pts in [0, i64::MAX, i64::MIN, 5, i64::MAX - 1] {
                    let stats = FrameStats::new(FrameKind::Inter, pts, u64::MAX);
                    if let Decision::Code(budget) = sim.rate.plan_frame(&stats) {
                        sim.rate.frame_coded(u64::MAX, budget.qindex);
                    }
                    sim.rate.apply(&Update::Bitrate(Bitrate(bps))).unwrap();
                    sim.rate.apply(&Update::FrameRate(framerate)).unwrap();
                }
            }
        }
    }
}

#[test]
fn rejected_updates_name_the_range_and_change_nothing() {
    let mut sim = Simulation::new(600, |_| {});
    let refused = sim.rate.apply(&Update::Drops(DropPolicy::BelowBufferPct(101))).unwrap_err();
    assert_eq!(refused.allowed, "0..=100 percent");
    assert!(sim.rate.apply(&Update::Rate(RateControl::FixedQ(128))).is_err());
    assert!(sim.rate.apply(&Update::ActiveTemporalLayers(2)).is_err());
    assert_eq!(sim.rate.apply(&Update::Speed(3)), Ok(false));
    assert_eq!(sim.rate.state().bitrate, Bitrate::kbps(600));
}
