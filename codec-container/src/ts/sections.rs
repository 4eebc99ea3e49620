//! Writes the tables of a program (PAT and PMT). ITU-T H.222.0, section 2.4.4.

use super::tables::{EXTENSION, LANGUAGE, PAT, PMT, REGISTRATION, crc};

/// Transport stream identifier, and the number of its only program.
const STREAM_ID: u16 = 1;
const PROGRAM: u16 = 1;

/// A stream of the program.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) pid: u16,
    /// `stream_type`.
    pub(super) kind: u8,
    /// Number of channels of Opus.
    pub(super) opus_channels: Option<u8>,
    /// ISO 639-2 code of three letters.
    pub(super) language: Option<[u8; 3]>,
}

/// Returns the program association section: one program, whose map has PID `map_pid`.
pub(super) fn association(map_pid: u16) -> Vec<u8> {
    let mut body = PROGRAM.to_be_bytes().to_vec();
    put_pid(&mut body, map_pid);
    section(PAT, STREAM_ID, &body)
}

/// Returns the program map section, with the clock on PID `clock_pid`.
pub(super) fn map(clock_pid: u16, entries: &[Entry]) -> Vec<u8> {
    let mut body = Vec::new();
    put_pid(&mut body, clock_pid);
    put_length(&mut body, 0);
    for entry in entries {
        body.push(entry.kind);
        put_pid(&mut body, entry.pid);
        let descriptors = entry.descriptors();
        put_length(&mut body, descriptors.len());
        body.extend_from_slice(&descriptors);
    }
    section(PMT, PROGRAM, &body)
}

impl Entry {
    fn descriptors(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if let Some(channels) = self.opus_channels {
            out.extend_from_slice(&[REGISTRATION, 4]);
            out.extend_from_slice(b"Opus");
            out.extend_from_slice(&[EXTENSION, 2, 0x80, channels]);
        }
        if let Some(language) = self.language {
            out.extend_from_slice(&[LANGUAGE, 4]);
            out.extend_from_slice(&language);
            // The type of the audio is undefined.
            out.push(0);
        }
        out
    }
}

/// Returns a section that is complete in itself, of version 0.
fn section(table: u8, id: u16, body: &[u8]) -> Vec<u8> {
    let mut out = vec![table];
    let length = u16::try_from(5 + body.len() + 4).unwrap_or(u16::MAX);
    out.extend_from_slice(&(0xB000 | length & 0x0FFF).to_be_bytes());
    out.extend_from_slice(&id.to_be_bytes());
    out.extend_from_slice(&[0xC1, 0, 0]);
    out.extend_from_slice(body);
    let checksum = crc(&out);
    out.extend_from_slice(&checksum.to_be_bytes());
    out
}

/// Appends a PID after three reserved bits.
fn put_pid(out: &mut Vec<u8>, pid: u16) {
    out.extend_from_slice(&(0xE000 | pid).to_be_bytes());
}

/// Appends the length of descriptors after four reserved bits.
fn put_length(out: &mut Vec<u8>, length: usize) {
    let length = u16::try_from(length).unwrap_or(0x0FFF) & 0x0FFF;
    out.extend_from_slice(&(0xF000 | length).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::super::tables::{ProgramEntry, Sections, programs, streams};
    use super::*;

    #[test]
    fn tables_are_those_that_the_reader_parses() {
        let mut sections = Sections::default();
        let pat = [&[0][..], &association(0x1000)].concat();
        let found = programs(sections.add(&pat, true).unwrap());
        assert_eq!(found, [ProgramEntry { number: 1, pid: 0x1000 }]);
        let entries = [
            Entry { pid: 0x100, kind: 0x1B, opus_channels: None, language: None },
            Entry { pid: 0x101, kind: 6, opus_channels: Some(2), language: Some(*b"deu") },
        ];
        let pmt = [&[0][..], &map(0x100, &entries)].concat();
        // The PID of the clock.
        assert_eq!(pmt[9..11], [0xE1, 0x00]);
        let found = streams(sections.add(&pmt, true).unwrap(), 1).unwrap();
        assert_eq!((found[0].pid, found[0].kind), (0x100, 0x1B));
        assert_eq!((found[1].registration, found[1].opus_channels), (Some(*b"Opus"), Some(2)));
        assert_eq!(found[1].language.as_deref(), Some("deu"));
    }

    #[test]
    fn sections_have_the_checksum_of_the_standard() {
        // A table that ffmpeg wrote.
        let pat = [0, 0xB0, 0x0D, 0, 1, 0xC1, 0, 0, 0, 1, 0xF0, 0, 0x2A, 0xB1, 0x04, 0xB2];
        assert_eq!(association(0x1000), pat);
    }
}
