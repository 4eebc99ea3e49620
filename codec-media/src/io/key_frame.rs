//! Finds the key frame at which decoding of a part of the input begins.

use codec_container::{CodedPacket, Error, PacketReader, PayloadInfo};
use codec_core::codec::Codec;

/// Attempts to find a usable key frame before an index is no longer used.
const MAX_ATTEMPTS: u32 = 64;
/// In streams without decoding times, frames can be stored this much earlier than frames that are
/// presented before them, in seconds.
const MAX_REORDER_S: f64 = 10.0;

/// Opens the input once more, if it is a file.
pub(crate) type Reopen<'a> = &'a dyn Fn() -> Option<Box<dyn PacketReader>>;

/// Where reading continues.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// With this packet, which has been read.
    Packet(CodedPacket),
    /// After this many packets of the track, from the start.
    After(u64),
}

/// Whether decoding can begin with a packet: no later frame refers to an earlier one.
pub(crate) fn is_entry(codec: Codec, packet: &CodedPacket) -> bool {
    // Key frames of H.264 files may be frames after which earlier ones are still referred to (open
    // GOP).
    packet.key && (codec != Codec::H264 || PayloadInfo::of(codec, &packet.data).key)
}

/// Moves `reader` to the last key frame of `track` at or before `time`, in ticks. The reader must be
/// at its start, or not further than the packets that the caller holds.
///
/// # Errors
/// If the input cannot be read.
pub(crate) fn find(
    reader: &mut dyn PacketReader,
    track: usize,
    time: i64,
    reopen: Reopen<'_>,
) -> Result<Entry, Error> {
    let Some(video) = reader.tracks().get(track).and_then(|track| track.video()) else {
        return Ok(Entry::After(0));
    };
    let (codec, tick_s) = (video.codec, video.time_base.as_f64());
    let mut wanted = time;
    for attempt in 0..=MAX_ATTEMPTS {
        if attempt == MAX_ATTEMPTS {
            wanted = i64::MIN;
        }
        if !reader.seek(track, wanted)? {
            let mut other = reopen();
            let found = other.as_mut().map(|other| scan(&mut **other, track, time, tick_s));
            return Ok(Entry::After(found.unwrap_or(0)));
        }
        let mut packet = CodedPacket::default();
        let has_packet = reader.read(&mut packet)?;
        let is_usable = has_packet && packet.pts <= time && is_entry(codec, &packet);
        if is_usable || wanted == i64::MIN {
            return Ok(if has_packet { Entry::Packet(packet) } else { Entry::After(0) });
        }
        let before = if has_packet { packet.pts.saturating_sub(1) } else { i64::MIN };
        // An index that does not lead to an earlier packet is of no use.
        wanted = if before < wanted { before } else { i64::MIN };
    }
    Ok(Entry::After(0))
}

/// The number of packets before the last key frame at or before `time`.
fn scan(reader: &mut dyn PacketReader, track: usize, time: i64, tick_s: f64) -> u64 {
    reader.select(&[track]);
    let codec = reader.tracks().get(track).and_then(|track| track.video()).map(|video| video.codec);
    let Some(codec) = codec else { return 0 };
    let is_ordered = codec != Codec::H264;
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    let reorder = (MAX_REORDER_S / tick_s) as i64;
    let (mut packet, mut count, mut found) = (CodedPacket::default(), 0, 0);
    // The reader of the caller reports errors.
    while let Ok(true) = reader.read(&mut packet) {
        let has_passed = match packet.dts {
            Some(dts) => dts > time,
            None if is_ordered => packet.pts > time,
            None => packet.pts > time.saturating_add(reorder),
        };
        if has_passed {
            break;
        }
        if packet.pts <= time && is_entry(codec, &packet) {
            found = count;
        }
        count += 1;
    }
    found
}
