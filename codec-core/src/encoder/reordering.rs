//! Queue of the frames that the file preset has planned, in coding order.

use std::collections::VecDeque;

use super::buffered_frame::BufferedFrame;
use super::decode_times::DecodeTimes;
use crate::codec::plan::FrameOrder;
use crate::rate::{FrameRole, LookaheadInfo};

/// A frame that has left the look-ahead.
#[derive(Debug)]
pub(super) struct NextFrame {
    pub(super) held: BufferedFrame,
    pub(super) lookahead_info: LookaheadInfo,
    /// Mean cost of the frames in the look-ahead, if known.
    pub(super) mean_cost: Option<u64>,
    pub(super) role: FrameRole,
    pub(super) group_frames: u32,
    pub(super) order: Option<FrameOrder>,
}

/// State of coding in another order than the display order.
#[derive(Debug)]
pub(super) struct Reordering {
    /// Maximum number of consecutive B frames.
    pub(super) max_b_frames: usize,
    pub(super) times: DecodeTimes,
    /// The rest of the current group, in coding order.
    pub(super) group: VecDeque<NextFrame>,
    /// Number of the first frame after the current group in display order.
    pub(super) display: u64,
}

impl Reordering {
    pub(super) fn new(max_b_frames: u8) -> Self {
        let max_b_frames = usize::from(max_b_frames);
        // With a pyramid, a frame and the reference in the middle precede the first B frame.
        let times = DecodeTimes::new(max_b_frames.min(2));
        Self { max_b_frames, times, group: VecDeque::new(), display: 0 }
    }

    /// Returns whether the stream may have B frames.
    pub(super) fn has_b_frames(&self) -> bool {
        self.max_b_frames > 0
    }

    /// Returns the number of frames of the current group that are still to be coded.
    pub(super) fn len(&self) -> usize {
        self.group.len()
    }

    /// Returns the state after a change of the frame size, when no frame is buffered.
    pub(super) fn resized(&mut self) -> Self {
        let times = std::mem::replace(&mut self.times, DecodeTimes::new(0));
        Self {
            max_b_frames: self.max_b_frames,
            times,
            group: VecDeque::new(),
            display: self.display,
        }
    }
}
