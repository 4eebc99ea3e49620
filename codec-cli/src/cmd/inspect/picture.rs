//! Decoded pictures as small WebP files.

use codec_core::frame::{Frame, PictureInfo};

use crate::Env;
use crate::failure::Result;
use crate::picture::planes::Planes;
use crate::stills::write::lossy_webp;

/// Enough to see what a codec did, small enough for hundreds of them.
const QUALITY: u8 = 82;
/// Speed of VP8.
const SPEED: u8 = 6;

/// Makes pictures for the page, in memory that is used again.
#[derive(Debug, Default)]
pub(super) struct Pictures {
    planes: Planes,
}

impl Pictures {
    /// The file of a decoded frame.
    pub(super) fn webp(&mut self, frame: &Frame, info: PictureInfo, env: Env) -> Result<Vec<u8>> {
        self.planes.copy_from(&frame.picture().with_info(info));
        lossy_webp(&self.planes, QUALITY, SPEED, env)
    }
}
