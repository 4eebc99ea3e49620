//! Intra prediction modes and the neighbouring samples that they predict from.

/// Intra prediction mode, in the order of the probability tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "names are self-explanatory")]
pub enum Vp9IntraMode {
    #[default]
    Dc,
    V,
    H,
    D45,
    D135,
    D117,
    D153,
    D207,
    D63,
    Tm,
}

impl Vp9IntraMode {
    /// All modes, in the order of the probability tables.
    pub const ALL: [Self; 10] = [
        Self::Dc,
        Self::V,
        Self::H,
        Self::D45,
        Self::D135,
        Self::D117,
        Self::D153,
        Self::D207,
        Self::D63,
        Self::Tm,
    ];
}

/// Samples next to a block of `n` x `n`, with substitutes for those that do not exist.
#[derive(Clone, Copy, Debug)]
pub struct Vp9IntraEdges<S> {
    /// The row above: `2 * n` samples.
    pub above: [S; 64],
    /// The column on the left: `n` samples.
    pub left: [S; 32],
    /// The sample above the column on the left.
    pub corner: S,
    /// Whether the samples above exist.
    pub has_above: bool,
    /// Whether the samples on the left exist.
    pub has_left: bool,
}
