//! The types of AV1 frames. AV1 specification, section 6.8.2.

/// The type of an AV1 frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Av1FrameKind {
    /// Key frame.
    Key,
    /// Frame with references.
    Inter,
    /// Frame without references that does not begin a sequence.
    IntraOnly,
    /// Switch frame: an inter frame at which a receiver can switch to another encoding of the same content.
    Switch,
}
