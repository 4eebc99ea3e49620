//! Inputs and results of the kernels of VMAF.

/// Scratch memory of the kernels of VMAF, reused from call to call.
#[derive(Clone, Debug, Default)]
pub struct VmafScratch {
    /// A row of sums.
    pub(crate) sums: RowSums,
    /// The same as halves of 16 bits.
    #[cfg(target_arch = "x86_64")]
    pub(crate) halves: [Vec<i16>; 8],
    /// Rows of samples, filtered rows and ring buffers of rows.
    pub(crate) rows: [Vec<f32>; 32],
}

/// Vertical sums of a row for VIF, with borders on both sides.
#[derive(Clone, Debug, Default)]
pub(crate) struct RowSums {
    /// Means of both frames.
    pub(crate) means: [Vec<u16>; 2],
    /// Means of their squares and products.
    pub(crate) squares: [Vec<u32>; 3],
}

/// Information that both frames share and that the reference has, in bits, over one scale of visual
/// information fidelity (VIF); their quotient is the feature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VmafVif {
    /// Information that the distorted frame preserves.
    pub preserved: f64,
    /// Information of the reference.
    pub original: f64,
}

/// Sums of the cubed coefficients of one scale of the additive detail measure (ADM): horizontal,
/// vertical and diagonal details in the inner part of the frame, each weighted by the eye's contrast
/// sensitivity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VmafAdm {
    /// Detail that the distorted frame preserves, less the part that its additive distortion masks.
    pub preserved: [f64; 3],
    /// The details of the reference.
    pub original: [f64; 3],
    /// Number of coefficients in each sum.
    pub area: u32,
}
