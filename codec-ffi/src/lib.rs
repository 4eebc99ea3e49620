//! Safe bindings to C codec libraries, limited to the functions that `codec-backends` uses. This
//! crate does not depend on `codec-core`.
//!
//! Each library is enabled by a Cargo feature and must be installed on the system (see `build.rs`);
//! without features the crate is empty. The declarations are written by hand (ADR 0010). Structs
//! are declared up to the last field in use, and the declarations are valid for all library
//! versions that `build.rs` accepts. Tests next to the structs compare sizes and offsets with values
//! that a C compiler computed from the libraries' headers.
//!
//! | library | feature | module |
//! |---|---|---|
//! | libvpx: VP8, VP9 | `libvpx` | `vpx` |
//! | libopus: Opus | `libopus` | `opus` |
//! | dav1d: AV1 decoding | `dav1d` | `dav1d` |
//! | OpenH264: H.264 | `openh264` | `openh264` |
//!
//! Applications should use these libraries through `codec_backends`, which also checks the packets and
//! settings that the libraries themselves do not check.

#![cfg_attr(
    feature = "libopus",
    doc = r"
Encode and decode 20 ms of silence with libopus:

```
use codec_ffi::opus::{Decoder, Encoder};

let voip = 2048; // OPUS_APPLICATION_VOIP
let mut encoder = Encoder::single_stream(48_000, 1, voip)?;
let mut decoder = Decoder::single_stream(48_000, 1)?;
let mut packet = [0; 1275];
let bytes = encoder.encode(&[0; 960], &mut packet)?;
let mut samples = [0; 960];
assert_eq!(decoder.decode(Some(&packet[..bytes]), &mut samples, false)?, 960);
# Ok::<(), codec_ffi::Error>(())
```"
)]

#[cfg(all(feature = "system", not(all(unix, target_pointer_width = "64"))))]
compile_error!("the structs of the C libraries are declared for 64-bit Unix systems");

#[cfg(feature = "dav1d")]
pub mod dav1d;
#[cfg(feature = "system")]
mod error;
#[cfg(any(feature = "dav1d", feature = "libvpx", feature = "openh264"))]
mod i420;
#[cfg(feature = "openh264")]
pub mod openh264;
#[cfg(feature = "libopus")]
pub mod opus;
#[cfg(feature = "libvpx")]
pub mod vpx;

#[cfg(feature = "system")]
pub use error::{Error, ErrorKind};
#[cfg(any(feature = "dav1d", feature = "libvpx", feature = "openh264"))]
pub use i420::I420View;
