//! Whether the references of the next picture are intact.

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
    /// After a recovery point: frames before this `frame_num` are not output.
    Until(u32),
    /// All references were decoded.
    Intact,
}

impl Recovery {
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
        *self = match (*self, point) {
            _ if header.is_idr => Self::Intact,
            (Self::Lost, Some(point)) if point.frame_count > 0 => {
                Self::Until(header.frame_num.wrapping_add(point.frame_count) % max)
            }
            (Self::Lost, Some(_)) => Self::Intact,
            (Self::Lost, None) if conceals => Self::Intact,
            (Self::Lost, None) => return Err(Corrupt::NoReference),
            (Self::Until(frame_num), _) => {
                let passed = header.frame_num.wrapping_sub(frame_num) % max < max / 2;
                if passed { Self::Intact } else { *self }
            }
            (Self::Intact, _) => Self::Intact,
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
        let mut frame = |frame_num, point: Option<u32>| {
            let header = SliceHeader { frame_num, ..SliceHeader::default() };
            let point = point.map(|frame_count| RecoveryPoint { frame_count });
            recovery.begin_frame(&header, &sps(), point, false).map(|()| recovery)
        };
        assert_eq!(frame(3, None), Err(Corrupt::NoReference));
        assert_eq!(frame(14, Some(3)), Ok(Recovery::Until(1)));
        assert_eq!(frame(15, None), Ok(Recovery::Until(1)));
        assert_eq!(frame(0, Some(3)), Ok(Recovery::Until(1)));
        assert_eq!(frame(1, None), Ok(Recovery::Intact));
    }
}
