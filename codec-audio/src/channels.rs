//! Channel mapping and down-mixing by ITU-R BS.775, annex 4.

use super::format::{ChannelLayout, Speaker};

const HALF_POWER: f32 = std::f32::consts::FRAC_1_SQRT_2;

/// Maps interleaved floats from one channel layout to another.
///
/// Channels that both layouts have are copied. Channels missing in the output are mixed into their
/// neighbours: centre to left and right with -3 dB, surrounds to the front of their side with -3
/// dB. Low frequency effects are dropped, as the recommendation specifies. All weights are then
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
        for (input, &speaker) in from.speakers().iter().enumerate() {
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

/// Returns the output channels that carry `speaker`, with their weights. `lone` means that it is
/// the only input channel.
fn targets(speaker: Speaker, to: &[Speaker], lone: bool) -> Vec<(usize, f32)> {
    use Speaker::{
        BackCentre, BackLeft, BackRight, FrontCentre, FrontLeft, FrontRight, LowFrequency,
        SideLeft, SideRight,
    };
    let at = |wanted: Speaker| to.iter().position(|&s| s == wanted);
    if let Some(same) = at(speaker) {
        return vec![(same, 1.0)];
    }
    // Each entry: the output speakers that together replace `speaker`, and the weight for each of
    // them.
    let choices: &[(&[Speaker], f32)] = match speaker {
        LowFrequency => &[],
        FrontCentre if lone => &[(&[FrontLeft, FrontRight], 1.0)],
        FrontCentre => &[(&[FrontLeft, FrontRight], HALF_POWER)],
        FrontLeft | FrontRight => &[(&[FrontCentre], HALF_POWER)],
        BackLeft => &[(&[SideLeft], 1.0), (&[FrontLeft], HALF_POWER), (&[FrontCentre], 0.5)],
        BackRight => &[(&[SideRight], 1.0), (&[FrontRight], HALF_POWER), (&[FrontCentre], 0.5)],
        SideLeft => &[(&[BackLeft], 1.0), (&[FrontLeft], HALF_POWER), (&[FrontCentre], 0.5)],
        SideRight => &[(&[BackRight], 1.0), (&[FrontRight], HALF_POWER), (&[FrontCentre], 0.5)],
        BackCentre => &[
            (&[BackLeft, BackRight], HALF_POWER),
            (&[SideLeft, SideRight], HALF_POWER),
            (&[FrontLeft, FrontRight], 0.5),
            (&[FrontCentre], 0.5),
        ],
    };
    choices
        .iter()
        .find_map(|&(speakers, weight)| {
            let places: Option<Vec<usize>> = speakers.iter().map(|&s| at(s)).collect();
            places.map(|places| places.into_iter().map(|place| (place, weight)).collect())
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ChannelLayout::{Discrete, Mono, Quad, Stereo, Surround30, Surround50, Surround51};
    use ChannelLayout::{Surround61, Surround71};

    const ALL: [ChannelLayout; 9] = [
        Mono,
        Stereo,
        Surround30,
        Quad,
        Surround50,
        Surround51,
        Surround61,
        Surround71,
        Discrete(3),
    ];

    fn map(from: ChannelLayout, to: ChannelLayout, frame: &[f32]) -> Vec<f32> {
        let mut out = Vec::new();
        ChannelMapper::new(from, to).map(frame, &mut out);
        out
    }

    #[test]
    fn no_mapping_can_exceed_full_scale() {
        for from in ALL {
            for to in ALL {
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
        for from in ALL.iter().filter(|layout| !layout.speakers().is_empty()) {
            for to in ALL.iter().filter(|layout| !layout.speakers().is_empty()) {
                let mapper = ChannelMapper::new(*from, *to);
                for (input, &speaker) in from.speakers().iter().enumerate() {
                    let heard = (0..to.count()).any(|output| mapper.weight(output, input) > 0.0);
                    let both = to.speakers().contains(&speaker);
                    assert_eq!(heard, both || speaker != Speaker::LowFrequency, "{from} to {to}");
                }
            }
        }
    }

    #[test]
    fn discrete_channels_map_by_number() {
        assert_eq!(map(Discrete(3), Stereo, &[0.1, 0.2, 0.3]), [0.1, 0.2]);
        assert_eq!(map(Stereo, Discrete(3), &[0.1, 0.2]), [0.1, 0.2, 0.0]);
    }
}
