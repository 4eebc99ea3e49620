//! `--tune`: values, changes of the output, combinations with other options, and backends without it.

use super::Place;

const ENCODE: [&str; 4] = ["encode", "clip.y4m", "-o", "a.ivf"];

/// Encodes the clip of `place` and returns the file; `--verify` compares with the decoder.
fn encode(place: &Place, options: &[&str]) -> Vec<u8> {
    place.ok(&[&ENCODE[..], options, &["--verify", "-y"]].concat());
    place.read("a.ivf")
}

#[test]
fn visual_tuning_changes_the_bytes_and_psnr_tuning_is_the_other_way() {
    let place = Place::with_clip("texture-pan", "160x96", 20);
    for preset in [&["--preset", "rtc", "-b", "100k"][..], &["--preset", "file", "-q", "50"]] {
        let with = |tune: &[&str]| encode(&place, &[preset, tune].concat());
        let [plain, psnr, visual] =
            [with(&[]), with(&["--tune", "psnr"]), with(&["--tune", "visual"])];
        assert_ne!(psnr, visual, "{preset:?}");
        assert!(plain == psnr || plain == visual, "{preset:?}: the default is one of the values");
        assert_eq!(visual, with(&["--tune", "visual", "--threads", "3"]), "{preset:?}");
    }
}

#[test]
fn invalid_values_are_rejected_before_anything_is_written() {
    let place = Place::with_clip("talking-head", "64x48", 2);
    for value in ["", "ssim", "PSNR", "visual,psnr", "1"] {
        let text = "[possible values: psnr, visual]";
        place.fails(2, text, &[&ENCODE[..], &["--tune", value]].concat());
    }
    place.fails(2, "--tune", &[&ENCODE[..], &["--tune"]].concat());
    let screen = ["--tune", "visual", "--content", "screen"];
    let text = "--content screen is always coded with --tune psnr";
    place.fails(2, text, &[&ENCODE[..], &screen].concat());
    place.ok(&["generate", "tone", "-o", "tone.wav", "-n", "2"]);
    let audio = ["encode", "tone.wav", "-o", "tone.opus", "--tune", "visual"];
    place.fails(2, "--tune requires video", &audio);
    assert_eq!(place.names(), ["clip.y4m", "tone.wav"]);
}

#[test]
fn encoders_without_it_reject_it_by_name() {
    let place = Place::with_clip("talking-head", "64x48", 2);
    for codec in ["av1/rav1e", "vp8/libvpx", "vp9/libvpx", "h264/openh264"] {
        for tune in ["psnr", "visual"] {
            let arguments = ["encode", "clip.y4m", "-o", "a.mkv", "--tune", tune, "-c", codec];
            let run = place.run(&arguments);
            if run.code == 6 {
                eprintln!("skipped, not in this build: {codec}");
                continue;
            }
            assert_eq!(run.code, 2, "{codec}: {}", run.err);
            let message = format!("--tune cannot be used with {codec}");
            assert!(run.err.contains(&message), "{codec}: {}", run.err);
        }
    }
    assert_eq!(place.names(), ["clip.y4m"]);
}

#[test]
fn it_combines_with_denoising_regions_and_layers() {
    let place = Place::with_clip("talking-head", "160x96", 12);
    let others = ["--video-denoise", "4", "--region", "32x32+64+32:-8", "--preset", "rtc"];
    for options in [&["--layers", "L1T3"][..], &["--error-resilient", "--token-parts", "4"]] {
        let with =
            |tune| encode(&place, &[&others, options, &["-b", "80k", "--tune", tune]].concat());
        assert_ne!(with("psnr"), with("visual"), "{options:?}");
    }
    let passes = ["--video-denoise", "auto", "--passes", "2", "-b", "80k"];
    let with = |tune| encode(&place, &[&passes[..], &["--tune", tune]].concat());
    assert_ne!(with("psnr"), with("visual"));
}

#[test]
fn it_survives_a_change_of_the_frame_size() {
    let place = Place::with_size_change();
    for options in [&["--preset", "rtc"][..], &["--preset", "file"], &["--region", "16x16+0+0:-6"]]
    {
        let transcode = ["transcode", "both.ivf", "-o", "a.ivf", "--tune", "visual"];
        let rest = ["--video-denoise", "2", "--verify", "-y"];
        place.ok(&[&transcode[..], options, &rest].concat());
        assert_eq!(place.json(&["probe", "a.ivf", "--json"])["tracks"][0]["key_frames"], 2);
    }
}

#[test]
fn simulate_and_bench_use_it() {
    let place = Place::with_clip("texture-pan", "160x96", 30);
    let simulate = |tune| {
        let call = ["simulate", "clip.y4m", "-b", "100k", "--link", "rate=1M", "--json"];
        place.json(&[&call[..], &["--tune", tune]].concat())
    };
    assert_ne!(simulate("psnr")["coded"]["psnr_y"], simulate("visual")["coded"]["psnr_y"]);
    let bench = ["bench", "clip.y4m", "--repeat", "1", "--warm-up", "0", "-n", "4", "--json", "-"];
    let run = place.json(&[&bench[..], &["--tune", "visual"]].concat());
    assert!(run["config"].to_string().contains("visual"), "{}", run["config"]);
}
