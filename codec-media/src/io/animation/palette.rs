//! Palettes of at most 255 colours: the colours of the image if they are few enough, otherwise the means of groups of
//! colours, with an ordered dither. The dither depends on the position only, so areas that do not change look the same
//! in all frames.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::frame::dither::THRESHOLDS;

/// Red, green and blue.
pub(super) type Color = [u8; 3];

/// Maximum number of colours of a palette. A further index is for transparent pixels.
pub(super) const MAX_COLORS: usize = 255;
/// Bits of a channel in the histogram.
const BITS: u32 = 5;
const BINS: usize = 1 << (3 * BITS);
/// Largest difference that the dither adds to a channel.
const MAX_SPREAD: f64 = 40.0;
/// Distance of neighbouring colours relative to the error of an even distribution between them.
const STEP_PER_ERROR: f64 = 3.46;
/// Weights of red, green and blue in the distance of colours.
const WEIGHTS: [i32; 3] = [2, 4, 3];

/// Colours, and the choice of one for each pixel.
pub(super) struct Palette {
    pub(super) colors: Vec<Color>,
    choice: Choice,
}

enum Choice {
    /// All colours are in the palette.
    Exact(HashMap<Color, u8>),
    Nearest {
        /// For each bin, the index of the nearest colour, if it was calculated.
        nearest: Vec<Option<u8>>,
        /// Width of the dither.
        spread: i32,
    },
}

/// Pixels with similar colours.
#[derive(Clone, Copy, Debug, Default)]
struct Bin {
    count: f64,
    /// The mean of each channel.
    mean: [f64; 3],
}

/// A range of bins that becomes one colour.
#[derive(Clone, Copy, Debug)]
struct Group {
    start: usize,
    end: usize,
    mean: [f64; 3],
    /// The sum of squared differences from the mean.
    error: f64,
    /// The channel that varies most.
    widest: usize,
}

impl Palette {
    /// The palette of some pixels.
    pub(super) fn of(pixels: impl Iterator<Item = Color> + Clone) -> Self {
        if let Some(palette) = Self::exact(pixels.clone()) {
            return palette;
        }
        let mut bins = histogram(pixels);
        let mut groups = vec![Group::of(&bins, 0, bins.len())];
        while groups.len() < MAX_COLORS {
            let worst = groups.iter().enumerate().max_by(|a, b| a.1.error.total_cmp(&b.1.error));
            let Some((at, group)) = worst.filter(|(_, group)| group.error > 0.0) else { break };
            let group = *group;
            let limit = group.mean[group.widest];
            let range = &mut bins[group.start..group.end];
            let middle = group.start + partition(range, |bin| bin.mean[group.widest] <= limit);
            if middle == group.start || middle == group.end {
                // Rounding hides the difference.
                groups[at].error = 0.0;
                continue;
            }
            groups[at] = Group::of(&bins, group.start, middle);
            groups.push(Group::of(&bins, middle, group.end));
        }
        let pixels: f64 = bins.iter().map(|bin| bin.count).sum();
        let error: f64 = groups.iter().map(|group| group.error).sum();
        let spread = STEP_PER_ERROR * (error / (3.0 * pixels.max(1.0))).sqrt();
        let colors = groups.iter().map(|group| group.mean.map(rounded)).collect();
        let spread = i32::from(rounded(spread.min(MAX_SPREAD)));
        Self { colors, choice: Choice::Nearest { nearest: vec![None; BINS], spread } }
    }

    /// The palette of pixels with few colours.
    fn exact(pixels: impl Iterator<Item = Color>) -> Option<Self> {
        let mut colors = Vec::new();
        let mut indexes = HashMap::new();
        let mut last = None;
        for pixel in pixels {
            if last == Some(pixel) {
                continue;
            }
            last = Some(pixel);
            if let Entry::Vacant(index) = indexes.entry(pixel) {
                if colors.len() == MAX_COLORS {
                    return None;
                }
                index.insert(u8::try_from(colors.len()).ok()?);
                colors.push(pixel);
            }
        }
        Some(Self { colors, choice: Choice::Exact(indexes) })
    }

    /// The index of the colour for a pixel at a position.
    pub(super) fn index(&mut self, pixel: Color, x: usize, y: usize) -> u8 {
        match &mut self.choice {
            Choice::Exact(indexes) => indexes.get(&pixel).copied().unwrap_or(0),
            Choice::Nearest { nearest, spread } => {
                let rank = i32::from(THRESHOLDS[y % 8][x % 8]);
                // From -1/2 to 1/2 of the spread.
                let offset = (2 * rank - 63) * *spread / 128;
                let shifted = pixel.map(|value| clamped(i32::from(value) + offset));
                let bin = &mut nearest[bin_of(shifted)];
                *bin.get_or_insert_with(|| nearest_of(&self.colors, shifted))
            }
        }
    }
}

impl Group {
    fn of(bins: &[Bin], start: usize, end: usize) -> Self {
        let bins = &bins[start..end];
        let count: f64 = bins.iter().map(|bin| bin.count).sum();
        let sum = |value: &dyn Fn(&Bin) -> f64| -> f64 {
            bins.iter().map(|bin| bin.count * value(bin)).sum()
        };
        let mean = [0, 1, 2].map(|channel| sum(&|bin| bin.mean[channel]) / count.max(1.0));
        let errors =
            [0, 1, 2].map(|channel| sum(&|bin| (bin.mean[channel] - mean[channel]).powi(2)));
        let widest = [0, 1, 2].into_iter().max_by(|&a, &b| errors[a].total_cmp(&errors[b]));
        let error = errors.iter().sum();
        Self { start, end, mean, error, widest: widest.unwrap_or(0) }
    }
}

/// The colours that occur.
fn histogram(pixels: impl Iterator<Item = Color>) -> Vec<Bin> {
    let mut bins = vec![(0_u32, [0_u64; 3]); BINS];
    for pixel in pixels {
        let (count, sums) = &mut bins[bin_of(pixel)];
        *count += 1;
        for (sum, value) in sums.iter_mut().zip(pixel) {
            *sum += u64::from(value);
        }
    }
    let used = bins.into_iter().filter(|(count, _)| *count > 0);
    #[expect(clippy::cast_precision_loss, reason = "at most 2^28 pixels of 8 bits")]
    let bin = |(count, sums): (u32, [u64; 3])| Bin {
        count: f64::from(count),
        mean: sums.map(|sum| sum as f64 / f64::from(count)),
    };
    used.map(bin).collect()
}

/// Moves the bins that `is_first` selects to the front; returns their number.
fn partition(bins: &mut [Bin], is_first: impl Fn(&Bin) -> bool) -> usize {
    let mut count = 0;
    for at in 0..bins.len() {
        if is_first(&bins[at]) {
            bins.swap(at, count);
            count += 1;
        }
    }
    count
}

fn bin_of(color: Color) -> usize {
    color.iter().fold(0, |bin, &value| bin << BITS | usize::from(value >> (8 - BITS)))
}

/// The index of the colour that is nearest to the centre of a colour's bin.
fn nearest_of(colors: &[Color], color: Color) -> u8 {
    let centre = color.map(|value| i32::from(value >> (8 - BITS) << (8 - BITS)) + 4);
    let distance = |candidate: &Color| -> i32 {
        let channels = candidate.iter().zip(centre).zip(WEIGHTS);
        channels.map(|((&value, wanted), weight)| weight * (i32::from(value) - wanted).pow(2)).sum()
    };
    let best = colors.iter().enumerate().min_by_key(|(_, candidate)| distance(candidate));
    best.and_then(|(index, _)| u8::try_from(index).ok()).unwrap_or(0)
}

fn clamped(value: i32) -> u8 {
    u8::try_from(value.clamp(0, 255)).unwrap_or(0)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float outside of the range saturates"
)]
fn rounded(value: f64) -> u8 {
    value.round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_colours_are_kept_exactly() {
        let pixels: Vec<Color> = (0..=254).map(|value| [value, 255 - value, 7]).collect();
        let mut palette = Palette::of(pixels.iter().copied().cycle().take(1000));
        assert_eq!(palette.colors.len(), 255);
        for (at, &pixel) in pixels.iter().enumerate() {
            let index = palette.index(pixel, at, at / 3);
            assert_eq!(palette.colors[usize::from(index)], pixel);
        }
    }

    #[test]
    fn many_colours_are_near_on_average() {
        let pixels = (0..256 * 256_u32).map(|at| {
            let [low, high, ..] = at.to_le_bytes();
            [low, high, low / 2 + high / 2]
        });
        let mut palette = Palette::of(pixels.clone());
        assert_eq!(palette.colors.len(), MAX_COLORS);
        let mut sums = [0_i64; 3];
        let mut error = 0_i64;
        for (at, pixel) in pixels.enumerate() {
            let index = usize::from(palette.index(pixel, at % 256, at / 256));
            for ((sum, value), shown) in sums.iter_mut().zip(pixel).zip(palette.colors[index]) {
                let difference = i64::from(shown) - i64::from(value);
                *sum += difference;
                error += difference * difference;
            }
        }
        let pixels = 256 * 256;
        assert!(sums.iter().all(|sum| sum.abs() < pixels * 2), "{sums:?}");
        assert!(error < pixels * 3 * 200, "{error}");
    }
}
