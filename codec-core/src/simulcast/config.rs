//! Settings of a simulcast encoder.

use super::rates::{LayerRates, MAX_LAYERS};
use crate::codec::{Bitrate, Capabilities, Codec, EncoderConfig, Preset};
use crate::error::{ConfigError, Error};
use crate::frame::{Rational, Size};

/// Smallest width and height of a layer, in pixels.
const MIN_SIDE: u32 = 16;

/// Settings of a simulcast encoder.
///
/// | subject | at the start | while running |
/// |---|---|---|
/// | size of the input | `encoder.size` | `apply(Update::Resolution)` |
/// | sizes of the layers | [`LayerConfig::scale_down`] | |
/// | bitrate of all layers together | `encoder.rate.mode` | `apply(Update::Bitrate)`, `set_bitrate` |
/// | limits of a layer's bitrate | [`LayerConfig::rates`] | `set_rates` |
/// | which layers run | [`LayerConfig::active`] | `set_active` |
/// | key frames | `encoder.keys` | `request_key_frame`, `apply(Update::KeyFrame)` |
/// | everything else, for all layers | `encoder` | `apply` |
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SimulcastConfig {
    /// Settings that all layers share. The size is the size of the input, and a bitrate is the bitrate of all layers
    /// together. Without a bitrate (constant quality, fixed quantiser) every active layer runs.
    pub encoder: EncoderConfig,
    /// The codec, for the limits of [`LayerRates::for_size`].
    pub codec: Codec,
    /// The layers, the smallest first: 1 to 3.
    pub layers: Vec<LayerConfig>,
}

/// Settings of a simulcast layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerConfig {
    /// How much smaller than the input the layer is, at least 1. Width and height are rounded up.
    pub scale_down: Rational,
    /// Limits of the layer's bitrate; `None` takes the limits of [`LayerRates::for_size`].
    pub rates: Option<LayerRates>,
    /// Whether the layer may run. An active layer runs if the bitrate suffices.
    pub active: bool,
}

impl LayerConfig {
    /// Creates an active layer with the bitrate limits for its size.
    #[must_use]
    pub fn new(scale_down: Rational) -> Self {
        Self { scale_down, rates: None, active: true }
    }

    /// Returns the size of the layer for input frames of `size`.
    #[must_use]
    pub fn size(&self, size: Size) -> Size {
        let Rational { num, den } = self.scale_down;
        let side = |length: u32| {
            let scaled = (u64::from(length) * u64::from(den)).div_ceil(u64::from(num.max(1)));
            u32::try_from(scaled).unwrap_or(u32::MAX)
        };
        Size::new(side(size.width), side(size.height))
    }
}

impl SimulcastConfig {
    /// Creates settings for `layers` layers, of which each has half the width and height of the next higher one; the
    /// highest one has the size of the input.
    ///
    /// ```
    /// use codec_core::codec::{Codec, EncoderConfig};
    /// use codec_core::frame::Size;
    /// use codec_core::simulcast::SimulcastConfig;
    ///
    /// let config = SimulcastConfig::halving(EncoderConfig::new(1280, 720), Codec::Vp8, 3);
    /// let sizes: Vec<_> = config.sizes().collect();
    /// assert_eq!(sizes, [Size::new(320, 180), Size::new(640, 360), Size::new(1280, 720)]);
    /// ```
    #[must_use]
    pub fn halving(encoder: EncoderConfig, codec: Codec, layers: u8) -> Self {
        let scales =
            (0..u32::from(layers)).rev().map(|steps| 1_u32.checked_shl(steps).unwrap_or(0));
        let layers = scales.map(|scale| LayerConfig::new(Rational::new(scale, 1))).collect();
        Self { encoder, codec, layers }
    }

    /// Creates settings for these layers, the smallest first.
    #[must_use]
    pub fn new(encoder: EncoderConfig, codec: Codec, layers: Vec<LayerConfig>) -> Self {
        Self { encoder, codec, layers }
    }

    /// Returns the sizes of the layers, the smallest first.
    pub fn sizes(&self) -> impl Iterator<Item = Size> {
        self.layers.iter().map(|layer| layer.size(self.encoder.size))
    }

    /// Returns the limits of each layer's bitrate.
    pub(super) fn rates(&self, index: usize) -> LayerRates {
        let layer = &self.layers[index];
        let size = layer.size(self.encoder.size);
        layer.rates.unwrap_or_else(|| LayerRates::for_size(self.codec, size))
    }

    /// Returns the settings of the encoder of layer `index` at its target bitrate.
    pub(super) fn layer_config(&self, index: usize) -> EncoderConfig {
        let mut config = self.encoder.clone();
        config.size = self.layers[index].size(self.encoder.size);
        if let Some(mode) = config.rate.mode.with_bitrate(self.rates(index).target) {
            config.rate.mode = mode;
        }
        config
    }

    /// Checks the settings that the encoders of the layers do not check.
    pub(super) fn check(&self, capabilities: &Capabilities) -> Result<(), Error> {
        let count = self.layers.len();
        let allowed = format_args!("1..={MAX_LAYERS}");
        ConfigError::ensure((1..=MAX_LAYERS).contains(&count), "simulcast layers", count, allowed)?;
        let encoder = &self.encoder;
        capabilities.check_config(encoder)?;
        let conflicts = [
            (encoder.scalability.spatial_layers() > 1, "spatial layers"),
            (encoder.preset == Preset::File, "the file preset"),
            (encoder.deadline.is_some(), "a time limit per frame"),
            (encoder.rate.max_frame_bytes.is_some(), "a cap on bytes per frame"),
            (encoder.rate.window_cap.is_some(), "a cap on bytes per time window"),
        ];
        if let Some((_, what)) = conflicts.into_iter().find(|&(is, _)| is) {
            let reason = format_args!("simulcast cannot be combined with {what}");
            return Err(ConfigError::conflict("simulcast layers", reason).into());
        }
        for layer in &self.layers {
            let scale = layer.scale_down;
            let ok = scale.den > 0 && scale.num >= scale.den;
            ConfigError::ensure(ok, "scale-down factor", scale, "at least 1/1")?;
            if let Some(rates) = &layer.rates {
                check_rates(rates)?;
            }
        }
        self.check_sizes(capabilities)
    }

    /// Checks the sizes of the layers.
    pub(super) fn check_sizes(&self, capabilities: &Capabilities) -> Result<(), Error> {
        let mut last = Size::new(0, 0);
        for size in self.sizes() {
            capabilities.check_size(size)?;
            let is_large = size.width.min(size.height) >= MIN_SIDE;
            let allowed = format_args!("at least {MIN_SIDE}x{MIN_SIDE} for each layer");
            ConfigError::ensure(is_large, "size", size, allowed)?;
            let grows = size.width > last.width && size.height > last.height;
            let allowed = format_args!("more than the next lower layer's {last}");
            ConfigError::ensure(grows, "size", size, allowed)?;
            last = size;
        }
        Ok(())
    }

    /// Returns the bitrate of all layers together.
    pub(super) fn total(&self) -> Option<Bitrate> {
        self.encoder.rate.mode.bitrate()
    }
}

/// Checks that the limits of a layer's bitrate are in order.
pub(super) fn check_rates(rates: &LayerRates) -> Result<(), ConfigError> {
    let LayerRates { min, target, max } = rates;
    let given = format!("minimum {}, target {}, maximum {} bit/s", min.0, target.0, max.0);
    ConfigError::ensure(
        rates.is_ordered(),
        "layer rates",
        given,
        "0 < minimum <= target <= maximum",
    )
}
