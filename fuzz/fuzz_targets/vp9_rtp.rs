#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| codec_tests::fuzz::vp9_rtp(data));
