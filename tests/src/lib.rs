//! Shared helpers of the behaviour tests: test data, seeded randomness, external programs, and the
//! bodies of the fuzz targets.

#![forbid(unsafe_code)]

pub mod audio;
pub mod browsers;
pub mod call;
pub mod clips;
pub mod cover;
pub mod data;
pub mod depth;
pub mod encoders;
pub mod external;
pub mod fuzz;
pub mod fuzz_seeds;
pub mod fuzz_webrtc;
pub mod h264_cover;
pub mod matroska;
pub mod mutate;
pub mod opus_compare;
pub mod prose;
pub mod rng;
pub mod scene;
pub mod session;
pub mod shared_buffer;
pub mod vp9_writer;
