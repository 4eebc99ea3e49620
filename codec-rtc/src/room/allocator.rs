//! Divides the bandwidth estimate of a viewer among its sources.
//!
//! 1. In order of priority, each source gets its lowest layer, or is paused if that does not fit.
//! 2. Screen shares get all layers that fit. Then the sources that the viewer shows in large tiles (on
//!    stage) get all layers of up to 360 pixels in height that fit.
//! 3. All sources get one more layer each in turn, until no further layer fits.

use codec_core::codec::Bitrate;

/// On-stage sources get layers up to this height before the others climb.
const STAGE_HEIGHT: u32 = 360;
/// A higher layer is chosen only if the estimate exceeds its rate by this percentage.
const HEADROOM_PERCENT: u64 = 15;
/// The lowest layer is kept if its rate exceeds the remaining estimate by at most this percentage.
const KEEP_PERCENT: u64 = 10;

/// Importance of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// A screen share.
    Screen,
    /// A large tile.
    OnStage,
    /// Any other source.
    Other,
}

/// Cost of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerCost {
    /// Height in pixels; 0 if it is unknown.
    pub height: u32,
    /// Rate including all lower layers that it needs.
    pub rate: Bitrate,
}

/// A source that a viewer wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Importance.
    pub priority: Priority,
    /// The layers that the limits of the viewer allow, the lowest first.
    pub layers: Vec<LayerCost>,
    /// Rate of the layer that is forwarded; `None` if the source is paused.
    pub current: Option<Bitrate>,
}

impl Demand {
    /// Rate that has to be available for a layer.
    fn needs(&self, rate: Bitrate) -> u64 {
        match self.current {
            Some(current) if rate > current => percent(rate.0, 100 + HEADROOM_PERCENT),
            _ => rate.0,
        }
    }
}

fn percent(value: u64, percent: u64) -> u64 {
    u64::try_from(u128::from(value) * u128::from(percent) / 100).unwrap_or(u64::MAX)
}

/// Chooses a layer of each source, as index; `None` pauses it. `demands` begin with the most important one.
///
/// ```
/// use codec_core::codec::Bitrate;
/// use codec_rtc::room::allocator::{Demand, LayerCost, Priority, divide};
///
/// let layers = [(180, 150), (360, 500), (720, 2000)]
///     .map(|(height, kbps)| LayerCost { height, rate: Bitrate::kbps(kbps) });
/// let demand = |priority| Demand { priority, layers: layers.to_vec(), current: None };
/// let demands = [demand(Priority::OnStage), demand(Priority::Other)];
/// assert_eq!(divide(Bitrate::kbps(700), &demands), [Some(1), Some(0)]);
/// assert_eq!(divide(Bitrate::kbps(200), &demands), [Some(0), None]);
/// ```
#[must_use]
pub fn divide(estimate: Bitrate, demands: &[Demand]) -> Vec<Option<usize>> {
    let mut division = Division { left: estimate.0, chosen: vec![None; demands.len()] };
    for (index, demand) in demands.iter().enumerate() {
        let Some(lowest) = demand.layers.first() else { continue };
        let may_exceed = demand.current.is_some_and(|current| current >= lowest.rate);
        let extra = if may_exceed { percent(estimate.0, KEEP_PERCENT) } else { 0 };
        division.start(index, demand, extra);
    }
    for (index, demand) in demands.iter().enumerate() {
        let limit = match demand.priority {
            Priority::Screen => u32::MAX,
            Priority::OnStage => STAGE_HEIGHT,
            Priority::Other => continue,
        };
        while division.climb(index, demand, limit) {}
    }
    // Each step is one of finitely many layers.
    while demands
        .iter()
        .enumerate()
        .fold(false, |any, (index, demand)| division.climb(index, demand, u32::MAX) || any)
    {}
    division.chosen
}

struct Division {
    left: u64,
    chosen: Vec<Option<usize>>,
}

impl Division {
    fn start(&mut self, index: usize, demand: &Demand, extra: u64) {
        let Some(lowest) = demand.layers.first() else { return };
        if demand.needs(lowest.rate) <= self.left.saturating_add(extra) {
            self.left = self.left.saturating_sub(lowest.rate.0);
            if let Some(place) = self.chosen.get_mut(index) {
                *place = Some(0);
            }
        }
    }

    /// Takes the next layer if it fits and is not higher than `limit`.
    fn climb(&mut self, index: usize, demand: &Demand, limit: u32) -> bool {
        let Some(place) = self.chosen.get_mut(index) else { return false };
        let Some(now) = *place else { return false };
        let layers = (demand.layers.get(now), demand.layers.get(now + 1));
        let (Some(lower), Some(upper)) = layers else { return false };
        let fits = demand.needs(upper.rate) <= self.left.saturating_add(lower.rate.0);
        if !fits || upper.height > limit {
            return false;
        }
        self.left = self.left.saturating_add(lower.rate.0).saturating_sub(upper.rate.0);
        *place = Some(now + 1);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demand(priority: Priority, layers: &[(u32, u64)]) -> Demand {
        let cost = |&(height, kbps): &(u32, u64)| LayerCost { height, rate: Bitrate::kbps(kbps) };
        Demand { priority, layers: layers.iter().map(cost).collect(), current: None }
    }

    const CAMERA: [(u32, u64); 3] = [(180, 150), (360, 500), (720, 2000)];

    fn at(kbps: u64, demands: &[Demand]) -> Vec<Option<usize>> {
        divide(Bitrate::kbps(kbps), demands)
    }

    #[test]
    fn lowest_layers_come_first_then_the_stage_then_all_in_turn() {
        let demands = [
            demand(Priority::OnStage, &CAMERA),
            demand(Priority::Other, &CAMERA),
            demand(Priority::Other, &CAMERA),
        ];
        assert_eq!(at(100, &demands), [None, None, None]);
        assert_eq!(at(320, &demands), [Some(0), Some(0), None]);
        assert_eq!(at(450, &demands), [Some(0), Some(0), Some(0)]);
        assert_eq!(at(800, &demands), [Some(1), Some(0), Some(0)]);
        assert_eq!(at(1150, &demands), [Some(1), Some(1), Some(0)]);
        assert_eq!(at(3000, &demands), [Some(2), Some(1), Some(1)]);
        assert_eq!(at(60_000, &demands), [Some(2), Some(2), Some(2)]);
    }

    #[test]
    fn screens_come_before_cameras() {
        let demands = [
            demand(Priority::Screen, &[(1080, 500), (1080, 1500)]),
            demand(Priority::OnStage, &CAMERA),
        ];
        assert_eq!(at(1900, &demands), [Some(1), Some(0)]);
        assert_eq!(at(600, &demands), [Some(0), None]);
    }

    #[test]
    fn a_higher_layer_needs_headroom_and_the_lowest_is_kept() {
        let mut demands = [demand(Priority::OnStage, &CAMERA)];
        assert_eq!(at(510, &demands), [Some(1)]);
        demands[0].current = Some(Bitrate::kbps(150));
        assert_eq!(at(510, &demands), [Some(0)]);
        assert_eq!(at(580, &demands), [Some(1)]);
        assert_eq!(at(140, &demands), [Some(0)]);
        assert_eq!(at(130, &demands), [None]);
        demands[0].current = None;
        assert_eq!(at(140, &demands), [None]);
    }

    #[test]
    fn extreme_rates_do_not_overflow() {
        let layers = vec![LayerCost { height: 1, rate: Bitrate(u64::MAX) }; 3];
        let mut demand = Demand { priority: Priority::Screen, layers, current: Some(Bitrate(0)) };
        assert_eq!(divide(Bitrate(u64::MAX), std::slice::from_ref(&demand)), [Some(2)]);
        demand.layers.clear();
        assert_eq!(divide(Bitrate(u64::MAX), &[demand]), [None]);
    }
}
