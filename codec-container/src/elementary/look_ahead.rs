//! A byte source from which a parser can read ahead without consuming the bytes.

use std::io;

use crate::io::ByteReader;
use crate::{FileMetadata, Source, id3};

#[derive(Debug)]
pub(super) struct LookAhead {
    input: ByteReader,
    ahead: Vec<u8>,
    used: usize,
}

/// Bytes that are read at a time.
const STEP: usize = 16 << 10;

impl LookAhead {
    pub(super) fn new(source: Source) -> Self {
        Self { input: ByteReader::new(source), ahead: Vec::new(), used: 0 }
    }

    /// Position of the next byte in the file.
    pub(super) fn offset(&self) -> u64 {
        self.input.position() - self.rest().len() as u64
    }

    /// Bytes read but not consumed.
    pub(super) fn rest(&self) -> &[u8] {
        &self.ahead[self.used..]
    }

    /// Ensures that `needed` bytes are buffered; `false` if the input ends earlier.
    pub(super) fn fill(&mut self, needed: usize) -> io::Result<bool> {
        let have = self.rest().len();
        if have < needed {
            self.ahead.drain(..self.used);
            self.used = 0;
            self.input.append(&mut self.ahead, (needed - have).max(STEP))?;
        }
        Ok(self.rest().len() >= needed)
    }

    /// Consumes buffered bytes.
    pub(super) fn consume(&mut self, bytes: usize) {
        self.used = (self.used + bytes).min(self.ahead.len());
    }

    /// Skips bytes, buffered or not.
    pub(super) fn skip(&mut self, bytes: u64) -> io::Result<()> {
        let actual = (self.rest().len() as u64).min(bytes);
        self.consume(usize::try_from(actual).unwrap_or(0));
        self.input.skip(bytes - actual)?;
        Ok(())
    }

    /// Reads `ID3v2` tags, as far as they are worth memory.
    pub(super) fn read_id3(&mut self) -> io::Result<FileMetadata> {
        let mut found = FileMetadata::default();
        while self.fill(id3::HEAD_BYTES)? {
            let Some(&head) = self.rest().first_chunk() else { break };
            let Some(size) = id3::size_of(&head) else { break };
            self.consume(id3::HEAD_BYTES);
            let kept = usize::try_from(size).unwrap_or(usize::MAX).min(id3::MAX_BYTES);
            self.fill(kept)?;
            let body = self.rest().get(..kept).unwrap_or(self.rest());
            id3::add_tags(&head, body, &mut found);
            self.skip(size)?;
        }
        Ok(found)
    }
}
