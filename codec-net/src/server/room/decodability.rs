//! Tracks which frames of a stream a viewer can decode after some were dropped.

use super::super::media::VideoFrame;

/// Maximum number of temporal layers.
const LAYERS: u8 = 4;

/// Why a frame was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DropReason {
    /// The viewer cannot receive more at the moment.
    Slow,
    /// It depends on a dropped frame.
    Undecodable,
    /// Its layer exceeds the capacity of the viewer's link.
    Layer,
}

/// The layers that a viewer has received completely.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decodability {
    /// Frames of this layer and above depend on a dropped frame; 0: all frames but key frames.
    broken_from: u8,
    /// Layers from here up are not wanted.
    wanted_below: u8,
}

impl Default for Decodability {
    fn default() -> Self {
        Self { broken_from: 0, wanted_below: LAYERS }
    }
}

impl Decodability {
    /// The state before the first key frame.
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Sets how many layers the viewer should receive, at least 1.
    pub(super) fn set_layers(&mut self, layers: u8) {
        self.wanted_below = layers.clamp(1, LAYERS);
    }

    /// Whether a key frame is needed before any other frame.
    pub(super) fn needs_key_frame(&self) -> bool {
        self.broken_from == 0
    }

    /// Checks whether the frame may be passed on.
    ///
    /// # Errors
    ///
    /// The reason why not; the caller then calls [`Self::record_drop`].
    pub(super) fn check(&self, frame: &VideoFrame) -> Result<(), DropReason> {
        if frame.key {
            return Ok(());
        }
        if frame.temporal_id >= self.wanted_below {
            return Err(DropReason::Layer);
        }
        let whole = frame.temporal_id < self.broken_from;
        let rejoins = frame.layer_sync && self.broken_from > 0;
        if whole || rejoins { Ok(()) } else { Err(DropReason::Undecodable) }
    }

    /// Records that the frame was passed on.
    pub(super) fn pass(&mut self, frame: &VideoFrame) {
        if frame.key {
            self.broken_from = LAYERS;
        } else if frame.layer_sync {
            self.broken_from = self.broken_from.max(frame.temporal_id + 1);
        }
    }

    /// Records that the frame was dropped.
    pub(super) fn record_drop(&mut self, frame: &VideoFrame) {
        if !frame.discardable || frame.key {
            self.broken_from = self.broken_from.min(frame.temporal_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(temporal_id: u8, layer_sync: bool) -> VideoFrame {
        VideoFrame { temporal_id, layer_sync, ..VideoFrame::default() }
    }

    fn key() -> VideoFrame {
        VideoFrame { key: true, ..VideoFrame::default() }
    }

    #[test]
    fn nothing_passes_before_a_key_frame() {
        let mut state = Decodability::new();
        for wrong in [frame(0, false), frame(1, true)] {
            assert_eq!(state.check(&wrong), Err(DropReason::Undecodable));
            state.record_drop(&wrong);
        }
        assert!(state.needs_key_frame());
        assert_eq!(state.check(&key()), Ok(()));
        state.pass(&key());
        assert_eq!(state.check(&frame(2, false)), Ok(()));
    }

    #[test]
    fn a_dropped_base_frame_requires_a_key_frame() {
        let mut state = Decodability::new();
        state.pass(&key());
        state.record_drop(&frame(0, false));
        assert!(state.needs_key_frame());
        assert!(state.check(&frame(0, false)).is_err() && state.check(&frame(1, true)).is_err());
    }

    #[test]
    fn a_dropped_upper_frame_disables_its_layer_up_to_a_sync_point() {
        let mut state = Decodability::new();
        state.pass(&key());
        state.record_drop(&frame(1, false));
        assert_eq!(state.check(&frame(0, false)), Ok(()));
        assert_eq!(state.check(&frame(2, false)), Err(DropReason::Undecodable));
        assert_eq!(state.check(&frame(1, true)), Ok(()));
        state.pass(&frame(1, true));
        assert_eq!(state.check(&frame(1, false)), Ok(()));
        assert_eq!(state.check(&frame(2, false)), Err(DropReason::Undecodable));
        assert_eq!(state.check(&frame(2, true)), Ok(()));
    }

    #[test]
    fn dropping_a_non_reference_frame_has_no_effect() {
        let mut state = Decodability::new();
        state.pass(&key());
        let free = VideoFrame { discardable: true, ..frame(2, false) };
        state.record_drop(&free);
        assert_eq!(state.check(&frame(2, false)), Ok(()));
    }

    #[test]
    fn unwanted_layers_are_dropped_and_return_at_a_sync_point() {
        let mut state = Decodability::new();
        state.pass(&key());
        state.set_layers(1);
        let upper = frame(1, false);
        assert_eq!(state.check(&upper), Err(DropReason::Layer));
        state.record_drop(&upper);
        state.set_layers(3);
        assert_eq!(state.check(&upper), Err(DropReason::Undecodable));
        assert_eq!(state.check(&frame(1, true)), Ok(()));
        assert_eq!(state.check(&frame(0, false)), Ok(()));
    }
}
