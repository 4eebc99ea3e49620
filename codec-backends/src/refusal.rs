//! A C library's refusals in our words.

use codec_core::error::{ConfigError, Corrupt, Error};

/// What a library refused, as an error of the kind that the caller can act upon. `library` is its
/// name.
pub(super) fn refusal(library: &'static str, error: &codec_ffi::Error) -> Error {
    match error.kind {
        codec_ffi::Kind::Argument | codec_ffi::Kind::Internal => {
            ConfigError::new(library, error, "what the library takes").into()
        }
        codec_ffi::Kind::Unsupported => Error::Unsupported(match library {
            "libvpx" => "this version of libvpx was built without it, or is none that is known",
            "openh264" => "this version of OpenH264 is none that is known",
            _ => "the library cannot do that",
        }),
        codec_ffi::Kind::Data => {
            Corrupt::Other { what: "data that the library can decode", offset_bytes: 0 }.into()
        }
    }
}
