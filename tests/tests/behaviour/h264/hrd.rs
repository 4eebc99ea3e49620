//! The buffer of the hypothetical reference decoder (ITU-T H.264, annex C), computed from the
//! encoded bytes alone.

use codec_core::codec::{
    Bitrate, DropPolicy, EncoderConfig, FrameRequest, Packet, RateControl, Scalability, Update,
};
use codec_core::frame::{Picture, Rational, Size};
use codec_h264::bits::{BitReader, unescape};
use codec_h264::nal::{AnnexBUnits, NalHeader, NalType};
use codec_tests::encoders::Tested;
use codec_tests::scene::{self, Motion};
use codec_tests::session::{Session, bits};
use codec_tests::{depth, external};

use super::headers::ffmpeg_elements;

const SIZE: Size = Size { width: 176, height: 144 };

/// The parameters of the buffer, as ffmpeg reads them.
#[derive(Debug)]
struct Parameters {
    bits_per_second: f64,
    size_bits: f64,
    tick_seconds: f64,
    /// Bits of the fields of the messages.
    initial_delay: u32,
    removal_delay: u32,
}

fn parameters(packets: &[Packet]) -> Parameters {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("stream.264");
    let data: Vec<u8> = packets.iter().flat_map(|packet| packet.data.iter().copied()).collect();
    std::fs::write(&path, data).unwrap();
    let lines = ffmpeg_elements(&path);
    let value = |name: &str| {
        let found = lines.iter().find_map(|line| {
            let (_, element) = line.split_once(' ')?;
            element.strip_prefix(name)?.strip_prefix(" = ")?.parse::<f64>().ok()
        });
        found.unwrap_or_else(|| panic!("no {name}"))
    };
    assert!((value("nal_hrd_parameters_present_flag") - 1.0).abs() < 1e-9);
    assert!(value("cbr_flag[0]").abs() < 1e-9 && value("cpb_cnt_minus1").abs() < 1e-9);
    let length = |name: &str| format!("{}", value(name) + 1.0).parse().unwrap();
    Parameters {
        bits_per_second: (value("bit_rate_value_minus1[0]") + 1.0)
            * (6.0 + value("bit_rate_scale")).exp2(),
        size_bits: (value("cpb_size_value_minus1[0]") + 1.0)
            * (4.0 + value("cpb_size_scale")).exp2(),
        tick_seconds: value("num_units_in_tick") / value("time_scale"),
        initial_delay: length("initial_cpb_removal_delay_length_minus1"),
        removal_delay: length("cpb_removal_delay_length_minus1"),
    }
}

/// The messages of an access unit.
#[derive(Debug, Default)]
struct Messages {
    /// Initial delay and its offset, in seconds.
    period: Option<(f64, f64)>,
    /// In ticks.
    removal_delay: Option<f64>,
}

fn messages(packet: &Packet, parameters: &Parameters) -> Messages {
    let mut found = Messages::default();
    let mut rbsp = Vec::new();
    for (nal, payload) in AnnexBUnits::new(&packet.data).filter_map(NalHeader::split) {
        if nal.nal_type != NalType::Sei {
            continue;
        }
        unescape(payload, &mut rbsp);
        let mut rest = &rbsp[..];
        while let [kind, size, message @ ..] = rest
            && !message.is_empty()
        {
            let (message, after) = message.split_at(usize::from(*size));
            let mut reader = BitReader::new(message);
            match kind {
                0 => {
                    assert_eq!(reader.ue(), 0, "the parameter set");
                    let mut seconds =
                        || f64::from(reader.bits(parameters.initial_delay)) / 90_000.0;
                    found.period = Some((seconds(), seconds()));
                }
                1 => found.removal_delay = Some(reader.bits(parameters.removal_delay).into()),
                _ => {}
            }
            rest = after;
        }
    }
    found
}

/// Times of an access unit, in seconds: the arrival of its first and last bit, and its removal.
#[derive(Clone, Copy, Debug)]
struct Times {
    bits: f64,
    begin: f64,
    end: f64,
    removal: f64,
}

/// Computes the times of clauses C.1.1 and C.1.2, for a schedule that may pause.
fn schedule(packets: &[Packet], parameters: &Parameters) -> Vec<Times> {
    let mut times: Vec<Times> = Vec::new();
    let (mut period, mut removed_first) = ((0.0, 0.0), 0.0);
    for packet in packets {
        let found = messages(packet, parameters);
        let delay = found.removal_delay.expect("a removal time in every unit");
        let last_end = times.last().map_or(0.0, |last| last.end);
        let mut removal = removed_first + parameters.tick_seconds * delay;
        if times.is_empty() {
            removal = found.period.expect("a buffering period at the start").0;
        }
        let mut earliest = removal - period.0 - period.1;
        if let Some(next) = found.period {
            assert!(
                next.0 > 0.0
                    && next.0 + next.1 <= parameters.size_bits / parameters.bits_per_second + 1e-4
            );
            if !times.is_empty() {
                // Clause C.3: the delay is not longer than the time since the last unit arrived.
                let available = removal - last_end;
                assert!(next.0 <= available + 1e-3, "{} of {available} s", next.0);
            }
            (period, removed_first) = (next, removal);
            earliest = removal - next.0;
        }
        let begin = if times.is_empty() { 0.0 } else { last_end.max(earliest) };
        let size = bits(packet);
        #[expect(clippy::cast_precision_loss, reason = "below 2^52")]
        let bits = size as f64;
        times.push(Times { bits, begin, end: begin + bits / parameters.bits_per_second, removal });
    }
    times
}

/// Checks that no unit is removed before it has arrived, that the buffer holds what arrives, and that
/// its level is the level of the encoder.
fn check(session: &Session) {
    let parameters = parameters(&session.packets);
    let times = schedule(&session.packets, &parameters);
    for (n, (unit, packet)) in times.iter().zip(&session.packets).enumerate() {
        // The encoder rounds times to microseconds and delays to 1/90000 s.
        assert!(unit.end <= unit.removal + 1e-3, "unit {n}: {unit:?}");
        let arrived = |unit: &Times| {
            ((unit_now(&times, n) - unit.begin) * parameters.bits_per_second).clamp(0.0, unit.bits)
        };
        let level: f64 = times[n..].iter().map(arrived).sum();
        assert!(level <= parameters.size_bits + 64.0, "unit {n}: {level} bits");
        // After the removal.
        #[expect(clippy::cast_precision_loss, reason = "below 2^52")]
        let reported = packet.meta.rate.buffer_bits as f64;
        let ahead = level - unit.bits - reported;
        // Units that do not exist yet have not arrived.
        let is_last = times.last().is_some_and(|last| last.end <= unit.removal);
        assert!(is_last || ahead.abs() < 2000.0, "unit {n}: {ahead} bits from {reported}");
    }
}

fn unit_now(times: &[Times], n: usize) -> f64 {
    times[n].removal
}

fn config(kbps: u64, drops: DropPolicy) -> EncoderConfig {
    let mut config = EncoderConfig::rtc(SIZE, Rational::new(30, 1), Bitrate::kbps(kbps));
    config.rate.drops = drops;
    config.knobs = vec![("hrd".to_owned(), 1)];
    config
}

#[test]
fn the_buffer_of_annex_c_neither_underflows_nor_overflows() {
    if depth::skips_long() {
        return;
    }
    if !external::have("ffmpeg", "the decoder's buffer of H.264") {
        return;
    }
    for (kbps, motion) in [(60, Motion::Patch), (150, Motion::Pan), (401, Motion::Patch)] {
        for scalability in [Scalability::L1T1, Scalability::L1T3] {
            let mut config = config(kbps, DropPolicy::BelowBufferPct(10));
            config.scalability = scalability;
            let mut session = Session::of(Tested::H264, config);
            session.scene(motion, 0, 70);
            let mut request = FrameRequest::default();
            request.key_frame = true;
            let samples = scene::picture(SIZE, 70, motion, 0);
            session.picture(&Picture::i420_packed(SIZE, &samples).unwrap(), request);
            session.scene(motion, 1, 70);
            assert_eq!(session.keys(), [0, 70]);
            check(&session);
        }
    }
}

#[test]
fn the_parameters_follow_a_new_rate_at_the_next_key_frame() {
    if !external::have("ffmpeg", "the decoder's buffer of H.264") {
        return;
    }
    let mut session = Session::of(Tested::H264, config(200, DropPolicy::Never));
    session.scene(Motion::Patch, 0, 20);
    let before = parameters(&session.packets).bits_per_second;
    session.apply(Update::Bitrate(Bitrate::kbps(640)));
    let begin = session.packets.len();
    session.apply(Update::KeyFrame);
    session.scene(Motion::Patch, 0, 20);
    let after = parameters(&session.packets[begin..]).bits_per_second;
    assert!((before - 200_000.0).abs() < 64.0 && (after - 640_000.0).abs() < 64.0);
}

#[test]
fn parameters_of_a_buffer_need_constant_bitrate() {
    let mut config = config(200, DropPolicy::Never);
    config.rate.mode = RateControl::FixedQ(30);
    let error = Tested::H264.open(&config).unwrap_err();
    assert!(error.to_string().contains("hrd"), "{error}");
}
