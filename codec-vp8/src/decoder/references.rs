//! The three reference frames and their updates. RFC 6386, sections 9.7 and 9.8.

use std::sync::Arc;

use super::super::header::{BufferCopy, ReferenceUpdates};
use super::super::types::Reference;
use codec_core::frame::FrameBuf;

/// The reference frames, shared with the callers that display them.
#[derive(Clone, Debug)]
pub(super) struct References {
    pub(super) last: Arc<FrameBuf>,
    golden: Arc<FrameBuf>,
    altref: Arc<FrameBuf>,
}

impl References {
    /// Sets all three to `frame`, after a key frame.
    pub(super) fn all(frame: &Arc<FrameBuf>) -> Self {
        Self { last: frame.clone(), golden: frame.clone(), altref: frame.clone() }
    }

    /// Updates `references` when `frame` is complete.
    pub(super) fn apply(
        references: &mut Option<Self>,
        updates: &ReferenceUpdates,
        frame: &Arc<FrameBuf>,
    ) {
        match references {
            Some(references) => references.update(updates, frame),
            None => *references = Some(Self::all(frame)),
        }
    }

    /// Returns the frame that macroblocks of `reference` predict from.
    pub(super) fn get(&self, reference: Reference) -> &FrameBuf {
        match reference {
            Reference::Golden => &self.golden,
            Reference::Altref => &self.altref,
            Reference::Last => &self.last,
        }
    }

    /// Applies the copies first (altref before golden, as in libvpx), then the replacements by the
    /// new frame.
    pub(super) fn update(&mut self, updates: &ReferenceUpdates, frame: &Arc<FrameBuf>) {
        match updates.copy_to_altref {
            BufferCopy::None => {}
            BufferCopy::Last => self.altref = self.last.clone(),
            BufferCopy::Other => self.altref = self.golden.clone(),
        }
        match updates.copy_to_golden {
            BufferCopy::None => {}
            BufferCopy::Last => self.golden = self.last.clone(),
            BufferCopy::Other => self.golden = self.altref.clone(),
        }
        if updates.refresh_golden {
            self.golden = frame.clone();
        }
        if updates.refresh_altref {
            self.altref = frame.clone();
        }
        if updates.refresh_last {
            self.last = frame.clone();
        }
    }
}
