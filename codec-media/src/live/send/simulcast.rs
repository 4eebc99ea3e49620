//! Settings of simulcast: the number of layers, their sizes and bitrates.

use codec_core::codec::{Bitrate, EncoderConfig};
use codec_core::frame::Size;
use codec_core::simulcast::{LayerConfig, LayerRates, SimulcastConfig, layers_for};
use codec_net::url::{Scheme, Url};

use crate::failure::{Failure, Result};
use crate::live::options::{SendOptions, SimulcastLayers};
use crate::settings::encoder::EncoderSettings;

/// Highest bitrate of the highest layer if the user gives the bitrate of all layers together.
const NO_MAX: Bitrate = Bitrate(1_000_000_000);

/// Rejects what cannot be sent in several sizes.
///
/// # Errors
/// For another transport than WebRTC, spatial layers, and options for one encoder.
pub(super) fn check(args: &SendOptions, settings: &EncoderSettings, url: &Url) -> Result<()> {
    if args.simulcast.is_none() {
        return Ok(());
    }
    let conflict =
        |what: &str| Err(Failure::usage(format!("--simulcast cannot be combined with {what}")));
    if url.scheme() != Scheme::Whip {
        let scheme = url.scheme();
        let message = format!("--simulcast cannot be used with {scheme}, only with whip");
        return Err(Failure::usage(message));
    }
    if settings.spatial_layers() > 1 {
        return conflict("spatial layers\nhelp: use --layers L1T1, L1T2 or L1T3");
    }
    if !args.parts.video {
        return conflict("--no-video");
    }
    if args.encoder.max_frame_time.is_some() {
        return conflict("--max-frame-time");
    }
    if !args.encoder.regions.is_empty() {
        return conflict("--region");
    }
    Ok(())
}

/// Returns the number of layers for frames of `size`.
///
/// # Errors
/// If the size is too small for more than one, and the user gives no number.
pub(super) fn layers(choice: SimulcastLayers, size: Size) -> Result<u8> {
    match choice {
        SimulcastLayers::Count(count) if (2..=3).contains(&count) => Ok(count),
        SimulcastLayers::Count(count) => {
            Err(Failure::usage(format!("invalid --simulcast={count}: expected 2 or 3")))
        }
        SimulcastLayers::BySize => match layers_for(size) {
            1 => Err(Failure::usage(format!(
                "--simulcast needs frames of at least 480x270: got {size}\nhelp: use --simulcast=2"
            ))),
            count => Ok(count),
        },
    }
}

/// Returns the largest size up to `size` for which all halved sizes are multiples of `alignment`, the alignment that
/// the encoder needs.
pub(super) fn aligned(size: Size, alignment: u32, layers: u8) -> Size {
    let alignment = alignment.max(1);
    if alignment == 1 {
        // Odd sizes are halved upwards.
        return size;
    }
    let step = alignment.saturating_mul(1 << layers.saturating_sub(1));
    let side = |length: u32| if length < step { length } else { length / step * step };
    Size::new(side(size.width), side(size.height))
}

/// Returns the settings of the layers. `encoder` has the settings of the highest layer. Without a bitrate of the user,
/// each layer may have the highest that its size can use.
pub(super) fn config(
    encoder: EncoderConfig,
    settings: &EncoderSettings,
    layers: u8,
) -> SimulcastConfig {
    let codec = settings.backend.codec;
    let mut config = SimulcastConfig::halving(encoder, codec, layers);
    let mut rates: Vec<LayerRates> =
        config.sizes().map(|size| LayerRates::for_size(codec, size)).collect();
    let Some((top, lower)) = rates.split_last_mut() else { return config };
    if settings.is_rate_guessed() {
        let total = Bitrate(lower.iter().map(|rates| rates.target.0).sum::<u64>() + top.max.0);
        let mode = config.encoder.rate.mode;
        config.encoder.rate.mode = mode.with_bitrate(total).unwrap_or(mode);
    } else {
        top.max = NO_MAX;
    }
    let limits = config.layers.iter_mut().zip(rates);
    limits.for_each(|(layer, rates): (&mut LayerConfig, _)| layer.rates = Some(rates));
    config
}

#[cfg(test)]
mod tests {
    use codec_container::Format;

    use super::*;
    use crate::settings::encoder::{EncoderOptions, Preset};

    fn config_of(bitrate: Option<Bitrate>, size: Size, layers: u8) -> SimulcastConfig {
        let options = EncoderOptions { bitrate, ..EncoderOptions::default() };
        let settings = EncoderSettings::new(&options, Preset::Rtc, Format::WebM).unwrap();
        let thirty = codec_core::frame::Rational::new(30, 1);
        let encoder = settings.config(size, thirty, thirty.inverse());
        config(encoder, &settings, layers)
    }

    #[test]
    fn without_a_bitrate_all_layers_have_what_they_can_use() {
        let of = |bitrate, layers| {
            let config = config_of(bitrate, Size::new(1280, 720), layers);
            let top = config.layers.last().and_then(|layer| layer.rates).unwrap();
            (config.encoder.rate.mode.bitrate().unwrap(), top.max)
        };
        assert_eq!(of(None, 3), (Bitrate::kbps(150 + 500 + 2500), Bitrate::kbps(2500)));
        assert_eq!(of(None, 2), (Bitrate::kbps(500 + 2500), Bitrate::kbps(2500)));
        let given = Bitrate::kbps(8000);
        assert_eq!(of(Some(given), 3), (given, NO_MAX));
    }

    #[test]
    fn sizes_are_aligned_only_if_the_encoder_needs_it() {
        let size = Size::new(1366, 767);
        assert_eq!(aligned(size, 1, 3), size);
        assert_eq!(aligned(size, 2, 3), Size::new(1360, 760));
        assert_eq!(aligned(size, 2, 2), Size::new(1364, 764));
        assert_eq!(aligned(Size::new(7, 767), 2, 3), Size::new(7, 760));
    }

    #[test]
    fn the_number_of_layers_follows_from_the_size_or_the_user() {
        let by_size = |width, height| layers(SimulcastLayers::BySize, Size::new(width, height));
        assert_eq!(by_size(1280, 720).unwrap(), 3);
        assert_eq!(by_size(640, 360).unwrap(), 2);
        let error = by_size(160, 120).unwrap_err().message;
        assert!(error.contains("160x120") && error.contains("--simulcast=2"), "{error}");
        assert_eq!(layers(SimulcastLayers::Count(2), Size::new(160, 120)).unwrap(), 2);
        assert!(layers(SimulcastLayers::Count(4), Size::new(1280, 720)).is_err());
    }
}
