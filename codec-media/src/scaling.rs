//! Scaling of planes as in `--resize`, by default Lanczos with three lobes, with the crate
//! `fast_image_resize`.

use std::fmt;
use std::str::FromStr;

use codec_core::frame::Size;
use fast_image_resize::images::TypedImage;
use fast_image_resize::pixels::U8;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

/// The filter that scales frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scaler {
    /// Lanczos with three lobes: sharp.
    #[default]
    Lanczos,
    /// Cubic (Catmull-Rom): less ringing at edges.
    Bicubic,
    /// Linear: soft.
    Bilinear,
    /// The mean of the covered pixels.
    Area,
    /// The nearest pixel, without new colours: for pixel art at integer factors.
    Nearest,
}

impl Scaler {
    fn algorithm(self) -> ResizeAlg {
        match self {
            Self::Lanczos => ResizeAlg::Convolution(FilterType::Lanczos3),
            Self::Bicubic => ResizeAlg::Convolution(FilterType::CatmullRom),
            Self::Bilinear => ResizeAlg::Convolution(FilterType::Bilinear),
            Self::Area => ResizeAlg::Convolution(FilterType::Box),
            Self::Nearest => ResizeAlg::Nearest,
        }
    }
}

impl FromStr for Scaler {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "lanczos" => Ok(Self::Lanczos),
            "bicubic" => Ok(Self::Bicubic),
            "bilinear" => Ok(Self::Bilinear),
            "area" => Ok(Self::Area),
            "nearest" => Ok(Self::Nearest),
            _ => Err("expected lanczos, bicubic, bilinear, area or nearest".to_owned()),
        }
    }
}

/// Scales planes of 8-bit samples and reuses its memory.
///
/// ```
/// use codec_core::frame::Size;
/// use codec_media::scaling::PlaneScaler;
///
/// let (from, to) = (Size::new(8, 8), Size::new(4, 4));
/// let mut scaled = [0; 16];
/// PlaneScaler::default().scale((&[77; 64], from), (&mut scaled, to))?;
/// assert_eq!(scaled, [77; 16]);
/// # Ok::<(), codec_media::scaling::ScaleError>(())
/// ```
#[derive(Debug, Default)]
pub struct PlaneScaler {
    resizer: Resizer,
    scaler: Scaler,
    /// A copy of the plane: for a shared slice, the kernels would be compiled a second time.
    source: Vec<u8>,
}

/// A plane whose length does not match its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScaleError(String);

impl fmt::Display for ScaleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ScaleError {}

impl PlaneScaler {
    /// Scales with a filter.
    #[must_use]
    pub fn new(scaler: Scaler) -> Self {
        Self { scaler, ..Self::default() }
    }

    /// Scales the samples `from` into `to`, both without padding.
    ///
    /// # Errors
    ///
    /// If a plane is shorter than its size requires.
    pub fn scale(
        &mut self,
        (from, from_size): (&[u8], Size),
        (to, to_size): (&mut [u8], Size),
    ) -> Result<(), ScaleError> {
        let failed = |error: &dyn fmt::Display| ScaleError(error.to_string());
        let options = ResizeOptions::new().resize_alg(self.scaler.algorithm()).use_alpha(false);
        self.source.clear();
        self.source.extend_from_slice(from);
        let source =
            TypedImage::<U8>::from_buffer(from_size.width, from_size.height, &mut self.source)
                .map_err(|error| failed(&error))?;
        let mut target = TypedImage::<U8>::from_buffer(to_size.width, to_size.height, to)
            .map_err(|error| failed(&error))?;
        // The untyped call would compile the kernels of all thirteen pixel types.
        self.resizer.resize_typed(&source, &mut target, &options).map_err(|error| failed(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_filter_keeps_flat_planes_and_filters_differ() {
        let (small, large) = (Size::new(4, 4), Size::new(8, 8));
        let edge: Vec<u8> = (0..16).map(|at| if at % 4 < 2 { 20 } else { 220 }).collect();
        let mut results = Vec::new();
        for name in ["lanczos", "bicubic", "bilinear", "area", "nearest"] {
            let mut scaler = PlaneScaler::new(name.parse().unwrap());
            let mut flat = [0; 64];
            scaler.scale((&[77; 16], small), (&mut flat, large)).unwrap();
            assert_eq!(flat, [77; 64], "{name}");
            let mut scaled = [0; 64];
            scaler.scale((&edge, small), (&mut scaled, large)).unwrap();
            results.push(scaled);
        }
        assert_eq!(results[4][..8], [20, 20, 20, 20, 220, 220, 220, 220]);
        // The filters with negative weights exceed the edge, each by another amount.
        assert!(results[0] != results[1] && results[1] != results[2] && results[2] != results[4]);
        assert!("sinc".parse::<Scaler>().is_err());
    }
}
