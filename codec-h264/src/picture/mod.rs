//! Decoded pictures as references: samples, motion, picture order count.

mod motion;

use std::sync::Arc;

use codec_core::frame::FrameBuf;

use crate::slice::PictureStructure;

pub use motion::{Coding, MbMotion, Motion, Mv, NO_REF, RefKey};

/// A decoded frame, or one of its fields, as an entry of a reference list. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RefPicture {
    /// Samples of the frame; the lines of a field are every second line.
    pub samples: Arc<FrameBuf>,
    /// Motion vectors and reference indices.
    pub motion: Arc<Motion>,
    /// Identity of the frame. Both fields of a frame have the same.
    pub id: u64,
    /// Which part of the frame is referred to.
    pub structure: PictureStructure,
    /// Picture order counts of the top and of the bottom field.
    pub poc: [i32; 2],
    /// Whether it is marked as a long-term reference.
    pub is_long_term: bool,
}

impl RefPicture {
    /// Returns the picture order count: of a frame, the smaller one of its fields.
    #[inline]
    #[must_use]
    pub fn poc(&self) -> i32 {
        poc_of(self.structure, self.poc)
    }

    /// Returns the identity within the decoded picture buffer.
    #[inline]
    #[must_use]
    pub fn key(&self) -> RefKey {
        RefKey { id: self.id, structure: self.structure }
    }
}

/// Returns the picture order count of a part of a frame; `poc` has the picture order counts of its fields.
#[inline]
#[must_use]
pub fn poc_of(structure: PictureStructure, poc: [i32; 2]) -> i32 {
    match structure {
        PictureStructure::Frame => poc[0].min(poc[1]),
        PictureStructure::TopField => poc[0],
        PictureStructure::BottomField => poc[1],
    }
}
