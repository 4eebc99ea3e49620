//! Adaptive FEC: decides how many repair packets to send.

use std::time::Duration;

use super::mask::{MAX_GROUP, Pattern};

/// Weight of a report about ten packets in the smoothed values.
const SMOOTHING: f64 = 0.1;

/// Smooths the packet loss from reports, for [`FecController::set_loss`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossMeter {
    fraction: f64,
    burst: f64,
}

impl Default for LossMeter {
    /// No loss.
    fn default() -> Self {
        Self { fraction: 0.0, burst: 1.0 }
    }
}

impl LossMeter {
    /// Adds a report: `lost` of `packets` were lost, in `runs` bursts.
    #[expect(clippy::cast_precision_loss, reason = "packets of a report")]
    pub fn observe(&mut self, packets: usize, lost: usize, runs: usize) {
        if packets == 0 {
            return;
        }
        let (packets, lost, runs) = (packets as f64, lost as f64, runs as f64);
        // Reports on many packets have more weight.
        let weight = 1.0 - (1.0 - SMOOTHING).powf(packets / 10.0);
        self.fraction += (lost / packets - self.fraction) * weight;
        if lost > 0.0 {
            self.burst += (lost / runs.max(1.0) - self.burst) * SMOOTHING;
        }
    }

    /// Smoothed loss ratio, 0..=1.
    #[must_use]
    pub fn fraction(&self) -> f64 {
        self.fraction
    }

    /// Mean number of consecutive packets lost, at least 1.
    #[must_use]
    pub fn burst(&self) -> f64 {
        self.burst.max(1.0)
    }
}

/// Settings of a [`FecController`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FecControllerConfig {
    /// Maximum bytes of repair packets as a share of the media bytes, 0..=1; default 0.5.
    pub max_share: f64,
    /// Target probability that a frame is incomplete after recovery, 0.0001..=0.5; default 0.01.
    pub target_residual: f64,
    /// Whether missing packets are also requested by NACK, so that FEC is reduced at short round
    /// trips; default true.
    pub nack: bool,
    /// Minimum round-trip time at which FEC is used as much with NACK as without; default 100 ms.
    /// Lower it if the receiver's playout delay is short.
    pub long_rtt: Duration,
    /// Maximum number of media packets per repair packet: 48 for ULPFEC (default), 110 for FlexFEC.
    pub max_group: usize,
}

impl Default for FecControllerConfig {
    /// At most half of the media bytes, 1 % of frames incomplete, NACK with a long round trip of
    /// 100 ms, groups of 48.
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

/// With NACK, FEC is off up to `SHORT_RTT`. From `LONG_RTT` on, which is the default of
/// [`FecControllerConfig::long_rtt`], it is used fully.
const SHORT_RTT: Duration = Duration::from_millis(20);
const LONG_RTT: Duration = Duration::from_millis(100);
/// Minimum loss for which FEC is sent.
const MIN_LOSS: f64 = 0.002;
/// Maximum saved budget, as a duration of media at the current bitrate.
const MAX_SAVED: Duration = Duration::from_millis(500);
/// Decay per frame of the overhead statistics.
const DECAY: f64 = 0.98;

/// A sent frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SentFrame {
    /// Number of packets.
    pub packets: usize,
    /// Total bytes of its packets.
    pub bytes: usize,
    /// Whether it is a key frame.
    pub is_key: bool,
    /// Temporal layer; 0 is the base layer.
    pub temporal_id: u8,
}

/// FEC to send after the last packet of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FecPlan {
    /// Number of newest packets to cover, possibly of several frames; for `Encoder::protect`.
    pub packets: usize,
    /// Number of repair packets; 0 for none.
    pub repairs: usize,
    /// Assignment of media packets to repair packets.
    pub pattern: Pattern,
}

/// Decides after each frame how many repair packets follow it.
///
/// A frame gets the smallest number that reaches the target probability at the reported loss. Small
/// frames share repair packets if this adds less delay than a retransmission. A byte budget, saved
/// over up to half a second, bounds the overhead; key frames may overdraw it, and upper temporal
/// layers use only what the base layer leaves.
#[derive(Clone, Debug)]
pub struct FecController {
    config: FecControllerConfig,
    loss: f64,
    /// Mean burst length in packets.
    burst: f64,
    rtt: Duration,
    frame_interval: Duration,
    bits_per_second: f64,
    /// Bytes left for repair packets; negative after a key frame.
    budget: f64,
    /// Packets and bytes since the last repair packet.
    open: (usize, usize),
    open_frames: u32,
    media_bytes: f64,
    repair_bytes: f64,
}

impl FecController {
    /// Creates a controller with no loss, 100 ms round-trip time, 30 frames per second and 1 Mb/s.
    /// Out-of-range settings are clamped.
    #[must_use]
    pub fn new(mut config: FecControllerConfig) -> Self {
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

    /// Sets the loss ratio before recovery, 0..=1, and the mean burst length, at least 1. The
    /// caller smooths both ([`LossMeter`]).
    pub fn set_loss(&mut self, fraction: f64, burst: f64) {
        self.loss = if fraction.is_finite() { fraction.clamp(0.0, 1.0) } else { 0.0 };
        self.burst = if burst.is_finite() { burst.clamp(1.0, 20.0) } else { 1.0 };
    }

    /// Sets the round-trip time.
    pub fn set_rtt(&mut self, rtt: Duration) {
        self.rtt = rtt;
    }

    /// Sets the frame interval and the media bitrate in bits per second.
    pub fn set_media(&mut self, frame_interval: Duration, bits_per_second: u64) {
        self.frame_interval = frame_interval.max(Duration::from_millis(1));
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let rate = bits_per_second as f64;
        self.bits_per_second = rate;
    }

    /// Maximum FEC overhead at the current conditions, as a share of the media bytes.
    #[must_use]
    pub fn allowed_share(&self) -> f64 {
        if self.loss < MIN_LOSS {
            return 0.0;
        }
        self.config.max_share * self.nack_weight()
    }

    /// Recent FEC overhead as a share of the media bytes, for bitrate allocation.
    #[must_use]
    pub fn overhead(&self) -> f64 {
        if self.media_bytes > 0.0 { self.repair_bytes / self.media_bytes } else { 0.0 }
    }

    /// Weight of FEC when NACK is in use, 0..=1.
    fn nack_weight(&self) -> f64 {
        if !self.config.nack {
            return 1.0;
        }
        let over = self.rtt.saturating_sub(SHORT_RTT).as_secs_f64();
        let full = self.config.long_rtt.saturating_sub(SHORT_RTT).max(Duration::from_millis(1));
        (over / full.as_secs_f64()).clamp(0.0, 1.0)
    }

    /// Maximum number of frames that share repair packets, so that recovery is faster than a
    /// retransmission.
    fn max_frames(&self) -> u32 {
        let most = if self.config.nack { self.rtt } else { LONG_RTT };
        let frames = most.as_secs_f64() / self.frame_interval.as_secs_f64();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let frames = frames.clamp(1.0, 8.0) as u32;
        frames
    }

    /// Records a sent frame and returns the FEC to send after it.
    pub fn plan(&mut self, frame: SentFrame) -> FecPlan {
        #[expect(clippy::cast_precision_loss, reason = "bytes of a frame")]
        let bytes = frame.bytes as f64;
        self.media_bytes = self.media_bytes * DECAY + bytes;
        self.repair_bytes *= DECAY;
        let share = self.allowed_share();
        let saved = self.bits_per_second / 8.0 * MAX_SAVED.as_secs_f64() * share;
        self.budget = (self.budget + bytes * share).min(saved);
        self.open = (self.open.0 + frame.packets, self.open.1 + frame.bytes);
        self.open_frames += 1;
        if share <= 0.0 {
            (self.open, self.open_frames, self.budget) = ((0, 0), 0, 0.0);
            return FecPlan::default();
        }
        let packets = self.open.0.min(self.config.max_group);
        if packets == 0 {
            return FecPlan::default();
        }
        #[expect(clippy::cast_precision_loss, reason = "bytes of a frame")]
        let packet_bytes = self.open.1 as f64 / self.open.0.max(1) as f64;
        let wanted = self.required_repairs(packets);
        // Upper layers leave budget for the next base-layer frame.
        let kept = if frame.temporal_id > 0 { saved / 4.0 } else { 0.0 };
        let affordable = ((self.budget - kept) / packet_bytes.max(1.0)).max(0.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let affordable = affordable.min(MAX_GROUP as f64) as usize;
        let repairs = if frame.is_key { wanted } else { wanted.min(affordable) };
        let waits = repairs < wanted && self.open_frames < self.max_frames() && !frame.is_key;
        if waits {
            return FecPlan::default();
        }
        (self.open, self.open_frames) = ((0, 0), 0);
        if repairs == 0 {
            return FecPlan::default();
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
        FecPlan { packets, repairs, pattern }
    }

    /// Smallest number of repair packets that reaches the target.
    fn required_repairs(&self, packets: usize) -> usize {
        let most = packets.min(1 + packets / 2);
        (1..most)
            .find(|&repairs| self.residual(packets, repairs) <= self.config.target_residual)
            .unwrap_or(most)
    }

    /// Probability that some of `packets` are missing after interleaved recovery. Each repair
    /// packet covers every n-th packet and can recover one; bursts longer than n hit the same
    /// repair packet twice.
    #[must_use]
    pub fn residual(&self, packets: usize, repairs: usize) -> f64 {
        if repairs == 0 {
            return 1.0 - (1.0 - self.loss).powi(i32::try_from(packets).unwrap_or(i32::MAX));
        }
        #[expect(clippy::cast_precision_loss, reason = "at most 110")]
        let distance = repairs as f64;
        // Losses per repair packet: a burst counts as one loss if it is short enough.
        let together = (self.burst / distance).max(1.0);
        let loss = (self.loss * together).min(1.0);
        let mut whole = 1.0;
        for part in 0..repairs {
            let own = packets / repairs + usize::from(part < packets % repairs);
            let own = i32::try_from(own).unwrap_or(i32::MAX);
            // No media packet lost, or one lost and the repair packet received.
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

    fn controller(nack: bool, loss: f64, burst: f64, rtt: u64) -> FecController {
        let mut it =
            FecController::new(FecControllerConfig { nack, ..FecControllerConfig::default() });
        it.set_loss(loss, burst);
        it.set_rtt(ms(rtt));
        it.set_media(ms(33), 1_600_000);
        it
    }

    /// Overhead after 300 frames.
    fn run(it: &mut FecController) -> f64 {
        for _ in 0..300 {
            let plan = it.plan(FRAME);
            assert!(plan.repairs <= plan.packets && plan.packets <= 48);
        }
        it.overhead()
    }

    #[test]
    fn overhead_follows_the_loss_within_the_maximum_share() {
        assert!(run(&mut controller(false, 0.0, 1.0, 50)) < 1e-9);
        let little = run(&mut controller(false, 0.01, 1.0, 50));
        let some = run(&mut controller(false, 0.05, 1.0, 50));
        let much = run(&mut controller(false, 0.10, 1.0, 50));
        assert!(0.1 < little && little <= some && some <= much, "{little} {some} {much}");
        // Repair packets have the maximum size, so that their share is slightly higher.
        assert!(much <= 0.54, "{much}");
        let mut it = controller(false, 0.1, 1.0, 50);
        run(&mut it);
        it.set_loss(0.0, 1.0);
        assert!(run(&mut it) < 0.01);
    }

    #[test]
    fn nack_with_a_short_round_trip_reduces_fec() {
        assert!(run(&mut controller(true, 0.05, 1.0, 15)) < 1e-9);
        let short = run(&mut controller(true, 0.05, 1.0, 40));
        let long = run(&mut controller(true, 0.05, 1.0, 200));
        assert!(short < long && short <= 0.13 + 1e-6, "{short} {long}");
    }

    #[test]
    fn key_frames_overdraw_the_budget_and_upper_layers_come_last() {
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
    fn bursts_increase_fec_and_select_interleaving() {
        let random = controller(false, 0.01, 1.0, 100);
        let bursts = controller(false, 0.01, 4.0, 100);
        assert!(bursts.required_repairs(12) > random.required_repairs(12));
        let mut it = bursts;
        let plan = it.plan(SentFrame { packets: 20, bytes: 22_000, is_key: true, temporal_id: 0 });
        assert_eq!(plan.pattern, Pattern::Interleaved);
    }

    #[test]
    fn residual_matches_enumeration() {
        // Three packets and one repair packet at 10 % loss: complete if at most one of the four is
        // lost.
        let it = controller(false, 0.1, 1.0, 100);
        let whole = 0.9_f64.powi(3) + 3.0 * 0.1 * 0.9_f64.powi(3);
        assert!((it.residual(3, 1) - (1.0 - whole)).abs() < 1e-12);
        assert!((it.residual(3, 0) - (1.0 - 0.9_f64.powi(3))).abs() < 1e-12);
    }
}
