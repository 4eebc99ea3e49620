//! `mix`, `vad`, and `metrics` of audio.

use super::Place;

/// Writes interleaved 16-bit samples as a WAVE file.
fn write_wav(place: &Place, name: &str, rate: u32, channels: u16, samples: &[i16]) {
    let bytes = u32::try_from(samples.len() * 2).unwrap();
    let mut file = b"RIFF".to_vec();
    file.extend((36 + bytes).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16u32.to_le_bytes());
    file.extend(1u16.to_le_bytes());
    file.extend(channels.to_le_bytes());
    file.extend(rate.to_le_bytes());
    file.extend((rate * u32::from(channels) * 2).to_le_bytes());
    file.extend((channels * 2).to_le_bytes());
    file.extend(16u16.to_le_bytes());
    file.extend(b"data");
    file.extend(bytes.to_le_bytes());
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    std::fs::write(place.path(name), file).unwrap();
}

/// Samples of a WAVE file with a `data` chunk at the end.
fn read_wav(place: &Place, name: &str) -> Vec<i16> {
    let file = place.read(name);
    let at = file.windows(4).position(|four| four == b"data").unwrap() + 8;
    file[at..].chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a sine")]
fn sine(rate: u32, frequency: f64, level: f64, frames: usize) -> Vec<i16> {
    let step = std::f64::consts::TAU * frequency / f64::from(rate);
    (0..frames).map(|i| (level * 32_768.0 * (step * i as f64).sin()) as i16).collect()
}

fn noise(mut seed: u32, frames: usize) -> Vec<i16> {
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        i16::from_le_bytes([seed.to_le_bytes()[2], seed.to_le_bytes()[3]]) / 8
    };
    (0..frames).map(|_| next()).collect()
}

#[test]
fn files_of_different_formats_are_mixed_in_sync() {
    let place = Place::new();
    let low = sine(16_000, 440.0, 0.3, 16_000);
    let high: Vec<i16> = sine(48_000, 1000.0, 0.3, 24_000).iter().flat_map(|&v| [v, -v]).collect();
    write_wav(&place, "low.wav", 16_000, 1, &low);
    write_wav(&place, "high.wav", 48_000, 2, &high);
    place.ok(&["mix", "low.wav", "high.wav", "-o", "both.wav"]);
    let both = read_wav(&place, "both.wav");
    assert_eq!(both.len(), 2 * 48_000);
    let (one, two) = (sine(48_000, 440.0, 0.3, 48_000), sine(48_000, 1000.0, 0.3, 24_000));
    for frame in 2_000..46_000 {
        let second = two.get(frame).copied().unwrap_or(0);
        let left = i32::from(one[frame]) + i32::from(second);
        let right = i32::from(one[frame]) - i32::from(second);
        let near = |got: i16, wanted: i32| (i32::from(got) - wanted).abs() <= 4;
        assert!(near(both[2 * frame], left) && near(both[2 * frame + 1], right), "{frame}");
    }
}

#[test]
fn gains_apply_and_n_minus_1_mixes_hold_the_others() {
    let place = Place::new();
    for (name, level) in [("a", 3277), ("b", 6554), ("c", 13_107)] {
        write_wav(&place, &format!("{name}.wav"), 8_000, 1, &[level; 4_000]);
    }
    place.ok(&[
        "mix",
        "a.wav",
        "b.wav",
        "c.wav",
        "-o",
        "all.wav",
        "--gain",
        "0,-6.0206,-60",
        "--n-minus-1",
        "others",
    ]);
    let middle = |name: &str| f64::from(read_wav(&place, name)[2_000]) / 32_768.0;
    let expected = [
        ("all.wav", 0.2004),
        ("others/a.wav", 0.1004),
        ("others/b.wav", 0.1004),
        ("others/c.wav", 0.2),
    ];
    for (name, level) in expected {
        assert!((middle(name) - level).abs() < 2e-4, "{name}: {}", middle(name));
        assert_eq!(read_wav(&place, name).len(), 4_000, "{name}");
    }
}

#[test]
fn loud_inputs_do_not_wrap_or_clip() {
    let place = Place::new();
    for name in ["a.wav", "b.wav", "c.wav"] {
        write_wav(&place, name, 48_000, 1, &sine(48_000, 500.0, 0.95, 48_000));
    }
    place.ok(&["mix", "a.wav", "b.wav", "c.wav", "-o", "all.wav"]);
    let all = read_wav(&place, "all.wav");
    let at_the_edge = all.iter().filter(|v| v.unsigned_abs() >= 32_767).count();
    assert!(at_the_edge < all.len() / 20, "{at_the_edge} samples are at full scale");
    let steepest = all.windows(2).map(|w| (i32::from(w[1]) - i32::from(w[0])).abs()).max().unwrap();
    assert!(steepest < 2_300, "{steepest}");
}

#[test]
fn impossible_mixes_are_rejected() {
    let place = Place::with_clip("static-slide", "32x32", 2);
    write_wav(&place, "a.wav", 8_000, 1, &[0; 800]);
    place.fails(2, "got 2 values for 1 input", &["mix", "a.wav", "-o", "b.wav", "--gain", "1,2"]);
    place.fails(2, "same file", &["mix", "a.wav", "-o", "a.wav", "-y"]);
    place.fails(3, "no audio", &["mix", "clip.y4m", "-o", "b.wav"]);
    place.fails(
        2,
        "would have the same output",
        &["mix", "a.wav", "a.wav", "-o", "b.wav", "--n-minus-1", "d"],
    );
    assert!(!place.has("b.wav"));
}

#[test]
fn noise_is_not_detected_as_speech() {
    let place = Place::new();
    write_wav(&place, "noise.wav", 48_000, 1, &noise(1, 144_000));
    let json = place.json(&["vad", "noise.wav", "--json"]);
    assert!(json["speech_share"].as_f64().unwrap() < 0.1, "{json}");
    assert!((json["duration_s"].as_f64().unwrap() - 3.0).abs() < 1e-3);
    assert!(json["segments"].is_array());
    assert!(place.ok(&["vad", "noise.wav"]).text().contains("of 3.000 s"));
    place.fails(2, "probability", &["vad", "noise.wav", "--threshold", "2"]);
}

#[test]
fn audio_is_compared_after_delay_compensation() {
    let place = Place::new();
    let sound = noise(2, 48_000);
    let late = [&[0; 480], &sound[..]].concat();
    let softer: Vec<i16> = late.iter().map(|v| v / 2).collect();
    write_wav(&place, "sound.wav", 48_000, 1, &sound);
    write_wav(&place, "late.wav", 48_000, 1, &late);
    write_wav(&place, "softer.wav", 48_000, 1, &softer);
    let json = place.json(&["metrics", "sound.wav", "late.wav", "--json"]);
    assert_eq!((&json["delay_samples"], &json["snr_db"]), (&480.into(), &200.into()));
    assert!(json["reference"]["integrated_lufs"].as_f64().unwrap() < -10.0, "{json}");
    let json = place.json(&["metrics", "sound.wav", "softer.wav", "--json"]);
    for key in ["snr_db", "segmental_snr_db", "log_spectral_distance_db"] {
        assert!((json[key].as_f64().unwrap() - 6.02).abs() < 0.1, "{json}");
    }
    place.ok(&["metrics", "sound.wav", "softer.wav", "--min-snr", "5", "--max-lsd", "7"]);
    place.fails(7, "below 10", &["metrics", "sound.wav", "softer.wav", "--min-snr", "10"]);
    place.fails(7, "above 3", &["metrics", "sound.wav", "softer.wav", "--max-lsd", "3"]);
}

#[test]
fn audio_is_converted_to_the_format_of_the_reference() {
    let place = Place::new();
    write_wav(&place, "mono.wav", 16_000, 1, &sine(16_000, 440.0, 0.5, 16_000));
    let stereo = sine(48_000, 440.0, 0.5, 48_000).iter().flat_map(|&v| [v, v]).collect::<Vec<_>>();
    write_wav(&place, "stereo.wav", 48_000, 2, &stereo);
    let json = place.json(&["metrics", "mono.wav", "stereo.wav", "--json", "--max-delay", "0"]);
    assert!(json["snr_db"].as_f64().unwrap() > 60.0, "{json}");
    let video = Place::with_clip("static-slide", "32x32", 2);
    let strict = ["metrics", "mono.wav", "stereo.wav", "--min-psnr", "300"];
    place.fails(2, "--min-psnr is for video", &strict);
    video.fails(2, "require --audio", &["metrics", "clip.y4m", "clip.y4m", "--min-snr", "3"]);
}
