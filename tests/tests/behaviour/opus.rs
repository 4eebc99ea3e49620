//! Opus against libopus: its tools decode our streams, we decode theirs, and the decoder meets the
//! standard's test vectors.

use std::fs::File;
use std::path::Path;

use codec_audio::metrics::log_spectral_distance_db;
use codec_audio::{
    Application, AudioBuf, AudioCodec, AudioDecoderConfig, AudioEncoderConfig, AudioFormat,
    AudioPacket, AudioRate, FrameDuration, Recovery, SampleKind, Signal,
};
use codec_container::{
    AudioTrack, CodedPacket, Format, Output, PacketRef, ReadOptions, Source, Track, WriteOptions,
    create_packets, open_packets,
};
use codec_core::codec::Bitrate;
use codec_tests::audio::{decode, decoder, encode, encoder, format, snr_db, voice};
use codec_tests::external::{have, run};
use codec_tests::opus_compare::quality;
use codec_tests::{data, depth, rng::Rng};

fn samples(bytes: &[u8]) -> Vec<i16> {
    bytes.as_chunks().0.iter().map(|&pair| i16::from_le_bytes(pair)).collect()
}

/// Decodes the audio of a file by ffmpeg, up to `seconds`.
fn by_ffmpeg(file: &Path, channels: usize, options: &[&str]) -> Vec<i16> {
    let (path, channels) = (file.to_str().unwrap(), channels.to_string());
    let output = ["-i", path, "-t", "10", "-ar", "48000", "-ac", &channels, "-f", "s16le", "-"];
    samples(&run("ffmpeg", &[&["-v", "error"][..], options, &output].concat()))
}

/// Decodes an Opus file at 48 kHz with our decoder, trimmed as the container specifies.
fn by_us(file: &Path, channels: usize) -> Vec<i16> {
    let source = Source::seekable(File::open(file).unwrap());
    let mut reader = open_packets(source, &ReadOptions::default()).unwrap();
    reader.select_audio().unwrap();
    let mut config = AudioDecoderConfig::new(AudioCodec::Opus, format(48_000, channels));
    config.codec_private = reader.audio().unwrap().1.codec_private.clone();
    let mut opened = decoder("opus", &config).unwrap();
    let (mut packet, mut out) = (CodedPacket::default(), Vec::new());
    let mut buf = AudioBuf::new(config.format, SampleKind::F32);
    while reader.read(&mut packet).unwrap() {
        opened.decode(&packet.data, 0).unwrap();
        assert!(opened.receive(&mut buf));
        buf.trim(packet.trim_start as usize, packet.trim_end as usize);
        buf.view().unwrap().append_s16(&mut out);
    }
    out
}

/// Writes packets of our encoder as Ogg Opus.
fn write_ogg(
    file: &Path,
    audio: AudioFormat,
    private: Vec<u8>,
    lookahead: u32,
    coded: &[AudioPacket],
) {
    let mut track = AudioTrack::new(Format::Ogg, AudioCodec::Opus, audio);
    track.codec_private = private;
    track.delay = lookahead;
    let output = Output::seekable(File::create(file).unwrap());
    let tracks = [Track::Audio(track)];
    let mut writer =
        create_packets(output, Format::Ogg, &tracks, &WriteOptions::default()).unwrap();
    for packet in coded {
        let reference = PacketRef {
            data: &packet.data,
            pts: packet.pts,
            duration: Some(packet.duration - packet.trim_end),
            trim_end: u32::try_from(packet.trim_end).unwrap(),
            ..PacketRef::default()
        };
        writer.write(reference).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn the_standards_vectors_pass_the_standards_comparison() {
    let Some(dir) = data::dir("Opus test vectors") else { return };
    if !have("ffmpeg", "Opus test vectors against libopus") {
        return;
    }
    for file in depth::sample(data::files(&dir.join("opus"), ".mka"), 4, 0) {
        let mut theirs = by_ffmpeg(&file, 2, &["-c:a", "libopus"]);
        let mut ours = by_us(&file, 2);
        let both = theirs.len().min(ours.len());
        assert!(both > 48_000, "{}", file.display());
        ours.truncate(both);
        theirs.truncate(both);
        let quality = quality(&theirs, &ours, 2);
        eprintln!("{}: quality {quality:.1}", file.display());
        assert!(quality > 95.0, "{}: quality {quality:.1}", file.display());
    }
}

#[test]
fn we_decode_opusencs_files_like_opusdec() {
    if !["opusenc", "opusdec", "ffmpeg"].iter().all(|program| have(program, "opusenc to us")) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (raw, opus) = (dir.path().join("said.raw"), dir.path().join("coded.opus"));
    for (channels, settings) in [
        (1, &["--bitrate", "16", "--speech"][..]),
        (1, &["--bitrate", "24", "--framesize", "60", "--expect-loss", "20"]),
        (2, &["--bitrate", "32", "--cvbr", "--framesize", "40"]),
        (2, &["--bitrate", "64", "--music", "--hard-cbr", "--framesize", "10"]),
        (2, &["--bitrate", "128", "--framesize", "5", "--no-phase-inv"]),
        (1, &["--bitrate", "96", "--framesize", "2.5", "--comp", "0"]),
        (6, &["--bitrate", "256"]),
    ] {
        let said = voice(format(48_000, channels), 100_001, 21);
        let bytes: Vec<u8> = said.iter().flat_map(|s| s.to_le_bytes()).collect();
        std::fs::write(&raw, bytes).unwrap();
        let (raw, opus_path) = (raw.to_str().unwrap(), opus.to_str().unwrap());
        let count = channels.to_string();
        let input = ["--quiet", "--raw", "--raw-chan", &count];
        let _ = run("opusenc", &[&input[..], settings, &[raw, opus_path]].concat());
        let ours = by_us(&opus, channels);
        assert_eq!(ours.len(), said.len(), "{settings:?}");
        let theirs = match channels {
            1 | 2 => samples(&run("opusdec", &["--quiet", "--no-dither", opus_path, "-"])),
            // opusdec leaves raw audio in Vorbis order.
            _ => by_ffmpeg(&opus, channels, &["-c:a", "libopus"]),
        };
        let snr = snr_db(&theirs, &ours);
        assert!(snr > 60.0, "{settings:?}: {snr:.1} dB from opusdec");
    }
}

#[test]
fn opusdec_and_ffmpeg_decode_our_files_like_we_do() {
    if depth::skips_long() {
        return;
    }
    if !have("ffmpeg", "us to ffmpeg") || !have("opusdec", "us to opusdec") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ours.opus");
    for (channels, kbps, us, application) in [
        (1, 16, 20_000, Application::Voip),
        (2, 24, 60_000, Application::Voip),
        (2, 48, 120_000, Application::Audio),
        (1, 64, 2_500, Application::LowDelay),
        (2, 96, 10_000, Application::Audio),
        (6, 256, 20_000, Application::Audio),
    ] {
        let mut config = AudioEncoderConfig::new(AudioCodec::Opus, format(48_000, channels));
        config.rate = Some(AudioRate::Vbr(Bitrate::kbps(kbps)));
        config.frame = FrameDuration(us);
        config.application = application;
        (config.fec, config.expected_loss_pct) = (kbps == 24, 10);
        let said = voice(config.format, 100_001, 22);
        let mut opened = encoder("opus", &config).unwrap();
        let coded = encode(&mut *opened, config.format, &said, 4_800);
        let mut to = AudioDecoderConfig::new(AudioCodec::Opus, config.format);
        to.codec_private = opened.codec_private();
        let ours = decode(&mut *decoder("opus", &to).unwrap(), &coded);
        assert_eq!(ours.len(), said.len());
        write_ogg(&file, config.format, opened.codec_private(), opened.lookahead(), &coded);
        if channels <= 2 {
            let path = file.to_str().unwrap();
            let theirs = samples(&run("opusdec", &["--quiet", "--no-dither", path, "-"]));
            let snr = snr_db(&theirs, &ours);
            assert!(snr > 60.0, "{channels} channels, {kbps} kb/s: {snr:.1} dB from opusdec");
        }
        let theirs = by_ffmpeg(&file, channels, &["-c:a", "libopus"]);
        let snr = snr_db(&theirs, &ours);
        assert!(snr > 60.0, "{channels} channels, {kbps} kb/s: {snr:.1} dB from ffmpeg");
    }
}

fn planes(samples: &[i16], channels: usize) -> Vec<Vec<f32>> {
    let plane = |channel| {
        let values = samples.iter().skip(channel).step_by(channels);
        values.map(|&value| f32::from(value) / 32768.0).collect()
    };
    (0..channels).map(plane).collect()
}

/// The floating-point libopus is the reference; a fixed-point encoder lacks its signal analysis.
#[test]
fn quality_is_that_of_opusenc_at_equal_rate_and_complexity() {
    if depth::skips_long() {
        return;
    }
    let Some(dir) = data::dir("quality of Opus") else { return };
    if !have("opusenc", "quality of Opus") || !have("ffmpeg", "quality of Opus") {
        return;
    }
    let temporary = tempfile::tempdir().unwrap();
    let (raw, theirs) = (temporary.path().join("said.raw"), temporary.path().join("theirs.opus"));
    let clips = [
        ("speech_dialogue_48k_mono.flac", 1, true),
        ("speech_jfk_16k_mono.flac", 1, true),
        ("music_band_48k_stereo.flac", 2, false),
        ("music_jazz_48k_stereo.flac", 2, false),
    ];
    for (turn, (name, channels, speech)) in clips.into_iter().enumerate() {
        let said = by_ffmpeg(&dir.join("audio").join(name), channels, &[]);
        let bytes: Vec<u8> = said.iter().flat_map(|s| s.to_le_bytes()).collect();
        std::fs::write(&raw, bytes).unwrap();
        for kbps in depth::sample([16_u64, 24, 32, 64, 128], 5, turn) {
            let (count, rate) = (channels.to_string(), kbps.to_string());
            let hint = if speech { "--speech" } else { "--music" };
            let settings = ["--quiet", "--raw", "--raw-chan", &count, "--hard-cbr", hint];
            let files = ["--bitrate", &rate, raw.to_str().unwrap(), theirs.to_str().unwrap()];
            let _ = run("opusenc", &[&settings[..], &files].concat());
            let their_sound = by_us(&theirs, channels);

            let mut config = AudioEncoderConfig::new(AudioCodec::Opus, format(48_000, channels));
            config.rate = Some(AudioRate::Cbr(Bitrate::kbps(kbps)));
            config.application = if speech { Application::Voip } else { Application::Audio };
            config.signal = if speech { Signal::Voice } else { Signal::Music };
            config.complexity = 10;
            let mut opened = encoder("opus", &config).unwrap();
            let coded = encode(&mut *opened, config.format, &said, 48_000);
            let mut to = AudioDecoderConfig::new(AudioCodec::Opus, config.format);
            to.codec_private = opened.codec_private();
            let our_sound = decode(&mut *decoder("opus", &to).unwrap(), &coded);

            let distance = |heard: &[i16]| {
                let (said, heard) = (planes(&said, channels), planes(heard, channels));
                log_spectral_distance_db(&said, &heard, 48_000, Some(8_000.0)).unwrap()
            };
            let (ours, their) = (distance(&our_sound), distance(&their_sound));
            eprintln!("{name} {kbps} kb/s: ours {ours:.2} dB, opusenc {their:.2} dB");
            assert!(ours < their + 0.2, "{name} {kbps} kb/s: {ours:.2} dB, opusenc {their:.2} dB");
        }
    }
}

/// Maximum difference between neighbouring samples in lost packets and in the following ones.
fn largest_step(heard: &[i16], percent: u64) -> u16 {
    let packets = heard.chunks(960).enumerate();
    let near = packets.filter(|(at, _)| lost(*at, percent) || *at > 0 && lost(at - 1, percent));
    let steps =
        near.flat_map(|(_, packet)| packet.windows(2).map(|pair| pair[0].abs_diff(pair[1])));
    steps.max().unwrap()
}

/// Which packets are lost: the same for all decoders.
fn lost(packet: usize, percent: u64) -> bool {
    packet > 5 && Rng::new(packet as u64).below(100) < percent
}

#[test]
fn concealed_speech_continues_pitch_and_level() {
    let mut config = AudioEncoderConfig::new(AudioCodec::Opus, format(48_000, 1));
    config.rate = Some(AudioRate::Cbr(Bitrate::kbps(24)));
    // A steady vowel of 125 Hz: its period is 384 samples.
    let said: Vec<i16> = (0..48_000_u32)
        .map(|at| {
            let turn = f64::from(at % 384) / 384.0 * std::f64::consts::TAU;
            let sum: f64 = (1..20).map(|h| (turn * f64::from(h)).cos() / f64::from(h)).sum();
            (sum * 4000.0) as i16
        })
        .collect();
    let coded = encode(&mut *encoder("opus", &config).unwrap(), config.format, &said, 960);
    let to = AudioDecoderConfig::new(AudioCodec::Opus, config.format);
    let mut opened = decoder("opus", &to).unwrap();
    let mut buf = AudioBuf::new(config.format, SampleKind::S16);
    let mut heard = Vec::new();
    for (at, packet) in coded.iter().enumerate() {
        if at == 30 {
            opened.recover(960, Recovery::Conceal, packet.pts).unwrap();
        } else {
            opened.decode(&packet.data, packet.pts).unwrap();
        }
        assert!(opened.receive(&mut buf));
        buf.view().unwrap().append_s16(&mut heard);
    }
    let level = |from: usize| {
        let power: f64 = heard[from..from + 960].iter().map(|&s| f64::from(s).powi(2)).sum();
        10.0 * power.log10()
    };
    let (before, during, after) = (level(29 * 960), level(30 * 960), level(31 * 960));
    assert!((before - during).abs() < 3.0, "{before:.1} dB, then {during:.1} dB");
    assert!((before - after).abs() < 3.0, "{before:.1} dB, then {after:.1} dB");
    assert!(snr_db(&heard[29 * 960 + 576..30 * 960], &heard[30 * 960..30 * 960 + 384]) > 6.0);
}

/// Speech with in-band FEC, and the output if packets are lost.
fn through_losses(percent: u64, fec: bool) -> (Vec<AudioPacket>, Vec<i16>) {
    let mut config = AudioEncoderConfig::new(AudioCodec::Opus, format(48_000, 1));
    config.rate = Some(AudioRate::Cbr(Bitrate::kbps(32)));
    (config.fec, config.expected_loss_pct) = (true, 20);
    config.signal = Signal::Voice;
    let said = voice(config.format, 240_000, 23);
    let coded = encode(&mut *encoder("opus", &config).unwrap(), config.format, &said, 960);
    let to = AudioDecoderConfig::new(AudioCodec::Opus, config.format);
    let mut opened = decoder("opus", &to).unwrap();
    let mut buf = AudioBuf::new(config.format, SampleKind::S16);
    let mut heard = Vec::new();
    for (at, packet) in coded.iter().enumerate() {
        let next = coded.get(at + 1).filter(|_| fec && !lost(at + 1, percent));
        if lost(at, percent) {
            let recovery = next.map_or(Recovery::Conceal, |p| Recovery::FromNext(&p.data));
            opened.recover(960, recovery, packet.pts).unwrap();
        } else {
            opened.decode(&packet.data, packet.pts).unwrap();
        }
        assert!(opened.receive(&mut buf));
        buf.view().unwrap().append_s16(&mut heard);
    }
    (coded, heard)
}

#[test]
fn in_band_fec_recovers_lost_packets() {
    let (coded, clean) = through_losses(0, false);
    let with_copy = coded.iter().filter(|packet| packet.meta.fec).count();
    assert!(with_copy > coded.len() / 4, "{with_copy} of {}", coded.len());
    let [without, with] = [false, true].map(|fec| snr_db(&clean, &through_losses(20, fec).1));
    assert!(with > without + 3.0, "{without:.1} dB, with FEC {with:.1} dB");
}

#[test]
fn the_largest_step_at_a_loss_is_that_of_libopus() {
    // Results of libopus 1.6.1 (floating point) with the same packets and losses.
    for (percent, fec, theirs) in
        [(5, false, 372), (5, true, 598), (20, false, 739), (20, true, 1219)]
    {
        let (_, heard) = through_losses(percent, fec);
        let ours = largest_step(&heard, percent);
        assert!(ours <= theirs, "{percent} % lost, FEC {fec}: {ours}, libopus {theirs}");
    }
}

#[test]
fn dtx_sends_little_during_silence_and_decodes_to_silence() {
    let mut config = AudioEncoderConfig::new(AudioCodec::Opus, format(16_000, 1));
    config.dtx = true;
    let coded = encode(&mut *encoder("opus", &config).unwrap(), config.format, &[0; 80_000], 320);
    let silent = coded.iter().filter(|packet| packet.meta.dtx).count();
    assert!(silent > coded.len() * 8 / 10, "{silent} of {}", coded.len());
    assert!(coded.iter().all(|packet| packet.meta.dtx == (packet.data.len() <= 2)));
    let to = AudioDecoderConfig::new(AudioCodec::Opus, config.format);
    let heard = decode(&mut *decoder("opus", &to).unwrap(), &coded);
    assert!(heard.iter().all(|sample| sample.unsigned_abs() < 8));
}

#[test]
fn the_range_decoder_ends_where_the_encoder_ended() {
    for (channels, us) in [(1, 2_500), (2, 20_000), (2, 120_000), (6, 20_000)] {
        let mut config = AudioEncoderConfig::new(AudioCodec::Opus, format(48_000, channels));
        config.application = Application::LowDelay;
        config.frame = FrameDuration(us);
        let mut opened = encoder("opus", &config).unwrap();
        let said = voice(config.format, 24_000, 25);
        let coded = encode(&mut *opened, config.format, &said, 24_000);
        let mut to = AudioDecoderConfig::new(AudioCodec::Opus, config.format);
        to.codec_private = opened.codec_private();
        let mut decoder = decoder("opus", &to).unwrap();
        for packet in &coded {
            let report = decoder.decode(&packet.data, packet.pts).unwrap();
            assert_eq!(report.final_range, packet.meta.final_range);
            assert_eq!(report.bandwidth, packet.meta.bandwidth);
        }
    }
}

#[test]
fn gains_of_header_and_caller_add_up() {
    let config = AudioEncoderConfig::new(AudioCodec::Opus, format(48_000, 1));
    let mut opened = encoder("opus", &config).unwrap();
    let coded = encode(&mut *opened, config.format, &voice(config.format, 9_600, 24), 960);
    let heard = |header: i16, caller: i16| {
        let mut to = AudioDecoderConfig::new(AudioCodec::Opus, config.format);
        to.codec_private = opened.codec_private();
        to.codec_private[16..18].copy_from_slice(&header.to_le_bytes());
        to.gain_q8_db = caller;
        decode(&mut *decoder("opus", &to).unwrap(), &coded)
    };
    let plain = heard(0, 0);
    assert_eq!(heard(1000, -1000), plain);
    // 6.02 dB are a factor of 2.
    let quiet = heard(-1000, -541);
    assert!(plain.iter().zip(&quiet).all(|(&p, &q)| (p / 2).abs_diff(q) <= 5));
}
