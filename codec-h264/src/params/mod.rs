//! Parameter sets. ITU-T H.264, clauses 7.3.2.1, 7.3.2.2 and annex E.

mod level;
mod pps;
mod scaling;
mod sets;
mod sps;
mod vui;
mod write;

pub use level::{LEVELS, LevelLimits, limits};
pub use pps::Pps;
pub use scaling::ScalingMatrices;
pub use sets::ParameterSets;
pub use sps::{Crop, PocType, Sps};
pub use vui::{Hrd, HrdLengths, ReorderLimits, TimingInfo, VideoSignal, Vui};

#[cfg(test)]
pub(crate) mod tests {
    use super::Sps;

    /// A sequence parameter set of the Main profile for one macroblock.
    pub(crate) fn sps() -> Sps {
        Sps {
            profile_idc: 77,
            level_idc: 40,
            max_num_ref_frames: 4,
            width_mbs: 1,
            height_map_units: 1,
            direct_8x8_inference: true,
            ..Sps::inferred()
        }
    }
}
