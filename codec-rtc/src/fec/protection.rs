//! How many repair packets are worth their bytes.

use std::time::Duration;

use super::mask::{MAX_GROUP, Pattern};

/// Share of the loss of ten packets in the smoothed figures.
const SMOOTHING: f64 = 0.1;

/// Smooths the losses that reports tell of, for [`Controller::set_loss`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossMeter {
    fraction: f64,
    burst: f64,
}

impl Default for LossMeter {
    /// Nothing was lost so far.
    fn default() -> Self {
        Self { fraction: 0.0, burst: 1.0 }
    }
}

impl LossMeter {
    /// Of so many packets so many were lost, in so many runs.
    #[expect(clippy::cast_precision_loss, reason = "packets of a report")]
    pub fn observe(&mut self, packets: usize, lost: usize, runs: usize) {
        if packets == 0 {
            return;
        }
        let (packets, lost, runs) = (packets as f64, lost as f64, runs as f64);
        // Reports of many packets say more.
        let weight = 1.0 - (1.0 - SMOOTHING).powf(packets / 10.0);
        self.fraction += (lost / packets - self.fraction) * weight;
        if lost > 0.0 {
            self.burst += (lost / runs.max(1.0) - self.burst) * SMOOTHING;
        }
    }

    /// The share that is lost, 0 to 1.
    #[must_use]
    pub fn fraction(&self) -> f64 {
        self.fraction
    }

    /// Mean number of packets that are lost in a row, from 1 on.
    #[must_use]
    pub fn burst(&self) -> f64 {
        self.burst.max(1.0)
    }
}

/// Settings of a [`Controller`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProtectionConfig {
    /// Most bytes of repair packets, as a share of the media's: 0 to 1.
    pub max_share: f64,
    /// Chance to aim at that a frame is not whole after repair: 0.0001 to 0.5.
    pub target_residual: f64,
    /// Missing packets are asked for, too, so that with a short round trip FEC is worth less.
    pub nack: bool,
    /// Round trip from which on FEC is worth as much beside NACK as without: late packets cost the
    /// more, the less the far end waits for them.
    pub long_rtt: Duration,
    /// Most media packets that a repair packet covers: 48 for ULPFEC, 110 for FlexFEC.
    pub max_group: usize,
}

impl Default for ProtectionConfig {
    /// Half of the media's bytes at most, 1 % of frames not whole, with NACK up to 100 ms, groups of
    /// 48.
    fn default() -> Self {
        Self {
            max_share: 0.5,
            target_residual: 0.01,
            nack: true,
            long_rtt: LONG_RTT,
            max_group: 48,
        }
    }
}

/// Round trips up to this one are too short for FEC beside NACK; from the other on it is usually
/// worth as much as without.
const SHORT_RTT: Duration = Duration::from_millis(20);
const LONG_RTT: Duration = Duration::from_millis(100);
/// Least loss that is protected against.
const LEAST_LOSS: f64 = 0.002;
/// Media whose budget may be saved up, in bytes at the bitrate for that long.
const SAVED: Duration = Duration::from_millis(500);
/// What is left of a frame's weight in the overhead after the next.
const DECAY: f64 = 0.98;

/// A frame that is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SentFrame {
    /// Its packets.
    pub packets: usize,
    /// Bytes of all of them.
    pub bytes: usize,
    /// A key frame.
    pub is_key: bool,
    /// 0: the base layer.
    pub temporal_id: u8,
}

/// What to protect after a frame's last packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The newest packets that are covered, some of them of frames before; for `Encoder::protect`.
    pub packets: usize,
    /// Repair packets over them; 0: none now.
    pub repairs: usize,
    /// How they are spread.
    pub pattern: Pattern,
}

/// Decides after each frame how many repair packets follow it.
///
/// A frame gets as few as leave it whole often enough at the loss that was reported; small frames
/// share them if the delay of doing so is less than that of asking again. A budget of bytes, saved up
/// over half a second, bounds the share; key frames may overdraw it, and upper temporal layers get
/// what the base layer leaves.
#[derive(Clone, Debug)]
pub struct Controller {
    config: ProtectionConfig,
    loss: f64,
    /// Mean length of a burst, in packets.
    burst: f64,
    rtt: Duration,
    frame_interval: Duration,
    bits_per_second: f64,
    /// Bytes that repair packets may still have; negative after a key frame.
    budget: f64,
    /// Packets and their bytes since the last repair packet.
    open: (usize, usize),
    open_frames: u32,
    media_bytes: f64,
    repair_bytes: f64,
}

impl Controller {
    /// Before the first frame: no loss, 100 ms of round trip, 30 frames and 1 Mb per second.
    #[must_use]
    pub fn new(mut config: ProtectionConfig) -> Self {
        config.max_share = config.max_share.clamp(0.0, 1.0);
        config.target_residual = config.target_residual.clamp(1e-4, 0.5);
        config.max_group = config.max_group.clamp(1, MAX_GROUP);
        Self {
            config,
            loss: 0.0,
            burst: 1.0,
            rtt: LONG_RTT,
            frame_interval: Duration::from_millis(33),
            bits_per_second: 1e6,
            budget: 0.0,
            open: (0, 0),
            open_frames: 0,
            media_bytes: 0.0,
            repair_bytes: 0.0,
        }
    }

    /// The share of packets that are lost before repair, 0 to 1, and the mean number of those that
    /// are lost together, from 1 on. Smoothed by the caller.
    pub fn set_loss(&mut self, fraction: f64, burst: f64) {
        self.loss = if fraction.is_finite() { fraction.clamp(0.0, 1.0) } else { 0.0 };
        self.burst = if burst.is_finite() { burst.clamp(1.0, 20.0) } else { 1.0 };
    }

    /// The round trip.
    pub fn set_rtt(&mut self, rtt: Duration) {
        self.rtt = rtt;
    }

    /// Time between frames, and the media's bitrate.
    pub fn set_media(&mut self, frame_interval: Duration, bits_per_second: u64) {
        self.frame_interval = frame_interval.max(Duration::from_millis(1));
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let rate = bits_per_second as f64;
        self.bits_per_second = rate;
    }

    /// The share of the media's bytes that repair packets may have now.
    #[must_use]
    pub fn allowed_share(&self) -> f64 {
        if self.loss < LEAST_LOSS {
            return 0.0;
        }
        self.config.max_share * self.worth()
    }

    /// Bytes of repair packets lately, as a share of the media's: what allocation takes off.
    #[must_use]
    pub fn overhead(&self) -> f64 {
        if self.media_bytes > 0.0 { self.repair_bytes / self.media_bytes } else { 0.0 }
    }

    /// How much FEC is worth beside NACK: 0 to 1.
    fn worth(&self) -> f64 {
        if !self.config.nack {
            return 1.0;
        }
        let over = self.rtt.saturating_sub(SHORT_RTT).as_secs_f64();
        let full = self.config.long_rtt.saturating_sub(SHORT_RTT).max(Duration::from_millis(1));
        (over / full.as_secs_f64()).clamp(0.0, 1.0)
    }

    /// Frames that may share repair packets: together they are sent sooner than an answer to a
    /// request would come.
    fn max_frames(&self) -> u32 {
        let most = if self.config.nack { self.rtt } else { LONG_RTT };
        let frames = most.as_secs_f64() / self.frame_interval.as_secs_f64();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let frames = frames.clamp(1.0, 8.0) as u32;
        frames
    }

    /// A frame is sent: what is to follow it.
    pub fn plan(&mut self, frame: SentFrame) -> Plan {
        #[expect(clippy::cast_precision_loss, reason = "bytes of a frame")]
        let bytes = frame.bytes as f64;
        self.media_bytes = self.media_bytes * DECAY + bytes;
        self.repair_bytes *= DECAY;
        let share = self.allowed_share();
        let saved = self.bits_per_second / 8.0 * SAVED.as_secs_f64() * share;
        self.budget = (self.budget + bytes * share).min(saved);
        self.open = (self.open.0 + frame.packets, self.open.1 + frame.bytes);
        self.open_frames += 1;
        if share <= 0.0 {
            (self.open, self.open_frames, self.budget) = ((0, 0), 0, 0.0);
            return Plan::default();
        }
        let packets = self.open.0.min(self.config.max_group);
        if packets == 0 {
            return Plan::default();
        }
        #[expect(clippy::cast_precision_loss, reason = "bytes of a frame")]
        let packet_bytes = self.open.1 as f64 / self.open.0.max(1) as f64;
        let wanted = self.wanted(packets);
        // Upper layers leave room for the next base frame.
        let kept = if frame.temporal_id > 0 { saved / 4.0 } else { 0.0 };
        let affordable = ((self.budget - kept) / packet_bytes.max(1.0)).max(0.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let affordable = affordable.min(MAX_GROUP as f64) as usize;
        let repairs = if frame.is_key { wanted } else { wanted.min(affordable) };
        let waits = repairs < wanted && self.open_frames < self.max_frames() && !frame.is_key;
        if waits {
            return Plan::default();
        }
        (self.open, self.open_frames) = ((0, 0), 0);
        if repairs == 0 {
            return Plan::default();
        }
        #[expect(clippy::cast_precision_loss, reason = "at most 110")]
        let spent = repairs as f64 * packet_bytes;
        self.budget = (self.budget - spent).max(-saved);
        self.repair_bytes += spent;
        let pattern = if self.burst < 1.3 && repairs > 1 {
            Pattern::Overlapping
        } else {
            Pattern::Interleaved
        };
        Plan { packets, repairs, pattern }
    }

    /// The fewest repair packets that leave so many packets whole often enough.
    fn wanted(&self, packets: usize) -> usize {
        let most = packets.min(1 + packets / 2);
        (1..most)
            .find(|&repairs| self.residual(packets, repairs) <= self.config.target_residual)
            .unwrap_or(most)
    }

    /// The chance that not all of `packets` are there after interleaved repair: of each part, which
    /// is as far apart as there are repair packets, one packet may be lost. Bursts longer than that
    /// distance hit a part twice.
    #[must_use]
    pub fn residual(&self, packets: usize, repairs: usize) -> f64 {
        if repairs == 0 {
            return 1.0 - (1.0 - self.loss).powi(i32::try_from(packets).unwrap_or(i32::MAX));
        }
        #[expect(clippy::cast_precision_loss, reason = "at most 110")]
        let distance = repairs as f64;
        // Lost packets that hit a part anew: a burst is as good as one loss if it is short enough.
        let together = (self.burst / distance).max(1.0);
        let loss = (self.loss * together).min(1.0);
        let mut whole = 1.0;
        for part in 0..repairs {
            let own = packets / repairs + usize::from(part < packets % repairs);
            let own = i32::try_from(own).unwrap_or(i32::MAX);
            // All media, or all but one and the repair packet.
            let all = (1.0 - loss).powi(own);
            let but_one = f64::from(own) * loss * (1.0 - loss).powi(own);
            whole *= (all + but_one).min(1.0);
        }
        1.0 - whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    const FRAME: SentFrame = SentFrame { packets: 6, bytes: 6600, is_key: false, temporal_id: 0 };

    fn controller(nack: bool, loss: f64, burst: f64, rtt: u64) -> Controller {
        let mut it = Controller::new(ProtectionConfig { nack, ..ProtectionConfig::default() });
        it.set_loss(loss, burst);
        it.set_rtt(ms(rtt));
        it.set_media(ms(33), 1_600_000);
        it
    }

    /// Overhead after 300 frames.
    fn run(it: &mut Controller) -> f64 {
        for _ in 0..300 {
            let plan = it.plan(FRAME);
            assert!(plan.repairs <= plan.packets && plan.packets <= 48);
        }
        it.overhead()
    }

    #[test]
    fn protection_follows_the_loss_and_keeps_its_share() {
        assert!(run(&mut controller(false, 0.0, 1.0, 50)) < 1e-9);
        let little = run(&mut controller(false, 0.01, 1.0, 50));
        let some = run(&mut controller(false, 0.05, 1.0, 50));
        let much = run(&mut controller(false, 0.10, 1.0, 50));
        assert!(0.1 < little && little <= some && some <= much, "{little} {some} {much}");
        // Repair packets come last, so they weigh a little more.
        assert!(much <= 0.54, "{much}");
        let mut it = controller(false, 0.1, 1.0, 50);
        run(&mut it);
        it.set_loss(0.0, 1.0);
        assert!(run(&mut it) < 0.01);
    }

    #[test]
    fn beside_nack_a_short_round_trip_makes_it_worth_less() {
        assert!(run(&mut controller(true, 0.05, 1.0, 15)) < 1e-9);
        let short = run(&mut controller(true, 0.05, 1.0, 40));
        let long = run(&mut controller(true, 0.05, 1.0, 200));
        assert!(short < long && short <= 0.13 + 1e-6, "{short} {long}");
    }

    #[test]
    fn key_frames_are_protected_whatever_the_budget_and_upper_layers_last() {
        let mut it = controller(true, 0.1, 1.0, 30);
        let key = SentFrame { packets: 30, bytes: 33_000, is_key: true, temporal_id: 0 };
        assert!(it.plan(key).repairs >= 5);
        assert_eq!(it.plan(FRAME).repairs, 0, "overdrawn");
        let mut base_only = controller(false, 0.05, 1.0, 100);
        let (mut base, mut upper) = (0, 0);
        for frame in 0..400 {
            let temporal_id = [0, 2, 1, 2][frame % 4];
            let small = SentFrame { packets: 3, bytes: 3300, is_key: false, temporal_id };
            let repairs = base_only.plan(small).repairs;
            *(if temporal_id == 0 { &mut base } else { &mut upper }) += repairs;
        }
        assert!(3 * base > upper, "{base} {upper}");
    }

    #[test]
    fn bursts_want_more_repair_packets_and_interleaving() {
        let random = controller(false, 0.01, 1.0, 100);
        let bursts = controller(false, 0.01, 4.0, 100);
        assert!(bursts.wanted(12) > random.wanted(12));
        let mut it = bursts;
        let plan = it.plan(SentFrame { packets: 20, bytes: 22_000, is_key: true, temporal_id: 0 });
        assert_eq!(plan.pattern, Pattern::Interleaved);
    }

    #[test]
    fn residual_is_what_counting_all_outcomes_gives() {
        // Three packets and one repair packet, 10 %: whole if at most one of four is lost, or only
        // the repair packet and none of the media, which is in that.
        let it = controller(false, 0.1, 1.0, 100);
        let whole = 0.9_f64.powi(3) + 3.0 * 0.1 * 0.9_f64.powi(3);
        assert!((it.residual(3, 1) - (1.0 - whole)).abs() < 1e-12);
        assert!((it.residual(3, 0) - (1.0 - 0.9_f64.powi(3))).abs() < 1e-12);
    }
}
