//! Scaling of planes as in `--resize`: Lanczos with three lobes, with the crate
//! `fast_image_resize`.

use std::fmt;

use codec_core::frame::Size;
use fast_image_resize::images::TypedImage;
use fast_image_resize::pixels::U8;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

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
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
            .use_alpha(false);
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
