//! Tracks whether the references of the next picture are intact.

use codec_core::error::Corrupt;

use crate::params::Sps;
use crate::sei::RecoveryPoint;
use crate::slice::SliceHeader;

/// The state of the references.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Recovery {
    /// References are missing: waits for an IDR picture or a recovery point.
    #[default]
    Lost,
    /// After a recovery point: frames are not output until `frame_num` has grown by `left`.
    Until {
        /// `frame_num` of the last frame.
        frame_num: u32,
        left: u32,
    },
    /// The frame of the recovery point: it is correct, but references that it does not use may be
    /// missing.
    Recovered,
    /// All references were decoded.
    Intact,
}

impl Recovery {
    /// Returns whether the content of the frame is correct.
    pub(super) fn is_correct(self) -> bool {
        matches!(self, Self::Recovered | Self::Intact)
    }

    /// Updates the state with the first slice of a frame. `point` is its recovery point.
    ///
    /// # Errors
    /// [`Corrupt::NoReference`] if the frame cannot be decoded and is not concealed.
    pub(super) fn begin_frame(
        &mut self,
        header: &SliceHeader,
        sps: &Sps,
        point: Option<RecoveryPoint>,
        conceals: bool,
    ) -> Result<(), Corrupt> {
        let max = 1_u32 << sps.log2_max_frame_num;
        let frame_num = header.frame_num;
        *self = match (*self, point) {
            _ if header.is_idr => Self::Intact,
            (Self::Lost, Some(point)) if point.frame_count > 0 => {
                Self::Until { frame_num, left: point.frame_count }
            }
            (Self::Lost, Some(_)) => Self::Recovered,
            (Self::Lost, None) if conceals => Self::Intact,
            (Self::Lost, None) => return Err(Corrupt::NoReference),
            (Self::Until { frame_num: last, left }, _) => {
                // The recovery point is a reference picture. Pictures that are not references
                // already have the `frame_num` of the next reference.
                let ahead = u32::from(header.nal_ref_idc == 0);
                let frame_num = frame_num.wrapping_sub(ahead) % max;
                let left = left.saturating_sub(frame_num.wrapping_sub(last) % max);
                if left == 0 { Self::Recovered } else { Self::Until { frame_num, left } }
            }
            (Self::Recovered | Self::Intact, _) => Self::Intact,
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::tests::sps;

    #[test]
    fn frames_after_a_recovery_point_are_shown_when_its_count_has_passed() {
        let mut recovery = Recovery::Lost;
        let mut frame = |frame_num, nal_ref_idc, point: Option<u32>| {
            let header = SliceHeader { frame_num, nal_ref_idc, ..SliceHeader::default() };
            let point = point.map(|frame_count| RecoveryPoint { frame_count });
            if point.is_some() && nal_ref_idc == 3 {
                recovery = Recovery::Lost;
            }
            recovery.begin_frame(&header, &sps(), point, false).map(|()| recovery)
        };
        let until = |frame_num, left| Ok(Recovery::Until { frame_num, left });
        assert_eq!(frame(3, 1, None), Err(Corrupt::NoReference));
        assert_eq!(frame(14, 1, Some(3)), until(14, 3));
        assert_eq!(frame(15, 1, None), until(15, 2));
        assert_eq!(frame(0, 1, Some(3)), until(0, 1));
        // Not a reference.
        assert_eq!(frame(1, 0, None), until(0, 1));
        assert_eq!(frame(1, 1, None), Ok(Recovery::Recovered));
        assert_eq!(frame(2, 1, None), Ok(Recovery::Intact));
        // More than half of the numbers, which repeat after 16.
        assert_eq!(frame(2, 3, Some(13)), until(2, 13));
        assert_eq!(frame(3, 1, None), until(3, 12));
        assert_eq!(frame(14, 1, None), until(14, 1));
        assert_eq!(frame(15, 1, None), Ok(Recovery::Recovered));
        assert_eq!(frame(9, 3, Some(0)), Ok(Recovery::Recovered));
    }
}
