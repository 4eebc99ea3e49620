//! `metrics`: matching of frames, metrics, and aggregation.

use std::fs;

use super::{Place, has_ffmpeg, y4m_frames};

/// The header of an IVF file, and its packets with their times.
fn ivf_packets(file: &[u8]) -> (Vec<u8>, Vec<(u64, Vec<u8>)>) {
    let (header, mut rest) = file.split_at(32);
    let mut packets = Vec::new();
    while let Some((head, tail)) = rest.split_at_checked(12) {
        let length = u32::from_le_bytes(head[..4].try_into().unwrap()) as usize;
        let time = u64::from_le_bytes(head[4..].try_into().unwrap());
        packets.push((time, tail[..length].to_vec()));
        rest = &tail[length..];
    }
    (header.to_vec(), packets)
}

fn ivf(header: &[u8], packets: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut file = header.to_vec();
    for (time, packet) in packets {
        file.extend_from_slice(&u32::try_from(packet.len()).unwrap().to_le_bytes());
        file.extend_from_slice(&time.to_le_bytes());
        file.extend_from_slice(packet);
    }
    file
}

/// PSNR of the first `count` samples, by definition.
fn psnr(a: &[u8], b: &[u8], count: usize) -> f64 {
    let squares =
        a[..count].iter().zip(&b[..count]).map(|(&a, &b)| f64::from(a.abs_diff(b)).powi(2));
    10.0 * (255.0 * 255.0 * f64::from(u32::try_from(count).unwrap()) / squares.sum::<f64>()).log10()
}

#[test]
fn a_constant_offset_is_removed_and_lost_frames_are_not() {
    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    for fps in ["25", "50"] {
        let clip = format!("testsrc2=s=160x120:r={fps}:d=1");
        let inputs = ["-f", "lavfi", "-i", &clip, "-f", "lavfi", "-i", "sine=d=1:r=48000"];
        let codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-y", "av.mp4"];
        place.ffmpeg(&[&inputs[..], &codecs].concat());
        place.ok(&["transcode", "av.mp4", "-o", "av.ts", "--copy", "-y"]);
        place.ffmpeg(&["-i", "av.mp4", "-c", "copy", "-y", "theirs.ts"]);
        place.ok(&["decode", "av.mp4", "-o", "av.y4m", "-y"]);
        for [one, other] in [["av.mp4", "av.ts"], ["av.ts", "av.mp4"], ["av.y4m", "theirs.ts"]] {
            for viewer in [&[][..], &["--viewer"]] {
                let list = [&["metrics", one, other, "--json"][..], viewer].concat();
                let run = place.ok(&list);
                assert!(run.err.contains("without this offset"), "{list:?}: {}", run.err);
                let found: serde_json::Value = serde_json::from_slice(&run.out).unwrap();
                let frames: u64 = fps.parse().unwrap();
                assert_eq!(found["frames_compared"], frames, "{list:?}: {found}");
                assert_eq!(found["metrics"]["psnr_y"]["worst"], 100.0, "{list:?}: {found}");
            }
        }
    }
    // The first two frames were lost.
    let place = Place::with_clip("texture-pan", "64x48", 12);
    place.ok(&["encode", "clip.y4m", "-o", "all.ivf", "--qp", "30", "--keyint", "1"]);
    let (header, packets) = ivf_packets(&place.read("all.ivf"));
    fs::write(place.path("late.ivf"), ivf(&header, &packets[2..])).unwrap();
    let run = place.ok(&["metrics", "all.ivf", "late.ivf", "--json"]);
    assert!(!run.err.contains("offset"), "{}", run.err);
    let found: serde_json::Value = serde_json::from_slice(&run.out).unwrap();
    assert_eq!(found["frames_compared"], 10, "{found}");
    assert_eq!(found["metrics"]["psnr_y"]["worst"], 100.0, "{found}");
}

#[test]
fn drops_repeats_and_freezes_score_as_calculated_by_hand() {
    let place = Place::with_clip("texture-pan", "64x48", 12);
    let encode = ["encode", "clip.y4m", "-o", "all.ivf", "--qp", "30", "--keyint", "1"];
    place.ok(&encode);
    place.ok(&["decode", "all.ivf", "-o", "all.y4m"]);
    let (header, mut packets) = ivf_packets(&place.read("all.ivf"));
    assert_eq!(packets.len(), 12);
    // Frame 0 arrives as late as frame 1; 4, 5 and the last are dropped; 8 repeats 7.
    packets[8].1 = packets[7].1.clone();
    let kept = [1, 2, 3, 6, 7, 8, 9, 10];
    let kept: Vec<_> = kept.map(|index| packets[index].clone()).into();
    fs::write(place.path("viewed.ivf"), ivf(&header, &kept)).unwrap();
    let seen = [
        None,
        Some(1),
        Some(2),
        Some(3),
        Some(3),
        Some(3),
        Some(6),
        Some(7),
        Some(7),
        Some(9),
        Some(10),
        Some(10),
    ];

    let (clip, coded) = (place.read("clip.y4m"), place.read("all.y4m"));
    let (clip, coded) = (y4m_frames(&clip), y4m_frames(&coded));
    let black = [vec![16; 64 * 48], vec![128; 64 * 48 / 2]].concat();
    let by_hand: Vec<f64> = seen
        .iter()
        .zip(&clip)
        .map(|(seen, reference)| {
            psnr(reference, seen.map_or(&black[..], |index| coded[index]), 64 * 48)
        })
        .collect();

    for threads in ["1", "3"] {
        let list = ["metrics", "clip.y4m", "viewed.ivf", "--viewer", "--json", "-j", threads];
        let found = place.json(&list);
        assert_eq!(found["frames_compared"], 12);
        for (index, (expected, frame)) in
            by_hand.iter().zip(found["frames"].as_array().unwrap()).enumerate()
        {
            let value = frame["psnr_y"].as_f64().unwrap();
            assert!((value - expected).abs() < 0.01, "frame {index}: {value}, not {expected}");
            let frozen = [0, 4, 5, 11].contains(&index);
            assert_eq!(frame["frozen"], frozen, "frame {index}");
        }
        let mean = by_hand.iter().sum::<f64>() / 12.0;
        assert!((found["psnr_y"].as_f64().unwrap() - mean).abs() < 1e-4);
        let pooled = &found["metrics"]["psnr_y"];
        let worst = by_hand.iter().copied().fold(f64::INFINITY, f64::min);
        assert!((pooled["worst"].as_f64().unwrap() - worst).abs() < 1e-4, "{pooled}");
        let delivery = &found["delivery"];
        let counts = ["frames", "shown", "frozen", "freezes", "repeated", "unmatched"];
        let counts = counts.map(|key| delivery[key].as_u64().unwrap());
        assert_eq!(counts, [12, 8, 4, 3, 1, 0], "{delivery}");
    }
    // Without --viewer, unmatched frames are ignored.
    let found = place.json(&["metrics", "clip.y4m", "viewed.ivf", "--json"]);
    assert_eq!((&found["frames_compared"], &found["unmatched_reference"]), (&8.into(), &4.into()));
}

#[test]
fn requested_metrics_are_reported_per_frame_and_pooled() {
    let place = Place::with_clip("texture-pan", "192x176", 3);
    place.ok(&["encode", "clip.y4m", "-o", "a.ivf", "--qp", "40"]);
    let list = "ms_ssim,psnr_hvs,ciede2000,xpsnr,psnr_611";
    let found = place.json(&["metrics", "clip.y4m", "a.ivf", "--json", "--metrics", list]);
    for metric in ["ms_ssim", "psnr_hvs", "ciede2000", "xpsnr_y", "xpsnr_v", "psnr_611", "ssim"] {
        let pooled = &found["metrics"][metric];
        let (mean, worst) = (pooled["mean"].as_f64().unwrap(), pooled["worst"].as_f64().unwrap());
        assert!(worst <= mean && mean < 100.0 && worst > 0.5, "{metric}: {pooled}");
        assert!(found["frames"][2][metric].as_f64().unwrap() >= worst - 1e-4, "{metric}");
    }
    let table = place.ok(&["metrics", "clip.y4m", "a.ivf", "--metrics", "ms-ssim,xpsnr"]).text();
    assert!(table.contains("MS-SSIM") && table.contains("XPSNR V, dB"), "{table}");
    place.fails(2, "flicker", &["metrics", "clip.y4m", "a.ivf", "--metrics", "psnr,flicker"]);
}

#[test]
fn frames_too_small_for_a_metric_are_an_error() {
    let place = Place::with_clip("texture-pan", "64x32", 2);
    for (metric, message) in [("ms_ssim", "161x161 pixels"), ("vmaf", "33x33 pixels")] {
        place.fails(3, message, &["metrics", "clip.y4m", "clip.y4m", "--metrics", metric]);
    }
}

/// Requires `CODEC_VMAF_FFMPEG`, the path of an ffmpeg with libvmaf.
#[test]
fn vmaf_equals_the_result_of_ffmpeg() {
    let Some(ffmpeg) = std::env::var_os("CODEC_VMAF_FFMPEG") else {
        assert!(std::env::var_os("CODEC_COUNTERPARTS").is_none(), "no CODEC_VMAF_FFMPEG");
        eprintln!("skipped, no CODEC_VMAF_FFMPEG");
        return;
    };
    let place = Place::with_clip("texture-pan", "193x177", 5);
    place.ok(&["encode", "clip.y4m", "-o", "a.ivf", "--qp", "40"]);
    place.ok(&["decode", "a.ivf", "-o", "a.y4m"]);
    let arguments = ["metrics", "clip.y4m", "a.ivf", "--metrics", "vmaf", "--json"];
    let found = place.json(&arguments);
    let output = std::process::Command::new(&ffmpeg)
        .current_dir(place.dir.path())
        .args(["-v", "error", "-i", "a.y4m", "-i", "clip.y4m", "-lavfi"])
        .args(["libvmaf=log_fmt=json:log_path=log.json", "-f", "null", "-"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let log: serde_json::Value = serde_json::from_slice(&place.read("log.json")).unwrap();
    for (index, frame) in log["frames"].as_array().unwrap().iter().enumerate() {
        let expected = frame["metrics"]["vmaf"].as_f64().unwrap();
        let value = found["frames"][index]["vmaf"].as_f64().unwrap();
        // Single coefficients of ADM's last scale weigh much in frames as small as this.
        assert!((value - expected).abs() < 0.1, "frame {index}: {value}, not {expected}");
    }
    let expected = log["pooled_metrics"]["vmaf"]["mean"].as_f64().unwrap();
    let mean = found["metrics"]["vmaf"]["mean"].as_f64().unwrap();
    assert!((mean - expected).abs() < 0.05, "mean {mean}, not {expected}");
    assert_eq!(found["frames"].as_array().unwrap().len(), 5);
}
