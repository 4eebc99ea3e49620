//! Our framing: a hello that describes the streams, then records with length and CRC32C.
//!
//! All numbers are big-endian. A stream of bytes (`tcp`) is a hello and records, one after the
//! other; a message of a WebSocket is one of either; [`datagram`] cuts them up for `udp`.
//!
//! | hello | bytes |
//! |---|---|
//! | `codecnet` | 8 |
//! | version: 1 | 2 |
//! | bytes of the body, at most 1024 | 2 |
//! | body: session (8), number of streams (1), the streams | |
//! | CRC32C of all before | 4 |
//!
//! A stream: its kind (1 pictures, 2 sound), the codec's name after its length (1), ticks per
//! second as a fraction of two 32-bit numbers (seconds per tick: numerator, denominator); of pictures width,
//! height and the two numbers of the frame rate, 32 bits each (0 if not known); of sound rate (4), channels (1)
//! and samples of delay (4); then set-up data (`OpusHead`) after its length (2).
//!
//! | record | bytes |
//! |---|---|
//! | kind: 1 pictures, 2 sound, 3 statistics, 4 end, 5 feedback | 1 |
//! | flags: 1 decodable alone, 2 not shown; the rest 0 | 1 |
//! | number of the stream in the hello | 1 |
//! | 0 | 1 |
//! | presentation time in ticks | 8 |
//! | wall time of the capture: NTP, 32.32 bits; 0 if not known | 8 |
//! | bytes of the payload | 4 |
//! | CRC32C of the 24 bytes before | 4 |
//! | payload | |
//! | CRC32C of header and payload | 4 |
//!
//! The header has a checksum of its own, so that a damaged length is told at once and not waited
//! for. Nothing is secret here and nothing authentic: CRC32C finds accidents. Use `wss` where
//! others can reach the link.

pub mod crc;
pub mod datagram;
mod error;
pub mod feedback;
mod fields;
mod hello;
mod reassembly;
mod record;
mod stream;

pub use error::{FramingError, Part};
pub use hello::{Hello, MAX_BODY_BYTES, Media, StreamDescription};
pub use record::{Flags, HEADER_BYTES, Kind, MAX_CONTROL_BYTES, MAX_MEDIA_BYTES, Record};
pub use stream::{Item, Parser};
