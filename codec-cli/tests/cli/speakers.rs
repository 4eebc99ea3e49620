//! Channel layouts by speaker positions: masks of WAV files that are no usual layout.

use super::{Place, depth};

/// Half a second of 16-bit WAV at 48 kHz with the speakers of `mask`; a tone of 480 Hz in channel `loud`, silence in
/// the others.
fn tone(mask: u32, loud: usize) -> Vec<u8> {
    let channels = u16::try_from(mask.count_ones()).unwrap();
    let of_frame = usize::from(channels);
    // A triangle wave of 100 samples.
    let wave = |at: usize| i16::try_from(at % 100).unwrap().wrapping_sub(50).abs() * 600 - 15_000;
    let data: Vec<u8> = (0..24_000 * of_frame)
        .flat_map(|at| (if at % of_frame == loud { wave(at / of_frame) } else { 0 }).to_le_bytes())
        .collect();
    let align = 2 * channels;
    let mut wav = b"RIFF\xFF\xFF\xFF\xFFWAVEfmt \x28\0\0\0\xFE\xFF".to_vec();
    wav.extend_from_slice(&channels.to_le_bytes());
    wav.extend_from_slice(&48_000_u32.to_le_bytes());
    wav.extend_from_slice(&(48_000 * u32::from(align)).to_le_bytes());
    wav.extend_from_slice(&align.to_le_bytes());
    wav.extend_from_slice(&[16, 0, 22, 0, 16, 0]);
    wav.extend_from_slice(&mask.to_le_bytes());
    wav.extend_from_slice(b"\x01\0\0\0\0\0\x10\0\x80\0\0\xAA\0\x38\x9B\x71data");
    wav.extend_from_slice(&u32::try_from(data.len()).unwrap().to_le_bytes());
    wav.extend_from_slice(&data);
    wav
}

/// The layout of a file, and the highest sample of each channel, 0 to 1.
fn peaks(place: &Place, file: &str) -> (String, Vec<f32>) {
    let probe = place.json(&["probe", file, "--json"]);
    let layout = probe["tracks"][0]["layout"].as_str().unwrap().to_owned();
    let channels = probe["tracks"][0]["channels"].as_u64().unwrap();
    let channels = usize::try_from(channels).unwrap();
    let samples = place.ok(&["decode", file, "-o", "-", "--format", "pcm"]).out;
    let mut peaks = vec![0_f32; channels];
    for frame in samples.chunks_exact(2 * channels) {
        for (peak, sample) in peaks.iter_mut().zip(frame.chunks_exact(2)) {
            let value = i16::from_le_bytes([sample[0], sample[1]]);
            *peak = peak.max(f32::from(value).abs() / 32768.0);
        }
    }
    (layout, peaks)
}

/// Which channels have audio.
fn loud(peaks: &[f32]) -> Vec<usize> {
    (0..peaks.len()).filter(|&channel| peaks[channel] > 0.1).collect()
}

#[test]
fn downmixes_keep_the_centre_of_every_mask() {
    let place = Place::new();
    std::fs::write(place.path("c.wav"), tone(0xF, 2)).unwrap();
    let run = place.ok(&["transcode", "c.wav", "-o", "s.wav", "--channels", "2"]);
    let note =
        "c.wav: 3.1 is converted to stereo: FC is mixed into other speakers, and LFE is dropped";
    assert!(run.err.contains(note), "{}", run.err);
    let (layout, found) = peaks(&place, "s.wav");
    assert_eq!((&layout[..], loud(&found)), ("stereo", vec![0, 1]));
    assert!((found[0] - found[1]).abs() < 1e-3, "{found:?}");
    let run = place.ok(&["mix", "c.wav", "-o", "x.wav", "--channels", "2"]);
    assert!(run.err.contains(note), "{}", run.err);
    assert_eq!(loud(&peaks(&place, "x.wav").1), [0, 1]);
    place.ok(&["transcode", "c.wav", "-o", "m.opus", "--channels", "1"]);
    assert_eq!(loud(&peaks(&place, "m.opus").1), [0]);
}

#[test]
fn speakers_are_kept_or_moved_to_a_layout_that_has_them() {
    if depth::skips_long() {
        return;
    }
    let place = Place::new();
    // Mask and channel of the tone; layout and channel in FLAC, WAV and Matroska, and in Opus and MP4.
    let cases = [
        (0xF, 2, "3.1", "5.1", 2),
        (0xB, 2, "2.1", "5.1", 3),
        (0x107, 3, "4.0", "6.1", 4),
        (0x637, 5, "7.0", "7.1", 6),
        (0xFF, 4, "7.1(wide)", "5.1", 4),
    ];
    for (mask, at, kept, moved, to) in cases {
        std::fs::write(place.path("in.wav"), tone(mask, at)).unwrap();
        for output in ["o.wav", "o.flac"] {
            place.ok(&["transcode", "in.wav", "-o", output, "-y"]);
            let (layout, found) = peaks(&place, output);
            assert_eq!((&layout[..], loud(&found)), (kept, vec![at]), "{output}");
        }
        place.ok(&["transcode", "o.flac", "-o", "c.mka", "-y"]);
        place.ok(&["transcode", "in.wav", "-o", "p.mka", "--audio-codec", "s16le", "-y"]);
        for output in ["c.mka", "p.mka"] {
            let (layout, found) = peaks(&place, output);
            assert_eq!((&layout[..], loud(&found)), (kept, vec![at]), "{output}");
        }
        for (output, codec) in [("o.opus", "opus"), ("o.m4a", "s16le"), ("f.m4a", "flac")] {
            let run =
                place.ok(&["transcode", "in.wav", "-o", output, "--audio-codec", codec, "-y"]);
            let (layout, found) = peaks(&place, output);
            // The encoder removes a tone of 440 Hz from the channel of low frequencies.
            if !(codec == "opus" && mask == 0xB) {
                assert_eq!((&layout[..], loud(&found)), (moved, vec![to]), "{mask:#x} {output}");
            }
            let is_mixed = run.err.contains("7.1(wide) is converted to 5.1: FLC and FRC are mixed");
            assert_eq!(is_mixed, mask == 0xFF, "{}", run.err);
        }
    }
}
