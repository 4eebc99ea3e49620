//! Containers: what goes in comes out, files of other programs are read, ours are read by other
//! programs, and damage is an error and never more.
//!
//! Files of others lie in the directory that `CODEC_TEST_DATA` names, or else in `../shared/data`
//! beside the repository; without either the tests that want them say so and pass. Other programs
//! (ffmpeg, mkvtoolnix) may be missing too, unless `CODEC_TEST_DATA` is set.

#[path = "containers/counterparts.rs"]
mod counterparts;
#[path = "containers/damage.rs"]
mod damage;
#[path = "containers/frames.rs"]
mod frames;
#[path = "containers/mp4.rs"]
mod mp4;
#[path = "containers/ogg.rs"]
mod ogg;
#[path = "containers/pictures.rs"]
mod pictures;
#[path = "containers/skipped.rs"]
mod skipped;
#[path = "containers/sound.rs"]
mod sound;
#[path = "containers/support.rs"]
mod support;
#[path = "containers/times.rs"]
mod times;
#[path = "containers/wav.rs"]
mod wav;
#[path = "containers/webm.rs"]
mod webm;
