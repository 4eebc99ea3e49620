//! Pages: parsing and writing. RFC 3533, section 6.

use std::io;

use crate::io::ByteReader;

/// Bytes before the segment table.
const HEAD_BYTES: usize = 27;
/// Maximum size of a page: its header and 255 segments of 255 bytes.
const MAX_BYTES: usize = HEAD_BYTES + 255 + 255 * 255;
const CAPTURE: &[u8; 4] = b"OggS";

pub(super) const CONTINUED: u8 = 1;
pub(super) const FIRST: u8 = 2;
pub(super) const LAST: u8 = 4;

/// A page with a valid checksum.
#[derive(Clone, Debug, Default)]
pub(super) struct Page {
    pub(super) flags: u8,
    /// Position at the end of the last packet that ends in the page; -1 if no packet ends in it.
    pub(super) granule: i64,
    pub(super) serial: u32,
    pub(super) sequence: u32,
    pub(super) segments: Vec<u8>,
    pub(super) body: Vec<u8>,
    /// Start of the page in the file.
    pub(super) offset: u64,
}

impl Page {
    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Start of the body in the file.
    pub(super) fn body_offset(&self) -> u64 {
        self.offset + (HEAD_BYTES + self.segments.len()) as u64
    }
}

/// The data at the position of a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Page,
    End,
    /// Not a page; the text gives the reason.
    Damage(&'static str),
}

/// Finds pages.
#[derive(Debug)]
pub(super) struct PageReader {
    input: ByteReader,
    /// Read but not consumed: at most one page and the data read with it.
    ahead: Vec<u8>,
    used: usize,
}

impl PageReader {
    pub(super) fn new(input: ByteReader) -> Self {
        Self { input, ahead: Vec::new(), used: 0 }
    }

    /// Expected position of the next page.
    pub(super) fn offset(&self) -> u64 {
        self.input.position() - self.rest().len() as u64
    }

    fn rest(&self) -> &[u8] {
        &self.ahead[self.used..]
    }

    /// Ensures that `needed` bytes are buffered; `false` if the input ends earlier.
    fn fill(&mut self, needed: usize) -> io::Result<bool> {
        let have = self.rest().len();
        if have < needed {
            self.ahead.drain(..self.used);
            self.used = 0;
            self.input.append(&mut self.ahead, needed - have)?;
        }
        Ok(self.rest().len() >= needed)
    }

    /// Reads the page that begins here. If no page begins here, no data is consumed.
    pub(super) fn read(&mut self, page: &mut Page) -> io::Result<Found> {
        if !self.fill(HEAD_BYTES)? {
            let rest = self.rest();
            return Ok(if rest.is_empty() {
                Found::End
            } else {
                Found::Damage("the end of the file")
            });
        }
        let head = self.rest();
        if !head.starts_with(CAPTURE) {
            return Ok(Found::Damage("other data"));
        }
        if head[4] != 0 {
            return Ok(Found::Damage("another version"));
        }
        let table_end = HEAD_BYTES + usize::from(head[26]);
        if !self.fill(table_end)? {
            return Ok(Found::Damage("the end of the file"));
        }
        let body: usize =
            self.rest()[HEAD_BYTES..table_end].iter().map(|&len| usize::from(len)).sum();
        let end = table_end + body;
        if !self.fill(end)? {
            return Ok(Found::Damage("the end of the file"));
        }
        let offset = self.offset();
        let bytes = &self.rest()[..end];
        let mut crc = Crc::default();
        crc.add(&bytes[..22]);
        crc.add(&[0; 4]);
        crc.add(&bytes[26..]);
        if crc.0 != u32_at(bytes, 22) {
            return Ok(Found::Damage("one with a wrong checksum"));
        }
        page.flags = bytes[5];
        page.granule = i64::from_le_bytes([6, 7, 8, 9, 10, 11, 12, 13].map(|at| bytes[at]));
        page.serial = u32_at(bytes, 14);
        page.sequence = u32_at(bytes, 18);
        page.segments.clear();
        page.segments.extend_from_slice(&bytes[HEAD_BYTES..table_end]);
        page.body.clear();
        page.body.extend_from_slice(&bytes[table_end..]);
        page.offset = offset;
        self.used += end;
        Ok(Found::Page)
    }

    /// Skips at least a byte, up to the next possible start of a page; `false` at the end.
    pub(super) fn resync(&mut self) -> io::Result<bool> {
        self.used += usize::from(!self.rest().is_empty());
        loop {
            self.fill(MAX_BYTES)?;
            if let Some(at) = self.rest().windows(4).position(|bytes| bytes == CAPTURE) {
                self.used += at;
                return Ok(true);
            }
            // The last three bytes may begin a page.
            let len = self.rest().len();
            if len < MAX_BYTES {
                self.used += len;
                return Ok(false);
            }
            self.used += len - 3;
        }
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Writes a page into `out`, which is cleared first.
pub(super) fn put_page(
    out: &mut Vec<u8>,
    flags: u8,
    granule: i64,
    serial: u32,
    sequence: u32,
    segments: &[u8],
    body: &[u8],
) {
    out.clear();
    out.extend_from_slice(CAPTURE);
    out.extend_from_slice(&[0, flags]);
    out.extend_from_slice(&granule.to_le_bytes());
    out.extend_from_slice(&serial.to_le_bytes());
    out.extend_from_slice(&sequence.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.push(u8::try_from(segments.len()).unwrap_or(255));
    out.extend_from_slice(segments);
    out.extend_from_slice(body);
    let mut crc = Crc::default();
    crc.add(out);
    out[22..26].copy_from_slice(&crc.0.to_le_bytes());
}

/// The checksum: polynomial 0x04c11db7, most significant bit first, from 0.
#[derive(Default)]
struct Crc(u32);

static CRC_TABLES: [[u32; 256]; 4] = crc_tables();

/// `[n][byte]`: the effect of a byte that is followed by `n` further bytes.
const fn crc_tables() -> [[u32; 256]; 4] {
    let mut tables = [[0_u32; 256]; 4];
    let mut byte = 0;
    let mut top = 0_u32;
    while byte < 256 {
        let mut crc = top << 24;
        top += 1;
        let mut bit = 0;
        while bit < 8 {
            crc = crc << 1 ^ if crc >> 31 == 1 { 0x04C1_1DB7 } else { 0 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut n = 1;
    while n < 4 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[n - 1][byte];
            tables[n][byte] = before << 8 ^ tables[0][(before >> 24) as usize];
            byte += 1;
        }
        n += 1;
    }
    tables
}

impl Crc {
    fn add(&mut self, bytes: &[u8]) {
        let (quads, rest) = bytes.as_chunks::<4>();
        for &quad in quads {
            let [a, b, c, d] = (self.0 ^ u32::from_be_bytes(quad)).to_be_bytes();
            self.0 = CRC_TABLES[3][usize::from(a)]
                ^ CRC_TABLES[2][usize::from(b)]
                ^ CRC_TABLES[1][usize::from(c)]
                ^ CRC_TABLES[0][usize::from(d)];
        }
        for &byte in rest {
            let [top, ..] = self.0.to_be_bytes();
            self.0 = self.0 << 8 ^ CRC_TABLES[0][usize::from(top ^ byte)];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;

    #[test]
    fn four_bytes_at_a_time_give_the_checksum_of_one_at_a_time() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1001).collect();
        let (mut fast, mut slow) = (Crc::default(), Crc::default());
        fast.add(&bytes);
        bytes.iter().for_each(|byte| slow.add(std::slice::from_ref(byte)));
        assert_eq!(fast.0, slow.0);
    }

    #[test]
    fn a_page_is_found_again_after_damage() {
        let mut one = Vec::new();
        put_page(&mut one, FIRST, 7, 9, 0, &[3], b"abc");
        let mut two = Vec::new();
        put_page(&mut two, LAST, 8, 9, 1, &[2], b"de");
        let mut bytes = one.clone();
        bytes[28] ^= 1;
        bytes.extend_from_slice(b"OggOg");
        bytes.extend_from_slice(&two);
        let mut reader = PageReader::new(ByteReader::new(Source::seekable(io::Cursor::new(bytes))));
        let mut page = Page::default();
        assert_eq!(reader.read(&mut page).unwrap(), Found::Damage("one with a wrong checksum"));
        assert!(reader.resync().unwrap());
        assert_eq!(reader.offset(), one.len() as u64 + 5);
        assert_eq!(reader.read(&mut page).unwrap(), Found::Page);
        assert_eq!((page.granule, page.sequence, page.body.as_slice()), (8, 1, &b"de"[..]));
        assert_eq!(reader.read(&mut page).unwrap(), Found::End);
    }
}
