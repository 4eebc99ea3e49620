//! Requirements for every audio backend, checked through the traits.

use codec_audio::g711::Law;
use codec_audio::{
    AudioBuf, AudioCodec, AudioDecoderConfig, AudioEncoderConfig, AudioOutcome, AudioPacket,
    AudioRate, AudioUpdate, AudioView, Bandwidth, FrameDuration, PcmEncoding, Recovery, SampleBuf,
    SampleKind, Samples,
};
use codec_backends::registry;
use codec_core::Error;
use codec_core::codec::Bitrate;
use codec_tests::audio::{decode, decoder, encode, encoder, format, packets, snr_db, voice};
use codec_tests::depth;
use codec_tests::external::{have, run};

const FRAMES_US: [u32; 9] =
    [2_500, 5_000, 10_000, 20_000, 40_000, 60_000, 80_000, 100_000, 120_000];

fn opus(rate: u32, channels: usize) -> AudioEncoderConfig {
    AudioEncoderConfig::new(AudioCodec::Opus, format(rate, channels))
}

/// A decoder for the output of `config`, and its packets of `samples`.
fn opus_round_trip(config: &AudioEncoderConfig, samples: &[i16], push: usize) -> Vec<i16> {
    let mut opus_encoder = encoder("opus", config).unwrap();
    let coded = encode(&mut *opus_encoder, config.format, samples, push);
    let mut to = AudioDecoderConfig::new(AudioCodec::Opus, config.format);
    to.codec_private = opus_encoder.codec_private();
    decode(&mut *decoder("opus", &to).unwrap(), &coded)
}

#[test]
fn opus_gives_every_sample_back_for_each_rate_and_frame_length() {
    for rate in [8_000, 12_000, 16_000, 24_000, 48_000] {
        for us in FRAMES_US {
            let mut config = opus(rate, 1);
            config.rate = Some(AudioRate::Vbr(Bitrate::kbps(96)));
            config.application = codec_audio::Application::Audio;
            config.frame = FrameDuration(us);
            let frames = rate as usize + 77;
            let said = voice(config.format, frames, 1);
            let heard = opus_round_trip(&config, &said, 1009);
            let snr = snr_db(&said, &heard);
            assert!(snr > 9.0, "{rate} Hz, {us} us: {snr:.1} dB");
        }
    }
}

#[test]
fn opus_keeps_up_to_eight_channels_apart_and_in_order() {
    for channels in 1..=8 {
        let mut config = opus(48_000, channels);
        config.application = codec_audio::Application::Audio;
        config.rate = Some(AudioRate::Vbr(Bitrate::kbps(96 * channels as u64)));
        let mut said = voice(config.format, 30_000, 2);
        let speakers = config.format.layout.speakers();
        if let Some(low) = speakers.position(codec_audio::Speaker::LowFrequency) {
            // An LFE channel carries only low frequencies.
            said.chunks_exact_mut(channels).for_each(|frame| frame[low] = 0);
        }
        let heard = opus_round_trip(&config, &said, 1000);
        for channel in 0..channels {
            let of = |all: &[i16]| -> Vec<i16> {
                all.iter().skip(channel).step_by(channels).copied().collect()
            };
            let (said, heard) = (of(&said), of(&heard));
            if said.iter().any(|&s| s != 0) {
                let snr = snr_db(&said, &heard);
                assert!(snr > 9.0, "channel {channel} of {channels}: {snr:.1} dB");
            }
        }
    }
}

#[test]
fn the_size_of_the_pushes_changes_no_packet() {
    let config = opus(48_000, 2);
    let said = voice(config.format, 48_000, 3);
    let coded = |push| encode(&mut *encoder("opus", &config).unwrap(), config.format, &said, push);
    let whole = coded(48_000);
    for push in [1, 479, 960, 5_000] {
        assert_eq!(coded(push), whole, "pushes of {push}");
    }
}

#[test]
fn packets_are_contiguous_and_the_last_states_its_padding() {
    for codec in
        [AudioCodec::Opus, AudioCodec::Pcma, AudioCodec::Pcm(PcmEncoding::S24Le), AudioCodec::Flac]
    {
        let config = AudioEncoderConfig::new(codec, format(16_000, 2));
        let mut opened = encoder(codec.name(), &config).unwrap();
        let lookahead = i64::from(opened.lookahead());
        let coded = encode(&mut *opened, config.format, &voice(config.format, 1_000, 4), 300);
        let mut next = -lookahead;
        for (id, packet) in coded.iter().enumerate() {
            assert_eq!((packet.meta.packet_id, packet.pts), (id as u64, next), "{codec}");
            next += i64::try_from(packet.duration - packet.trim_end).unwrap();
        }
        assert_eq!(next, 1_000, "{codec}");
    }
}

#[test]
fn a_jump_in_time_flushes_waiting_samples_first() {
    for codec in [AudioCodec::Opus, AudioCodec::Pcmu, AudioCodec::Flac] {
        let config = AudioEncoderConfig::new(codec, format(8_000, 1));
        let mut opened = encoder(codec.name(), &config).unwrap();
        let lookahead = i64::from(opened.lookahead());
        let said = voice(config.format, 100, 5);
        let view = AudioView::new(config.format, Samples::S16(&said)).unwrap();
        assert_eq!(opened.encode(&view, 0), Ok(AudioOutcome::Buffered));
        assert_eq!(opened.encode(&view, 4_000), Ok(AudioOutcome::Coded));
        opened.finish().unwrap();
        let coded = packets(&mut *opened);
        let ends: Vec<_> =
            coded.iter().map(|p| p.pts + i64::try_from(p.duration - p.trim_end).unwrap()).collect();
        assert_eq!((ends[0], ends[1]), (100, 4_100), "{codec}");
        assert_eq!((coded[0].pts, coded[1].pts), (-lookahead, 4_000 - lookahead), "{codec}");
    }
}

#[test]
fn finish_begins_a_new_stream_of_the_same_bytes() {
    let config = opus(24_000, 1);
    let said = voice(config.format, 5_000, 6);
    let mut opened = encoder("opus", &config).unwrap();
    let first = encode(&mut *opened, config.format, &said, 960);
    let second = encode(&mut *opened, config.format, &said, 960);
    let bytes =
        |all: &[AudioPacket]| -> Vec<Vec<u8>> { all.iter().map(|p| p.data.clone()).collect() };
    assert_eq!(bytes(&first), bytes(&second));
    assert_eq!(second[0].meta.packet_id, first.len() as u64);
    opened.finish().unwrap();
    assert!(packets(&mut *opened).is_empty());
}

#[test]
fn rejected_settings_name_the_allowed_values_and_change_nothing() {
    let allowed = |config: &AudioEncoderConfig| match encoder("opus", config) {
        Err(Error::Config(error)) => error.allowed,
        other => panic!("{other:?}"),
    };
    assert_eq!(allowed(&opus(44_100, 2)), "8000, 12000, 16000, 24000 or 48000 Hz");
    assert_eq!(allowed(&opus(48_000, 9)), "1..=8");
    let with = |change: fn(&mut AudioEncoderConfig)| {
        let mut config = opus(48_000, 1);
        change(&mut config);
        allowed(&config)
    };
    assert_eq!(with(|c| c.complexity = 11), "0..=10");
    assert_eq!(with(|c| c.expected_loss_pct = 101), "0..=100");
    assert_eq!(with(|c| c.lsb_depth = 7), "8..=24");
    assert_eq!(with(|c| c.force_channels = Some(2)), "1");
    assert!(with(|c| c.frame = FrameDuration::ms(30)).contains("2.5"));
    assert!(with(|c| c.rate = Some(AudioRate::Vbr(Bitrate(499)))).contains("500"));
    assert!(with(|c| c.knobs.push(("x".to_owned(), 1))).contains("no knob"));

    let config = opus(48_000, 1);
    let said = voice(config.format, 9_600, 7);
    let mut plain = encoder("opus", &config).unwrap();
    let mut tried = encoder("opus", &config).unwrap();
    for bad in [AudioUpdate::Complexity(11), AudioUpdate::Bitrate(Bitrate(0))] {
        assert!(matches!(tried.apply(bad), Err(Error::Config(_))));
    }
    assert_eq!(
        encode(&mut *plain, config.format, &said, 960),
        encode(&mut *tried, config.format, &said, 960)
    );
}

#[test]
fn g711_and_pcm_reject_unsupported_settings() {
    for codec in [AudioCodec::Pcma, AudioCodec::Pcmu, AudioCodec::Pcm(PcmEncoding::U8)] {
        let plain = AudioEncoderConfig::new(codec, format(8_000, 1));
        for change in [
            (|c| c.fec = true) as fn(&mut AudioEncoderConfig),
            |c| c.rate = Some(AudioRate::Cbr(Bitrate::kbps(64))),
            |c| c.bandwidth = Some(Bandwidth::Narrow),
            |c| c.frame = FrameDuration(0),
        ] {
            let mut config = plain.clone();
            change(&mut config);
            assert!(matches!(encoder(codec.name(), &config), Err(Error::Config(_))), "{codec}");
        }
        let mut opened = encoder(codec.name(), &plain).unwrap();
        assert!(opened.apply(AudioUpdate::Dtx(true)).is_err());
        opened.apply(AudioUpdate::Frame(FrameDuration::ms(10))).unwrap();
        let coded = encode(&mut *opened, plain.format, &[0; 100], 100);
        assert_eq!(coded.iter().map(|p| p.duration).collect::<Vec<_>>(), [80, 20]);
        assert_eq!(coded[0].meta.level_dbov, 127);
    }
}

#[test]
fn a_backend_of_another_codec_is_rejected() {
    for backend in registry::AUDIO_BACKENDS {
        let other =
            if backend.codec == AudioCodec::Opus { AudioCodec::Pcma } else { AudioCodec::Opus };
        if let Some((open, _)) = backend.encoder {
            assert!(open(&AudioEncoderConfig::new(other, format(48_000, 1))).is_err());
        }
        if let Some((open, _)) = backend.decoder {
            assert!(open(&AudioDecoderConfig::new(other, format(48_000, 1))).is_err());
        }
    }
}

#[test]
fn every_encoding_of_pcm_keeps_its_precision() {
    let all: Vec<i16> = (i16::MIN..=i16::MAX).collect();
    for encoding in PcmEncoding::ALL {
        let codec = AudioCodec::Pcm(encoding);
        let config = AudioEncoderConfig::new(codec, format(48_000, 2));
        let coded = encode(&mut *encoder("pcm", &config).unwrap(), config.format, &all, 999);
        assert_eq!(coded[0].data.len(), 960 * 2 * encoding.bytes());
        let to = AudioDecoderConfig::new(codec, config.format);
        let heard = decode(&mut *decoder("pcm", &to).unwrap(), &coded);
        if encoding == PcmEncoding::U8 {
            let near = |(&said, &heard): (&i16, &i16)| said.abs_diff(heard) <= 255;
            assert!(all.iter().zip(&heard).all(near), "{codec}");
        } else {
            assert_eq!(heard, all, "{codec}");
        }
    }
}

#[test]
fn pcm_of_24_bits_and_floats_pass_exactly() {
    let bytes24: Vec<u8> = (0_u32..1 << 24)
        .step_by(97)
        .flat_map(|v| {
            let [a, b, c, _] = v.to_le_bytes();
            [a, b, c]
        })
        .collect();
    let floats = [0.0, -0.0, 1.0, -1.0, 1e-30, 3.5, f32::MIN_POSITIVE, 0.1];
    let bytes32: Vec<u8> = floats.iter().flat_map(|f: &f32| f.to_le_bytes()).collect();
    for (encoding, bytes) in [(PcmEncoding::S24Le, &bytes24), (PcmEncoding::F32Le, &bytes32)] {
        let codec = AudioCodec::Pcm(encoding);
        let mono = format(48_000, 1);
        let mut pcm_decoder = decoder("pcm", &AudioDecoderConfig::new(codec, mono)).unwrap();
        pcm_decoder.decode(bytes, 0).unwrap();
        let mut buf = AudioBuf::new(mono, SampleKind::S16);
        assert!(pcm_decoder.receive(&mut buf));
        assert!(matches!(buf.samples, SampleBuf::F32(_)));
        let mut pcm_encoder = encoder("pcm", &AudioEncoderConfig::new(codec, mono)).unwrap();
        pcm_encoder.encode(&buf.view().unwrap(), 0).unwrap();
        pcm_encoder.finish().unwrap();
        let back: Vec<u8> = packets(&mut *pcm_encoder).into_iter().flat_map(|p| p.data).collect();
        assert_eq!(&back, bytes, "{encoding:?}");
    }
}

/// Decision values of tables 1 and 2 of ITU-T G.711: the start of each segment, in 16 bits.
const A_SEGMENTS: [u32; 9] = [0, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768];
const MU_SEGMENTS: [u32; 9] = [0, 31, 95, 223, 479, 991, 2015, 4063, 8159];

/// The 129 decision values of the positive half, in 16 bits.
fn decision_values(law: Law) -> Vec<u32> {
    let mut values = Vec::new();
    let segments = match law {
        Law::A => A_SEGMENTS,
        Law::Mu => MU_SEGMENTS,
    };
    for (segment, ends) in segments.windows(2).enumerate() {
        for step in 0..16 {
            values.push(match law {
                Law::A => ends[0] + (ends[1] - ends[0]) / 16 * step,
                // The first interval is half as long as the other fifteen of its segment.
                Law::Mu if segment == 0 => (2 * step).saturating_sub(1) * 4,
                Law::Mu => (ends[0] + (ends[1] - ends[0]) / 16 * step) * 4,
            });
        }
    }
    values.push(segments[8] * if law == Law::A { 1 } else { 4 });
    values
}

#[test]
fn every_g711_code_decodes_to_the_middle_of_its_interval() {
    for law in [Law::A, Law::Mu] {
        let values = decision_values(law);
        for number in 0..128_u8 {
            let (low, high) = (values[usize::from(number)], values[usize::from(number) + 1]);
            let middle = match law {
                Law::Mu if number == 0 => 0,
                _ => (low + high) / 2,
            };
            // The characters as sent: even bits inverted, all bits inverted (G.711, section 3).
            let code = match law {
                Law::A => (number | 0x80) ^ 0x55,
                Law::Mu => !number,
            };
            assert_eq!(u32::from(law.decode(code).unsigned_abs()), middle, "{law:?} {number}");
            assert_eq!(law.decode(code ^ 0x80), -law.decode(code), "{law:?} {number}");
        }
    }
}

#[test]
fn every_sample_takes_the_code_of_its_interval() {
    for law in [Law::A, Law::Mu] {
        let values = decision_values(law);
        for sample in i16::MIN..=i16::MAX {
            let code = law.encode(sample);
            let magnitude = u32::from(if sample < 0 { !sample } else { sample }.unsigned_abs());
            let number = values[1..128].iter().filter(|&&value| value <= magnitude).count();
            let number = u8::try_from(number).unwrap() | if sample < 0 { 0 } else { 0x80 };
            let expected = if law == Law::A { number ^ 0x55 } else { number ^ 0x7f };
            assert_eq!(code, expected, "{law:?} {sample}");
        }
    }
}

#[test]
fn many_samples_at_once_take_the_same_codes() {
    let all: Vec<i16> = (i16::MIN..=i16::MAX).collect();
    for law in [Law::A, Law::Mu] {
        let mut codes = Vec::new();
        law.encode_all(&all, &mut codes);
        assert!(all.iter().zip(&codes).all(|(&sample, &code)| law.encode(sample) == code));
        let mut samples = Vec::new();
        law.decode_all(&codes, &mut samples);
        assert!(codes.iter().zip(&samples).all(|(&code, &sample)| law.decode(code) == sample));
        for code in 0..=255 {
            // Mu-law has two zeros.
            let again = law.encode(law.decode(code));
            assert!(again == code || law == Law::Mu && code == 0x7f, "{law:?} {code:#x}");
        }
    }
}

#[test]
fn losses_are_concealed_in_any_multiple_of_a_quarter_frame() {
    let config = opus(48_000, 1);
    let coded = encode(
        &mut *encoder("opus", &config).unwrap(),
        config.format,
        &voice(config.format, 48_000, 8),
        960,
    );
    let to = AudioDecoderConfig::new(AudioCodec::Opus, format(16_000, 2));
    let mut opened = decoder("opus", &to).unwrap();
    let mut buf = AudioBuf::new(to.format, SampleKind::S16);
    for packet in &coded[..10] {
        opened.decode(&packet.data, 0).unwrap();
        assert!(opened.receive(&mut buf));
        assert_eq!((buf.frames(), buf.format), (320, to.format));
    }
    for frames in [40, 320, 360, 1_920, 8_000, 160_000] {
        for recovery in [Recovery::Conceal, Recovery::FromNext(&coded[10].data)] {
            let report = opened.recover(frames, recovery, 77).unwrap();
            assert_eq!((report.frames, report.recovered), (frames as u64, frames as u64));
            assert!(opened.receive(&mut buf));
            assert_eq!((buf.pts, buf.frames()), (77, frames));
        }
    }
    for frames in [0, 39, 160_040] {
        assert!(matches!(opened.recover(frames, Recovery::Conceal, 0), Err(Error::Config(_))));
    }
}

/// Round trip of `samples` with `bits` bits, in blocks of `block`.
fn flac_round_trip(
    rate: u32,
    channels: usize,
    samples: &[f32],
    bits: i64,
    block: i64,
) -> (Vec<AudioPacket>, Vec<f32>) {
    let mut config = AudioEncoderConfig::new(AudioCodec::Flac, format(rate, channels));
    config.knobs = vec![("bits".to_owned(), bits), ("block".to_owned(), block)];
    let mut flac = encoder("flac/flacenc", &config).unwrap();
    let (mut coded, mut pts) = (Vec::new(), 0);
    for part in samples.chunks(777 * channels) {
        let view = AudioView::new(config.format, Samples::F32(part)).unwrap();
        flac.encode(&view, pts).unwrap();
        pts += i64::try_from(view.frames()).unwrap();
        coded.extend(packets(&mut *flac));
    }
    flac.finish().unwrap();
    coded.extend(packets(&mut *flac));
    let mut to = AudioDecoderConfig::new(AudioCodec::Flac, config.format);
    to.codec_private = flac.codec_private();
    let mut flac = decoder("flac", &to).unwrap();
    let mut buf = AudioBuf::new(config.format, SampleKind::F32);
    let mut heard = Vec::new();
    for packet in &coded {
        flac.decode(&packet.data, packet.pts).unwrap();
        while flac.receive(&mut buf) {
            assert_eq!(buf.format, config.format);
            buf.view().unwrap().append_f32(&mut heard);
        }
    }
    (coded, heard)
}

/// Values of `bits` bits by number, from -1 to 1.
#[expect(clippy::cast_precision_loss, reason = "24 bits fit")]
fn of_bits(values: impl Iterator<Item = i32>, bits: i64) -> Vec<f32> {
    values.map(|value| value as f32 / (1_i32 << (bits - 1)) as f32).collect()
}

#[test]
fn flac_is_lossless_for_any_samples() {
    for bits in [16, 24] {
        let (low, high) = (-(1_i32 << (bits - 1)), (1_i32 << (bits - 1)) - 1);
        let mut rng = codec_tests::rng::Rng::new(7);
        let mut noise = move || i32::from_be_bytes([rng.byte(), rng.byte(), rng.byte(), 0]);
        let frames = 9_000;
        type Make<'a> = Box<dyn FnMut(usize) -> i32 + 'a>;
        let sounds: [(&str, Make<'_>); 6] = [
            ("silence", Box::new(|_| 0)),
            ("alternating full scale", Box::new(|at| if at % 2 == 0 { low } else { high })),
            ("squares", Box::new(|at| if at / 100 % 2 == 0 { low } else { high })),
            ("loud noise", Box::new(move |_| noise() >> (32 - bits))),
            ("clicks", Box::new(|at| if at % 1_003 == 0 { high } else { 0 })),
            ("random extremes", Box::new(|at| if at * at / 7 % 3 == 0 { low } else { high })),
        ];
        for (name, mut make) in sounds {
            for channels in [1, 2] {
                let said = of_bits((0..frames * channels).map(&mut make), bits);
                let (coded, heard) = flac_round_trip(48_000, channels, &said, bits, 4096);
                assert!(heard == said, "{name}, {bits} bits, {channels} channels");
                let bytes: usize = coded.iter().map(|packet| packet.data.len()).sum();
                let plain = said.len() * usize::try_from(bits).unwrap() / 8;
                assert!(bytes < plain + 100, "{name}: {bytes} bytes of {plain}");
            }
        }
    }
}

#[test]
fn flac_keeps_every_rate_length_and_number_of_channels() {
    let said = |channels: usize, frames: usize| {
        let values = voice(format(8_000, channels), frames, 21);
        of_bits(values.into_iter().map(i32::from), 16)
    };
    for rate in [1, 8_000, 11_025, 37_801, 44_100, 96_000, 176_400, 192_000, 655_350] {
        let (_, heard) = flac_round_trip(rate, 2, &said(2, 5_000), 16, 4096);
        assert!(heard == said(2, 5_000), "{rate} Hz");
    }
    for channels in 1..=8 {
        let (_, heard) = flac_round_trip(48_000, channels, &said(channels, 5_000), 16, 4096);
        assert!(heard == said(channels, 5_000), "{channels} channels");
    }
    for frames in [1, 15, 16, 31, 63, 64, 65, 191, 192, 193, 255, 256, 257, 4095, 4096, 4097] {
        for (block, rate) in [(64, 48_000), (1000, 192_000), (4096, 192_000), (16_384, 96_000)] {
            let (coded, heard) = flac_round_trip(rate, 1, &said(1, frames), 16, block);
            assert!(heard == said(1, frames), "{frames} samples in blocks of {block}");
            assert_eq!(coded.len(), frames.div_ceil(usize::try_from(block).unwrap()));
        }
    }
}

#[test]
fn flac_of_either_kind_of_samples_is_the_same() {
    let mut config = AudioEncoderConfig::new(AudioCodec::Flac, format(44_100, 2));
    let said = voice(config.format, 10_000, 22);
    let floats: Vec<f32> = said.iter().map(|&value| f32::from(value) / 32_768.0).collect();
    for bits in [16, 24] {
        config.knobs = vec![("bits".to_owned(), bits)];
        let numbers = encode(&mut *encoder("flac", &config).unwrap(), config.format, &said, 100);
        let mut opened = encoder("flac", &config).unwrap();
        let view = AudioView::new(config.format, Samples::F32(&floats)).unwrap();
        opened.encode(&view, 0).unwrap();
        opened.finish().unwrap();
        assert!(packets(&mut *opened) == numbers, "{bits} bits");
    }
}

#[test]
fn flac_is_no_larger_than_ffmpegs_and_ffmpeg_decodes_it_equally() {
    if depth::skips_long() {
        return;
    }
    if !have("ffmpeg", "FLAC against ffmpeg's") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let config = AudioEncoderConfig::new(AudioCodec::Flac, format(48_000, 2));
    let said = voice(config.format, 240_001, 23);
    let bytes: Vec<u8> = said.iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(path("said.raw"), &bytes).unwrap();
    let raw = path("said.raw");
    let theirs = path("theirs.flac");
    let input = ["-v", "error", "-y", "-f", "s16le", "-ar", "48000", "-ac", "2", "-i", &raw];
    let _ = run("ffmpeg", &[&input[..], &["-c:a", "flac", &theirs]].concat());

    let mut flac = encoder("flac", &config).unwrap();
    let coded = encode(&mut *flac, config.format, &said, 1_000);
    let mut file = b"fLaC\x80\0\0\x22".to_vec();
    file.extend(flac.codec_private());
    coded.iter().for_each(|packet| file.extend_from_slice(&packet.data));
    std::fs::write(path("ours.flac"), &file).unwrap();
    let ours = path("ours.flac");
    let heard = run("ffmpeg", &["-v", "error", "-xerror", "-i", &ours, "-f", "s16le", "-"]);
    assert!(heard == bytes, "ffmpeg decodes something else");
    let (ours, theirs) = (file.len(), std::fs::metadata(theirs).unwrap().len());
    // 8 KiB of ffmpeg's file are padding.
    let theirs = usize::try_from(theirs).unwrap() - 8192;
    assert!(ours * 100 < theirs * 101, "{ours} bytes against {theirs}");
}
