//! The content of an animated image, as the readers return it.

use codec_core::frame::Size;

/// Maximum number of frames of a file.
pub(super) const MAX_FRAMES: usize = 100_000;

/// A frame was composed on the canvas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Composed {
    /// Whether parts of the canvas may be transparent.
    pub(super) has_transparency: bool,
}

/// Properties of a file.
#[derive(Clone, Debug)]
pub(super) struct Animation {
    pub(super) size: Size,
    /// The duration of each frame in ticks, as the file states it. A damaged file has those up to the damage.
    pub(super) delays: Vec<u32>,
    /// How often the frames are shown, for messages.
    pub(super) repeats: String,
}
