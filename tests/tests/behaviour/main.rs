//! Behaviour across crates, one module per subject. All modules are in one binary, which is linked
//! once and runs the long tests in parallel. To run the tests of one subject:
//! `cargo test -p codec-tests --test behaviour screen::`.

mod audio_codecs;
mod audio_import;
mod audio_mixer;
mod audio_processing;
mod av1;
mod call;
mod colours;
mod conformance;
mod containers;
mod counterparts;
mod decoder;
mod denoise;
mod encoder_api;
mod encoder_equals_decoder;
mod examples;
mod fuzz_seeds;
mod fuzz_smoke;
mod h264;
mod importance;
mod layers;
mod metrics;
mod opus;
mod rate_control;
mod readme;
mod rtc;
mod rtc_audio;
mod rtc_gstreamer;
mod rtc_integrity;
mod rtc_repair;
mod screen;
mod simulcast;
mod trace;
mod tune;
mod vp9;
mod wire;
