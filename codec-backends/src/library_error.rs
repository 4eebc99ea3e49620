//! Converts the errors of C libraries to the error types of `codec-core`.

use codec_core::error::{ConfigError, Corrupt, Error, LibraryError};

/// Converts an error of the named library to the kind that the caller can act on.
pub(super) fn library_error(library: &'static str, error: &codec_ffi::Error) -> Error {
    match error.kind {
        codec_ffi::ErrorKind::Argument => {
            ConfigError::conflict("configuration", format_args!("{library} rejects it: {error}"))
                .into()
        }
        codec_ffi::ErrorKind::Internal => LibraryError::new(library, error).into(),
        codec_ffi::ErrorKind::Unsupported => Error::unsupported(match library {
            "libvpx" => "this feature in the installed version of libvpx",
            "openh264" => "the installed version of OpenH264",
            _ => "this feature in the installed library",
        }),
        codec_ffi::ErrorKind::Data => {
            Corrupt::Backend { says: "the packet cannot be decoded" }.into()
        }
    }
}
