//! Packetization modes. RFC 6184, section 5.4.

/// How NAL units are divided among packets (section 5.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PacketizationMode {
    /// Mode 0: one NAL unit in each packet. Assumed if the parameter is missing. Packets have the
    /// maximum size if the encoder limits its slices: `h264/native` with the knob `slice-bytes`, at
    /// most the packetizer's MTU minus 12 bytes.
    #[default]
    SingleNalUnit,
    /// Mode 1: also STAP-A and FU-A.
    NonInterleaved,
}

impl PacketizationMode {
    /// Value of `packetization-mode`.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::SingleNalUnit => 0,
            Self::NonInterleaved => 1,
        }
    }
}
