//! Receiver constraints: which sources a viewer requests, with limits on their height and frame rate;
//! and the layers that it gets, or why it gets none.

use std::collections::BTreeMap;
use std::fmt;

use codec_core::codec::Bitrate;

use super::id::StreamId;

/// Limits of one source for one viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceLimits {
    /// Largest useful height in pixels, for example the height of the tile; 0 switches the source off. If all
    /// layers are larger, the smallest one is sent.
    pub max_height: u32,
    /// Largest useful frame rate in frames per second.
    pub max_frame_rate: u32,
}

impl SourceLimits {
    /// No limits.
    pub const NONE: Self = Self { max_height: u32::MAX, max_frame_rate: u32::MAX };
    /// Thumbnails: 180 pixels high.
    pub const THUMBNAIL: Self = Self { max_height: 180, max_frame_rate: u32::MAX };
}

/// Constraints of a viewer: the sources and layers that it requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewerConstraints {
    /// Largest number of sources; `None` for no limit (default). On-stage, selected and screen sources
    /// come first, then cameras in the order of the last speech.
    pub last_n: Option<usize>,
    /// Large tiles: their layers are chosen first.
    pub on_stage: Vec<StreamId>,
    /// Sources that stay in the last-N set.
    pub selected: Vec<StreamId>,
    /// Limits of sources without their own; default [`SourceLimits::THUMBNAIL`]. They do not apply to
    /// on-stage and screen sources.
    pub default_limits: SourceLimits,
    /// Limits of single sources.
    pub limits: BTreeMap<StreamId, SourceLimits>,
}

impl Default for ViewerConstraints {
    fn default() -> Self {
        Self {
            last_n: None,
            on_stage: Vec::new(),
            selected: Vec::new(),
            default_limits: SourceLimits::THUMBNAIL,
            limits: BTreeMap::new(),
        }
    }
}

impl ViewerConstraints {
    /// The limits of a source.
    pub(super) fn limits(&self, stream: StreamId, is_screen: bool) -> SourceLimits {
        let is_large = is_screen || self.on_stage.contains(&stream);
        let default = if is_large { SourceLimits::NONE } else { self.default_limits };
        self.limits.get(&stream).copied().unwrap_or(default)
    }
}

/// Why a viewer does not get a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PauseReason {
    /// The viewer switched the source off.
    SwitchedOff,
    /// The source is not among the last N.
    NotInLastN,
    /// The lowest layer needs more than the bandwidth estimate leaves for it.
    Bandwidth {
        /// Rate of the lowest layer.
        needed: Bitrate,
        /// Bandwidth estimate of the viewer.
        estimate: Bitrate,
    },
    /// The publisher sends no layer.
    NoLayer,
}

impl fmt::Display for PauseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SwitchedOff => f.write_str("switched off by the viewer"),
            Self::NotInLastN => f.write_str("not among the last speakers"),
            Self::Bandwidth { needed, estimate } => {
                let (needed, estimate) = (needed.as_kbps(), estimate.as_kbps());
                write!(
                    f,
                    "weak network: the source needs {needed} kb/s, the bandwidth estimate is {estimate} kb/s"
                )
            }
            Self::NoLayer => f.write_str("the publisher sends nothing"),
        }
    }
}

/// State of a source at a viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamState {
    /// A layer is chosen. It flows as soon as decoding can start.
    Playing {
        /// SSRC of the chosen encoding.
        ssrc: u32,
        /// Height in pixels; 0 if it is unknown.
        height: u32,
        /// Highest spatial layer.
        spatial: u8,
        /// Highest temporal layer.
        temporal: u8,
    },
    /// Nothing is sent.
    Paused(PauseReason),
}
