//! Key frame placement.

use crate::codec::{FrameRequest, KeyFrames};

/// Decides on key frames in input order.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyPolicy {
    /// Number of frames since the last key frame, excluding it; `None` before the first.
    since: Option<u32>,
    /// Whether a key frame is pending.
    pending: bool,
}

impl KeyPolicy {
    pub(super) fn new() -> Self {
        Self { since: None, pending: true }
    }

    /// Requests that the next frame is a key frame.
    pub(super) fn request(&mut self) {
        self.pending = true;
    }

    /// Returns whether a frame must be a key frame.
    pub(super) fn decide(
        &mut self,
        request: &FrameRequest,
        scene_cut: bool,
        config: KeyFrames,
    ) -> bool {
        let since = self.since.map(|since| since.saturating_add(1));
        let is_due = since.is_none_or(|since| config.max_interval.is_some_and(|max| since >= max));
        let key =
            is_due || self.pending || request.key_frame || (scene_cut && config.at_scene_cuts);
        self.since = if key { Some(0) } else { since };
        self.pending = false;
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_exact_and_restarts_at_forced_key_frames() {
        let config = KeyFrames { max_interval: Some(5), at_scene_cuts: false };
        let mut policy = KeyPolicy::new();
        let keys: Vec<_> = (0..14)
            .filter(|&n| {
                let mut request = FrameRequest::at(n);
                request.key_frame = n == 7;
                policy.decide(&request, n == 3, config)
            })
            .collect();
        assert_eq!(keys, [0, 5, 7, 12]);
    }

    #[test]
    fn without_interval_one_key_frame_is_enough() {
        let config = KeyFrames { max_interval: None, at_scene_cuts: true };
        let mut policy = KeyPolicy::new();
        let keys: Vec<_> =
            (0..1000).filter(|&n| policy.decide(&FrameRequest::at(n), n == 300, config)).collect();
        assert_eq!(keys, [0, 300]);
    }
}
