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
//! | body: session (8), number of streams (1), the streams | |
//! | CRC32C of all bytes before | 4 |
//!
//! Numbers in parentheses are bytes. A stream: its kind (1), which is 1 for video and 2 for audio; the
//! length of the codec's name (1) and the name; the time
//! base as a fraction of two 32-bit numbers (seconds per tick: numerator, denominator). For video:
//! width, height and the two numbers of the frame rate, 32 bits each (0 if unknown). For audio:
//! sample rate (4), channels (1) and the codec delay in samples (4). Then the length of the codec
//! configuration (2) and the configuration (`OpusHead`).
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
