#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    codec_tests::fuzz_webrtc::webrtc_sdp(data);
});
