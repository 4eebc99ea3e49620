//! Extracts the packets of the first audio track of a Matroska file without the project's own
//! reader, so that codec tests do not depend on a container.

/// Set-up data and packets of a track.
#[derive(Clone, Debug, Default)]
pub struct AudioTrack {
    /// `CodecPrivate`.
    pub private: Vec<u8>,
    /// Payloads in order.
    pub packets: Vec<Vec<u8>>,
    number: Option<u64>,
}

const SEGMENT: u64 = 0x1853_8067;
const TRACKS: u64 = 0x1654_ae6b;
const TRACK_ENTRY: u64 = 0xae;
const CLUSTER: u64 = 0x1f43_b675;
const BLOCK_GROUP: u64 = 0xa0;
const BLOCK: u64 = 0xa1;
const SIMPLE_BLOCK: u64 = 0xa3;
const TRACK_NUMBER: u64 = 0xd7;
const TRACK_TYPE: u64 = 0x83;
const CODEC_PRIVATE: u64 = 0x63a2;

/// Reads a file without lacing, as ffmpeg writes it.
///
/// # Panics
/// If blocks are laced.
#[must_use]
pub fn audio_track(file: &[u8]) -> AudioTrack {
    let mut track = AudioTrack::default();
    walk(file, &mut track);
    track
}

fn walk(mut data: &[u8], track: &mut AudioTrack) {
    while let Some((id, size, rest)) = element(data) {
        let (body, after) = rest.split_at(size.min(rest.len()));
        match id {
            SEGMENT | TRACKS | CLUSTER | BLOCK_GROUP => walk(body, track),
            TRACK_ENTRY if track.number.is_none() => entry(body, track),
            BLOCK | SIMPLE_BLOCK => block(body, track),
            _ => {}
        }
        data = after;
    }
}

fn entry(mut data: &[u8], track: &mut AudioTrack) {
    let (mut number, mut kind, mut private) = (0, 0, Vec::new());
    while let Some((id, size, rest)) = element(data) {
        let (body, after) = rest.split_at(size.min(rest.len()));
        let value = body.iter().fold(0, |sum: u64, &byte| sum << 8 | u64::from(byte));
        match id {
            TRACK_NUMBER => number = value,
            TRACK_TYPE => kind = value,
            CODEC_PRIVATE => private = body.to_vec(),
            _ => {}
        }
        data = after;
    }
    if kind == 2 {
        track.number = Some(number);
        track.private = private;
    }
}

fn block(data: &[u8], track: &mut AudioTrack) {
    let Some((number, length)) = vint(data, true) else { return };
    if track.number == Some(number) {
        assert_eq!(data[length + 2] & 6, 0, "a laced block");
        track.packets.push(data[length + 3..].to_vec());
    }
}

/// Identifier, size and the rest; an unknown size extends to the end.
fn element(data: &[u8]) -> Option<(u64, usize, &[u8])> {
    let (id, id_length) = vint(data, false)?;
    let (size, size_length) = vint(&data[id_length..], true)?;
    let rest = &data[id_length + size_length..];
    let unknown = size == (1 << (7 * size_length)) - 1;
    let size = if unknown { rest.len() } else { usize::try_from(size).ok()? };
    Some((id, size, rest))
}

/// A number of variable length, with or without its marker bit.
fn vint(data: &[u8], strip: bool) -> Option<(u64, usize)> {
    let length = data.first()?.leading_zeros() as usize + 1;
    let bytes = data.get(..length).filter(|_| length <= 8)?;
    let value = bytes.iter().fold(0, |sum: u64, &byte| sum << 8 | u64::from(byte));
    Some((if strip { value & !(1 << (7 * length)) } else { value }, length))
}
