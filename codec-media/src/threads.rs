//! Number of threads of encoders and decoders.

use std::thread::available_parallelism;

use codec_core::frame::Size;

/// Number of threads for frames of `size`: `requested`, or one for every eight macroblock rows, at
/// most the number of cores and at most eight.
pub fn threads_for(requested: Option<usize>, size: Size) -> usize {
    requested.unwrap_or_else(|| {
        let cores = available_parallelism().map_or(1, usize::from);
        (size.macroblocks().1 / 8).clamp(1, 8).min(cores)
    })
}
