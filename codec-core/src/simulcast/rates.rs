//! Bitrates of simulcast layers: minimum, target and maximum by frame size, and the division of a
//! bitrate between the layers.

use crate::codec::{Bitrate, Codec, Content};
use crate::fixed::mul_div;
use crate::frame::Size;

/// Maximum number of simulcast layers.
pub const MAX_LAYERS: usize = 3;

/// Bitrates between which a simulcast layer runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerRates {
    /// Below this, the layer is switched off, unless it is the lowest active one.
    pub min: Bitrate,
    /// Bitrate that the layer gets before the next higher layer may start.
    pub target: Bitrate,
    /// Highest bitrate of the layer. Only the highest running layer gets more than its target.
    pub max: Bitrate,
}

/// A row of WebRTC's tables: width, height, recommended number of layers, and kbit/s of VP8 and H.264, and of
/// VP9 and AV1 (minimum, target, maximum).
type Row = ((u32, u32), u8, [u64; 3], [u64; 3]);

const ROWS: [Row; 6] = [
    ((320, 180), 1, [30, 150, 200], [30, 142, 142]),
    ((480, 270), 2, [150, 350, 450], [121, 257, 257]),
    ((640, 360), 2, [150, 500, 700], [193, 420, 420]),
    ((960, 540), 3, [350, 1200, 1200], [337, 879, 879]),
    ((1280, 720), 3, [600, 2500, 2500], [481, 1524, 1524]),
    ((1920, 1080), 3, [800, 4000, 5000], [769, 3367, 3367]),
];

impl LayerRates {
    /// Returns WebRTC's limits for a layer of `size`, interpolated by the number of pixels between the sizes of its table.
    ///
    /// ```
    /// use codec_core::codec::{Bitrate, Codec};
    /// use codec_core::frame::Size;
    /// use codec_core::simulcast::LayerRates;
    ///
    /// let rates = LayerRates::for_size(Codec::Vp8, Size::new(640, 360));
    /// assert_eq!([rates.min, rates.target, rates.max], [150, 500, 700].map(Bitrate::kbps));
    /// ```
    #[must_use]
    pub fn for_size(codec: Codec, size: Size) -> Self {
        let kbps = |row: &Row| match codec {
            Codec::Vp9 | Codec::Av1 => row.3,
            _ => row.2,
        };
        let pixels_of = |row: &Row| u64::from(row.0.0) * u64::from(row.0.1);
        let pixels = size.pixels();
        let above = ROWS.iter().position(|row| pixels_of(row) >= pixels);
        let (low, high) = match above {
            Some(0) => (&ROWS[0], &ROWS[0]),
            Some(index) => (&ROWS[index - 1], &ROWS[index]),
            None => (&ROWS[ROWS.len() - 1], &ROWS[ROWS.len() - 1]),
        };
        let (from, to) = (pixels_of(low), pixels_of(high));
        let way = pixels.clamp(from, to) - from;
        let [min, target, max] = std::array::from_fn(|index| {
            let (a, b) = (1000 * kbps(low)[index], 1000 * kbps(high)[index]);
            let part = if to > from { mul_div(b.abs_diff(a), way, to - from) } else { 0 };
            Bitrate(if b >= a { a + part } else { a - part })
        });
        Self { min, target, max }
    }

    pub(super) fn is_ordered(&self) -> bool {
        self.min.0 > 0 && self.min <= self.target && self.target <= self.max
    }
}

/// Returns WebRTC's number of layers for input of `size`: 1 to 3.
#[must_use]
pub fn layers_for(size: Size) -> u8 {
    let row =
        ROWS.iter().rev().find(|row| size.pixels() >= u64::from(row.0.0) * u64::from(row.0.1));
    row.map_or(1, |row| row.1)
}

/// A layer whose share of the bitrate [`split`] computes.
#[derive(Clone, Copy, Debug)]
pub struct SplitLayer {
    /// Its limits.
    pub rates: LayerRates,
    /// Whether it may run.
    pub is_active: bool,
    /// Whether it runs now.
    pub is_running: bool,
}

/// Divides `total` between the layers, the lowest first, as WebRTC does; layers with `None` do not run.
///
/// The layers are filled from the lowest to their targets. The next layer runs if the remainders of both `total` and
/// `stable`, the lower bound of the recent bandwidth estimates, are at least its minimum; to start, it needs 1.2
/// times its minimum (camera) or 1.35 times (screen). The highest running layer gets the rest, up to its maximum. The
/// lowest active layer always runs, also below its minimum.
///
/// ```
/// use codec_core::codec::{Bitrate, Codec, Content};
/// use codec_core::frame::Size;
/// use codec_core::simulcast::{LayerRates, SplitLayer, split};
///
/// let layer = |width, height| SplitLayer {
///     rates: LayerRates::for_size(Codec::Vp8, Size::new(width, height)),
///     is_active: true,
///     is_running: true,
/// };
/// let layers = [layer(320, 180), layer(640, 360), layer(1280, 720)];
/// let shares = split(Bitrate::kbps(1000), Bitrate::kbps(1000), &layers, Content::Camera);
/// // 350 kbit/s are left for the highest layer, which needs 600.
/// assert_eq!(shares, [Some(Bitrate::kbps(150)), Some(Bitrate::kbps(700)), None]);
/// ```
#[must_use]
pub fn split(
    total: Bitrate,
    stable: Bitrate,
    layers: &[SplitLayer],
    content: Content,
) -> [Option<Bitrate>; MAX_LAYERS] {
    let mut shares = [None; MAX_LAYERS];
    let mut left = total.0;
    let mut stable = stable.0.min(total.0);
    let mut top = None;
    for (index, layer) in layers.iter().enumerate().take(MAX_LAYERS) {
        if !layer.is_active {
            continue;
        }
        let LayerRates { min, target, .. } = layer.rates;
        let to_start = match content {
            _ if layer.is_running => min.0,
            Content::Camera => mul_div(min.0, 120, 100),
            Content::Screen => mul_div(min.0, 135, 100),
        };
        if top.is_some() && (stable < to_start || left < min.0) {
            break;
        }
        let share = left.min(target.0);
        shares[index] = Some(Bitrate(share.max(1)));
        left -= share;
        stable = stable.saturating_sub(share);
        top = Some(index);
    }
    if let Some(top) = top
        && let (Some(share), Some(layer)) = (&mut shares[top], layers.get(top))
    {
        share.0 = share.0.saturating_add(left).min(layer.rates.max.0.max(share.0));
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(running: [bool; 3]) -> [SplitLayer; 3] {
        let sizes = [(320, 180), (640, 360), (1280, 720)];
        std::array::from_fn(|index| SplitLayer {
            rates: LayerRates::for_size(Codec::H264, Size::new(sizes[index].0, sizes[index].1)),
            is_active: true,
            is_running: running[index],
        })
    }

    fn kbps(total: u64, layers: &[SplitLayer]) -> Vec<Option<u64>> {
        let total = Bitrate::kbps(total);
        let shares = split(total, total, layers, Content::Camera);
        shares[..layers.len()].iter().map(|share| share.map(Bitrate::as_kbps)).collect()
    }

    #[test]
    fn layers_are_filled_from_the_lowest_and_the_rest_is_for_the_highest() {
        let all = layers([true; 3]);
        assert_eq!(kbps(20, &all), [Some(20), None, None]);
        assert_eq!(kbps(180, &all), [Some(180), None, None]);
        assert_eq!(kbps(299, &all), [Some(200), None, None]);
        assert_eq!(kbps(300, &all), [Some(150), Some(150), None]);
        assert_eq!(kbps(1249, &all), [Some(150), Some(700), None]);
        assert_eq!(kbps(1250, &all), [Some(150), Some(500), Some(600)]);
        assert_eq!(kbps(9000, &all), [Some(150), Some(500), Some(2500)]);
        assert_eq!(kbps(0, &all), [Some(0), None, None]);
    }

    #[test]
    fn a_layer_needs_more_to_start_than_to_run() {
        let off = layers([true, true, false]);
        assert_eq!(kbps(1369, &off)[2], None);
        assert_eq!(kbps(1370, &off)[2], Some(720));
        let (total, stable) = (Bitrate::kbps(1500), Bitrate::kbps(1300));
        assert_eq!(split(total, stable, &off, Content::Camera)[2], None);
        let at = |kbps, content| split(Bitrate::kbps(kbps), Bitrate::kbps(kbps), &off, content)[2];
        assert_eq!(at(1459, Content::Screen), None);
        assert!(at(1460, Content::Screen).is_some());
    }

    #[test]
    fn inactive_layers_leave_their_share_to_the_others() {
        let mut some = layers([true; 3]);
        some[0].is_active = false;
        assert_eq!(kbps(100, &some), [None, Some(100), None]);
        some[2].is_active = false;
        assert_eq!(kbps(3000, &some), [None, Some(700), None]);
        some[1].is_active = false;
        assert_eq!(kbps(3000, &some), [None, None, None]);
    }

    #[test]
    fn limits_grow_with_the_size_and_end_at_the_table() {
        for codec in [Codec::Vp8, Codec::Vp9] {
            let mut last = Bitrate(0);
            for width in (16..2400).step_by(16) {
                let rates = LayerRates::for_size(codec, Size::new(width, width * 9 / 16));
                assert!(rates.is_ordered() && rates.max >= last, "{width}: {rates:?}");
                last = rates.max;
            }
            let huge = LayerRates::for_size(codec, Size::new(u32::MAX, u32::MAX));
            assert_eq!(huge.max, last);
        }
        let counts = [(160, 90), (640, 360), (1280, 720), (9000, 9000)];
        assert_eq!(counts.map(|(w, h)| layers_for(Size::new(w, h))), [1, 2, 3, 3]);
    }
}
