//! The result of comparing a decoded frame with the source.

use codec_core::frame::Size;

use super::chroma::ChromaError;

/// The result of a comparison with the source.
#[derive(Clone, Debug)]
pub(super) enum Comparison {
    Compared(ChromaError),
    NotCompared(Reason),
}

impl Comparison {
    /// The errors, if the frame was compared.
    pub(super) fn error(&self) -> Option<&ChromaError> {
        match self {
            Self::Compared(error) => Some(error),
            Self::NotCompared(_) => None,
        }
    }
}

/// Why a frame was not compared with the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    NotShown,
    NotDecoded,
    NoSourceFrame,
    /// The sizes of the source and of the frame.
    OtherSize(Size, Size),
}

impl Reason {
    pub(super) fn text(self) -> String {
        match self {
            Self::NotShown => "the frame is not shown".to_owned(),
            Self::NotDecoded => "no frame was decoded".to_owned(),
            Self::NoSourceFrame => "the source has no frame at this time".to_owned(),
            Self::OtherSize(source, frame) => {
                format!("the source has the size {source}, and the frame {frame}")
            }
        }
    }

    /// How the user can make the frames comparable.
    pub(super) fn remedy(self) -> &'static str {
        match self {
            Self::OtherSize(..) => "use a source of the same frame size as the stream",
            Self::NotShown | Self::NotDecoded | Self::NoSourceFrame => {
                "if the stream was cut from the source, give the cut with --source-skip or --source-from"
            }
        }
    }

    /// Whether the cause is a mismatch of stream and source.
    pub(super) fn is_mismatch(self) -> bool {
        matches!(self, Self::NoSourceFrame | Self::OtherSize(..))
    }
}
