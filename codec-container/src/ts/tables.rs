//! Parses the tables that list programs (PAT) and their streams (PMT). ITU-T H.222.0, section 2.4.4.

/// Longest section.
const MAX_SECTION_BYTES: usize = 3 + 1021;
pub(super) const PAT: u8 = 0;
pub(super) const PMT: u8 = 2;
/// Maximum number of programs, and of streams in one.
const MAX_ENTRIES: usize = 64;

pub(super) const REGISTRATION: u8 = 5;
pub(super) const LANGUAGE: u8 = 10;
pub(super) const EXTENSION: u8 = 0x7F;

/// Collects the sections of a PID.
#[derive(Clone, Debug, Default)]
pub(super) struct Sections {
    bytes: Vec<u8>,
    has_start: bool,
}

impl Sections {
    /// Adds the payload of a packet; returns a section that is complete and undamaged.
    pub(super) fn add(&mut self, payload: &[u8], is_start: bool) -> Option<&[u8]> {
        let mut payload = payload;
        if is_start {
            let (&pointer, rest) = payload.split_first()?;
            payload = rest.get(usize::from(pointer)..)?;
            self.bytes.clear();
            self.has_start = true;
        }
        if !self.has_start {
            return None;
        }
        let room = MAX_SECTION_BYTES.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(&payload[..payload.len().min(room)]);
        let &[_, high, low, ..] = &self.bytes[..] else { return None };
        let length = 3 + (usize::from(high & 15) << 8 | usize::from(low));
        let section = self.bytes.get(..length)?;
        self.has_start = false;
        (crc(section) == 0).then_some(section)
    }
}

/// CRC-32 of annex A: 0 over a section with its own checksum.
pub(super) fn crc(section: &[u8]) -> u32 {
    section.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte) << 24, |crc, _| {
            let shifted = crc << 1;
            if crc >> 31 == 1 { shifted ^ 0x04C1_1DB7 } else { shifted }
        })
    })
}

/// Returns the payload of a section with `table` that applies now, between header and checksum.
fn body(section: &[u8], table: u8) -> Option<&[u8]> {
    let end = section.len().checked_sub(4)?;
    let is_current = section.get(5)? & 1 == 1;
    (*section.first()? == table && is_current).then_some(())?;
    section.get(8..end)
}

/// A program and the PID of its program map table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ProgramEntry {
    pub(super) number: u16,
    pub(super) pid: u16,
}

/// Returns the programs in a program association section.
pub(super) fn programs(section: &[u8]) -> Vec<ProgramEntry> {
    let entries = body(section, PAT).unwrap_or_default().chunks_exact(4);
    let entry = |entry: &[u8]| ProgramEntry {
        number: u16::from(entry[0]) << 8 | u16::from(entry[1]),
        pid: u16::from(entry[2] & 0x1F) << 8 | u16::from(entry[3]),
    };
    // Program 0 is the network.
    entries.map(entry).filter(|entry| entry.number != 0).take(MAX_ENTRIES).collect()
}

/// A stream of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct StreamEntry {
    pub(super) pid: u16,
    /// `stream_type`.
    pub(super) kind: u8,
    /// `format_identifier` of the registration descriptor.
    pub(super) registration: Option<[u8; 4]>,
    /// Tags of the descriptors.
    pub(super) tags: Vec<u8>,
    /// `channel_config_code` of Opus.
    pub(super) opus_channels: Option<u8>,
    /// ISO 639-2 code.
    pub(super) language: Option<String>,
}

/// Returns the streams in the program map section of program `number`; `None` if it is not one.
pub(super) fn streams(section: &[u8], number: u16) -> Option<Vec<StreamEntry>> {
    let rest = body(section, PMT)?;
    (section.get(3..5)? == number.to_be_bytes()).then_some(())?;
    let (head, rest) = rest.split_first_chunk::<4>()?;
    let mut rest = rest.get(length_12([head[2], head[3]])..)?;
    let mut entries = Vec::new();
    while let Some((&[kind, pid_high, pid_low, length_high, length_low], after)) =
        rest.split_first_chunk()
    {
        let (descriptors, after) = after.split_at_checked(length_12([length_high, length_low]))?;
        rest = after;
        let pid = u16::from(pid_high & 0x1F) << 8 | u16::from(pid_low);
        let mut entry = StreamEntry { pid, kind, ..StreamEntry::default() };
        entry.add_descriptors(descriptors);
        if entries.len() < MAX_ENTRIES {
            entries.push(entry);
        }
    }
    Some(entries)
}

fn length_12([high, low]: [u8; 2]) -> usize {
    usize::from(high & 15) << 8 | usize::from(low)
}

impl StreamEntry {
    fn add_descriptors(&mut self, mut rest: &[u8]) {
        while let Some((&[tag, length], after)) = rest.split_first_chunk() {
            let Some((content, after)) = after.split_at_checked(length.into()) else { return };
            rest = after;
            self.tags.push(tag);
            match (tag, content) {
                (REGISTRATION, [a, b, c, d, ..]) => self.registration = Some([*a, *b, *c, *d]),
                (EXTENSION, [0x80, channels, ..]) => self.opus_channels = Some(*channels),
                (LANGUAGE, [code @ .., _]) if code.iter().all(u8::is_ascii_lowercase) => {
                    self.language = String::from_utf8(code.to_vec()).ok();
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(table: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(5 + body.len() + 4).unwrap() | 0xB000;
        let mut bytes = vec![table];
        bytes.extend(length.to_be_bytes());
        bytes.extend([0, 1, 0xC1, 0, 0]);
        bytes.extend_from_slice(body);
        let checksum = crc(&bytes);
        bytes.extend(checksum.to_be_bytes());
        bytes
    }

    #[test]
    fn sections_are_joined_and_checked() {
        let pat = section(PAT, &[0, 0, 0xE0, 16, 0, 1, 0xE1, 0]);
        let mut sections = Sections::default();
        assert_eq!(sections.add(&pat[..5], false), None, "without a start");
        let first = [&[2, 9, 9][..], &pat[..9]].concat();
        assert_eq!(sections.add(&first, true), None);
        assert_eq!(
            sections.add(&[&pat[9..], &[0xFF; 20]].concat(), false).map(programs),
            Some(vec![ProgramEntry { number: 1, pid: 0x100 }])
        );
        let mut damaged = [&[0][..], &pat].concat();
        damaged[12] ^= 1;
        assert_eq!(sections.add(&damaged, true), None);
    }

    #[test]
    fn streams_have_their_descriptors() {
        let mut body = vec![0xE1, 0, 0xF0, 0, 0x1B, 0xE1, 0, 0xF0, 0];
        body.extend([6, 0xE1, 1, 0xF0, 16, 5, 4]);
        body.extend(b"Opus");
        body.extend([0x7F, 2, 0x80, 2, 10, 4]);
        body.extend(b"eng\0");
        let found = streams(&section(PMT, &body), 1).unwrap();
        assert_eq!((found[0].kind, found[0].pid), (0x1B, 0x100));
        assert_eq!(
            (found[1].kind, found[1].pid, found[1].registration),
            (6, 0x101, Some(*b"Opus"))
        );
        assert_eq!((found[1].opus_channels, found[1].language.as_deref()), (Some(2), Some("eng")));
        assert_eq!(streams(&section(PMT, &body), 2), None, "of another program");
        assert_eq!(streams(&section(PAT, &body), 1), None);
        body.truncate(body.len() - 3);
        assert_eq!(streams(&section(PMT, &body), 1), None, "truncated");
    }
}
