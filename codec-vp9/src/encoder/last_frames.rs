//! The frame that a receiver decoded last: the next frame's motion vector candidates and
//! probability adaptation depend on it.
//!
//! A receiver may lack frames of higher temporal layers and frames that no other frame depends on,
//! so the frame that it decoded last can be one of several. The next frame must then decode in the
//! same way after each of these possible last frames:
//!
//! - A block uses only motion vectors whose predictors are vectors of neighbouring blocks in the
//!   same frame ([`crate::block::candidates::Site::two_and_own`]).
//! - Backward adaptation of probabilities is disabled if some of these possible last frames are
//!   key frames and others are not.
//! - The frame starts from a saved probability context, and only frames of the temporal base layer
//!   update the saved contexts.

/// Number of temporal layers, at most.
const LAYERS: usize = 3;

/// The frames of which a receiver has decoded one last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Possible {
    /// Numbers of key frames and of inter frames.
    key: u32,
    inter: u32,
    /// The last of them is shown.
    shown: bool,
}

/// The last decoded frame of receivers, by their temporal layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LastFrames([Possible; LAYERS]);

/// A coded frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct CodedFrame {
    pub(super) is_key: bool,
    pub(super) shown: bool,
    pub(super) temporal_id: u8,
    /// Whether no later frame depends on its samples, so that a receiver may lack it.
    pub(super) discardable: bool,
}

/// The last frame of all receivers of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LastFrame {
    /// Whether it is the frame that was coded last.
    pub(super) is_known: bool,
    /// Whether it has vectors that the next frame uses, if it is known.
    pub(super) has_vectors: bool,
    /// Whether it is a key frame; `None` if that depends on the receiver.
    pub(super) is_key: Option<bool>,
}

impl LastFrames {
    /// Records a coded frame.
    pub(super) fn coded(&mut self, frame: CodedFrame) {
        for (layer, possible) in (0..).zip(&mut self.0) {
            let is_certain = frame.temporal_id <= layer && !frame.discardable;
            let before = if is_certain { Possible::default() } else { *possible };
            *possible = Possible {
                key: before.key.saturating_add(frame.is_key.into()),
                inter: before.inter.saturating_add((!frame.is_key).into()),
                shown: frame.shown,
            };
        }
    }

    /// Returns the last frame of the receivers of a frame of a temporal layer.
    pub(super) fn of(&self, temporal_id: u8) -> LastFrame {
        let possible = self.0[usize::from(temporal_id).min(LAYERS - 1)];
        let Possible { key, inter, shown } = possible;
        LastFrame {
            is_known: key.saturating_add(inter) <= 1,
            has_vectors: (key, inter) == (0, 1) && shown,
            is_key: ((key == 0) != (inter == 0)).then_some(key > 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: CodedFrame =
        CodedFrame { is_key: true, shown: true, temporal_id: 0, discardable: false };

    fn inter(temporal_id: u8, discardable: bool) -> CodedFrame {
        CodedFrame { is_key: false, temporal_id, discardable, ..KEY }
    }

    #[test]
    fn the_last_frame_is_known_if_no_receiver_can_lack_it() {
        let mut last = LastFrames::default();
        let known = |last: &LastFrames| [0, 1, 2].map(|layer| last.of(layer).is_known);
        last.coded(KEY);
        assert_eq!(known(&last), [true; 3]);
        assert_eq!(last.of(0).is_key, Some(true));
        assert!(!last.of(0).has_vectors);
        last.coded(inter(2, true));
        assert_eq!(known(&last), [false; 3]);
        assert_eq!(last.of(1).is_key, None);
        last.coded(inter(1, false));
        assert_eq!(known(&last), [false, true, true]);
        assert_eq!((last.of(0).is_key, last.of(2).is_key), (None, Some(false)));
        assert!(last.of(2).has_vectors && !last.of(0).has_vectors);
        last.coded(inter(0, false));
        assert_eq!(known(&last), [true; 3]);
        last.coded(inter(2, true));
        assert_eq!(last.of(0).is_key, Some(false));
    }

    #[test]
    fn vectors_of_a_hidden_frame_are_not_used() {
        let mut last = LastFrames::default();
        last.coded(inter(0, false));
        last.coded(CodedFrame { shown: false, ..inter(0, false) });
        let LastFrame { is_known, has_vectors, .. } = last.of(0);
        assert!(is_known && !has_vectors);
    }
}
