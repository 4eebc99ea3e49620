//! Channel mapping and down-mixing by ITU-R BS.775, annex 4.

use super::format::ChannelLayout;
use super::speakers::{Speaker, SpeakerSet};

const HALF_POWER: f32 = std::f32::consts::FRAC_1_SQRT_2;

/// Maps interleaved floats from one channel layout to another.
///
/// Channels that both layouts have are copied. Channels missing in the output are mixed into their
/// neighbours: centre to left and right with -3 dB, surrounds to the front of their side with -3
/// dB, speakers above the listener to those below with -3 dB. Low frequency effects are dropped, as the
/// recommendation specifies. All weights are then
/// scaled down together so that no sum can exceed full scale. Channels missing in the input are
/// silent, except that mono is played left and right. Discrete channels map by number.
///
/// ```
/// use codec_audio::ChannelLayout::{Mono, Stereo, Surround51};
/// use codec_audio::channels::ChannelMapper;
///
/// let mut out = Vec::new();
/// ChannelMapper::new(Mono, Stereo).map(&[0.5, -0.5], &mut out);
/// assert_eq!(out, [0.5, 0.5, -0.5, -0.5]);
/// // Low frequency effects are dropped.
/// assert_eq!(ChannelMapper::new(Surround51, Stereo).weight(0, 3), 0.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelMapper {
    from: ChannelLayout,
    to: ChannelLayout,
    /// Weights by output channel, then by input channel.
    weights: Vec<f32>,
}

impl ChannelMapper {
    /// Creates a mapping of `from` to `to`.
    #[must_use]
    pub fn new(from: ChannelLayout, to: ChannelLayout) -> Self {
        let (inputs, outputs) = (from.count(), to.count());
        let mut weights = vec![0.0; inputs * outputs];
        if from.speakers().is_empty() || to.speakers().is_empty() {
            for channel in 0..inputs.min(outputs) {
                weights[channel * inputs + channel] = 1.0;
            }
            return Self { from, to, weights };
        }
        for (input, speaker) in from.speakers().iter().enumerate() {
            for (target, weight) in targets(speaker, to.speakers(), inputs == 1) {
                weights[target * inputs + input] += weight;
            }
        }
        let loudest =
            weights.chunks_exact(inputs).map(|row| row.iter().sum::<f32>()).fold(1.0, f32::max);
        for weight in &mut weights {
            *weight /= loudest;
        }
        Self { from, to, weights }
    }

    /// Returns the input layout.
    #[must_use]
    pub fn from(&self) -> ChannelLayout {
        self.from
    }

    /// Returns the output layout.
    #[must_use]
    pub fn to(&self) -> ChannelLayout {
        self.to
    }

    /// Returns whether the mapping changes nothing.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        self.from == self.to || (self.from.count() == 1 && self.to.count() == 1)
    }

    /// Returns the weight of input channel `input` in output channel `output`; 0 if either does not
    /// exist.
    #[must_use]
    pub fn weight(&self, output: usize, input: usize) -> f32 {
        let inputs = self.from.count();
        if input < inputs {
            self.weights.get(output * inputs + input).copied().unwrap_or(0.0)
        } else {
            0.0
        }
    }

    /// Appends the mapped `input`; an incomplete sample frame at the end is ignored.
    pub fn map(&self, input: &[f32], out: &mut Vec<f32>) {
        if self.is_identity() {
            let whole = input.len() - input.len() % self.from.count();
            out.extend_from_slice(&input[..whole]);
            return;
        }
        let inputs = self.from.count();
        out.reserve(input.len() / inputs * self.to.count());
        for frame in input.chunks_exact(inputs) {
            for row in self.weights.chunks_exact(inputs) {
                out.push(row.iter().zip(frame).map(|(weight, value)| weight * value).sum());
            }
        }
    }
}

impl ChannelLayout {
    /// Returns the layout of [`Self::NAMED`] with at most `max_channels` channels that loses the least of this
    /// one: the smallest that has a channel for each speaker, otherwise the one with the most of its speakers.
    /// Back and side speakers replace each other. Discrete channels, and layouts without enough
    /// channels to choose from, give stereo.
    ///
    /// ```
    /// use codec_audio::{ChannelLayout, SpeakerSet};
    ///
    /// // 3.1, and 7.1 with two more speakers in front.
    /// for mask in [0xF, 0xFF] {
    ///     let layout = ChannelLayout::from(SpeakerSet::from_mask(mask).unwrap());
    ///     assert_eq!(layout.nearest_named(8), ChannelLayout::Surround51);
    /// }
    /// ```
    #[must_use]
    pub fn nearest_named(self, max_channels: usize) -> Self {
        let fitting = || Self::NAMED.into_iter().filter(|layout| layout.count() <= max_channels);
        if fitting().any(|layout| layout == self) {
            return self;
        }
        let mut best = (0, Self::Stereo);
        if self.speakers().is_empty() {
            return best.1;
        }
        for layout in fitting() {
            let kept = ChannelMapper::new(self, layout).kept();
            if kept > best.0 {
                best = (kept, layout);
            }
        }
        best.1
    }
}

impl ChannelMapper {
    /// The input channel that alone fills output channel `output`.
    fn only_source(&self, output: usize) -> Option<usize> {
        let mut sources = (0..self.from.count()).filter(|&input| self.weight(output, input) > 0.0);
        let first = sources.next()?;
        sources.next().is_none().then_some(first)
    }

    /// Whether input channel `input` stays a channel of its own.
    fn keeps(&self, input: usize) -> bool {
        let mut targets = (0..self.to.count()).filter(|&output| self.weight(output, input) > 0.0);
        let (first, second) = (targets.next(), targets.next());
        second.is_none() && first.is_some_and(|output| self.only_source(output) == Some(input))
    }

    /// The number of input channels that stay channels of their own.
    fn kept(&self) -> usize {
        (0..self.from.count()).filter(|&input| self.keeps(input)).count()
    }

    /// Describes the channels that are mixed with others or dropped, for messages; `None` if there are none. Mono that
    /// is played left and right loses nothing.
    ///
    /// ```
    /// use codec_audio::ChannelLayout::{Mono, Quad, Stereo, Surround51};
    /// use codec_audio::channels::ChannelMapper;
    ///
    /// let loss = |from, to| ChannelMapper::new(from, to).loss();
    /// assert_eq!(loss(Mono, Stereo), None);
    /// assert_eq!(loss(Quad, Stereo).unwrap(), "BL and BR are mixed into other speakers");
    /// let three = "FC, BL and BR are mixed into other speakers, and LFE is dropped";
    /// assert_eq!(loss(Surround51, Stereo).unwrap(), three);
    /// ```
    #[must_use]
    pub fn loss(&self) -> Option<String> {
        let (inputs, outputs) = (self.from.count(), self.to.count());
        if self.is_identity() || inputs == 1 {
            return None;
        }
        if self.from.speakers().is_empty() || self.to.speakers().is_empty() {
            return (inputs > outputs).then(|| match outputs + 1 {
                first if first == inputs => format!("channel {first} is dropped"),
                first => format!("channels {first} to {inputs} are dropped"),
            });
        }
        let (mut mixed, mut dropped) = (Vec::new(), Vec::new());
        for (input, speaker) in self.from.speakers().iter().enumerate() {
            let is_heard = (0..outputs).any(|output| self.weight(output, input) > 0.0);
            if !is_heard {
                dropped.push(speaker.name());
            } else if !self.to.speakers().contains(speaker) && !self.keeps(input) {
                mixed.push(speaker.name());
            }
        }
        let are = |names: &[&str]| if names.len() == 1 { "is" } else { "are" };
        let mixed = (!mixed.is_empty())
            .then(|| format!("{} {} mixed into other speakers", listed(&mixed), are(&mixed)));
        let dropped = (!dropped.is_empty())
            .then(|| format!("{} {} dropped", listed(&dropped), are(&dropped)));
        match (mixed, dropped) {
            (Some(mixed), Some(dropped)) => Some(format!("{mixed}, and {dropped}")),
            (mixed, dropped) => mixed.or(dropped),
        }
    }
}

/// The names with commas, and `and` before the last one.
fn listed(names: &[&str]) -> String {
    match names {
        [first @ .., second, last] => {
            [first, &[&format!("{second} and {last}")]].concat().join(", ")
        }
        one => one.concat(),
    }
}

/// Returns the output channels that carry `speaker`, with their weights. `lone` means that it is
/// the only input channel.
fn targets(speaker: Speaker, to: SpeakerSet, lone: bool) -> Vec<(usize, f32)> {
    if let Some(same) = to.position(speaker) {
        return vec![(same, 1.0)];
    }
    let choices = replacements(speaker, lone);
    let found = choices.iter().find_map(|&(speakers, weight)| {
        let places: Option<Vec<usize>> = speakers.iter().map(|&s| to.position(s)).collect();
        places.map(|places| places.into_iter().map(|place| (place, weight)).collect())
    });
    // An output without the usual front speakers.
    let elsewhere = || -> Vec<_> {
        let others = to.iter().enumerate().filter(|(_, other)| *other != Speaker::LowFrequency);
        others.map(|(place, _)| (place, 0.5)).collect()
    };
    match found {
        Some(found) => found,
        None if speaker == Speaker::LowFrequency => Vec::new(),
        None => elsewhere(),
    }
}

/// The speakers that together replace `speaker`, and the weight for each of them; the first entry whose
/// speakers the output has is used.
fn replacements(speaker: Speaker, lone: bool) -> &'static [(&'static [Speaker], f32)] {
    use Speaker::{
        BackCentre, BackLeft, BackRight, FrontCentre, FrontLeft, FrontLeftOfCentre, FrontRight,
        FrontRightOfCentre, LowFrequency, SideLeft, SideRight, TopBackCentre, TopBackLeft,
        TopBackRight, TopCentre, TopFrontCentre, TopFrontLeft, TopFrontRight,
    };
    const FRONTS: &[Speaker] = &[FrontLeft, FrontRight];
    const CENTRE: &[Speaker] = &[FrontCentre];
    const BACKS: &[Speaker] = &[BackLeft, BackRight];
    const SIDES: &[Speaker] = &[SideLeft, SideRight];
    const LEFT: &[Speaker] = &[FrontLeft];
    const RIGHT: &[Speaker] = &[FrontRight];
    const HALF: f32 = HALF_POWER;
    match speaker {
        LowFrequency => &[],
        FrontCentre if lone => &[(FRONTS, 1.0)],
        FrontCentre => &[(FRONTS, HALF)],
        FrontLeft | FrontRight => &[(CENTRE, HALF)],
        FrontLeftOfCentre => &[(LEFT, 1.0), (CENTRE, HALF)],
        FrontRightOfCentre => &[(RIGHT, 1.0), (CENTRE, HALF)],
        BackLeft => &[(&[SideLeft], 1.0), (LEFT, HALF), (CENTRE, 0.5)],
        BackRight => &[(&[SideRight], 1.0), (RIGHT, HALF), (CENTRE, 0.5)],
        SideLeft => &[(&[BackLeft], 1.0), (LEFT, HALF), (CENTRE, 0.5)],
        SideRight => &[(&[BackRight], 1.0), (RIGHT, HALF), (CENTRE, 0.5)],
        BackCentre => &[(BACKS, HALF), (SIDES, HALF), (FRONTS, 0.5), (CENTRE, 0.5)],
        TopCentre => &[(SIDES, 0.5), (FRONTS, 0.5), (CENTRE, 0.5)],
        TopFrontLeft => &[(LEFT, HALF), (CENTRE, 0.5)],
        TopFrontCentre => &[(CENTRE, HALF), (FRONTS, 0.5)],
        TopFrontRight => &[(RIGHT, HALF), (CENTRE, 0.5)],
        TopBackLeft => &[(&[BackLeft], HALF), (&[SideLeft], HALF), (LEFT, 0.5), (CENTRE, 0.5)],
        TopBackCentre => {
            &[(&[BackCentre], HALF), (BACKS, 0.5), (SIDES, 0.5), (FRONTS, 0.5), (CENTRE, 0.5)]
        }
        TopBackRight => &[(&[BackRight], HALF), (&[SideRight], HALF), (RIGHT, 0.5), (CENTRE, 0.5)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ChannelLayout::{Discrete, Mono, Quad, Stereo, Surround51, Surround61, Surround71};

    fn of_mask(mask: u32) -> ChannelLayout {
        ChannelLayout::from(SpeakerSet::from_mask(mask).unwrap())
    }

    /// The named layouts, three discrete channels, and sets of speakers: usual ones, all, and some without front
    /// speakers.
    fn all() -> Vec<ChannelLayout> {
        let masks = [0xB, 0xF, 0x107, 0x637, 0xFF, 0x3_FFFF, 0x30, 0x2_D800, 0x8];
        let named = ChannelLayout::NAMED.into_iter().chain([Discrete(3)]);
        named.chain(masks.map(of_mask)).collect()
    }

    fn map(from: ChannelLayout, to: ChannelLayout, frame: &[f32]) -> Vec<f32> {
        let mut out = Vec::new();
        ChannelMapper::new(from, to).map(frame, &mut out);
        out
    }

    #[test]
    fn no_mapping_can_exceed_full_scale() {
        for from in all() {
            for to in all() {
                for value in map(from, to, &vec![1.0; from.count()]) {
                    assert!(value <= 1.0 + 1e-6, "{from} to {to} gives {value}");
                }
            }
        }
    }

    #[test]
    fn mono_round_trips_through_stereo() {
        assert_eq!(map(Mono, Stereo, &[0.25]), [0.25, 0.25]);
        assert_eq!(map(Stereo, Mono, &[0.25, 0.25]), [0.25]);
        assert_eq!(map(Stereo, Mono, &[0.5, -0.5]), [0.0]);
    }

    #[test]
    fn five_one_is_downmixed_to_stereo_with_the_recommended_weights() {
        let mapper = ChannelMapper::new(Surround51, Stereo);
        let left: Vec<f32> =
            (0..6).map(|input| mapper.weight(0, input) / mapper.weight(0, 0)).collect();
        let expected = [1.0, 0.0, HALF_POWER, 0.0, HALF_POWER, 0.0];
        assert!(left.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{left:?}");
    }

    #[test]
    fn only_the_lfe_channel_is_dropped_between_named_layouts() {
        for from in all().iter().filter(|layout| !layout.speakers().is_empty()) {
            for to in all().iter().filter(|layout| !layout.speakers().is_empty()) {
                let mapper = ChannelMapper::new(*from, *to);
                for (input, speaker) in from.speakers().iter().enumerate() {
                    let heard = (0..to.count()).any(|output| mapper.weight(output, input) > 0.0);
                    let both = to.speakers().contains(speaker);
                    let is_possible = to.speakers().mask() != 0x8;
                    let expected = both || is_possible && speaker != Speaker::LowFrequency;
                    assert_eq!(heard, expected, "{from} to {to}");
                }
            }
        }
    }

    #[test]
    fn discrete_channels_map_by_number() {
        assert_eq!(map(Discrete(3), Stereo, &[0.1, 0.2, 0.3]), [0.1, 0.2]);
        assert_eq!(map(Stereo, Discrete(3), &[0.1, 0.2]), [0.1, 0.2, 0.0]);
    }

    #[test]
    fn sets_of_speakers_are_downmixed_by_position() {
        // 3.1 with audio in the centre only.
        let centre = map(of_mask(0xF), Stereo, &[0.0, 0.0, 1.0, 0.0]);
        assert!(centre[0] > 0.4 && (centre[0] - centre[1]).abs() < 1e-6, "{centre:?}");
        assert!(map(of_mask(0xF), Mono, &[0.0, 0.0, 1.0, 0.0])[0] > 0.4);
        // 4.0 and 2.1: the back centre to both sides, low frequency effects to neither.
        let back = map(of_mask(0x107), Stereo, &[0.0, 0.0, 0.0, 1.0]);
        assert!(back[0] > 0.2 && (back[0] - back[1]).abs() < 1e-6, "{back:?}");
        assert_eq!(map(of_mask(0xB), Stereo, &[0.1, 0.2, 0.9]), [0.1, 0.2]);
        // 7.1(wide): left of the centre is left.
        let left = map(of_mask(0xFF), Stereo, &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        assert!(left[0] > 0.2 && left[1] == 0.0, "{left:?}");
    }

    #[test]
    fn encoders_get_the_layout_that_loses_the_least() {
        let cases = [
            (0xB, Surround51, None),
            (0xF, Surround51, None),
            (0x107, Surround61, None),
            (0x637, Surround71, None),
            (0x13F, Surround61, None),
            (0x33, Quad, None),
            (0xFF, Surround51, Some("FLC and FRC are mixed into other speakers")),
            (0x737, Surround71, Some("BC is mixed into other speakers")),
        ];
        for (mask, expected, loss) in cases {
            let layout = of_mask(mask);
            assert_eq!(layout.nearest_named(8), expected, "{layout}");
            let mapper = ChannelMapper::new(layout, expected);
            assert_eq!(mapper.loss().as_deref(), loss, "{layout}");
        }
        assert_eq!(map(of_mask(0xB), Surround51, &[0.1, 0.2, 0.3]), [0.1, 0.2, 0.0, 0.3, 0.0, 0.0]);
        assert_eq!(of_mask(0xF).nearest_named(2), Stereo);
        assert_eq!(Discrete(9).nearest_named(8), Stereo);
        let loss = ChannelMapper::new(Discrete(9), Stereo).loss();
        assert_eq!(loss.as_deref(), Some("channels 3 to 9 are dropped"));
        let loss = ChannelMapper::new(Stereo, Mono).loss();
        assert_eq!(loss.as_deref(), Some("FL and FR are mixed into other speakers"));
    }
}
