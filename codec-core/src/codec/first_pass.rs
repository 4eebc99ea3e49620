//! Statistics of analysis passes over a file, for two-pass rate control.

/// Statistics of the analysis passes over a file: eight bytes per frame.
///
/// [`crate::rate::TwoPass`] collects them.
#[derive(Clone, Debug, Default)]
pub struct FirstPassStats {
    /// All passes; the last one is in progress or the most accurate one.
    pub(crate) passes: Vec<Pass>,
    pub(crate) first_pts: Option<i64>,
    pub(crate) last_pts: i64,
}

/// An analysis pass over the file at one quality.
#[derive(Clone, Debug)]
pub(crate) struct Pass {
    pub(crate) base_q16: i32,
    pub(crate) bits: u64,
    pub(crate) frames: Vec<CodedFrame>,
}

/// A frame coded in an analysis pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CodedFrame {
    pub(crate) bits: u32,
    pub(crate) qindex: u8,
    pub(crate) class: FrameClass,
}

/// Class of frames with similar sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameClass {
    Key,
    Altref,
    Plain,
    B,
}
