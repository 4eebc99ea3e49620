//! Division of the video bitrate among temporal and spatial layers.

use codec_core::codec::Bitrate;

/// Cumulative bitrate shares of temporal layers 0, 0..=1, 0..=2; more than three layers are treated
/// as three.
#[must_use]
pub const fn temporal_shares(layers: usize) -> &'static [f64] {
    match layers {
        0 | 1 => &[1.0],
        2 => &[0.6, 1.0],
        _ => &[0.4, 0.6, 1.0],
    }
}

/// Bitrate range of a spatial layer or simulcast stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpatialLayer {
    /// Bitrate below which the layer is not sent, except for the lowest.
    pub min: Bitrate,
    /// Bitrate above which the layer gains nothing.
    pub max: Bitrate,
}

/// Divides `total` among spatial layers, lowest first: each layer is filled before the next starts.
/// Layers that are not sent get 0.
#[must_use]
pub fn split_spatial(total: Bitrate, layers: &[SpatialLayer]) -> Vec<Bitrate> {
    let mut left = total.0;
    let mut open = true;
    layers
        .iter()
        .enumerate()
        .map(|(index, layer)| {
            // The lowest layer is always sent.
            open = open && (left >= layer.min.0 || index == 0);
            let rate = if open { layer.max.0.min(left) } else { 0 };
            left -= rate;
            Bitrate(rate)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lower_layers_are_filled_first() {
        let layers = [(50, 150), (150, 500), (600, 2500)]
            .map(|(min, max)| SpatialLayer { min: Bitrate::kbps(min), max: Bitrate::kbps(max) });
        let split = |kbps| -> Vec<u64> {
            split_spatial(Bitrate::kbps(kbps), &layers).iter().map(|rate| rate.as_kbps()).collect()
        };
        assert_eq!(split(30), [30, 0, 0]);
        assert_eq!(split(299), [150, 0, 0]);
        assert_eq!(split(301), [150, 151, 0]);
        assert_eq!(split(1200), [150, 500, 0]);
        assert_eq!(split(1300), [150, 500, 650]);
        assert_eq!(split(9000), [150, 500, 2500]);
    }

    #[test]
    fn temporal_shares_are_cumulative() {
        for layers in 0..5 {
            let shares = temporal_shares(layers);
            assert_eq!(shares.len(), layers.clamp(1, 3));
            assert!(shares.is_sorted() && shares.last().is_some_and(|last| *last > 0.999));
        }
    }
}
