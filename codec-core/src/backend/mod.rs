//! Codecs that are other people's libraries, each behind a feature and behind the same traits as
//! our own. A backend states what its library cannot do and does not fake it.

#[cfg(feature = "av1")]
pub(crate) mod av1;
#[cfg(feature = "dav1d")]
pub(crate) mod dav1d;
#[cfg(feature = "flac")]
pub(crate) mod flacenc;
#[cfg(any(feature = "libvpx", feature = "dav1d", feature = "openh264"))]
mod foreign_frames;
#[cfg(feature = "openh264")]
mod h264_units;
#[cfg(any(feature = "flac", feature = "libvpx", feature = "openh264"))]
mod knob_values;
#[cfg(feature = "libvpx")]
pub(crate) mod libvpx;
#[cfg(any(feature = "av1", feature = "dav1d"))]
mod obu;
#[cfg(feature = "openh264")]
pub(crate) mod openh264;
#[cfg(any(feature = "opus", feature = "libopus"))]
pub(crate) mod opus;
#[cfg(any(feature = "libvpx", feature = "dav1d", feature = "openh264"))]
mod refusal;
#[cfg(any(feature = "libvpx", feature = "dav1d", feature = "openh264"))]
mod stream_sizes;
#[cfg(feature = "import")]
pub(crate) mod symphonia;
