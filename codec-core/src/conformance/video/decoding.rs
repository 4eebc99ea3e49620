//! Decoder checks for video: frame order, timestamps, determinism, limits and damaged packets.

use std::sync::Arc;

use codec_simd::RowPool;

use super::{CheckFn, SIZE, Subject, decode_all, ensure};
use crate::codec::{DecoderConfig, FrameKind, Packet, VideoDecoder};
use crate::conformance::report::Verdict;
use crate::error::Error;
use crate::frame::Frame;
use crate::parallel::Pool;

pub(super) static CHECKS: &[(&str, CheckFn)] = &[
    ("decoder: frames are in order, with the packets' timestamps", order),
    ("decoder: equal packets give equal frames", determinism),
    ("decoder: later packets do not change a returned frame", kept),
    ("decoder: limits are enforced", limits),
    ("decoder: decoding starts at a key frame", waits),
    ("decoder: `finish` and `reset` reset the decoder", afresh),
    ("decoder: damage is an error, and the next key frame recovers", damage),
    ("decoder: damage causes no panic", noise),
];

/// Creates a pool of `threads`, if the platform has threads.
pub(super) fn pool(threads: usize) -> Option<Arc<dyn Pool>> {
    RowPool::new(threads).ok().map(|pool| Arc::new(pool) as Arc<dyn Pool>)
}

fn digests(frames: &[Frame]) -> Vec<u64> {
    frames.iter().map(Frame::digest).collect()
}

fn order(subject: &Subject<'_>) -> Result<Verdict, String> {
    let packets = subject.packets(12, &[5])?;
    let mut decoder = subject.open_decoder()?;
    let frames = decode_all(&mut *decoder, &packets)?;
    let shown: Vec<_> =
        packets.iter().filter(|p| p.meta.shown).map(|p| (p.pts, p.duration)).collect();
    let found: Vec<_> = frames.iter().map(|frame| (frame.pts, frame.duration)).collect();
    ensure(found == shown, || format!("timestamps are {found:?}, the packets' are {shown:?}"))?;
    ensure(frames.iter().all(|frame| frame.size() == SIZE), || {
        "a frame has the wrong size".to_owned()
    })?;
    decoder.reset();
    for packet in &packets {
        let report = decoder
            .decode(&packet.data, packet.pts, packet.duration)
            .map_err(|error| error.to_string())?;
        let (kind, shown, size) = (packet.meta.kind, packet.meta.shown, packet.meta.size);
        ensure((report.kind, report.shown, report.size) == (kind, shown, size), || {
            format!("a {kind:?} frame of {size} is reported as {report:?}")
        })?;
    }
    Ok(Verdict::Passed)
}

fn determinism(subject: &Subject<'_>) -> Result<Verdict, String> {
    let packets = subject.packets(8, &[])?;
    let decode = |threads: usize| -> Result<Vec<u64>, String> {
        let mut config = DecoderConfig::default();
        if threads > 1 {
            config.pool = pool(threads);
            config.delay_frames = 1;
        }
        let mut decoder = subject.open_decoder_with(&config)?;
        Ok(digests(&decode_all(&mut *decoder, &packets)?))
    };
    let first = decode(1)?;
    ensure(first.len() == 8, || format!("{} of 8 frames received", first.len()))?;
    ensure(decode(1)? == first, || "a second run gives different frames".to_owned())?;
    ensure(decode(2)? == first, || "two threads give different frames than one".to_owned())?;
    Ok(Verdict::Passed)
}

fn kept(subject: &Subject<'_>) -> Result<Verdict, String> {
    let packets = subject.packets(12, &[])?;
    let mut decoder = subject.open_decoder()?;
    let mut held: Vec<(Frame, u64)> = Vec::new();
    for packet in &packets {
        decoder
            .decode(&packet.data, packet.pts, packet.duration)
            .map_err(|error| error.to_string())?;
        held.extend(std::iter::from_fn(|| decoder.receive()).map(|frame| {
            let digest = frame.digest();
            (frame, digest)
        }));
    }
    ensure(held.iter().all(|(frame, digest)| frame.digest() == *digest), || {
        "later packets changed a returned frame".to_owned()
    })?;
    Ok(Verdict::Passed)
}

fn limits(subject: &Subject<'_>) -> Result<Verdict, String> {
    let packets = subject.packets(1, &[])?;
    let packet = packets.first().ok_or("no packet")?;
    let mut small = DecoderConfig::default();
    small.limits.max_pixels = SIZE.pixels() - 1;
    let mut short = DecoderConfig::default();
    short.limits.max_frame_bytes = packet.data.len() as u64 - 1;
    for (what, config) in [("max_pixels", small), ("max_frame_bytes", short)] {
        let mut decoder = subject.open_decoder_with(&config)?;
        let outcome = decoder.decode(&packet.data, 0, None);
        ensure(matches!(outcome, Err(Error::Limit(_))), || {
            format!("decoding a packet above the limit `{what}` returned {outcome:?}")
        })?;
        ensure(decoder.receive().is_none(), || {
            format!("a packet above the limit `{what}` yields a frame")
        })?;
    }
    Ok(Verdict::Passed)
}

/// Decodes a packet and returns its frame, if there is one.
fn feed(decoder: &mut dyn VideoDecoder, packet: &Packet) -> Result<Option<Frame>, Error> {
    decoder.decode(&packet.data, packet.pts, packet.duration)?;
    Ok(decoder.receive())
}

fn waits(subject: &Subject<'_>) -> Result<Verdict, String> {
    let packets = subject.packets(8, &[5])?;
    let mut decoder = subject.open_decoder()?;
    let mut frames = 0;
    for packet in packets.iter().skip(1) {
        let is_key = packet.meta.kind == FrameKind::Key;
        let found = feed(&mut *decoder, packet);
        match found {
            Ok(Some(_)) if frames == 0 && !is_key => {
                return Err("a frame was returned before the first key frame".to_owned());
            }
            Ok(frame) => frames += usize::from(frame.is_some()),
            Err(Error::Corrupt(_)) if frames == 0 && !is_key => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    let key = packets.iter().skip(1).position(|packet| packet.meta.kind == FrameKind::Key);
    let due = key.map_or(0, |key| packets.len() - 1 - key);
    ensure(frames == due, || format!("{frames} of {due} frames received from the key frame on"))?;
    Ok(Verdict::Passed)
}

fn afresh(subject: &Subject<'_>) -> Result<Verdict, String> {
    let packets = subject.packets(6, &[])?;
    let mut decoder = subject.open_decoder()?;
    decoder.finish();
    decoder.reset();
    let first = digests(&decode_all(&mut *decoder, &packets)?);
    let again = digests(&decode_all(&mut *decoder, &packets)?);
    ensure(first == again, || "the frames differ after `finish`".to_owned())?;
    decoder.reset();
    let inter = packets.get(2).ok_or("too few packets")?;
    let outcome = feed(&mut *decoder, inter);
    let is_key = inter.meta.kind == FrameKind::Key;
    ensure(is_key || !matches!(outcome, Ok(Some(_))), || "references survive `reset`".to_owned())?;
    decoder.reset();
    let again = digests(&decode_all(&mut *decoder, &packets)?);
    ensure(first == again, || "the frames differ after `reset`".to_owned())?;
    Ok(Verdict::Passed)
}

fn damage(subject: &Subject<'_>) -> Result<Verdict, String> {
    let packets = subject.packets(8, &[5])?;
    let mut decoder = subject.open_decoder()?;
    let clean = digests(&decode_all(&mut *decoder, &packets)?);
    let whole = packets.first().ok_or("no packet")?;
    for keep in [0, 1, 2, 3, whole.data.len() / 8] {
        let mut decoder = subject.open_decoder()?;
        let mut cut = whole.clone();
        cut.data.truncate(keep);
        let outcome = feed(&mut *decoder, &cut);
        ensure(!matches!(outcome, Ok(Some(_))), || {
            format!("{keep} of {} bytes of a key frame yield a frame", whole.data.len())
        })?;
        if let Err(error) = outcome {
            ensure(matches!(error, Error::Corrupt(_)), || {
                format!("{keep} bytes of a key frame yield: {error}")
            })?;
        }
        // Decoding must recover at the next key frame.
        for (index, packet) in packets.iter().enumerate().skip(1) {
            let found = feed(&mut *decoder, packet);
            if index >= 5 {
                let digest = found.map(|frame| frame.map(|frame| frame.digest()));
                let expected = clean.get(index).copied();
                ensure(digest == Ok(expected), || {
                    format!("after damage, frame {index} has digest {digest:?}")
                })?;
            }
        }
    }
    Ok(Verdict::Passed)
}

/// Feeds packets with flipped bits, missing, repeated and random bytes.
fn noise(subject: &Subject<'_>) -> Result<Verdict, String> {
    let packets = subject.packets(4, &[])?;
    let mut seed = 0x2545_f491_u32;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        seed as usize % below.max(1)
    };
    let mut decoder = subject.open_decoder()?;
    for round in 0..60 {
        for packet in &packets {
            let mut data = packet.data.clone();
            match (round + random(4)) % 4 {
                0 => {
                    for _ in 0..=random(8) {
                        let at = random(data.len());
                        data[at] ^= 1 << random(8);
                    }
                }
                1 => data.truncate(random(data.len())),
                2 => {
                    let at = random(data.len());
                    data.remove(at);
                }
                _ => {
                    let from = random(data.len());
                    data[from..].iter_mut().for_each(|byte| *byte = random(256).to_le_bytes()[0]);
                }
            }
            // Any result is allowed; a changed byte may also be valid.
            let _ = decoder.decode(&data, packet.pts, None);
            while decoder.receive().is_some() {}
        }
    }
    decoder.reset();
    let frames = decode_all(&mut *decoder, &packets)?.len();
    ensure(frames == 4, || format!("{frames} of 4 frames received after damage and `reset`"))?;
    Ok(Verdict::Passed)
}
