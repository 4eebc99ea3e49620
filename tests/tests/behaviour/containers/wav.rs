//! WAVE files and raw audio.

use std::io::Cursor;

use codec_audio::{AudioCodec, AudioFormat, ChannelLayout, PcmEncoding};
use codec_container::{
    AudioTrack, CodedPacket, Error, Format, RawAudioReader, RawAudioSpec, ReadOptions, Source,
    Track, Warning,
};
use codec_tests::depth;
use codec_tests::external::{have, run};

use super::support::{Destination, probe, read_tracks, read_tracks_with, samples_of, write_tracks};

fn track(codec: AudioCodec, channels: usize) -> Track {
    let audio = AudioFormat::new(8000, ChannelLayout::of(channels).unwrap());
    Track::Audio(AudioTrack::new(Format::Wav, codec, audio))
}

fn packet(bytes: usize) -> CodedPacket {
    let mut packet = CodedPacket::default();
    packet.data = (0..bytes).map(|at| (at * 7) as u8).collect();
    packet
}

pub fn sample() -> Vec<u8> {
    let track = track(AudioCodec::Pcm(PcmEncoding::S16Le), 1);
    write_tracks(Destination::File, Format::Wav, &[track], &[packet(1000)])
}

const CODECS: [(AudioCodec, usize, &str); 8] = [
    (AudioCodec::Pcm(PcmEncoding::U8), 1, "pcm_u8"),
    (AudioCodec::Pcm(PcmEncoding::S16Le), 2, "pcm_s16le"),
    (AudioCodec::Pcm(PcmEncoding::S24Le), 3, "pcm_s24le"),
    (AudioCodec::Pcm(PcmEncoding::S32Le), 4, "pcm_s32le"),
    (AudioCodec::Pcm(PcmEncoding::F32Le), 4, "pcm_f32le"),
    (AudioCodec::Pcm(PcmEncoding::F64Le), 8, "pcm_f64le"),
    (AudioCodec::Pcma, 1, "pcm_alaw"),
    (AudioCodec::Pcmu, 1, "pcm_mulaw"),
];

#[test]
fn every_encoding_survives_and_matches_ffprobe() {
    let probes = have("ffprobe", "probing");
    for (turn, (codec, bytes, name)) in CODECS.into_iter().enumerate() {
        for channels in depth::in_turn(turn, [1, 2, 6]) {
            for to in [Destination::File, Destination::Pipe] {
                let given = packet(bytes * channels * 333);
                let written = write_tracks(
                    to,
                    Format::Wav,
                    &[track(codec, channels)],
                    std::slice::from_ref(&given),
                );
                let (tracks, packets, error) = read_tracks(&written);
                assert!(error.is_none(), "{name}: {error:?}");
                let found = tracks[0].audio().unwrap();
                assert_eq!((found.codec, found.audio.channels()), (codec, channels));
                assert_eq!(found.audio.rate, 8000);
                let joined: Vec<u8> = packets.iter().flat_map(|p| p.data.clone()).collect();
                // On a pipe the padding cannot be distinguished from the audio.
                assert_eq!(joined[..given.data.len()], given.data, "{name} {channels} {to:?}");
                assert_eq!(packets[1].pts, 160);
                if probes {
                    let lines = probe(".wav", &written, "stream=codec_name,channels,duration");
                    assert!(lines.contains(&format!("codec_name={name}")), "{lines:?}");
                    assert!(lines.contains(&format!("channels={channels}")), "{lines:?}");
                    if to == Destination::File {
                        let duration = format!("duration={:.6}", 333.0 / 8000.0);
                        assert!(lines.contains(&duration), "{lines:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn files_and_pipes_of_ffmpeg_are_read() {
    if !have("ffmpeg", "writing WAVE") {
        return;
    }
    for (codec, _, name) in CODECS {
        let tone = "sine=frequency=440:sample_rate=16000:duration=0.5";
        let arguments = [
            "-v", "error", "-f", "lavfi", "-i", tone, "-c:a", name, "-rf64", "auto", "-f", "wav",
            "-",
        ];
        let bytes = run("ffmpeg", &arguments);
        let (tracks, packets, error) = read_tracks(&bytes);
        assert!(error.is_none() && tracks[0].warnings().is_empty());
        assert_eq!(tracks[0].audio().unwrap().codec, codec);
        assert_eq!(samples_of(&packets, 0), 8000);
        let file = tempfile::Builder::new().suffix(".wav").tempfile().unwrap();
        let path = file.path().to_string_lossy().into_owned();
        let arguments = [&arguments[..8], &["-rf64", "always", "-y", &path]].concat();
        let _ = run("ffmpeg", &arguments);
        let (_, packets, error) = read_tracks(&std::fs::read(file.path()).unwrap());
        assert!(error.is_none());
        assert_eq!(samples_of(&packets, 0), 8000);
    }
}

#[test]
fn false_sizes_are_reported_and_the_present_data_is_returned() {
    let whole = sample();
    let data_at = whole.len() - 1000;
    for lie in [0_u32, u32::MAX, u32::MAX - 1, 0x7FFF_F000, 2000] {
        let mut bytes = whole.clone();
        bytes[data_at - 4..data_at].copy_from_slice(&lie.to_le_bytes());
        let (tracks, packets, error) = read_tracks(&bytes);
        assert!(error.is_none(), "{error:?}");
        assert_eq!(samples_of(&packets, 0), 500, "{lie}");
        let warned = tracks[0].warnings().iter().any(|w| matches!(w, Warning::SizeMismatch { .. }));
        assert_eq!(warned, lie != 0 && lie != u32::MAX, "{lie}");
        let source = Source::stream(Cursor::new(bytes));
        let (_, packets, error) = read_tracks_with(source, &ReadOptions::default());
        assert_eq!(samples_of(&packets, 0), 500);
        assert_eq!(error.is_some(), lie == 2000, "{error:?}");
    }
    let mut short = whole.clone();
    short[data_at - 4..data_at].copy_from_slice(&600_u32.to_le_bytes());
    let (_, packets, _) = read_tracks(&short);
    assert_eq!(samples_of(&packets, 0), 300);
}

#[test]
fn no_channels_and_no_rate_are_errors() {
    let whole = sample();
    let fmt = whole.windows(4).position(|w| w == b"fmt ").unwrap() + 8;
    for (at, len) in [(fmt + 2, 2), (fmt + 4, 4)] {
        let mut bytes = whole.clone();
        bytes[at..at + len].fill(0);
        let (_, _, error) = read_tracks(&bytes);
        assert!(matches!(error, Some(Error::Corrupt(_))), "{error:?}");
    }
    let mut bytes = whole;
    bytes[fmt] = 0x55;
    assert!(matches!(read_tracks(&bytes).2, Some(Error::Unsupported { .. })));
}

#[test]
fn raw_audio_is_read_in_the_given_layout() {
    let spec: RawAudioSpec = "16000:2:mulaw".parse().unwrap();
    let source = Source::stream(Cursor::new(vec![1; 2001]));
    let mut reader = RawAudioReader::new(source, spec).unwrap();
    let (mut packet, mut packets) = (CodedPacket::default(), Vec::new());
    while codec_container::PacketReader::read(&mut reader, &mut packet).unwrap() {
        packets.push(packet.clone());
    }
    assert_eq!((packets.len(), samples_of(&packets, 0)), (4, 1000));
    for wrong in ["", "0", "8000:0", "8000:256", "8000:1:s17", "8000:1:s16:x", "x"] {
        assert!(wrong.parse::<RawAudioSpec>().is_err(), "{wrong}");
    }
    let spec: RawAudioSpec = "8000".parse().unwrap();
    assert_eq!(spec.codec, AudioCodec::Pcm(PcmEncoding::S16Le));
}
