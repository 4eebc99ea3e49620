//! Why bytes are not our framing, with the byte of the stream at which it shows.

use std::fmt;

use super::crc::Bit;

/// What a checksum is over.
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
            Self::Hello => "the hello",
            Self::Header => "a record's header",
            Self::Record => "a record",
            Self::Datagram => "a datagram",
        })
    }
}

/// Why bytes are refused. Nothing after such an error can be read: where the next record begins is
/// not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FramingError {
    /// Not our framing at all.
    Magic {
        /// Byte of the stream.
        at: u64,
        /// What is there.
        found: [u8; 8],
    },
    /// A later version.
    Version {
        /// Byte of the stream.
        at: u64,
        /// The version.
        version: u16,
    },
    /// A checksum does not match.
    Checksum {
        /// Byte of the stream at which the part begins.
        at: u64,
        /// What it is over.
        part: Part,
        /// Bytes of the part, the checksum left out.
        bytes: usize,
        /// The checksum of what is there.
        is: u32,
        /// The checksum that was sent.
        should_be: u32,
        /// The one bit that explains it, counted from `at`.
        flipped: Option<Bit>,
    },
    /// Longer than it may be.
    TooLong {
        /// Byte of the stream.
        at: u64,
        /// What is too long.
        what: &'static str,
        /// Its bytes.
        bytes: u64,
        /// The most.
        limit: usize,
    },
    /// A field with a value that does not exist.
    Field {
        /// Byte of the stream at which the hello or the record begins.
        at: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// The bytes end inside of something.
    Truncated {
        /// Where they end.
        at: u64,
        /// Byte at which the unfinished part begins.
        begun_at: u64,
        /// What is unfinished.
        part: Part,
    },
}

impl fmt::Display for FramingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Magic { at, found } => {
                write!(f, "at byte {at}: not a stream of `codec send`:")?;
                found.iter().try_for_each(|byte| write!(f, " {byte:02x}"))
            }
            Self::Version { at, version } => {
                write!(f, "at byte {at}: version {version} of the framing: only 1 is known")
            }
            Self::Checksum { at, part, bytes, is, should_be, flipped } => {
                write!(
                    f,
                    "at byte {at}: CRC32C of {part} of {bytes} bytes is {is:08x}, should be \
                     {should_be:08x}"
                )?;
                match flipped {
                    Some(Bit { byte, bit }) => {
                        let byte = at.saturating_add(byte as u64);
                        write!(f, ": as if bit {bit} of byte {byte} were flipped")
                    }
                    None => Ok(()),
                }
            }
            Self::TooLong { at, what, bytes, limit } => {
                write!(f, "at byte {at}: {what} of {bytes} bytes: at most {limit} are taken")
            }
            Self::Field { at, what } => write!(f, "at byte {at}: {what}"),
            Self::Truncated { at, begun_at, part } => {
                write!(f, "at byte {at}: the stream ends inside {part} that begins at {begun_at}")
            }
        }
    }
}

impl std::error::Error for FramingError {}
