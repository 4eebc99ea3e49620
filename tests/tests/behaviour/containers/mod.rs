//! Containers: round trips, files of other programs, our files in other programs, and damage, which
//! must only cause errors.
//!
//! External files are in the directory of `CODEC_TEST_DATA`, or else in `../shared/data` next to
//! the repository; without either, the tests that need them print a message and pass. Other
//! programs (ffmpeg, mkvtoolnix) may be missing too, unless `CODEC_TEST_DATA` is set.

mod audio;
mod counterparts;
mod damage;
mod elementary_streams;
mod mp4;
mod ogg;
pub(crate) mod support;
mod times;
mod unsupported_tracks;
mod video;
mod wav;
mod webm;
