//! Opens codecs by name from the [`registry`] of this build, and adapts third-party codec libraries
//! to the traits of `codec-core` and `codec-audio`.
//!
//! The native codecs are in crates of their own: VP8 in `codec-vp8` and VP9 in `codec-vp9`, which
//! are always present, and H.264 (feature `h264`) in `codec-h264`. Each adapter is enabled by a
//! Cargo feature and lists the parts of the interface that its library does not support.
//!
//! Open a codec by name, encode and decode video, and change the bitrate of the running encoder:
//!
//! ```
//! use codec_core::codec::{
//!     Bitrate, DecoderConfig, EncoderConfig, FrameRequest, Outcome, Packet, Update,
//! };
//! use codec_core::frame::{Picture, Rational, Size};
//!
//! let size = Size::new(320, 180);
//! let config = EncoderConfig::rtc(size, Rational::new(30, 1), Bitrate::kbps(300));
//! let mut encoder = codec_backends::open_encoder("vp8", &config)?;
//! let mut decoder = codec_backends::open_decoder("vp8", &DecoderConfig::default())?;
//! let mut packet = Packet::default();
//!
//! for pts in 0..5 {
//!     let samples: Vec<u8> = (0..size.i420_bytes()).map(|i| (i + 7 * pts) as u8).collect();
//!     let picture = Picture::i420_packed(size, &samples)?;
//!     if pts == 3 {
//!         encoder.apply(Update::Bitrate(Bitrate::kbps(150)))?; // needs no key frame
//!     }
//!     match encoder.encode(&picture, &FrameRequest::at(pts as i64))? {
//!         Outcome::Coded => {}
//!         Outcome::Dropped { reason, .. } => println!("frame {pts} dropped: {reason:?}"),
//!         _ => {}
//!     }
//!     while encoder.receive(&mut packet) {
//!         decoder.decode(&packet.data, packet.pts, packet.duration)?;
//!         let frame = decoder.receive().expect("no look-ahead: every packet is shown");
//!         assert_eq!((frame.pts, frame.size()), (pts as i64, size));
//!     }
//! }
//! # Ok::<(), codec_core::Error>(())
//! ```
//!
//! The name of a codec (`"av1"`) selects its preferred backend; `"av1/dav1d"` selects a backend by its
//! name. The registry lists the backends of this build with their
//! capabilities:
//!
//! ```
//! use codec_backends::registry::{self, BACKENDS};
//!
//! for backend in BACKENDS {
//!     if let Some((_, can)) = backend.encoder {
//!         println!("{}/{}: {}", backend.codec, backend.name, can.implementation);
//!     }
//! }
//! let missing = registry::find_encoder("vp10").unwrap_err();
//! assert!(missing.to_string().starts_with("no codec `vp10` in this build"));
//! ```
//!
//! # Adapters
//!
//! Paths are relative to `src`. `docs/BACKENDS.md` lists the features that each library lacks.
//!
//! | codec | library | file |
//! |---|---|---|
//! | AV1 | rav1e, rav1d (feature `av1`, ADR 0012) | `av1/` |
//! | Opus (RFC 6716) | ropus, opus-rs (feature `opus`, ADR 0011); libopus | `opus/` |
//! | FLAC (RFC 9639) | flacenc (feature `flac`) | `flacenc.rs` |
//! | AAC-LC, MP3, Vorbis, FLAC, ALAC, decoding only | Symphonia (feature `import`) | `symphonia/` |
//! | VP8, VP9 | libvpx | `libvpx/` |
//! | H.264 | OpenH264 | `openh264/` |
//! | AV1 decoding | dav1d | `dav1d.rs` |
//!
//! Each C library is enabled by the feature of the same name and is called through `codec-ffi`.

#![forbid(unsafe_code)]

#[cfg(feature = "av1")]
mod av1;
#[cfg(feature = "dav1d")]
mod dav1d;
#[cfg(any(feature = "libvpx", feature = "dav1d", feature = "openh264"))]
mod ffi_frames;
#[cfg(feature = "flac")]
mod flacenc;
#[cfg(feature = "openh264")]
mod h264_nal;
#[cfg(any(feature = "flac", feature = "libvpx", feature = "openh264"))]
mod knob_values;
#[cfg(any(feature = "libvpx", feature = "dav1d", feature = "openh264"))]
mod library_error;
#[cfg(feature = "libvpx")]
mod libvpx;
#[cfg(any(feature = "av1", feature = "dav1d"))]
mod obu;
mod open;
#[cfg(feature = "openh264")]
mod openh264;
mod optional;
#[cfg(any(feature = "opus", feature = "libopus"))]
mod opus;
pub mod registry;
#[cfg(any(feature = "libvpx", feature = "dav1d", feature = "openh264"))]
mod size_limits;
#[cfg(feature = "import")]
mod symphonia;

pub use open::{open_audio_decoder, open_audio_encoder, open_decoder, open_encoder};
