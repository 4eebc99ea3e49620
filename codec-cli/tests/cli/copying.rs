//! Tests of copies of packets: decoders show the same frames of a copy as of its input.

use super::{Place, has_ffmpeg};

/// The decoded frames of a file, without a header.
#[cfg(feature = "h264")]
fn frames(place: &Place, file: &str) -> Vec<u8> {
    place.ok(&["decode", file, "-o", "frames.yuv", "-y"]);
    place.read("frames.yuv")
}

#[test]
#[cfg(feature = "h264")]
fn h264_in_ivf_has_start_codes_and_parameter_sets() {
    let place = Place::with_clip("talking-head", "96x64", 24);
    let coded = ["-c", "h264", "--knob", "bframes=2", "-g", "12"];
    for input in ["a.mp4", "a.mkv"] {
        place.ok(&[&["encode", "clip.y4m", "-o", input][..], &coded].concat());
        let expected = frames(&place, input);
        place.ok(&["transcode", input, "-o", "a.ivf", "--copy", "-y"]);
        assert!(frames(&place, "a.ivf") == expected, "{input}");
        let piped = place.ok(&["transcode", input, "-o", "-", "-f", "ivf", "--copy"]);
        assert_eq!(piped.out[32 + 12..][..5], [0, 0, 0, 1, 0x67], "{input}: parameter sets first");
        std::fs::write(place.path("piped.ivf"), piped.out).unwrap();
        assert!(frames(&place, "piped.ivf") == expected, "{input}");
        // Each of the two key frames can be the first one.
        place.ok(&["transcode", "a.ivf", "-o", "half.ivf", "--copy", "--from", "0.5", "-y"]);
        assert!(frames(&place, "half.ivf") == expected[expected.len() / 2..], "{input}");
        place.ok(&["concat", input, input, "-o", "twice.ivf", "-y"]);
        assert!(frames(&place, "twice.ivf") == [&expected[..], &expected].concat(), "{input}");
        if has_ffmpeg() {
            let raw = ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"];
            let theirs = place.ffmpeg(&[&["-i", "a.ivf"][..], &raw].concat());
            assert!(theirs == expected, "{input}");
        }
    }
}
