//! Errors of commands and their exit codes.

use std::process::ExitCode;

use codec_media::failure::Failure;

/// Returns the exit code of a failure.
pub(crate) fn exit_code(failure: &Failure) -> ExitCode {
    ExitCode::from(failure.kind as u8)
}
