//! Decoders of imported formats agree with ffmpeg, and survive damage.

use std::path::Path;

use codec_audio::{AudioBuf, AudioCodec, AudioDecoderConfig, SampleKind};
use codec_tests::audio::{decoder, format, voice};
use codec_tests::depth;
use codec_tests::external::{have, run};
use codec_tests::matroska::audio_track;
use codec_tests::rng::for_each_seed;

/// A synthetic voice encoded by ffmpeg, as Matroska, and ffmpeg's decoding of it.
fn coded(dir: &Path, codec: &str, rate: u32, channels: usize) -> (Vec<u8>, Vec<i16>) {
    let said = voice(format(rate, channels), rate as usize, 11);
    let bytes: Vec<u8> = said.iter().flat_map(|s| s.to_le_bytes()).collect();
    let (raw, file) = (dir.join("said.raw"), dir.join(format!("{codec}.mka")));
    std::fs::write(&raw, bytes).unwrap();
    let (raw, file) = (raw.to_str().unwrap(), file.to_str().unwrap());
    let (rate, channels) = (rate.to_string(), channels.to_string());
    let input = ["-v", "error", "-y", "-f", "s16le", "-ar", &rate, "-ac", &channels, "-i", raw];
    let output = ["-c:a", codec, "-b:a", "128k", "-strict", "-2", "-f", "matroska", file];
    let _ = run("ffmpeg", &[&input[..], &output].concat());
    let pcm = run("ffmpeg", &["-v", "error", "-i", file, "-f", "s16le", "-"]);
    let heard = pcm.as_chunks().0.iter().map(|&bytes| i16::from_le_bytes(bytes)).collect();
    (std::fs::read(file).unwrap(), heard)
}

/// Maximum difference at the best of the shifts that priming and padding allow.
fn largest_difference(ours: &[i16], theirs: &[i16], channels: usize) -> u16 {
    let difference = |shift: usize| -> Option<u16> {
        let pairs = ours.get(shift * channels..)?.iter().zip(theirs);
        pairs.skip(20_000 * channels).take(5_000 * channels).map(|(&a, &b)| a.abs_diff(b)).max()
    };
    (0..3_000).filter_map(difference).min().unwrap()
}

#[test]
fn each_decoder_agrees_with_ffmpeg() {
    if !have("ffmpeg", "decoders of AAC, MP3, Vorbis, FLAC and ALAC against ffmpeg's") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let cases = [
        (AudioCodec::Aac, "aac", 1, 1),
        (AudioCodec::Aac, "aac", 2, 1),
        (AudioCodec::Mp3, "libmp3lame", 2, 1),
        (AudioCodec::Vorbis, "libvorbis", 2, 1),
        (AudioCodec::Flac, "flac", 2, 0),
        (AudioCodec::Flac, "flac", 6, 0),
        (AudioCodec::Alac, "alac", 2, 0),
    ];
    for (codec, name, channels, tolerance) in depth::sample(cases, 4, 0) {
        let (file, theirs) = coded(dir.path(), name, 44_100, channels);
        let track = audio_track(&file);
        let mut config = AudioDecoderConfig::new(codec, format(44_100, channels));
        config.codec_private = track.private;
        let mut opened = decoder(codec.name(), &config).unwrap();
        let mut ours = Vec::new();
        let mut buf = AudioBuf::new(config.format, SampleKind::S16);
        for packet in &track.packets {
            let report = opened.decode(packet, 5).unwrap_or_else(|e| panic!("{codec}: {e}"));
            if opened.receive(&mut buf) {
                assert_eq!((buf.frames() as u64, buf.pts), (report.frames, 5));
                assert_eq!(buf.format, config.format, "{codec}");
                buf.view().unwrap().append_s16(&mut ours);
            }
        }
        let difference = largest_difference(&ours, &theirs, channels);
        assert!(difference <= tolerance, "{codec}, {channels} channels: differs by {difference}");
    }
}

#[test]
fn settings_that_the_library_handles_wrongly_are_rejected() {
    let mut config = AudioDecoderConfig::new(AudioCodec::Vorbis, format(48_000, 3));
    config.codec_private = vec![2, 0, 0];
    assert!(matches!(decoder("vorbis", &config), Err(codec_core::Error::Unsupported(_))));
    // HE-AAC in the backward-compatible form: low complexity, then an extension.
    let mut config = AudioDecoderConfig::new(AudioCodec::Aac, format(48_000, 2));
    config.codec_private = vec![0x2b, 0x11, 0x88, 0];
    assert!(matches!(decoder("aac", &config), Err(codec_core::Error::Unsupported(_))));
}

#[test]
fn damaged_packets_and_set_up_data_are_errors_and_no_panic() {
    if depth::skips_long() {
        return;
    }
    if !have("ffmpeg", "damaged AAC, MP3, Vorbis, FLAC and ALAC") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for (codec, name) in [
        (AudioCodec::Aac, "aac"),
        (AudioCodec::Mp3, "libmp3lame"),
        (AudioCodec::Vorbis, "libvorbis"),
        (AudioCodec::Flac, "flac"),
        (AudioCodec::Alac, "alac"),
    ] {
        let (file, _) = coded(dir.path(), name, 44_100, 2);
        let track = audio_track(&file);
        for_each_seed(6, |seed, rng| {
            let mut config = AudioDecoderConfig::new(codec, format(44_100, 2));
            config.codec_private = track.private.clone();
            if seed % 2 == 1 && !config.codec_private.is_empty() {
                let at = rng.index(config.codec_private.len());
                config.codec_private[at] ^= 1 << rng.below(8);
            }
            let Ok(mut opened) = decoder(codec.name(), &config) else { return };
            let mut buf = AudioBuf::new(config.format, SampleKind::S16);
            for packet in &track.packets {
                let mut packet = packet.clone();
                match rng.below(4) {
                    0 => packet.truncate(rng.index(packet.len())),
                    1 => (0..4).for_each(|_| {
                        let at = rng.index(packet.len());
                        packet[at] = rng.byte();
                    }),
                    2 => packet.fill_with(|| rng.byte()),
                    _ => {}
                }
                let came = opened.decode(&packet, 0).is_ok_and(|report| report.frames > 0);
                assert_eq!(opened.receive(&mut buf), came);
                assert!(buf.frames() <= 1 << 17);
            }
        });
    }
}
