//! Encodes decoded frames as small WebP images.

use codec_core::frame::{Frame, PictureInfo};

use codec_media::Env;
use codec_media::failure::Result;
use codec_media::frame::planes::Planes;
use codec_media::io::stills::write::lossy_webp;

/// WebP quality: high enough to judge the codec, low enough for hundreds of images.
const QUALITY: u8 = 82;
/// VP8 encoder speed.
const SPEED: u8 = 6;

/// Encodes frame images for the page, reusing memory.
#[derive(Debug, Default)]
pub(super) struct Images {
    planes: Planes,
}

impl Images {
    /// Returns a decoded frame as a WebP file.
    pub(super) fn webp(&mut self, frame: &Frame, info: PictureInfo, env: &Env) -> Result<Vec<u8>> {
        self.planes.copy_from(&frame.picture().with_info(info));
        lossy_webp(&self.planes, QUALITY, SPEED, env)
    }
}
