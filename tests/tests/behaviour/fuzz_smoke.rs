//! A short, deterministic run of every fuzz target.

use codec_audio::{AudioCodec, AudioEncoderConfig, AudioRate, FrameDuration};
use codec_core::codec::Bitrate;
use codec_tests::{audio, data, depth, fuzz, fuzz_webrtc, mutate, rng};

#[test]
fn damaged_streams_never_panic_the_vp8_decoder() {
    let Some(dir) = data::dir("damaged VP8 streams") else { return };
    let seeds: Vec<Vec<u8>> = ["vp80-06-smallsize.ivf", "vp80-00-comprehensive-008.ivf"]
        .iter()
        .map(|name| std::fs::read(dir.join("vp8").join(name)).unwrap())
        .collect();
    rng::for_each_seed(60, |_, rng| {
        let file = rng.pick(&seeds);
        let frames = data::ivf_frames(file);
        let mut stream = vec![rng.byte()];
        for frame in frames.iter().take(6) {
            let packet =
                if rng.below(2) == 0 { frame.to_vec() } else { mutate::damaged(frame, rng) };
            stream.extend(u16::try_from(packet.len()).unwrap_or(u16::MAX).to_le_bytes());
            stream.extend(&packet[..packet.len().min(usize::from(u16::MAX))]);
        }
        fuzz::vp8_decode_stream(&stream);
    });
}

#[test]
fn random_bytes_never_panic_the_vp8_decoder() {
    rng::for_each_seed(300, |_, rng| {
        let mut packet: Vec<u8> = (0..rng.below(400)).map(|_| rng.byte()).collect();
        // Half of them look like a small key frame.
        if rng.below(2) == 0 && packet.len() > 10 {
            packet[0] &= 0x1e;
            packet[1] = packet[1].min(4);
            packet[2] = 0;
            packet[3..6].copy_from_slice(&[0x9d, 0x01, 0x2a]);
            packet[7] = 0;
            packet[9] = 0;
        }
        fuzz::vp8_decode(&packet);
    });
}

#[test]
fn any_settings_and_frames_decode_to_the_reconstruction() {
    let vp8 = depth::rounds(300, 3);
    let is_one_seed = std::env::var_os("CHECK_SEED").is_some();
    assert!(u64::from(accepted(vp8, fuzz::vp8_encode)) > vp8 / 2 || is_one_seed);
    // VP9 rejects more settings: intra refresh, and much with spatial layers.
    assert!(accepted(120, fuzz::vp9_encode) > 40 || is_one_seed);
}

/// Runs a target with settings of `seeds` seeds; returns how many it accepts.
fn accepted(seeds: u64, target: impl Fn(&[u8]) -> bool) -> u32 {
    let accepted = std::cell::Cell::new(0);
    rng::for_all_seeds(seeds, |seed, _| {
        accepted.set(accepted.get() + u32::from(target(&seed.to_le_bytes())));
    });
    accepted.get()
}

#[test]
fn damaged_files_never_panic_a_reader() {
    let Some(dir) = data::dir("damaged files of every container") else { return };
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    for folder in ["containers", "malformed"] {
        for file in data::files(&dir.join(folder), "") {
            let mut bytes = std::fs::read(&file).unwrap();
            fuzz::container(&bytes);
            bytes.truncate(60_000);
            seeds.push(bytes);
        }
    }
    rng::for_each_seed(2000, |_, rng| {
        let file = rng.pick(&seeds);
        fuzz::container(&mutate::damaged(file, rng));
    });
}

#[test]
fn copies_keep_any_tags_and_chapters() {
    rng::for_each_seed(400, |_, rng| {
        let file = fuzz::tagged_file(rng);
        fuzz::container(&file);
        fuzz::container(&mutate::damaged(&file, rng));
    });
}

#[test]
fn damaged_opus_never_panics_the_decoder() {
    let coded: Vec<Vec<Vec<u8>>> = [(1, 12, 20), (2, 24, 60), (1, 32, 10), (2, 64, 20)]
        .map(|(channels, kbps, ms)| {
            let format = audio::format(48_000, channels);
            let mut config = AudioEncoderConfig::new(AudioCodec::Opus, format);
            config.rate = Some(AudioRate::Vbr(Bitrate::kbps(kbps)));
            config.frame = FrameDuration::ms(ms);
            (config.fec, config.expected_loss_pct) = (true, 20);
            let mut encoder = audio::encoder("opus", &config).unwrap();
            let said = audio::voice(format, 24_000, kbps);
            let packets = audio::encode(&mut *encoder, format, &said, 24_000);
            packets.into_iter().map(|packet| packet.data).collect()
        })
        .into();
    rng::for_each_seed(150, |_, rng| {
        let mut stream = vec![rng.byte()];
        for _ in 0..30 {
            let packets = rng.pick(&coded);
            let mut packet = rng.pick(packets).clone();
            match rng.below(4) {
                0 => packet = mutate::damaged(&packet, rng),
                1 => packet[0] = rng.byte(),
                2 => packet[1..].fill_with(|| rng.byte()),
                _ => {}
            }
            packet.truncate(16_000);
            fuzz::opus_packet(&packet);
            let task = rng.below(6).min(3);
            let head = u16::try_from(packet.len() << 2).unwrap() | u16::try_from(task).unwrap();
            stream.extend(head.to_le_bytes());
            stream.extend(&packet);
        }
        fuzz::opus_decode(&stream);
    });
}

#[test]
fn random_bytes_never_panic_the_parsers_of_opus() {
    rng::for_each_seed(3000, |_, rng| {
        let mut bytes: Vec<u8> = (0..rng.below(60)).map(|_| rng.byte()).collect();
        if rng.below(3) == 0 {
            bytes.splice(0..0, *b"OpusHead");
        }
        fuzz::opus_packet(&bytes);
    });
}

#[test]
fn damaged_sdp_never_panics_a_peer() {
    let seeds = fuzz_webrtc::webrtc_sdp_seeds();
    for (kind, seed) in (0..).zip(&seeds) {
        let good: Vec<u8> = [&[kind], seed.as_bytes()].concat();
        assert!(fuzz_webrtc::webrtc_sdp(&good), "{seed}");
    }
    rng::for_each_seed(150, |_, rng| {
        let kind = rng.byte() & 1;
        let seed = seeds[usize::from(kind)].as_bytes();
        fuzz_webrtc::webrtc_sdp(&[&[kind], &mutate::damaged(seed, rng)[..]].concat());
    });
}

#[test]
fn strange_datagrams_never_panic_or_end_a_peer() {
    rng::for_each_seed(40, |_, rng| {
        let mut data = Vec::new();
        for _ in 0..rng.below(30) {
            let len = u16::try_from(rng.below(120)).unwrap();
            data.push(rng.byte());
            data.extend(len.to_le_bytes());
            let first = *rng.pick(&[0, 1, 20, 21, 22, 23, 25, 0x2f, 0x80, 0x90]);
            data.extend((0..len).map(|at| if at == 0 { first } else { rng.byte() }));
        }
        fuzz_webrtc::webrtc_datagrams(&data);
        fuzz_webrtc::webrtc_checks(&data);
    });
}

#[test]
fn answers_with_the_ids_of_our_checks_end_nothing() {
    let seed = fuzz_webrtc::webrtc_datagrams_seed();
    for _ in 0..3 {
        fuzz_webrtc::webrtc_datagrams(&seed);
        fuzz_webrtc::webrtc_checks(&seed);
    }
    rng::for_each_seed(40, |_, rng| {
        let damaged = mutate::damaged(&seed, rng);
        fuzz_webrtc::webrtc_datagrams(&damaged);
        fuzz_webrtc::webrtc_checks(&damaged);
    });
}

#[test]
fn srtp_packets_around_a_wrap_are_accepted_by_a_continuous_receiver() {
    let mut data = Vec::new();
    for sequence in [65_534_u16, 65_535, 0, 2, 1, 40_000, 65_000, 10] {
        let packet = [&[0x80, 96][..], &sequence.to_be_bytes(), &[0, 0, 0, 1, 0, 0, 0, 7, 1, 2, 3]];
        let packet = packet.concat();
        data.extend(u16::try_from(packet.len()).unwrap().to_le_bytes());
        data.extend(packet);
    }
    for suite in 0..5 {
        fuzz_webrtc::srtp_unprotect(&[&[suite], &data[..]].concat());
    }
}

#[test]
fn foreign_encrypted_frames_do_not_decrypt() {
    rng::for_each_seed(500, |_, rng| {
        let mut data = vec![rng.byte(), rng.byte()];
        for _ in 0..rng.below(10) {
            let len = u16::try_from(rng.below(60)).unwrap();
            data.extend(len.to_le_bytes());
            data.extend((0..len).map(|_| rng.byte()));
        }
        fuzz_webrtc::sframe_open(&data);
    });
}

#[test]
fn forged_srtp_and_turn_messages_are_rejected() {
    rng::for_each_seed(500, |_, rng| {
        let mut data = vec![rng.byte()];
        for _ in 0..rng.below(10) {
            let len = u16::try_from(rng.below(100)).unwrap();
            data.extend(len.to_le_bytes());
            let mut body: Vec<u8> = (0..len).map(|_| rng.byte()).collect();
            if let Some(first) = body.first_mut() {
                *first = 0x80 | *first & 0x1f;
            }
            data.extend(&body);
        }
        fuzz_webrtc::srtp_unprotect(&data);
        let mut data = Vec::new();
        for _ in 0..rng.below(10) {
            let mut body = vec![1, *rng.pick(&[3, 4, 0x13, 9, 0x19])];
            let attributes = rng.below(4);
            let mut values = Vec::new();
            for _ in 0..attributes {
                let kind = *rng.pick(&[0x08, 0x09, 0x0d, 0x14, 0x15, 0x16, 0x20, 0x12, 0x13]);
                let len = u8::try_from(rng.below(24)).unwrap();
                values.extend([0, kind, 0, len]);
                values.extend((0..len.next_multiple_of(4)).map(|_| rng.byte()));
            }
            body.extend(u16::try_from(values.len()).unwrap().to_be_bytes());
            body.extend([0x21, 0x12, 0xa4, 0x42]);
            body.extend([0; 12]);
            body.extend(values);
            data.extend(u16::try_from(body.len()).unwrap().to_le_bytes());
            data.extend(body);
        }
        fuzz_webrtc::turn_client(&data);
    });
}

#[test]
fn any_feedback_keeps_the_estimate_within_its_bounds() {
    rng::for_each_seed(400, |_, rng| {
        let bytes: Vec<u8> = (0..rng.below(4000)).map(|_| rng.byte()).collect();
        fuzz::congestion(&bytes);
    });
}

/// A stream of our framing: a hello and some records.
fn framed() -> Vec<u8> {
    use codec_net::framing::{Hello, Kind, Media, Record, StreamDescription};
    let stream = StreamDescription {
        codec: "opus".to_owned(),
        time_base: codec_core::frame::Rational::new(1, 48_000),
        media: Media::Audio { rate: 48_000, channels: 1, delay: 312 },
        private: (0..19).collect(),
    };
    let mut bytes = Vec::new();
    Hello { session: 7, streams: vec![stream] }.write(&mut bytes).unwrap();
    for len in [0, 1, 300, 2000] {
        Record::control(Kind::Stats, vec![7; len]).write(&mut bytes).unwrap();
    }
    bytes
}

#[test]
fn nodes_of_a_cluster_survive_each_other() {
    use codec_tests::fuzz_seeds::{cluster_bus, cluster_link, cluster_parts};
    let sorts = [cluster_bus(), cluster_bus(), cluster_link(), cluster_link()];
    rng::for_each_seed(150, |_, rng| {
        let mut bytes = Vec::new();
        for _ in 0..rng.below(30) {
            let sort = rng.index(sorts.len());
            let good = rng.pick(&sorts[sort]).clone();
            let part = if rng.below(3) == 0 { good } else { mutate::damaged(&good, rng) };
            bytes.extend(cluster_parts(u16::try_from(sort).unwrap(), &[part]));
        }
        fuzz::cluster_messages(&bytes);
        fuzz::cluster_messages(&mutate::damaged(&bytes, rng));
    });
}

#[test]
fn framing_and_urls_survive_anything() {
    let stream = framed();
    rng::for_each_seed(600, |_, rng| {
        let mut bytes = vec![rng.byte()];
        bytes.extend(if rng.below(4) == 0 {
            stream.clone()
        } else {
            mutate::damaged(&stream, rng)
        });
        fuzz::net_framing(&bytes);
        let mut datagrams = Vec::new();
        for _ in 0..rng.below(40) {
            let part = if rng.below(2) == 0 { &stream[..80] } else { &bytes[..] };
            let part = &part[..rng.below(part.len() as u64 + 1) as usize];
            datagrams.extend(u16::try_from(part.len()).unwrap().to_le_bytes());
            datagrams.extend(part);
        }
        fuzz::net_datagrams(&datagrams);
        let url = b"wss://[2001:db8::1]:9000/live/one?token=a%20b&listen=1".to_vec();
        fuzz::net_url(&mutate::damaged(&url, rng));
        fuzz::net_url(&url);
    });
}
