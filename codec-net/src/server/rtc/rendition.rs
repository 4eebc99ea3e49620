//! Selects what a viewer's link can carry: the published video of a stream with some of its layers, the
//! small rendition (a smaller copy at a low bitrate), or no video.

use std::time::Duration;

use super::super::room::Rendition;
use super::congestion::LinkLoad;
use super::temporal_layers::LayerSelector;

/// A lower rendition is selected after the link's capacity was insufficient for this long.
const DOWN_AFTER: Duration = Duration::from_millis(400);
/// The same if neither round trip times nor losses confirm it, because a stalled machine delays
/// packets too.
const UNCONFIRMED_DOWN_AFTER: Duration = Duration::from_millis(1500);
/// The same if the publisher was asked to send less, which takes time.
const ADAPTIVE_DOWN_AFTER: Duration = Duration::from_secs(2);
/// A higher rendition is selected after the link had sufficient capacity, with a margin, for this
/// long.
const UP_AFTER: Duration = Duration::from_secs(1);
/// The margin, in percent of the rendition's bitrate.
const HEADROOM_PCT: u64 = 3;
/// Minimum time from a change to the next higher rendition: the key frame must pass first.
const SETTLING: Duration = Duration::from_secs(2);
/// How long even the small rendition must be too much before the video pauses.
const PAUSE_AFTER: Duration = Duration::from_secs(6);
/// Initial and maximum length of a pause; each failed attempt doubles it.
const PAUSE_RANGE: [Duration; 2] = [Duration::from_secs(6), Duration::from_secs(48)];
/// Below this budget an adaptive encoder sends no video; after `STARVED_AFTER` the video counts as
/// paused.
const STARVED: u64 = 45_000;
const STARVED_AFTER: Duration = Duration::from_secs(2);
/// Maximum number of steps between the layers of the full rendition: temporal layers, then spatial
/// layers.
const LAYERS: u8 = 8;

/// The renditions of a stream, and the capacity of the viewer's link.
#[derive(Clone, Copy, Debug)]
pub(super) struct SelectorInput {
    /// Link capacity for payloads of the stream; `None`: no estimate.
    pub(super) budget: Option<u64>,
    pub(super) load: LinkLoad,
    /// Whether the estimate is low because of queueing, packet loss or missing feedback, and not
    /// because little was sent.
    pub(super) congested: bool,
    /// Temporal layers of the full rendition.
    pub(super) layers: u8,
    /// Spatial layers of the full rendition; 0 or 1 if there is one.
    pub(super) spatial_layers: u8,
    /// Bitrate of the full rendition in bits per second, audio included.
    pub(super) full: u64,
    /// Bitrate of the small rendition; `None` without one.
    pub(super) small: Option<u64>,
    /// Whether the full rendition is encoded for this viewer's link only.
    pub(super) encoder_adapts: bool,
    /// Whether the publisher was informed of the link's capacity and may adapt.
    pub(super) publisher_may_adapt: bool,
}

impl SelectorInput {
    /// Bitrate that a rendition needs, in bits per second. Without its highest layer, the full
    /// rendition needs 3/4 of the bitrate: each layer doubles the frame rate, and frames of upper
    /// layers are smaller. A lower spatial layer has a quarter of the pixels.
    fn needed(&self, rendition: Rendition) -> u64 {
        match rendition {
            Rendition::Full(layers) => {
                let left = self.steps().saturating_sub(layers);
                let spatial = left.min(self.spatial_layers.saturating_sub(1));
                let small = (0..spatial).fold(self.full, |rate, _| rate * 3 / 10);
                (spatial..left).fold(small, |rate, _| rate * 3 / 4)
            }
            Rendition::Small => self.small.unwrap_or(u64::MAX),
            Rendition::NoVideo => 0,
        }
    }

    /// Number of combinations of layers: without upper spatial layers, then also without upper temporal
    /// layers.
    fn steps(&self) -> u8 {
        self.layers.max(1).saturating_add(self.spatial_layers.saturating_sub(1)).min(LAYERS)
    }

    /// The renditions, best first. The base layer by itself has less than 10 frames per second, so
    /// a small rendition is better if there is one.
    fn renditions(&self) -> Vec<Rendition> {
        let all = self.steps();
        let least = if self.small.is_some() { all.min(2) } else { 1 };
        let mut list: Vec<_> = (least..=all).rev().map(Rendition::Full).collect();
        list.extend(self.small.map(|_| Rendition::Small));
        list
    }
}

/// Selects renditions.
#[derive(Clone, Copy, Debug)]
pub(super) struct RenditionSelector {
    layers: LayerSelector,
    selected: Rendition,
    changed: Duration,
    /// Since when the link's capacity has been below the selected rendition, or above it.
    below: Option<Duration>,
    above: Option<Duration>,
    /// Since when the small rendition has been too much.
    exceeded: Option<Duration>,
    pause: Duration,
    /// Since when the link has had almost no capacity.
    starved: Option<Duration>,
}

impl Default for RenditionSelector {
    fn default() -> Self {
        Self {
            layers: LayerSelector::default(),
            selected: Rendition::Full(u8::MAX),
            changed: Duration::ZERO,
            below: None,
            above: None,
            exceeded: None,
            pause: PAUSE_RANGE[0],
            starved: None,
        }
    }
}

impl RenditionSelector {
    /// Returns the rendition that the viewer should receive.
    pub(super) fn select(&mut self, now: Duration, input: &SelectorInput) -> Rendition {
        let all = input.steps();
        // With an adaptive encoder, dropping layers would only discard frames that fit already.
        let layers = if input.encoder_adapts { 1 } else { all };
        let by_load = match self.layers.select(now, input.load, layers) {
            0 => Rendition::NoVideo,
            _ if input.encoder_adapts => Rendition::Full(all),
            layers => Rendition::Full(layers),
        };
        let starved = input.encoder_adapts && input.budget.is_some_and(|budget| budget < STARVED);
        self.starved = if starved { self.starved.or(Some(now)) } else { None };
        let is_starved = self.starved.is_some_and(|at| now.saturating_sub(at) >= STARVED_AFTER);
        let next = match input.budget {
            _ if is_starved => Rendition::NoVideo,
            // The encoder adapts to the estimate: data sent earlier are merely late.
            Some(_) if input.encoder_adapts => Rendition::Full(all),
            Some(budget)
                if !input.encoder_adapts && (input.small.is_some() || input.spatial_layers > 1) =>
            {
                self.by_budget(now, input, budget)
            }
            _ => by_load,
        };
        if next != self.selected {
            (self.selected, self.changed) = (next, now);
            (self.below, self.above, self.exceeded) = (None, None, None);
        }
        next
    }

    fn by_budget(&mut self, now: Duration, input: &SelectorInput, budget: u64) -> Rendition {
        let list = input.renditions();
        let all = Rendition::Full(input.steps());
        let selected = match self.selected {
            Rendition::Full(layers) if layers >= input.steps() => all,
            Rendition::NoVideo => return self.paused(now, input, budget),
            other => other,
        };
        let fits = |rendition: &Rendition| input.needed(*rendition) <= budget;
        if selected == Rendition::Small && self.is_exceeded(now, input, budget) {
            return Rendition::NoVideo;
        }
        let lasted = |since: Option<Duration>| since.map_or(Duration::ZERO, |at| now - at);
        let is_congested = input.congested || input.load != LinkLoad::Normal;
        if fits(&selected) || selected == Rendition::Small || !is_congested {
            self.below = None;
        } else {
            self.below.get_or_insert(now);
        }
        let wait = match input.load {
            _ if input.publisher_may_adapt => ADAPTIVE_DOWN_AFTER,
            LinkLoad::Normal => UNCONFIRMED_DOWN_AFTER,
            LinkLoad::CongestedByOthers | LinkLoad::Exceeded => DOWN_AFTER,
        };
        if self.below.is_some() && lasted(self.below) >= wait {
            let least = list.last().copied().unwrap_or(all);
            return list.iter().copied().find(fits).unwrap_or(least);
        }
        let fits_with_headroom = |rendition: &Rendition| {
            input.needed(*rendition).saturating_mul(100 + HEADROOM_PCT) / 100 <= budget
        };
        let better =
            list.iter().copied().take_while(|one| *one != selected).find(fits_with_headroom);
        if better.is_none() || input.load != LinkLoad::Normal {
            self.above = None;
        } else {
            self.above.get_or_insert(now);
        }
        let is_settled = now.saturating_sub(self.changed) >= SETTLING;
        match better {
            Some(better) if is_settled && lasted(self.above) >= UP_AFTER => {
                self.pause = PAUSE_RANGE[0];
                better
            }
            _ => selected,
        }
    }

    /// Whether the small rendition has been too much for the link for long enough.
    fn is_exceeded(&mut self, now: Duration, input: &SelectorInput, budget: u64) -> bool {
        if input.load != LinkLoad::Exceeded || budget >= input.needed(Rendition::Small) {
            self.exceeded = None;
            return false;
        }
        let since = *self.exceeded.get_or_insert(now);
        let is_long = now.saturating_sub(since) >= PAUSE_AFTER;
        if is_long {
            self.pause = (2 * self.pause).min(PAUSE_RANGE[1]);
        }
        is_long
    }

    fn paused(&mut self, now: Duration, input: &SelectorInput, budget: u64) -> Rendition {
        let lasted = now.saturating_sub(self.changed);
        let fits = budget >= input.needed(Rendition::Small) && lasted >= PAUSE_RANGE[0];
        // Without video there is little basis for an estimate: try again.
        if fits || lasted >= self.pause { Rendition::Small } else { Rendition::NoVideo }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INPUT: SelectorInput = SelectorInput {
        budget: Some(2_000_000),
        load: LinkLoad::Normal,
        congested: false,
        layers: 3,
        spatial_layers: 0,
        full: 1_540_000,
        small: Some(210_000),
        encoder_adapts: false,
        publisher_may_adapt: false,
    };

    /// Returns the changes of the selection, evaluated every 100 ms, with their times.
    fn run(
        selector: &mut RenditionSelector,
        from_s: u64,
        to_s: u64,
        input: impl Fn(u64) -> SelectorInput,
    ) -> Vec<(u64, Rendition)> {
        let mut changes: Vec<(u64, Rendition)> = Vec::new();
        for ms in (1000 * from_s..1000 * to_s).step_by(100) {
            let selected = selector.select(Duration::from_millis(ms), &input(ms));
            if changes.last().is_none_or(|last| last.1 != selected) {
                changes.push((ms, selected));
            }
        }
        changes
    }

    #[test]
    fn a_bandwidth_drop_selects_the_small_rendition_until_recovery() {
        let mut selector = RenditionSelector::default();
        let budget = |ms| match ms {
            10_000..30_000 => 250_000,
            // A probe detects the recovery after three seconds.
            30_000..33_000 => 280_000,
            _ => 1_900_000,
        };
        let changes = run(&mut selector, 0, 60, |ms| {
            let congested = (10_000..12_000).contains(&ms);
            let load = if congested { LinkLoad::Exceeded } else { LinkLoad::Normal };
            SelectorInput { budget: Some(budget(ms)), congested, load, ..INPUT }
        });
        let expected =
            [(0, Rendition::Full(3)), (10_400, Rendition::Small), (34_000, Rendition::Full(3))];
        assert_eq!(changes, expected);
    }

    #[test]
    fn one_layer_less_suffices_for_a_small_bandwidth_deficit() {
        let mut selector = RenditionSelector::default();
        let changes = run(&mut selector, 0, 20, |_| SelectorInput {
            budget: Some(1_250_000),
            congested: true,
            ..INPUT
        });
        assert_eq!(changes.last().map(|last| last.1), Some(Rendition::Full(2)));
    }

    #[test]
    fn an_adaptive_encoder_keeps_its_layers_and_its_viewer() {
        let mut selector = RenditionSelector::default();
        let changes = run(&mut selector, 0, 60, |ms| {
            let load =
                if (10_000..13_000).contains(&ms) { LinkLoad::Exceeded } else { LinkLoad::Normal };
            SelectorInput { budget: Some(200_000), load, encoder_adapts: true, ..INPUT }
        });
        assert_eq!(changes, [(0, Rendition::Full(3))]);
    }

    #[test]
    fn an_adaptive_publisher_gets_time_to_react() {
        let mut selector = RenditionSelector::default();
        let changes = run(&mut selector, 0, 30, |ms| {
            // It sends less two seconds after the drop, or never.
            let full = if ms >= 11_500 { 220_000 } else { INPUT.full };
            let budget = Some(if ms >= 10_000 { 250_000 } else { 2_000_000 });
            SelectorInput {
                budget,
                full,
                publisher_may_adapt: true,
                congested: ms >= 10_000,
                ..INPUT
            }
        });
        assert_eq!(changes, [(0, Rendition::Full(3))]);
        let changes = run(&mut RenditionSelector::default(), 0, 30, |_| SelectorInput {
            budget: Some(250_000),
            publisher_may_adapt: true,
            congested: true,
            ..INPUT
        });
        assert!(matches!(changes.last(), Some((2000..2500, Rendition::Small))), "{changes:?}");
    }

    #[test]
    fn video_pauses_if_the_small_rendition_does_not_fit_and_is_retried() {
        let mut selector = RenditionSelector::default();
        let changes = run(&mut selector, 0, 60, |ms| {
            let load = if ms > 500 { LinkLoad::Exceeded } else { LinkLoad::Normal };
            SelectorInput { budget: Some(60_000), load, ..INPUT }
        });
        let nothing: Vec<u64> = changes
            .iter()
            .filter(|change| change.1 == Rendition::NoVideo)
            .map(|change| change.0)
            .collect();
        assert_eq!(nothing.len(), 3, "{changes:?}");
        assert!(nothing[0] < 8000, "{changes:?}");
    }

    #[test]
    fn a_burst_of_the_publisher_has_no_effect_without_congestion() {
        let mut selector = RenditionSelector::default();
        let changes = run(&mut selector, 0, 20, |ms| {
            let full = if (10_000..12_000).contains(&ms) { 4_000_000 } else { INPUT.full };
            SelectorInput { full, ..INPUT }
        });
        assert_eq!(changes, [(0, Rendition::Full(3))]);
    }

    #[test]
    fn a_stalled_machine_has_no_effect() {
        let mut selector = RenditionSelector::default();
        let changes = run(&mut selector, 0, 60, |ms| {
            // The estimate is always low, and packets sometimes wait for a second.
            SelectorInput { budget: Some(900_000), congested: ms % 3000 < 1000, ..INPUT }
        });
        assert_eq!(changes, [(0, Rendition::Full(3))]);
    }

    #[test]
    fn without_an_estimate_or_a_small_rendition_the_load_decides() {
        for input in
            [SelectorInput { budget: None, ..INPUT }, SelectorInput { small: None, ..INPUT }]
        {
            let mut selector = RenditionSelector::default();
            let changes = run(&mut selector, 0, 4, |ms| {
                let load = if ms > 500 { LinkLoad::Exceeded } else { LinkLoad::Normal };
                SelectorInput { load, ..input }
            });
            assert_eq!(changes.last().map(|last| last.1), Some(Rendition::Full(1)));
        }
    }
}
