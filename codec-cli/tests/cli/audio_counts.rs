//! Every audio format and container, compared with ffmpeg: the same number of samples, with the same
//! values (for lossy codecs up to rounding). Lossy codecs in MP4 decode to as many samples as were
//! encoded, although ffmpeg may return more.

use super::{Place, depth, has_ffmpeg};

/// A file written by ffmpeg, and the expected result.
struct Case {
    /// Extension and ffmpeg options.
    file: &'static str,
    options: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The samples are bit-exact with ffmpeg's.
    Lossless,
    /// As many samples as with ffmpeg, and nearly equal.
    Lossy,
    /// The sample table states the duration of the last packet, which ffmpeg 5 ignores: as many
    /// samples as were encoded, and nearly those of ffmpeg.
    LossyInMp4,
}

/// Formats that support these rates and one or two channels.
const CASES: &[Case] = &[
    case("m4a", "aac", Kind::LossyInMp4),
    case("mkv", "aac", Kind::Lossy),
    case("aac", "aac", Kind::Lossy),
    case("mp3", "libmp3lame", Kind::Lossy),
    case("mkv", "libmp3lame", Kind::Lossy),
    case("mp4", "libmp3lame -strict -1", Kind::LossyInMp4),
    case("ogg", "libvorbis", Kind::Lossy),
    case("webm", "libvorbis", Kind::Lossy),
    case("mkv", "libvorbis", Kind::Lossy),
    case("mp4", "libvorbis", Kind::LossyInMp4),
    case("flac", "flac", Kind::Lossless),
    case("ogg", "flac", Kind::Lossless),
    case("mkv", "flac", Kind::Lossless),
    case("mp4", "flac -strict -2", Kind::Lossless),
    case("m4a", "alac", Kind::Lossless),
    case("mov", "alac", Kind::Lossless),
    case("mkv", "alac", Kind::Lossless),
    case("opus", "libopus", Kind::Lossy),
    case("ogg", "libopus", Kind::Lossy),
    case("webm", "libopus", Kind::Lossy),
    case("mkv", "libopus", Kind::Lossy),
    case("mp4", "libopus", Kind::LossyInMp4),
    case("wav", "pcm_u8", Kind::Lossless),
    case("wav", "pcm_s16le", Kind::Lossless),
    case("wav", "pcm_s24le", Kind::Lossless),
    case("wav", "pcm_f32le", Kind::Lossless),
    case("wav", "pcm_f64le", Kind::Lossless),
    case("wav", "pcm_alaw", Kind::Lossless),
    case("wav", "pcm_mulaw", Kind::Lossless),
    case("mov", "pcm_s16be", Kind::Lossless),
    case("mov", "pcm_s24le", Kind::Lossless),
    case("mov", "pcm_f32le", Kind::Lossless),
    case("mov", "pcm_alaw", Kind::Lossless),
    case("mkv", "pcm_s16le", Kind::Lossless),
    case("mkv", "pcm_f32le", Kind::Lossless),
    case("mkv", "pcm_mulaw", Kind::Lossless),
];

const fn case(file: &'static str, options: &'static str, kind: Kind) -> Case {
    Case { file, options, kind }
}

/// Samples per channel in the source: not a multiple of any codec's frame size.
fn source_frames(rate: usize) -> usize {
    rate * 12_345 / 10_000
}

/// A sweep in the first channel, a tone in the second, and other tones in further channels.
fn source(rate: usize, channels: usize) -> String {
    let tone = |channel: usize| match channel {
        0 => "0.3*sin(2*PI*(200+300*t)*t)".to_owned(),
        _ => format!("0.2*sin(2*PI*{}*t*t)", 300 + 200 * channel),
    };
    let tones: Vec<_> = (0..channels).map(tone).collect();
    let layout = match channels {
        1 => "mono",
        2 => "stereo",
        _ => "5.1",
    };
    let samples = source_frames(rate);
    format!("aevalsrc=exprs={}:s={rate}:c={layout},atrim=end_sample={samples}", tones.join("|"))
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
}

fn check(place: &Place, case: &Case, rate: usize, channels: usize) {
    let file = format!("a.{}", case.file);
    let what = format!("{file} {} at {rate} Hz, {channels} channels", case.options);
    let input = source(rate, channels);
    let mut arguments = vec!["-f", "lavfi", "-i", &input, "-c:a"];
    arguments.extend(case.options.split(' '));
    arguments.extend(["-y", &file]);
    place.ffmpeg(&arguments);
    let theirs = floats(&place.ffmpeg(&["-i", &file, "-f", "f32le", "-"]));
    let run = ["decode", &file, "-y", "-o", "a.f32", "--format", "pcm", "--samples", "f32le"];
    place.ok(&run);
    let ours = floats(&place.read("a.f32"));

    let (counted, expected) = (ours.len() / channels, theirs.len() / channels);
    let coded = match case.options {
        // Everything is encoded and decoded at 48 kHz.
        "libopus" => source_frames(rate) * (48_000 / rate),
        _ => source_frames(rate),
    };
    if case.kind == Kind::LossyInMp4 {
        assert_eq!(counted, coded, "{what}");
        assert!((counted..counted + 4096).contains(&expected), "{what}: {expected}");
    } else {
        assert_eq!(counted, expected, "{what}");
        assert!(counted >= coded, "{what}: {coded} were encoded");
    }
    if case.kind == Kind::Lossless {
        assert_eq!(counted, coded, "{what}");
        let same = ours.iter().zip(&theirs).all(|(a, b)| a.to_bits() == b.to_bits());
        assert!(same, "{what}: different samples");
    } else {
        // Differences come from rounding, not from an offset.
        let off = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off < 0.002, "{what}: off by {off}");
    }
}

fn check_all(rate: usize, channels: usize) {
    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    for case in depth::sample(CASES, 6, channels + rate / 8000) {
        // Opus has no 44.1 kHz, and ffmpeg 5 skips too little of it in MP4 at rates other than 48
        // kHz.
        let is_opus = case.options == "libopus";
        let is_known = 48_000 % rate == 0 && case.kind != Kind::LossyInMp4 || rate == 48_000;
        if !is_opus || is_known {
            check(&place, case, rate, channels);
        }
    }
}

#[test]
fn as_many_samples_as_with_ffmpeg_at_8_khz() {
    check_all(8000, 1);
}

#[test]
fn as_many_samples_as_with_ffmpeg_at_16_khz() {
    if depth::skips_long() {
        return;
    }
    check_all(16_000, 1);
    check_all(16_000, 2);
}

#[test]
fn as_many_samples_as_with_ffmpeg_at_44_khz() {
    check_all(44_100, 2);
}

#[test]
fn as_many_samples_as_with_ffmpeg_at_48_khz() {
    if depth::skips_long() {
        return;
    }
    check_all(48_000, 1);
    check_all(48_000, 2);
}

#[test]
fn as_many_samples_as_with_ffmpeg_of_six_channels() {
    if depth::skips_long() {
        return;
    }
    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    for case in [
        case("flac", "flac", Kind::Lossless),
        case("ogg", "flac", Kind::Lossless),
        case("mkv", "flac", Kind::Lossless),
        case("opus", "libopus", Kind::Lossy),
        case("webm", "libopus", Kind::Lossy),
        case("wav", "pcm_s16le", Kind::Lossless),
        case("mov", "pcm_s24le", Kind::Lossless),
    ] {
        check(&place, &case, 48_000, 6);
    }
}

#[test]
fn surround_aac_is_named_before_anything_is_encoded() {
    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    let source = "-v error -f lavfi -i testsrc=size=64x48:rate=10:duration=0.5 -f lavfi -i \
                  sine=duration=0.5 -ac 6 -pix_fmt yuv420p -c:v libx264 -c:a aac -y";
    let mut ffmpeg = std::process::Command::new("ffmpeg");
    let made = ffmpeg.args(source.split_whitespace()).arg(place.path("six.mp4")).status().unwrap();
    assert!(made.success());
    let refused = "six.mp4: audio: not supported: AAC with more than 2 channels";
    let run = place.fails(3, refused, &["transcode", "six.mp4", "-o", "out.webm"]);
    assert!(run.err.contains("help: use the video only with --no-audio"), "{}", run.err);
    assert!(!run.err.contains("trial"), "{}", run.err);
    assert!(!place.path("out.webm").exists());
}
