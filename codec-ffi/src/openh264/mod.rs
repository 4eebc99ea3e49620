//! OpenH264: H.264, baseline to high profile.

mod decoder;
mod encoder;
mod sys;

pub use decoder::Decoder;
pub use encoder::{Encoder, Frame, RateMode, Settings};

use crate::{Error, ErrorKind};

fn version_numbers() -> sys::Version {
    let mut version = sys::Version::default();
    // SAFETY: a valid destination for the library's answer.
    unsafe { sys::get_version(&raw mut version) };
    version
}

/// The library's version: `2.3.1`.
#[must_use]
pub fn version() -> String {
    let sys::Version { major, minor, revision, .. } = version_numbers();
    format!("{major}.{minor}.{revision}")
}

/// Whether the structs have the layout of 2.6; an error if `sys` does not declare the version.
fn is_version_26() -> Result<bool, Error> {
    let sys::Version { major, minor, .. } = version_numbers();
    match (major, minor) {
        (2, 3..=5) => Ok(false),
        (2, 6) => Ok(true),
        _ => Err(Error {
            kind: ErrorKind::Unsupported,
            call: "WelsGetCodecVersionEx",
            code: i64::from(major) * 1000 + i64::from(minor),
            text: "unsupported version: expected OpenH264 2.3 to 2.6".to_owned(),
        }),
    }
}

fn failed(kind: ErrorKind, call: &'static str, code: i64) -> Error {
    Error { kind, call, code, text: String::new() }
}
