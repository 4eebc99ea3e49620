//! The framing of `codec send` and `codec recv` over TCP, UDP and WebSocket ("our framing"): a
//! hello that describes the streams, then records with length and CRC32C.
//!
//! All numbers are big-endian. A byte stream (`tcp`) is a hello followed by records; a
//! WebSocket message is a hello or one record; for `udp`, [`datagram`] splits hellos and records into
//! datagrams, and [`reassembly`] joins the parts.
//!
//! | hello | bytes |
//! |---|---|
//! | `codecnet` | 8 |
//! | version: 1 | 2 |
//! | bytes of the body, at most 1024 | 2 |
//! | body: session number (8), number of streams (1), descriptions of the streams | |
//! | CRC32C of all bytes before | 4 |
//!
//! Numbers in parentheses are sizes in bytes. The description of each stream has these fields, in this
//! order: the kind (1), with the value 1 for video and 2 for audio; the length of the codec's name (1) and
//! the name; the time base in seconds per tick: numerator (4) and denominator (4). For video, the next
//! fields are width (4), height (4), and numerator (4) and denominator (4) of the frame rate, 0 if it is
//! unknown; for audio, they are the sample rate (4), channels (1) and the codec delay in samples (4). The
//! last fields are the length of the codec configuration (2) and the configuration, such as `OpusHead`.
//!
//! | record | bytes |
//! |---|---|
//! | kind: 1 video, 2 audio, 3 statistics, 4 end, 5 feedback | 1 |
//! | flags: 1 key frame, 2 not shown; others 0 | 1 |
//! | index of the stream in the hello | 1 |
//! | reserved: 0 | 1 |
//! | presentation time in ticks | 8 |
//! | wall time of the capture: NTP, 32.32 bits; 0 if unknown | 8 |
//! | bytes of the payload | 4 |
//! | CRC32C of the 24 bytes before | 4 |
//! | payload | |
//! | CRC32C of all bytes before | 4 |
//!
//! The header has its own checksum, so that a damaged length is detected immediately. The framing
//! provides neither confidentiality nor authenticity: CRC32C detects accidental damage only. Use
//! `wss` on untrusted networks.

pub mod crc;
pub mod datagram;
mod error;
pub mod feedback;
mod fields;
mod hello;
pub mod reassembly;
mod record;
mod stream;

pub use error::{FramingError, Part};
pub use hello::{Hello, MAX_BODY_BYTES, Media, StreamDescription};
pub use record::{Flags, HEADER_BYTES, Kind, MAX_CONTROL_BYTES, MAX_MEDIA_BYTES, Record};
pub use stream::{Item, Parser};
