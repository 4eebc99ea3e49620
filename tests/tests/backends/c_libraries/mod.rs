//! Through our traits, the C libraries give the same results as their own programs, and agree with
//! our decoders.

#![cfg(any(feature = "libvpx", feature = "libopus", feature = "openh264"))]

#[cfg(feature = "openh264")]
mod h264;

#[cfg(any(feature = "libvpx", feature = "openh264"))]
mod video {
    use codec_backends::registry;
    use codec_core::codec::{
        DecoderConfig, EncoderConfig, FrameRequest, Packet, RateControl, VideoEncoder,
    };
    use codec_core::conformance::Scene;
    use codec_core::frame::{Rational, Size};

    pub(super) const SIZE: Size = Size { width: 176, height: 144 };
    const FRAMES: u32 = 40;

    pub(super) fn config(rate: RateControl) -> EncoderConfig {
        let any = codec_core::codec::Bitrate(1);
        let mut config = EncoderConfig::rtc(SIZE, Rational::new(30, 1), any);
        config.rate.mode = rate;
        config
    }

    fn drain(encoder: &mut dyn VideoEncoder, packets: &mut Vec<Packet>) {
        let mut packet = Packet::default();
        while encoder.receive(&mut packet) {
            packets.push(packet.clone());
        }
    }

    pub(super) fn encode(spec: &str, config: &EncoderConfig) -> Vec<Packet> {
        let (_, open, _) = registry::find_encoder(spec).unwrap();
        let mut encoder = open(config).unwrap();
        let (mut scene, mut packets) = (Scene::new(SIZE, 4), Vec::new());
        for number in 0..FRAMES {
            let picture = scene.picture(number).unwrap();
            encoder.encode(&picture, &FrameRequest::at(number.into())).unwrap();
            drain(&mut *encoder, &mut packets);
        }
        encoder.finish().unwrap();
        drain(&mut *encoder, &mut packets);
        packets
    }

    pub(super) fn decode(spec: &str, packets: &[Packet]) -> Vec<u64> {
        let (_, open, _) = registry::find_decoder(spec).unwrap();
        let mut decoder = open(&DecoderConfig::default()).unwrap();
        let mut digests = Vec::new();
        for packet in packets {
            decoder.decode(&packet.data, packet.pts, packet.duration).unwrap();
            digests.extend(std::iter::from_fn(|| decoder.receive()).map(|frame| frame.digest()));
        }
        digests
    }

    /// The scene as a file for external programs.
    #[cfg(feature = "libvpx")]
    pub(super) fn y4m() -> Vec<u8> {
        let mut file = b"YUV4MPEG2 W176 H144 F30:1 Ip A1:1 C420jpeg\n".to_vec();
        let mut scene = Scene::new(SIZE, 4);
        for number in 0..FRAMES {
            file.extend_from_slice(b"FRAME\n");
            file.extend_from_slice(scene.samples(number));
        }
        file
    }
}

#[cfg(feature = "libvpx")]
mod libvpx {
    use codec_core::codec::{Bitrate, Preset, RateControl};
    use codec_tests::external;

    use super::video::{config, decode, encode, y4m};

    /// Packets of an IVF file.
    fn packets(file: &[u8]) -> Vec<Vec<u8>> {
        let (mut rest, mut packets) = (&file[32..], Vec::new());
        while let Some((header, after)) = rest.split_first_chunk::<12>() {
            let size = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
            packets.push(after[..size].to_vec());
            rest = &after[size..];
        }
        packets
    }

    fn vpxenc(arguments: &[&str]) -> Vec<Vec<u8>> {
        let dir = tempfile::tempdir().unwrap();
        let (input, output) = (dir.path().join("in.y4m"), dir.path().join("out.ivf"));
        std::fs::write(&input, y4m()).unwrap();
        let (input, output) = (input.to_string_lossy(), output.to_string_lossy());
        let mut all = vec!["--quiet", "--ivf", "--threads=1", "-p", "1"];
        all.extend_from_slice(arguments);
        all.extend_from_slice(&["-o", &output, &input]);
        let _ = external::run("vpxenc", &all);
        packets(&std::fs::read(&*output).unwrap())
    }

    /// Whether vpxenc has the version that is linked: other versions may write other bytes.
    fn have_vpxenc() -> bool {
        let is_there = external::have("vpxenc", "bytes of vp8/libvpx");
        let version = codec_ffi::vpx::version();
        if is_there
            && String::from_utf8_lossy(&external::run("vpxenc", &["--help"])).contains(&version)
        {
            return true;
        }
        eprintln!("skipped, no vpxenc {version}: bytes of vp8/libvpx");
        false
    }

    #[test]
    fn with_webrtcs_settings_the_bytes_are_vpxencs() {
        if !have_vpxenc() {
            return;
        }
        let theirs = vpxenc(&[
            "--codec=vp8",
            "--rt",
            "--cpu-used=-6",
            "--end-usage=cbr",
            "--target-bitrate=300",
            "--lag-in-frames=0",
            "--min-q=2",
            "--max-q=56",
            "--undershoot-pct=100",
            "--overshoot-pct=15",
            "--buf-sz=1000",
            "--buf-initial-sz=500",
            "--buf-optimal-sz=600",
            "--disable-kf",
        ]);
        let ours = encode("vp8/libvpx", &config(RateControl::Cbr(Bitrate::kbps(300))));
        let ours: Vec<_> = ours.into_iter().map(|packet| packet.data).collect();
        assert!(ours == theirs, "{} and {} packets", ours.len(), theirs.len());
    }

    #[test]
    fn with_settings_for_files_the_bytes_are_vpxencs() {
        if !have_vpxenc() {
            return;
        }
        let theirs = vpxenc(&[
            "--codec=vp8",
            "--good",
            "--cpu-used=1",
            "--end-usage=vbr",
            "--target-bitrate=300",
            "--lag-in-frames=25",
            "--auto-alt-ref=1",
            "--arnr-maxframes=7",
            "--arnr-strength=5",
            "--arnr-type=3",
            "--min-q=0",
            "--max-q=63",
            "--undershoot-pct=100",
            "--overshoot-pct=15",
            "--buf-sz=1000",
            "--buf-initial-sz=500",
            "--buf-optimal-sz=600",
            "--kf-max-dist=240",
        ]);
        let mut config = config(RateControl::Vbr(Bitrate::kbps(300)));
        config.preset = Preset::File;
        config.speed = 3;
        config.keys.at_scene_cuts = true;
        config.keys.max_interval = Some(240);
        let ours = encode("vp8/libvpx", &config);
        let ours: Vec<_> = ours.into_iter().map(|packet| packet.data).collect();
        assert!(ours == theirs, "{} and {} packets", ours.len(), theirs.len());
    }

    #[test]
    fn both_decoders_and_both_encoders_agree() {
        for spec in ["vp8/native", "vp8/libvpx"] {
            let mut config = config(RateControl::Cbr(Bitrate::kbps(200)));
            config.report_digest = true;
            let packets = encode(spec, &config);
            let digests: Vec<_> =
                packets.iter().map(|packet| packet.meta.digest.unwrap()).collect();
            assert_eq!(decode("vp8/native", &packets), digests, "{spec}");
            assert_eq!(decode("vp8/libvpx", &packets), digests, "{spec}");
        }
    }
}

#[cfg(feature = "libopus")]
mod libopus {
    use codec_audio::{AudioCodec, AudioDecoderConfig, AudioEncoderConfig, AudioRate};
    use codec_core::codec::Bitrate;
    use codec_tests::audio::{decode, decoder, encode, encoder, format, snr_db, voice};

    #[test]
    fn either_library_decodes_what_the_other_codes() {
        for (channels, kbps, least_db) in [(1, 64, 9.0), (2, 128, 9.0), (6, 384, 6.0)] {
            let format = format(48_000, channels);
            let said = voice(format, 48_000, 1);
            for from in ["opus/ropus", "opus/libopus"] {
                let mut config = AudioEncoderConfig::new(AudioCodec::Opus, format);
                config.rate = Some(AudioRate::Cbr(Bitrate::kbps(kbps)));
                config.application = codec_audio::Application::Audio;
                let mut coder = encoder(from, &config).unwrap();
                let packets = encode(&mut *coder, format, &said, 960);
                for to in ["opus/ropus", "opus/libopus"] {
                    let mut config = AudioDecoderConfig::new(AudioCodec::Opus, format);
                    config.codec_private = coder.codec_private();
                    let mut player = decoder(to, &config).unwrap();
                    let snr = snr_db(&said, &decode(&mut *player, &packets));
                    assert!(snr > least_db, "{from} to {to}, {channels} channels: {snr:.1} dB");
                }
            }
        }
    }

    #[test]
    fn decoder_and_encoder_end_packets_in_the_same_state() {
        let format = format(48_000, 1);
        let said = voice(format, 96_000, 2);
        let mut config = AudioEncoderConfig::new(AudioCodec::Opus, format);
        config.rate = Some(AudioRate::Vbr(Bitrate::kbps(32)));
        let mut coder = encoder("opus/libopus", &config).unwrap();
        let packets = encode(&mut *coder, format, &said, 960);
        let to = AudioDecoderConfig::new(AudioCodec::Opus, format);
        let mut player = decoder("opus/libopus", &to).unwrap();
        for packet in &packets {
            let report = player.decode(&packet.data, packet.pts).unwrap();
            assert_eq!(report.final_range, packet.meta.final_range);
        }
    }
}

#[cfg(feature = "openh264")]
mod openh264 {
    use codec_core::codec::{Bitrate, RateControl};
    use codec_tests::external;

    use super::video::{config, decode, encode};

    #[test]
    fn ffmpeg_and_openh264_decode_the_same_frames() {
        let packets = encode("h264/openh264", &config(RateControl::Cbr(Bitrate::kbps(300))));
        let ours = decode("h264/openh264", &packets);
        assert_eq!(ours.len(), packets.len());
        if !external::have("ffmpeg", "frames of h264/openh264") {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("out.264");
        let stream: Vec<u8> = packets.iter().flat_map(|packet| packet.data.clone()).collect();
        std::fs::write(&file, stream).unwrap();
        let theirs = external::ffmpeg_i420(&file);
        let bytes = usize::try_from(super::video::SIZE.i420_bytes()).unwrap();
        let digests = theirs.chunks(bytes).map(|frame| {
            let picture = codec_core::frame::Picture::i420_packed(super::video::SIZE, frame);
            picture.unwrap().digest()
        });
        assert!(digests.eq(ours), "frames differ");
    }
}
