//! Rates of the layers of one encoding.

use std::time::Duration;

use codec_core::codec::Bitrate;

use super::layer_filter::Layers;

/// Layers that are measured separately; higher ones count as the highest.
pub(super) const SPATIAL: usize = 4;
pub(super) const TEMPORAL: usize = 4;
const CELLS: usize = SPATIAL * TEMPORAL;
/// Length and number of the buckets: one second.
const BUCKET: Duration = Duration::from_millis(100);
const BUCKETS: usize = 10;
/// Factor per bucket by which a rate that is no longer reached decays: one half after 3.4 s.
const DECAY: f64 = 0.98;
/// Share of the distance by which a rate rises per bucket after the first second.
const RISE: f64 = 0.05;
/// A layer is present if it had a packet within this time.
const PRESENT: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    bytes: u64,
    frames: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Held {
    bytes_per_second: f64,
    frames_per_second: f64,
    last_packet: Option<Duration>,
}

/// Measures bits and frames per second of each layer. Rates decay slowly, because the rate
/// of a still screen says nothing about its next change.
#[derive(Clone, Debug)]
pub(super) struct RateMeter {
    buckets: [[Cell; CELLS]; BUCKETS],
    bucket: usize,
    bucket_end: Duration,
    started: Option<Duration>,
    held: [Held; CELLS],
}

fn cell(spatial: u8, temporal: u8) -> usize {
    let spatial = usize::from(spatial).min(SPATIAL - 1);
    spatial * TEMPORAL + usize::from(temporal).min(TEMPORAL - 1)
}

/// Moves a held rate towards a new one.
fn follow(held: f64, new: f64, rise: f64) -> f64 {
    if new > held { held + (new - held) * rise } else { new.max(held * DECAY) }
}

impl RateMeter {
    pub(super) fn new() -> Self {
        Self {
            buckets: [[Cell::default(); CELLS]; BUCKETS],
            bucket: 0,
            bucket_end: Duration::ZERO,
            started: None,
            held: [Held::default(); CELLS],
        }
    }

    /// Records a packet.
    pub(super) fn record(
        &mut self,
        now: Duration,
        layers: Layers,
        bytes: usize,
        starts_frame: bool,
    ) {
        if self.started.is_none() {
            self.started = Some(now);
            self.bucket_end = now.saturating_add(BUCKET);
        }
        self.advance(now);
        let index = cell(layers.spatial, layers.temporal);
        if let Some(place) = self.buckets.get_mut(self.bucket).and_then(|it| it.get_mut(index)) {
            place.bytes = place.bytes.saturating_add(u64::try_from(bytes).unwrap_or(0));
            place.frames = place.frames.saturating_add(u32::from(starts_frame));
        }
        if let Some(held) = self.held.get_mut(index) {
            held.last_packet = Some(now);
        }
    }

    /// Ends the buckets that lie before `now`.
    pub(super) fn advance(&mut self, now: Duration) {
        let Some(started) = self.started else { return };
        let mut steps = 0;
        while self.bucket_end <= now && steps < BUCKETS * 8 {
            self.hold(self.bucket_end.saturating_sub(started));
            self.bucket = (self.bucket + 1) % BUCKETS;
            if let Some(next) = self.buckets.get_mut(self.bucket) {
                *next = [Cell::default(); CELLS];
            }
            self.bucket_end = self.bucket_end.saturating_add(BUCKET);
            steps += 1;
        }
        if self.bucket_end <= now {
            // A long pause.
            self.bucket_end = now.saturating_add(BUCKET);
        }
    }

    fn hold(&mut self, elapsed: Duration) {
        let window = elapsed.min(BUCKET * 10).max(BUCKET).as_secs_f64();
        for (index, held) in self.held.iter_mut().enumerate() {
            let cells = self.buckets.iter().filter_map(|bucket| bucket.get(index));
            let (bytes, frames) =
                cells.fold((0, 0), |sum, it| (sum.0 + it.bytes, sum.1 + it.frames));
            #[expect(clippy::cast_precision_loss, reason = "a rate")]
            let bytes = bytes as f64 / window;
            let rise = if elapsed <= BUCKET * 10 { 1.0 } else { RISE };
            held.bytes_per_second = follow(held.bytes_per_second, bytes, rise);
            let frames = f64::from(frames) / window;
            held.frames_per_second = follow(held.frames_per_second, frames, rise);
        }
    }

    /// Whether at least two measurements have been made, so that rates are meaningful.
    pub(super) fn is_ready(&self, now: Duration) -> bool {
        self.started.is_some_and(|at| now.saturating_sub(at) >= BUCKET * 2)
    }

    /// Whether the layer itself had packets recently.
    pub(super) fn has(&self, now: Duration, layers: Layers) -> bool {
        let held = self.held.get(cell(layers.spatial, layers.temporal));
        let last = held.and_then(|held| held.last_packet);
        last.is_some_and(|at| now.saturating_sub(at) <= PRESENT)
    }

    /// Bits per second of the layers up to these.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    pub(super) fn rate(&self, layers: Layers) -> Bitrate {
        let bytes: f64 = self.up_to(layers).map(|held| held.bytes_per_second).sum();
        Bitrate((bytes * 8.0) as u64)
    }

    /// Frames per second up to a temporal layer.
    pub(super) fn frame_rate(&self, temporal: u8) -> f64 {
        let layers = Layers { spatial: 0, temporal };
        self.up_to(layers).map(|held| held.frames_per_second).sum()
    }

    fn up_to(&self, layers: Layers) -> impl Iterator<Item = &Held> {
        self.held.iter().enumerate().filter_map(move |(index, held)| {
            let spatial = index / TEMPORAL <= usize::from(layers.spatial);
            let temporal = index % TEMPORAL <= usize::from(layers.temporal);
            (spatial && temporal).then_some(held)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_add_up_over_layers_and_decay_slowly() {
        let mut meter = RateMeter::new();
        let at = |frame: u64| Duration::from_millis(frame * 100 / 3);
        for frame in 0..90_u64 {
            let temporal = [0, 2, 1, 2][usize::try_from(frame % 4).unwrap()];
            meter.record(at(frame), Layers { spatial: 0, temporal }, 1000, true);
        }
        let rate =
            |meter: &RateMeter, temporal| meter.rate(Layers { spatial: 0, temporal }).as_kbps();
        assert!((55..=75).contains(&rate(&meter, 0)), "{}", rate(&meter, 0));
        assert!((225..=265).contains(&rate(&meter, 2)), "{}", rate(&meter, 2));
        assert!((29.0..32.0).contains(&meter.frame_rate(2)), "{}", meter.frame_rate(2));
        let now = at(90);
        assert!(meter.has(now, Layers { spatial: 0, temporal: 1 }));
        assert!(!meter.has(now, Layers { spatial: 1, temporal: 0 }));
        let before = rate(&meter, 2);
        meter.advance(now + Duration::from_millis(3400));
        let after = rate(&meter, 2);
        assert!(after * 2 < before + 20 && after * 3 > before, "{before} {after}");
        meter.advance(Duration::MAX);
    }
}
