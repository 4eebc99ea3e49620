//! Framing errors with the byte offset at which they were detected.

use std::fmt;

use super::crc::Bit;

/// The part that a checksum covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Part {
    Hello,
    Header,
    Record,
    Datagram,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hello => "hello",
            Self::Header => "record header",
            Self::Record => "record",
            Self::Datagram => "datagram",
        })
    }
}

/// A framing error. Nothing after it can be read, because the start of the next record is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FramingError {
    /// The data are not our framing.
    Magic {
        /// Byte offset in the stream.
        at: u64,
        /// The bytes found.
        found: [u8; 8],
    },
    /// An unsupported version.
    Version {
        /// Byte offset in the stream.
        at: u64,
        /// The version.
        version: u16,
    },
    /// A checksum does not match.
    Checksum {
        /// Byte offset of the part in the stream.
        at: u64,
        /// The part that it covers.
        part: Part,
        /// Bytes of the part, without the checksum.
        bytes: usize,
        /// The checksum of the received bytes.
        found: u32,
        /// The checksum that was sent.
        expected: u32,
        /// The single flipped bit that explains it, counted from `at`.
        flipped: Option<Bit>,
    },
    /// A length above its limit.
    TooLong {
        /// Byte offset in the stream.
        at: u64,
        /// The part that is too long.
        what: &'static str,
        /// Its length in bytes.
        bytes: u64,
        /// The limit in bytes.
        limit: usize,
    },
    /// A field with an invalid value.
    Field {
        /// Byte offset of the hello or record in the stream.
        at: u64,
        /// The error.
        what: &'static str,
    },
    /// The data end inside a part.
    Truncated {
        /// Byte offset of the end.
        at: u64,
        /// Byte offset of the start of the incomplete part.
        begun_at: u64,
        /// The incomplete part.
        part: Part,
    },
}

impl fmt::Display for FramingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Magic { at, found } => {
                write!(f, "at byte {at}: expected a stream of `codec send`, got")?;
                found.iter().try_for_each(|byte| write!(f, " {byte:02x}"))
            }
            Self::Version { at, version } => {
                write!(f, "at byte {at}: unsupported framing version {version}, expected 1")
            }
            Self::Checksum { at, part, bytes, found, expected, flipped } => {
                write!(
                    f,
                    "at byte {at}: CRC32C mismatch of {part} ({bytes} bytes): got {found:08x}, expected \
                     {expected:08x}"
                )?;
                match flipped {
                    Some(Bit { byte, bit }) => {
                        let byte = at.saturating_add(byte as u64);
                        write!(f, "; probably bit {bit} of byte {byte} was flipped")
                    }
                    None => Ok(()),
                }
            }
            Self::TooLong { at, what, bytes, limit } => {
                write!(
                    f,
                    "at byte {at}: {what} too long: got {bytes} bytes, expected at most {limit}"
                )
            }
            Self::Field { at, what } => write!(f, "at byte {at}: {what}"),
            Self::Truncated { at, begun_at, part } => {
                write!(
                    f,
                    "at byte {at}: the stream ends inside the {part} that begins at byte {begun_at}"
                )
            }
        }
    }
}

impl std::error::Error for FramingError {}
