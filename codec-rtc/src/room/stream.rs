//! A video source with its encodings and the viewers that get it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::constraints::SourceLimits;
use super::encoding::{Encoding, Rung};
use super::id::ParticipantId;
use super::subscription::Subscription;
use crate::extension::ExtensionMap;
use crate::packet::Format;

/// A silent screen is not dead unless another encoding of it is alive.
const SCREEN_DEAD_AFTER: Duration = Duration::from_secs(3);
/// Measured frame rates may exceed a limit by this factor.
const FRAME_RATE_MARGIN: f64 = 1.1;

/// Kind of a video source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// A camera: it sends all the time.
    Camera,
    /// A screen share: it may send nothing while the screen is still, and comes before cameras.
    Screen,
}

/// A source that a participant publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamConfig {
    /// The publisher.
    pub owner: ParticipantId,
    /// Camera or screen.
    pub kind: SourceKind,
    /// Payload format of all encodings.
    pub format: Format,
    /// Extension ids of the publisher.
    pub extensions: ExtensionMap,
}

#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) config: StreamConfig,
    pub(super) encodings: Vec<Encoding>,
    pub(super) subscriptions: BTreeMap<ParticipantId, Subscription>,
    /// Layers at the last decision, the lowest first.
    pub(super) ladder: Vec<Rung>,
    /// Whether another server receives the source and relays it.
    pub(super) is_relayed: bool,
}

impl Stream {
    pub(super) fn new(config: StreamConfig) -> Self {
        Self {
            config,
            encodings: Vec::new(),
            subscriptions: BTreeMap::new(),
            ladder: Vec::new(),
            is_relayed: false,
        }
    }

    pub(super) fn is_screen(&self) -> bool {
        self.config.kind == SourceKind::Screen
    }

    /// Time without packets after which the encodings count as dead.
    pub(super) fn dead_after(&self, now: Duration, camera: Duration) -> Duration {
        if !self.is_screen() {
            return camera;
        }
        let is_moving = self.encodings.iter().any(|it| it.is_alive(now, camera));
        if is_moving { SCREEN_DEAD_AFTER } else { Duration::MAX }
    }

    /// Updates the layers that can be chosen.
    pub(super) fn update_ladder(&mut self, now: Duration, camera: Duration) {
        let dead_after = self.dead_after(now, camera);
        let mut rungs: Vec<Rung> = Vec::new();
        for (index, encoding) in self.encodings.iter_mut().enumerate() {
            rungs.extend(encoding.rungs(now, index, dead_after));
        }
        rungs.sort_by(|one, other| {
            let spatial = (one.height, one.rate.0).cmp(&(other.height, other.rate.0));
            spatial.then(one.encoding.cmp(&other.encoding))
        });
        self.ladder = rungs;
    }
}

/// Limits a ladder to the layers that a viewer can use. At least one layer remains. Above the lowest
/// height, only full frame rates are offered.
pub(super) fn within(ladder: &[Rung], limits: SourceLimits) -> Vec<Rung> {
    let lowest = ladder.first().copied();
    let frame_rate = f64::from(limits.max_frame_rate) * FRAME_RATE_MARGIN;
    let fits = |rung: &&Rung| rung.height <= limits.max_height && rung.frame_rate <= frame_rate;
    let fitting: Vec<Rung> = ladder.iter().filter(fits).copied().collect();
    let mut kept: Vec<Rung> = Vec::new();
    for (index, rung) in fitting.iter().enumerate() {
        let is_lowest = lowest.is_some_and(|it| it.height == rung.height);
        let is_full = !fitting.iter().skip(index + 1).any(|other| {
            other.encoding == rung.encoding && other.layers.spatial == rung.layers.spatial
        });
        if is_lowest || is_full {
            // A higher layer that is cheaper replaces the lower ones.
            while kept.pop_if(|last| last.rate > rung.rate).is_some() {}
            kept.push(*rung);
        }
    }
    if kept.is_empty() { lowest.into_iter().collect() } else { kept }
}
