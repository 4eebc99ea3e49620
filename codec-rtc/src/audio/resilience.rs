//! Loss resilience of sent audio: chooses Opus in-band FEC, RED depth, frame length and bitrate
//! from packet loss and the available bandwidth.

use codec_audio::{AudioUpdate, FrameDuration};
use codec_core::codec::Bitrate;

/// Headers per packet in bytes: IPv4 and UDP 28, RTP 12, extensions 8, SRTP authentication tag 10.
const OVERHEAD_BYTES: u64 = 58;

/// RED overhead in bytes, per packet and per redundant block (RFC 2198, section 3).
const RED_BYTES: u64 = 1;
const RED_COPY_BYTES: u64 = 4;

/// Minimum bitrate per block, in bits per second, at which RED is used.
const MIN_CODEC_BPS: u64 = 14_000;

/// Bitrate range of Opus for mono and stereo, in bits per second.
const CODEC_RANGE: (u64, u64) = (6_000, 510_000);

/// Values of the expected loss that the encoder is configured with, in percent.
const LOSS_STEPS: [u8; 9] = [0, 1, 2, 4, 7, 10, 15, 20, 30];

/// Loss thresholds for one redundant block.
const ONE_COPY: Band = Band { on: 0.03, off: 0.015 };

/// Loss thresholds for two redundant blocks.
const TWO_COPIES: Band = Band { on: 0.12, off: 0.08 };

/// Loss thresholds for two redundant blocks if losses are bursty.
const TWO_COPIES_BURSTS: Band = Band { on: 0.05, off: 0.03 };

/// Loss thresholds for Opus in-band FEC.
const IN_BAND: Band = Band { on: 0.01, off: 0.004 };

/// Frame length in ms, and the total bitrate in bits per second below which it is used.
const FRAMES: [(u32, u64); 3] = [(60, 24_000), (40, 36_000), (20, 128_000)];

/// Conditions of the network path, from receiver reports and the bandwidth estimate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinkConditions {
    /// Share of packets lost over the last seconds, 0..=1.
    pub loss: f64,
    /// Mean number of consecutive packets lost, at least 1.
    pub burst: f64,
    /// Bitrate available to audio, including headers and redundancy.
    pub bitrate: Bitrate,
    /// Whether the receiver negotiated RED.
    pub red: bool,
}

/// Settings for sending audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resilience {
    /// Expected packet loss, in percent.
    pub expected_loss_pct: u8,
    /// Whether Opus in-band FEC (LBRR) is on. Off while RED is in use, since the redundant block in
    /// the same packet has full quality.
    pub fec: bool,
    /// Number of redundant payloads per packet, 0..=2.
    pub red_depth: u8,
    /// Packet duration: 10, 20, 40 or 60 ms.
    pub frame: FrameDuration,
    /// Encoder bitrate, 6 to 510 kb/s.
    pub bitrate: Bitrate,
}

impl Default for Resilience {
    /// Initial settings before any report: 20 ms frames, 32 kb/s, in-band FEC with 1 % expected
    /// loss.
    fn default() -> Self {
        Self {
            expected_loss_pct: 1,
            fec: true,
            red_depth: 0,
            frame: FrameDuration::ms(20),
            bitrate: Bitrate(32_000),
        }
    }
}

/// Thresholds with hysteresis.
#[derive(Clone, Copy, Debug)]
struct Band {
    on: f64,
    off: f64,
}

impl Band {
    fn holds(self, value: f64, was: bool) -> bool {
        value >= if was { self.off } else { self.on }
    }
}

impl Resilience {
    /// Returns the next settings, given the current ones (`self`). Stable: the same link yields the
    /// same settings when called again.
    #[must_use]
    pub fn next(self, link: &LinkConditions) -> Self {
        let loss = if link.loss.is_finite() { link.loss.clamp(0.0, 1.0) } else { 0.0 };
        let frame = self.next_frame(link.bitrate.0, loss);
        let wanted = if link.red { self.next_depth(loss, link.burst) } else { 0 };
        // Redundancy is reduced before the speech bitrate falls below its minimum.
        let affordable = |depth: &u8| codec_bits(link.bitrate.0, frame, *depth) >= MIN_CODEC_BPS;
        let red_depth = (1..=wanted).rev().find(affordable).unwrap_or(0);
        let bits = codec_bits(link.bitrate.0, frame, red_depth);
        Self {
            expected_loss_pct: self.next_expected(loss),
            fec: red_depth == 0 && IN_BAND.holds(loss, self.fec),
            red_depth,
            frame,
            bitrate: Bitrate(bits.clamp(CODEC_RANGE.0, CODEC_RANGE.1)),
        }
    }

    /// Returns the encoder updates needed to change from `before` to `self`.
    pub fn updates(self, before: Self) -> impl Iterator<Item = AudioUpdate> {
        let changed = |differs: bool, update: AudioUpdate| differs.then_some(update);
        let loss = self.expected_loss_pct;
        [
            changed(self.frame != before.frame, AudioUpdate::Frame(self.frame)),
            changed(self.bitrate != before.bitrate, AudioUpdate::Bitrate(self.bitrate)),
            changed(loss != before.expected_loss_pct, AudioUpdate::ExpectedLoss(loss)),
            changed(self.fec != before.fec, AudioUpdate::Fec(self.fec)),
        ]
        .into_iter()
        .flatten()
    }

    /// Loss rounded up to a step; a lower step is chosen only after a clear decrease.
    fn next_expected(self, loss: f64) -> u8 {
        let step = |percent: f64| {
            let covers = |step: &&u8| f64::from(**step) + 0.25 >= percent;
            LOSS_STEPS.iter().find(covers).copied().unwrap_or(30)
        };
        let up = step(loss * 100.0);
        let down = step(loss * 130.0);
        if up > self.expected_loss_pct { up } else { down.min(self.expected_loss_pct) }
    }

    fn next_depth(self, loss: f64, burst: f64) -> u8 {
        let two = if burst >= 1.8 { TWO_COPIES_BURSTS } else { TWO_COPIES };
        match () {
            () if two.holds(loss, self.red_depth >= 2) => 2,
            () if ONE_COPY.holds(loss, self.red_depth >= 1) => 1,
            () => 0,
        }
    }

    /// Uses longer frames if headers would take too much of the bitrate, and shorter ones again at
    /// 20 % more bitrate.
    fn next_frame(self, bits: u64, loss: f64) -> FrameDuration {
        let longest = FRAMES.iter().find(|&&(ms, up_to)| {
            let is_shorter_now = self.frame < FrameDuration::ms(ms);
            let limit = if is_shorter_now { up_to } else { up_to + up_to / 5 };
            bits < limit
        });
        // At high loss, losing a 60 ms packet costs a syllable.
        let most = if loss >= 0.05 { 40 } else { 60 };
        FrameDuration::ms(longest.map_or(10, |&(ms, _)| ms).min(most))
    }
}

/// Encoder bitrate that remains after headers and redundancy, in bits per second.
fn codec_bits(all: u64, frame: FrameDuration, red_depth: u8) -> u64 {
    let copies = u64::from(red_depth);
    let red = if copies > 0 { RED_BYTES + copies * RED_COPY_BYTES } else { 0 };
    let headers = (OVERHEAD_BYTES + red) * 8 * 1_000_000 / u64::from(frame.0.max(1));
    all.saturating_sub(headers) / (1 + copies)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(loss: f64, kbps: u64) -> LinkConditions {
        LinkConditions { loss, burst: 1.0, bitrate: Bitrate::kbps(kbps), red: true }
    }

    /// Settings for this link; they must be stable after one step.
    fn settled(from: Resilience, link: &LinkConditions) -> Resilience {
        let next = from.next(link);
        assert_eq!(next.next(link), next, "must be stable");
        next
    }

    #[test]
    fn protection_follows_the_loss() {
        let start = Resilience::default();
        let rows =
            [(0.0, 0, false, 0), (0.02, 2, true, 0), (0.05, 7, false, 1), (0.2, 20, false, 2)];
        for (loss, expected, fec, depth) in rows {
            let next = settled(Resilience { fec: false, ..start }, &link(loss, 100));
            assert_eq!((next.expected_loss_pct, next.fec, next.red_depth), (expected, fec, depth));
        }
        let bursts = LinkConditions { burst: 3.0, ..link(0.06, 100) };
        assert_eq!(settled(start, &bursts).red_depth, 2);
        let without = LinkConditions { red: false, ..link(0.2, 100) };
        let next = settled(start, &without);
        assert_eq!((next.fec, next.red_depth, next.expected_loss_pct), (true, 0, 20));
    }

    #[test]
    fn redundancy_is_switched_off_with_hysteresis() {
        let start = Resilience::default();
        let on = start.next(&link(0.031, 100));
        assert_eq!(on.red_depth, 1);
        let lower = on.next(&link(0.02, 100));
        assert_eq!((lower.red_depth, start.next(&link(0.02, 100)).red_depth), (1, 0));
        assert_eq!(lower.next(&link(0.01, 100)).red_depth, 0);
        assert_eq!(
            Resilience { expected_loss_pct: 10, ..start }.next(&link(0.065, 100)).expected_loss_pct,
            10
        );
        assert_eq!(
            Resilience { expected_loss_pct: 10, ..start }.next(&link(0.03, 100)).expected_loss_pct,
            4
        );
    }

    #[test]
    fn frames_get_longer_at_low_bitrates() {
        let mut now = Resilience::default();
        for (kbps, ms) in [
            (64, 20),
            (200, 10),
            (140, 10),
            (120, 20),
            (150, 20),
            (160, 10),
            (30, 40),
            (40, 40),
            (50, 20),
            (20, 60),
            (28, 60),
            (30, 40),
        ] {
            now = settled(now, &link(0.0, kbps));
            assert_eq!(now.frame, FrameDuration::ms(ms), "{kbps} kb/s");
        }
        assert_eq!(settled(now, &link(0.1, 20)).frame, FrameDuration::ms(40));
    }

    #[test]
    fn total_stays_within_the_bitrate_and_redundancy_is_reduced_first() {
        for kbps in 16..300 {
            for loss in [0.0, 0.02, 0.05, 0.3] {
                let next = settled(Resilience::default(), &link(loss, kbps));
                let copies = u64::from(next.red_depth);
                let headers = (58 + if copies > 0 { 1 + 4 * copies } else { 0 }) * 8_000_000
                    / u64::from(next.frame.0);
                let all = next.bitrate.0 * (1 + copies) + headers;
                assert!(all <= kbps * 1000 || next.bitrate.0 == 6_000, "{kbps} {loss}: {next:?}");
                assert!(copies == 0 || next.bitrate.0 >= MIN_CODEC_BPS);
            }
        }
    }

    #[test]
    fn updates_contain_only_changed_settings() {
        let before = Resilience::default();
        assert_eq!(before.updates(before).count(), 0);
        let after = Resilience { expected_loss_pct: 10, fec: false, ..before };
        let updates: Vec<_> = after.updates(before).collect();
        assert_eq!(updates, [AudioUpdate::ExpectedLoss(10), AudioUpdate::Fec(false)]);
        let odd =
            LinkConditions { loss: f64::NAN, burst: f64::NAN, bitrate: Bitrate(0), red: true };
        let next = settled(before, &odd);
        assert_eq!((next.bitrate.0, next.red_depth), (6_000, 0));
    }
}
