//! `--video-denoise` of `encode`.

use super::Place;

#[test]
fn quality_is_relative_to_the_input_and_not_to_the_filtered_frames() {
    let place = Place::with_clip("talking-head", "160x96", 10);
    let codecs = ["vp8", "h264"].into_iter();
    for codec in codecs.filter(|codec| *codec != "h264" || cfg!(feature = "h264")) {
        let encode = ["encode", "clip.y4m", "-y", "-o", "d.mkv", "-c", codec, "--preset", "rtc"];
        let more = ["-q", "90", "--video-denoise", "12", "--metrics", "psnr", "--report", "d.json"];
        place.ok(&[&encode[..], &more].concat());
        let report: serde_json::Value = serde_json::from_slice(&place.read("d.json")).unwrap();
        let found = place.json(&["metrics", "clip.y4m", "d.mkv", "--json"]);
        let psnr = |json: &serde_json::Value| json["psnr_y"].as_f64().unwrap();
        let distance = psnr(&report["summary"]) - psnr(&found);
        assert!(distance.abs() < 0.01, "{codec}: {report} {found}");
    }
}
