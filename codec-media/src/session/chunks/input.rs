//! The input of a plan, and the error if it has changed since the plan was made.

use super::VERSION;
use crate::cut::Cut;
use crate::failure::{Failure, Kind};
use crate::io::input::InputSpec;
use crate::settings::encoding::Encoding;

/// The input of `settings`, with the times of the input.
pub(super) fn with_input_times(settings: &Encoding) -> InputSpec {
    let input = settings.input.clone();
    InputSpec { cut: Cut { keep_times: true, ..input.cut }, ..input }
}

/// The error of an input whose frames are not the frames of the plan, in the chunk with a number.
pub(super) fn changed(name: &str, chunk: Option<usize>) -> Failure {
    let chunk = chunk.map_or_else(String::new, |chunk| format!("chunk {chunk}: "));
    Failure::new(
        Kind::Input,
        format!(
            "{name}: {chunk}the frames differ from those of the plan\n\
             help: make a new plan: the input or its index has changed, or the plan was made by another build of \
             version {VERSION}, which decodes or converts the input differently"
        ),
    )
}
