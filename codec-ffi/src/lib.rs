//! Safe bindings of C libraries, limited to the functions that the backends of `codec-backends` use.
//! This crate does not depend on `codec-core`.
//!
//! Each library is a feature and must be installed on the system (see `build.rs`); without features
//! the crate is empty. The declarations are written by hand, each struct up to the last field that
//! is used, and hold for all versions that `build.rs` accepts: see ADR 0010. Tests next to them
//! compare them with the C headers.

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
