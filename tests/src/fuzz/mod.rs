//! The bodies of the fuzz targets: arbitrary input must not panic. `fuzz/` calls them from
//! libFuzzer, and `tests/behaviour/fuzz_smoke.rs` calls them with seeds.

pub mod wire;

use codec_audio::opus_head::OpusHead;
use codec_audio::opus_packet::{OpusPacket, duration_us};
use codec_audio::{AudioBuf, AudioCodec, AudioDecoderConfig, Recovery, SampleKind};
use codec_container::{CodedPacket, Format, Input, ReadOptions, Source};
use codec_core::codec::{
    Bitrate, Conceal, Content, DecoderConfig, Denoise, DropPolicy, EncoderConfig, FrameRequest,
    LayerOutput, Limits, OutputOrder, Packet, Preset, RateControl, Scalability, SlotSet, Tune,
    Update, VideoDecoder, VideoEncoder,
};
use codec_core::frame::{Picture, Rational, Size};

use codec_rtc::congestion::{Controller, ControllerConfig, PacketKind, PacketReport};
use codec_rtc::jitter::audio::{
    AudioBuffer, AudioBufferConfig, MAX_DELAY, MAX_PACKETS, PULL_FRAMES, ReceivedAudio,
};
use codec_rtc::jitter::video::{FrameBuffer, FrameBufferConfig, PacketInfo};
use codec_rtc::packet::vp8::{Depacketizer, DepacketizerConfig, Descriptor, MediaClock};
use codec_rtc::packet::{VideoFormat, h264};
use codec_rtc::rtp;
use codec_rtc::sdp::h264::FormatParameters;
use std::time::Duration;

use crate::encoders::Tested;
use crate::rng::Rng;

mod net;
mod remux;
mod repair;
mod vp9_rtp;

pub use net::{cluster_messages, net_datagrams, net_framing, net_url};
pub use remux::tagged_file;
pub use repair::{flexfec, frame_buffer, ulpfec};
pub use vp9_rtp::vp9_rtp;

/// The native VP8 decoder.
///
/// # Panics
/// If this build lacks it.
#[must_use]
pub fn vp8_decoder(config: &DecoderConfig) -> Box<dyn VideoDecoder> {
    let backend = codec_backends::registry::find("vp8/native").expect("native VP8");
    let (open, _) = backend.decoder.expect("a decoder");
    open(config).expect("opens")
}

/// The native VP8 encoder.
///
/// # Errors
/// As the encoder's `open`.
///
/// # Panics
/// If this build lacks it.
pub fn vp8_encoder(config: &EncoderConfig) -> Result<Box<dyn VideoEncoder>, codec_core::Error> {
    let backend = codec_backends::registry::find("vp8/native").expect("native VP8");
    let (open, _) = backend.encoder.expect("an encoder");
    open(config)
}

fn small_limits() -> DecoderConfig {
    let mut limits = Limits::default();
    limits.max_pixels = 512 * 512;
    limits.max_frame_bytes = 1 << 20;
    let mut config = DecoderConfig::default();
    config.limits = limits;
    config
}

/// Decodes a stream of packets, each preceded by its length in two little-endian bytes; the first
/// byte selects concealment and a trace. The decoder must survive all input and decode the frames
/// that it reports as shown.
pub fn vp8_decode_stream(data: &[u8]) {
    let Some((&options, mut rest)) = data.split_first() else { return };
    let mut config = small_limits();
    config.conceal = if options & 1 == 1 { Conceal::On } else { Conceal::Off };
    config.trace = options & 2 == 2;
    let mut decoder = vp8_decoder(&config);
    let mut pts = 0;
    while let Some((head, tail)) = rest.split_first_chunk::<2>() {
        let len = usize::from(u16::from_le_bytes(*head)).min(tail.len());
        let (packet, tail) = tail.split_at(len);
        let shown = decoder.decode(packet, pts, None).is_ok_and(|report| report.shown);
        let frame = decoder.receive();
        assert_eq!(
            shown,
            frame.is_some(),
            "a frame is returned exactly if it is reported as shown"
        );
        if let Some(frame) = frame {
            assert_eq!(frame.pts, pts);
            assert!(frame.size().pixels() <= config.limits.max_pixels);
        }
        pts += 1;
        rest = tail;
    }
    decoder.finish();
}

/// One packet.
pub fn vp8_decode(data: &[u8]) {
    for conceal in [Conceal::Off, Conceal::On] {
        let mut config = small_limits();
        config.conceal = conceal;
        let mut decoder = vp8_decoder(&config);
        let _ = decoder.decode(data, 0, None);
        let _ = decoder.receive();
    }
}

/// The native H.264 decoder over a byte stream; bits of the first byte select concealment, the output
/// order, and whether each NAL unit is a packet of its own.
///
/// # Panics
/// If this build lacks the decoder, or it returns more than it should, which is a finding.
pub fn h264_decode(data: &[u8]) {
    let Some((&options, stream)) = data.split_first() else { return };
    let mut config = small_limits();
    config.conceal = if options & 1 == 1 { Conceal::On } else { Conceal::Off };
    let orders = [OutputOrder::Strict, OutputOrder::LowDelay, OutputOrder::Decode];
    config.output_order = orders[usize::from(options >> 1 & 3).min(2)];
    let backend = codec_backends::registry::find("h264/native").expect("native H.264");
    let (open, _) = backend.decoder.expect("a decoder");
    let mut decoder = open(&config).expect("opens");
    let mut decode = |packet: &[u8]| {
        if let Ok(report) = decoder.decode(packet, 0, None) {
            assert!(report.concealed_mbs <= report.total_mbs);
        }
        let frames = std::iter::from_fn(|| decoder.receive());
        frames.for_each(|frame| assert!(frame.size().pixels() <= config.limits.max_pixels));
    };
    if options & 8 == 0 {
        decode(stream);
    } else {
        for unit in codec_h264::nal::AnnexBUnits::new(stream) {
            decode(&[&[0, 0, 1], unit].concat());
        }
    }
    decoder.finish();
    assert!(std::iter::from_fn(|| decoder.receive()).count() <= 32);
}

/// The VP9 decoder over a stream of packets, each preceded by its length in two little-endian bytes;
/// bits of the first byte select concealment and the output of all layers.
///
/// # Panics
/// If the decoder returns more than it should, which is a finding.
pub fn vp9_decode(data: &[u8]) {
    let Some((&options, mut rest)) = data.split_first() else { return };
    let mut config = small_limits();
    config.conceal = if options & 1 == 1 { Conceal::On } else { Conceal::Off };
    config.layer_output = if options & 2 == 2 { LayerOutput::All } else { LayerOutput::Highest };
    let mut decoder = codec_vp9::decoder::FrameDecoder::new(&config).expect("opens");
    while let Some((head, tail)) = rest.split_first_chunk::<2>() {
        let len = usize::from(u16::from_le_bytes(*head)).min(tail.len());
        let (packet, tail) = tail.split_at(len);
        rest = tail;
        let mut frames = Vec::new();
        match decoder.decode(packet, &mut frames) {
            Err(_) => assert!(frames.is_empty()),
            Ok(report) => {
                assert!(report.concealed_mbs <= report.total_mbs);
                assert_eq!(report.shown, !frames.is_empty());
            }
        }
        for frame in frames {
            assert!(frame.buf.size().pixels() <= config.limits.max_pixels);
        }
    }
}

/// Encoder settings, changes while running, and frames, all drawn from the input; the output must
/// decode to the reconstruction that the encoder reports. Returns whether the settings were
/// accepted.
///
/// # Panics
/// If it does not, which is a finding.
pub fn vp8_encode(data: &[u8]) -> bool {
    encode(Tested::VP8, data)
}

/// As [`vp8_encode`], with the VP9 encoder.
///
/// # Panics
/// If the output does not decode to the reconstruction, which is a finding.
pub fn vp9_encode(data: &[u8]) -> bool {
    encode(Tested::VP9, data)
}

fn encode(codec: Tested, data: &[u8]) -> bool {
    let seed = data.iter().fold(0x1234_5678_u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mut rng = Rng::new(seed);
    let mut config = random_config(&mut rng);
    let Ok(mut encoder) = codec.open(&config) else { return false };
    let mut decoder = codec.decoder();
    let mut packet = Packet::default();
    let mut pts = 0;
    for _ in 0..2 + rng.below(6) {
        let size = config.size;
        let samples: Vec<u8> = picture(size, &mut rng);
        let picture = Picture::i420_packed(size, &samples).expect("length as the size requires");
        let mut request = FrameRequest::at(pts);
        request.key_frame = rng.below(8) == 0;
        if rng.below(8) == 0 {
            request.references = Some(SlotSet(rng.byte()));
            request.updates = Some(SlotSet(rng.byte()));
        }
        request.may_drop = *rng.pick(&[None, Some(true), Some(false)]);
        let _ = encoder.encode(&picture, &request);
        drain(encoder.as_mut(), decoder.as_mut(), &mut packet);
        pts += *rng.pick(&[1, 1, 1, 2, 100, 0, -1, 1 << 40]);
        if rng.below(3) == 0 {
            let update = random_update(&mut rng);
            if encoder.apply(update.clone()).is_ok()
                && let Update::Resolution(size) = update
            {
                config.size = size;
            }
        }
    }
    let _ = encoder.finish();
    drain(encoder.as_mut(), decoder.as_mut(), &mut packet);
    true
}

fn drain(encoder: &mut dyn VideoEncoder, decoder: &mut dyn VideoDecoder, packet: &mut Packet) {
    while encoder.receive(packet) {
        let report = decoder.decode(&packet.data, packet.pts, packet.duration);
        let report = report.expect("the encoder's packets decode");
        assert_eq!(report.shown, packet.meta.shown);
        assert_eq!(report.qindex, packet.meta.qindex);
        if let Some(frame) = decoder.receive() {
            assert_eq!(Some(frame.digest()), packet.meta.digest, "reconstruction equals decoding");
        }
    }
}

/// Any sizes up to 130x130: gradients, noise, flat areas.
fn picture(size: Size, rng: &mut Rng) -> Vec<u8> {
    let len = usize::try_from(size.i420_bytes()).expect("small");
    let kind = rng.below(4);
    let flat = rng.byte();
    (0..len)
        .map(|i| match kind {
            0 => flat,
            1 => rng.byte(),
            2 => u8::try_from((i * 3 + usize::from(flat)) % 256).expect("below 256"),
            _ => {
                if rng.below(16) == 0 {
                    rng.byte()
                } else {
                    flat
                }
            }
        })
        .collect()
}

fn random_size(rng: &mut Rng) -> Size {
    let side = |rng: &mut Rng| u32::try_from(1 + rng.below(130)).expect("small");
    Size::new(side(rng), side(rng))
}

/// Mostly valid values, sometimes arbitrary ones.
fn byte_up_to(max: u8, rng: &mut Rng) -> u8 {
    if rng.below(40) == 0 { rng.byte() } else { rng.byte() % (max + 1) }
}

fn random_rate(rng: &mut Rng) -> RateControl {
    let bitrate = Bitrate(*rng.pick(&[1, 30_000, 300_000, 2_000_000, 5_000_000, u64::MAX]));
    match rng.below(4) {
        0 => RateControl::Cbr(bitrate),
        1 => RateControl::Vbr(bitrate),
        2 => RateControl::Quality(byte_up_to(100, rng)),
        _ => RateControl::FixedQ(byte_up_to(127, rng)),
    }
}

fn random_config(rng: &mut Rng) -> EncoderConfig {
    let wild = rng.below(20) == 0;
    let rate = if wild {
        Rational::new(*rng.pick(&[30, 1, 0, u32::MAX]), *rng.pick(&[1, 1001, 0, u32::MAX]))
    } else {
        Rational::new(*rng.pick(&[30, 1, 60, 30_000]), *rng.pick(&[1, 1001]))
    };
    let mut config = EncoderConfig::rtc(random_size(rng), rate, Bitrate::kbps(300));
    if rng.below(3) == 0 {
        config = EncoderConfig::file(config.size, rate, RateControl::Quality(50));
        config.preset = Preset::File;
    }
    config.rate.mode = random_rate(rng);
    config.speed = byte_up_to(10, rng);
    if config.preset == Preset::Rtc || wild {
        config.scalability =
            if wild { rng.pick(Scalability::ALL).1 } else { *rng.pick(Scalability::TEMPORAL) };
    }
    config.content = *rng.pick(&[Content::Camera, Content::Screen]);
    config.rate.drops = *rng.pick(&[DropPolicy::Never, DropPolicy::BelowBufferPct(30)]);
    config.error_resilient = rng.below(2) == 0;
    config.intra_refresh = if wild { rng.byte() } else { byte_up_to(1, rng) };
    config.rate.max_frame_bytes = *rng.pick(&[None, None, None, Some(500), Some(u32::MAX)]);
    if wild {
        config.rate.min_qindex = Some(rng.byte());
        config.rate.max_qindex = Some(rng.byte());
    }
    config.report_digest = true;
    config.report_psnr = rng.below(2) == 0;
    let strength = if wild { rng.byte() } else { 1 + byte_up_to(11, rng) };
    config.denoise = *rng.pick(&[Denoise::Off, Denoise::Auto, Denoise::Level(strength)]);
    config.tune = *rng.pick(&[None, Some(Tune::Psnr), Some(Tune::Visual)]);
    config
}

fn random_update(rng: &mut Rng) -> Update {
    match rng.below(12) {
        0 => Update::Bitrate(Bitrate(*rng.pick(&[0, 50_000, 2_000_000, u64::MAX]))),
        1 => Update::Rate(random_rate(rng)),
        2 => Update::FrameRate(Rational::new(*rng.pick(&[0, 5, 30, 240]), *rng.pick(&[0, 1]))),
        3 => Update::Resolution(random_size(rng)),
        4 => Update::KeyFrame,
        5 => Update::Drops(DropPolicy::BelowBufferPct(rng.byte())),
        6 => Update::Content(*rng.pick(&[Content::Camera, Content::Screen])),
        7 => Update::Speed(rng.byte() % 13),
        8 => {
            let strength = Denoise::Level(rng.byte());
            Update::Denoise(*rng.pick(&[Denoise::Off, Denoise::Auto, strength]))
        }
        10 => Update::ActiveSpatialLayers(rng.byte() % 5),
        9 => Update::Tune(*rng.pick(&[Tune::Psnr, Tune::Visual])),
        _ => Update::Scalability(rng.pick(Scalability::ALL).1),
    }
}

/// A file of any format, read to its end, from a seekable source and from a stream. Both must
/// return the same number of packets or frames (except for MP4). Copies in other formats have its metadata.
///
/// # Panics
/// If they do not, or if a reader returns more after its end.
pub fn container(data: &[u8]) {
    let mut options = ReadOptions::default();
    options.limits = small_limits().limits;
    let seekable = read_all(Source::seekable(std::io::Cursor::new(data.to_vec())), &options);
    seek_all(Source::seekable(std::io::Cursor::new(data.to_vec())), &options);
    let stream = read_all(Source::stream(std::io::Cursor::new(data.to_vec())), &options);
    remux::remux(data, &options);
    let mut lenient = options;
    lenient.allow_backward_times = true;
    let _ = read_all(Source::stream(std::io::Cursor::new(data.to_vec())), &lenient);
    if let (Some(seekable), Some(stream)) = (seekable, stream) {
        // An MP4 file may store its samples in any order, which a stream cannot follow.
        if Format::detect(data) != Some(Format::Mp4) {
            assert_eq!(seekable, stream, "a stream gives the same as a seekable source");
        }
    }
}

/// Seeks to the middle, to the start and behind the end of each track, and reads a packet there.
fn seek_all(source: Source, options: &ReadOptions) {
    let Ok(Input::Packets(mut reader)) = codec_container::open(source, options) else { return };
    let mut packet = CodedPacket::default();
    for track in 0..reader.tracks().len() {
        for time in [1000, 0, i64::MAX, i64::MIN] {
            if reader.seek(track, time).is_ok() {
                let _ = reader.read(&mut packet);
            }
        }
    }
}

/// Number of packets or frames; `None` if it cannot be opened.
fn read_all(source: Source, options: &ReadOptions) -> Option<u64> {
    let mut count = 0;
    match codec_container::open(source, options).ok()? {
        Input::Packets(mut reader) => {
            let mut packet = CodedPacket::default();
            // Reading continues after an error about a time that goes backwards.
            let mut errors = 0;
            while errors < 100_000 {
                match reader.read(&mut packet) {
                    Ok(true) => count += 1,
                    Ok(false) => return Some(count),
                    Err(_) => errors += 1,
                }
            }
            panic!("the reader never ends");
        }
        Input::RawVideo(mut reader) => {
            while let Ok(Some(picture)) = reader.read() {
                count += 1;
                let _ = picture.picture.digest();
            }
            assert!(
                reader.read().is_ok_and(|picture| picture.is_none()),
                "nothing follows the end"
            );
        }
        _ => {}
    }
    Some(count)
}

/// Opus packets, each preceded by its length in two little-endian bytes; the first byte selects
/// rate and channels, the lowest two bits of each length select the operation.
///
/// # Panics
/// If the decoder returns another number of samples than it reports, or a sample is not a number.
pub fn opus_decode(data: &[u8]) {
    const RATES: [u32; 5] = [8_000, 12_000, 16_000, 24_000, 48_000];
    let Some((&options, mut rest)) = data.split_first() else { return };
    let rate = RATES[usize::from(options >> 1) % RATES.len()];
    let format = crate::audio::format(rate, 1 + usize::from(options & 1));
    let config = AudioDecoderConfig::new(AudioCodec::Opus, format);
    let mut decoder = crate::audio::decoder("opus", &config).expect("opens");
    let mut buf = AudioBuf::new(format, SampleKind::F32);
    while let Some((head, tail)) = rest.split_first_chunk::<2>() {
        let head = u16::from_le_bytes(*head);
        let (packet, tail) = tail.split_at(usize::from(head >> 2).min(tail.len()));
        let frame = rate as usize / 50;
        let report = match head & 3 {
            0 => decoder.recover(frame, Recovery::Conceal, 0),
            1 => decoder.recover(frame, Recovery::FromNext(packet), 0),
            _ => decoder.decode(packet, 0),
        };
        assert_eq!(decoder.receive(&mut buf), report.is_ok());
        if let Ok(report) = report {
            assert_eq!(buf.frames() as u64, report.frames);
            let mut values = Vec::new();
            buf.view().expect("fits").append_f32(&mut values);
            assert!(values.iter().all(|value| value.is_finite()));
        }
        rest = tail;
    }
}

/// Arbitrary bytes as an Opus packet, as several in one, and as a header.
///
/// # Panics
/// If a packet changes when it is split and reassembled.
pub fn opus_packet(data: &[u8]) {
    if let Ok(packet) = OpusPacket::parse(data) {
        let mut again = Vec::new();
        packet.write(&mut again);
        let again = OpusPacket::parse(&again).expect("as written");
        assert_eq!((again.frames(), again.toc().0 & !3), (packet.frames(), packet.toc().0 & !3));
        assert!((2_500..=120_000).contains(&packet.duration_us()));
        assert_eq!(duration_us(data), Some(packet.duration_us()));
    }
    let _ = OpusPacket::parse_self_delimited(data).map(|(_, length)| &data[length..]);
    if let Ok(head) = OpusHead::parse(data) {
        assert_eq!(OpusHead::parse(&head.to_bytes()).as_ref(), Ok(&head));
    }
}

/// Arbitrary bytes as an RTP packet with VP8: parsed packets must be written back unchanged.
///
/// # Panics
/// If they are not.
pub fn rtp_packet(data: &[u8]) {
    if let Ok(packet) = rtp::parse(data) {
        let extension = packet.extension.map_or(0, |extension| 4 + extension.data.len());
        let parts = rtp::FIXED_HEADER_BYTES + packet.csrcs.len() + extension + packet.payload.len();
        assert!(parts <= data.len());
        let mut again = Vec::new();
        rtp::write(&packet.header, &mut again);
        assert_eq!(rtp::parse(&again).map(|again| again.header), Ok(packet.header));
    }
    let payload = rtp::parse(data).map_or(data, |packet| packet.payload);
    if let Ok((descriptor, rest)) = Descriptor::parse(payload) {
        let mut again = Vec::new();
        // L without T parses and may not be written.
        if descriptor.write(&mut again).is_ok() {
            assert_eq!(again.len(), descriptor.len_bytes());
            again.extend_from_slice(rest);
            assert_eq!(Descriptor::parse(&again), Ok((descriptor, rest)));
        }
    }
    let _ = codec_rtc::link::RateTrace::parse_csv(&String::from_utf8_lossy(data));
}

/// The packets in `data`, each preceded by its length in two little-endian bytes.
fn length_prefixed(mut data: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (head, tail) = data.split_first_chunk::<2>()?;
        let packet;
        (packet, data) = tail.split_at(usize::from(u16::from_le_bytes(*head)).min(tail.len()));
        Some(packet)
    })
}

/// RTP packets, each preceded by its length in two little-endian bytes, arrive 5 ms apart. The
/// number of frames must stay within bounds, and the stream must end.
///
/// # Panics
/// If it does not.
pub fn rtp_stream(data: &[u8]) {
    let clock = MediaClock { timestamp: 0, due: Duration::from_millis(100) };
    let mut config = DepacketizerConfig::new(clock);
    config.max_packets = 64;
    config.max_bytes = 1 << 16;
    let mut depacketizer = Depacketizer::new(config);
    let mut now = Duration::ZERO;
    let (mut pushed, mut given) = (0_u64, 0_u64);
    for packet in length_prefixed(data) {
        let _ = depacketizer.push(now, packet);
        pushed += 1;
        while let Some(frame) = depacketizer.poll_frame(now) {
            assert!(frame.data.len() <= config.max_bytes);
            given += 1;
            assert!(given <= 2 * pushed, "each frame takes a packet");
        }
        if let Some(at) = depacketizer.poll_timeout() {
            assert!(at > now, "all due items were returned");
        }
        now += Duration::from_millis(5);
    }
    while depacketizer.finish().is_some() {
        given += 1;
        assert!(given <= 2 * pushed, "the stream ends");
    }
}

/// RTP packets with H.264, each preceded by its length in two little-endian bytes, arrive 5 ms apart
/// at a depacketizer and at a frame buffer; the same bytes as format parameters.
///
/// # Panics
/// If more is buffered than allowed, or more is returned than was received.
pub fn h264_rtp(data: &[u8]) {
    let mut config = h264::DepacketizerConfig::default();
    (config.reordering, config.max_packets, config.max_bytes) = (8, 64, 1 << 16);
    let mut depacketizer = h264::Depacketizer::new(config);
    let mut buffer = FrameBuffer::new(FrameBufferConfig {
        format: VideoFormat::H264,
        ..FrameBufferConfig::low_latency()
    });
    let (mut now, mut received, mut given) = (Duration::ZERO, 0, 0);
    for packet in length_prefixed(data) {
        let _ = depacketizer.push(packet);
        let _ = buffer.push(now, packet, PacketInfo::default());
        received += packet.len();
        given += std::iter::from_fn(|| depacketizer.poll_access_unit())
            .map(|unit| unit.data.len())
            .sum::<usize>();
        assert!(depacketizer.buffered_bytes() <= 1 << 16 && given <= 2 * received);
        while let Some(frame) = buffer.poll_frame(now) {
            assert!(frame.data.len() <= 2 * received);
            buffer.decoded(now, frame.number, Duration::ZERO);
        }
        assert!(buffer.buffered_packets() <= 2048);
        now += Duration::from_millis(5);
    }
    given += std::iter::from_fn(|| depacketizer.finish()).map(|it| it.data.len()).sum::<usize>();
    assert!(given <= 2 * received && depacketizer.buffered_bytes() == 0);
    let params = String::from_utf8_lossy(data).into_owned();
    let fmtp = codec_rtc::sdp::Fmtp { payload_type: 96, params };
    if let Ok(parameters) = FormatParameters::parse(Some(&fmtp)) {
        let again = FormatParameters::parse(Some(&parameters.to_fmtp(96)));
        let again = again.expect("as written");
        assert_eq!(again.profile_level_id, parameters.profile_level_id);
    }
}

/// Steps of eight bytes: operation, delay (in ms), sequence number, timestamp and length of a
/// packet. Each pull must return 10 ms of audio, and the buffer must stay bounded.
///
/// # Panics
/// If it does not.
pub fn audio_buffer(data: &[u8]) {
    let mut config = AudioBufferConfig::new(1 + data.first().map_or(0, |byte| byte & 1));
    config.time_stretching = !data.len().is_multiple_of(5);
    let mut buffer = AudioBuffer::new(config);
    let types = [(111, "opus", AudioCodec::Opus, 48_000), (0, "pcmu", AudioCodec::Pcmu, 8_000)];
    for (payload_type, name, codec, rate) in types {
        let settings = AudioDecoderConfig::new(codec, crate::audio::format(rate, 1));
        let opened = crate::audio::decoder(name, &settings).expect("opens");
        buffer.add_decoder(payload_type, codec, rate, opened).expect("accepted");
    }
    buffer.add_comfort_noise(13, 8_000).expect("accepted");
    let mut out = AudioBuf::new(buffer.format(), SampleKind::F32);
    let (mut now, mut sequence, mut timestamp) = (Duration::ZERO, 0_u16, 0_u32);
    let mut rest = data;
    while let Some((&[kind, time, step, jump, tick, length, ssrc, copies], tail)) =
        rest.split_first_chunk::<8>()
    {
        now += Duration::from_millis(time.into());
        sequence = sequence.wrapping_add(u16::from(step) << (kind >> 6 & 3));
        timestamp =
            timestamp.wrapping_add(u32::from(tick) * 120) ^ u32::from(jump) << (kind >> 2 & 24);
        let payload = tail.get(..usize::from(length)).unwrap_or(tail);
        let copy = tail.get(..usize::from(copies)).unwrap_or(tail);
        buffer.push(
            now,
            &ReceivedAudio {
                ssrc: u32::from(ssrc == 0),
                payload_type: [111, 111, 0, 13][usize::from(kind & 3)],
                sequence,
                timestamp,
                payload,
                redundant: &[(u32::from(copies) * 120, copy), (960, payload)]
                    [..usize::from(copies % 3)],
            },
        );
        for _ in 0..kind >> 2 & 3 {
            buffer.pull(now, &mut out);
            assert_eq!(out.frames(), PULL_FRAMES);
            let mut values = Vec::new();
            out.view().expect("fits").append_f32(&mut values);
            assert!(values.iter().all(|value| value.abs() < 16.0), "audio without loud artifacts");
            now += Duration::from_millis(10);
        }
        assert!(buffer.buffered_packets() <= MAX_PACKETS);
        assert!(buffer.target_delay(now) <= MAX_DELAY);
        // Payloads overlap, so that a few bytes make many packets.
        rest = tail;
    }
    let stats = buffer.stats();
    assert!(stats.silent_concealed_samples <= stats.concealed_samples);
    assert!(stats.packets_discarded <= stats.packets_received);
}

/// Congestion control: packets sent and reported, four bytes for each step, in any order and with
/// any times. The first byte selects the bounds.
///
/// # Panics
/// If the estimate leaves them.
pub fn congestion(data: &[u8]) {
    let Some((&options, rest)) = data.split_first() else { return };
    let [min, max] =
        [5 + u64::from(options & 15) * 10, 200 << (options >> 4).min(12)].map(Bitrate::kbps);
    let config = ControllerConfig { min, max, start: min, ..ControllerConfig::default() };
    let mut controller = Controller::new(config).expect("within their ranges");
    let (mut now, mut number, mut probe) = (Duration::ZERO, 0_u16, None);
    for &[what, a, b, c] in rest.as_chunks::<4>().0 {
        let wide = u16::from_be_bytes([b, c]);
        now += Duration::from_millis(u64::from(what >> 4) * u64::from(a >> 2));
        match what & 7 {
            0..3 => {
                number = if a & 3 == 3 { wide } else { number.wrapping_add(1) };
                let bytes = if a & 3 == 2 { u32::from(wide) << 16 } else { wide.into() };
                controller.on_sent(now, number, bytes, PacketKind::Media, probe);
            }
            3..6 => {
                let arrival = now + Duration::from_millis(u64::from(b) << (a & 31));
                let report = |step: u16| PacketReport {
                    sequence: number.wrapping_sub(u16::from(a)).wrapping_add(step),
                    arrival: (c.rotate_right(step.into()) & 1 == 1)
                        .then(|| arrival.saturating_sub(Duration::from_millis(u64::from(step)))),
                };
                let reports: Vec<_> = (0..u16::from(c)).map(report).collect();
                let outcome = controller.on_feedback(now, &reports);
                assert!(outcome.received.len() + outcome.lost.len() <= 16_384);
            }
            6 => {
                controller.on_loss_report(now, f64::from(b) / 255.0);
                controller.on_rtt(now, Duration::from_millis(wide.into()));
                controller.on_remb(Bitrate(u64::from(wide) << (a & 31)));
            }
            _ => probe = controller.poll_probe().map(|cluster| cluster.id),
        }
        let estimates = controller.poll(now);
        for estimate in estimates.into_iter().chain([controller.estimate()]) {
            assert!((min..=max).contains(&estimate.target) && estimate.target <= estimate.stable);
            assert!(estimate.stable <= max && (0.0..=1.0).contains(&estimate.loss));
        }
        assert!(controller.pacing_rate() >= min);
    }
}
