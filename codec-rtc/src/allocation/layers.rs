//! Video's bitrate by layers.

use codec_core::codec::Bitrate;

/// Shares of the bitrate that the temporal layers 0 up to each take together; nothing above three
/// layers.
#[must_use]
pub const fn temporal_shares(layers: usize) -> &'static [f64] {
    match layers {
        0 | 1 => &[1.0],
        2 => &[0.6, 1.0],
        _ => &[0.4, 0.6, 1.0],
    }
}

/// A spatial layer or a stream of a simulcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpatialLayer {
    /// Below this it is not worth sending.
    pub min: Bitrate,
    /// It has no use for more.
    pub max: Bitrate,
}

/// The bitrates of layers, lowest first: each is filled before the next begins, 0 for those that
/// are left out.
#[must_use]
pub fn split_spatial(total: Bitrate, layers: &[SpatialLayer]) -> Vec<Bitrate> {
    let mut left = total.0;
    let mut open = true;
    layers
        .iter()
        .enumerate()
        .map(|(index, layer)| {
            // The lowest is sent with whatever there is.
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
    fn temporal_layers_take_growing_shares() {
        for layers in 0..5 {
            let shares = temporal_shares(layers);
            assert_eq!(shares.len(), layers.clamp(1, 3));
            assert!(shares.is_sorted() && shares.last().is_some_and(|last| *last > 0.999));
        }
    }
}
