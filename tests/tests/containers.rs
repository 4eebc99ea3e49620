//! Containers: round trips, files of other programs, our files in other programs, and damage, which
//! must only cause errors.
//!
//! External files are in the directory of `CODEC_TEST_DATA`, or else in `../shared/data` next to
//! the repository; without either, the tests that need them print a message and pass. Other
//! programs (ffmpeg, mkvtoolnix) may be missing too, unless `CODEC_TEST_DATA` is set.

#[path = "containers/audio.rs"]
mod audio;
#[path = "containers/counterparts.rs"]
mod counterparts;
#[path = "containers/damage.rs"]
mod damage;
#[path = "containers/elementary_streams.rs"]
mod elementary_streams;
#[path = "containers/mp4.rs"]
mod mp4;
#[path = "containers/ogg.rs"]
mod ogg;
#[path = "containers/support.rs"]
mod support;
#[path = "containers/times.rs"]
mod times;
#[path = "containers/unsupported_tracks.rs"]
mod unsupported_tracks;
#[path = "containers/video.rs"]
mod video;
#[path = "containers/wav.rs"]
mod wav;
#[path = "containers/webm.rs"]
mod webm;
