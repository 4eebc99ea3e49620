//! VMAF: the loops over lanes of the scalar reference, compiled for each instruction-set level.

/// Defines the kernels of VMAF with the instructions of a level, and `over`.
macro_rules! compile_vmaf {
    ($features:literal) => {
        use crate::scalar::vmaf;
        use crate::table::Kernels;
        use crate::view::PlaneRef;
        use crate::vmaf::{VmafAdm, VmafScratch, VmafVif};

        /// `base` with the entries that this file improves.
        pub(crate) const fn over(base: Kernels) -> Kernels {
            Kernels {
                vmaf_vif_8,
                vmaf_vif_16,
                vmaf_halve_8,
                vmaf_halve_16,
                vmaf_adm_8,
                vmaf_adm_16,
                vmaf_adm_next,
                vmaf_motion_8,
                vmaf_motion_16,
                ..base
            }
        }

        #[target_feature(enable = $features)]
        fn vmaf_vif_8(planes: [PlaneRef<'_>; 2], scratch: &mut VmafScratch) -> VmafVif {
            vmaf::vmaf_vif_8(planes, scratch)
        }

        #[target_feature(enable = $features)]
        fn vmaf_vif_16(
            planes: [PlaneRef<'_, u16>; 2],
            scale: u32,
            depth: u32,
            scratch: &mut VmafScratch,
        ) -> VmafVif {
            vmaf::vmaf_vif_16(planes, scale, depth, scratch)
        }

        #[target_feature(enable = $features)]
        fn vmaf_halve_8(plane: PlaneRef<'_>, out: &mut [u16], scratch: &mut VmafScratch) {
            vmaf::vmaf_halve_8(plane, out, scratch);
        }

        #[target_feature(enable = $features)]
        fn vmaf_halve_16(
            plane: PlaneRef<'_, u16>,
            scale: u32,
            depth: u32,
            out: &mut [u16],
            scratch: &mut VmafScratch,
        ) {
            vmaf::vmaf_halve_16(plane, scale, depth, out, scratch);
        }

        #[target_feature(enable = $features)]
        fn vmaf_adm_8(
            planes: [PlaneRef<'_>; 2],
            next: [&mut [f32]; 2],
            scratch: &mut VmafScratch,
        ) -> VmafAdm {
            vmaf::vmaf_adm_8(planes, next, scratch)
        }

        #[target_feature(enable = $features)]
        fn vmaf_adm_16(
            planes: [PlaneRef<'_, u16>; 2],
            depth: u32,
            next: [&mut [f32]; 2],
            scratch: &mut VmafScratch,
        ) -> VmafAdm {
            vmaf::vmaf_adm_16(planes, depth, next, scratch)
        }

        #[target_feature(enable = $features)]
        fn vmaf_adm_next(
            planes: [PlaneRef<'_, f32>; 2],
            scale: usize,
            next: [&mut [f32]; 2],
            scratch: &mut VmafScratch,
        ) -> VmafAdm {
            vmaf::vmaf_adm_next(planes, scale, next, scratch)
        }

        #[target_feature(enable = $features)]
        fn vmaf_motion_8(planes: [PlaneRef<'_>; 2], scratch: &mut VmafScratch) -> f64 {
            vmaf::vmaf_motion_8(planes, scratch)
        }

        #[target_feature(enable = $features)]
        fn vmaf_motion_16(
            planes: [PlaneRef<'_, u16>; 2],
            depth: u32,
            scratch: &mut VmafScratch,
        ) -> f64 {
            vmaf::vmaf_motion_16(planes, depth, scratch)
        }
    };
}
pub(super) use compile_vmaf;
