//! Safe bindings of C libraries, as far as the backends of `codec-core` use them. Nothing of
//! `codec-core` is known here.
//!
//! Each library is a feature and comes from the system (see `build.rs`); with no feature the crate
//! is empty. The declarations are written by hand, each struct as far as it is read or written, and
//! hold for all versions that `build.rs` takes: ADR 0010 says why, and tests beside them compare them
//! with the C headers.

#[cfg(all(feature = "system", not(all(unix, target_pointer_width = "64"))))]
compile_error!("the structs of the C libraries are declared for 64-bit Unix systems");

#[cfg(feature = "dav1d")]
pub mod dav1d;
#[cfg(feature = "system")]
mod error;
#[cfg(feature = "openh264")]
pub mod openh264;
#[cfg(feature = "libopus")]
pub mod opus;
#[cfg(any(feature = "dav1d", feature = "libvpx", feature = "openh264"))]
mod picture;
#[cfg(feature = "libvpx")]
pub mod vpx;

#[cfg(feature = "system")]
pub use error::{Error, Kind};
#[cfg(any(feature = "dav1d", feature = "libvpx", feature = "openh264"))]
pub use picture::I420;
