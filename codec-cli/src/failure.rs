//! Errors of commands and their exit codes.

use std::process::ExitCode;

use codec_media::failure::Failure;

/// An error of an encoder about a setting or a frame.
pub(crate) fn exit_code(failure: &Failure) -> ExitCode {
    ExitCode::from(failure.kind as u8)
}
