//! An input that can move to a position: by seeking, or, on a pipe, by reading up to it.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use super::boxes::{BoxType, unsupported};
use crate::io::ReadSeek;
use crate::{Result, Source};

const BUFFER_BYTES: usize = 64 << 10;

pub(super) struct Input {
    inner: Inner,
    position: u64,
}

enum Inner {
    Seekable { reader: BufReader<Box<dyn ReadSeek>>, start: u64 },
    Stream(BufReader<Box<dyn Read + Send>>),
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Input at {}", self.position)
    }
}

/// Type, position and length of a box in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) kind: BoxType,
    /// Start of the box.
    pub(super) offset: u64,
    /// Start of the payload.
    pub(super) body: u64,
    /// End of the box; `u64::MAX` if it extends to the end of the file.
    pub(super) end: u64,
}

impl Input {
    pub(super) fn new(source: Source) -> Result<Self> {
        let inner = match source {
            Source::Seekable(mut inner) => {
                let start = inner.stream_position()?;
                Inner::Seekable { reader: BufReader::with_capacity(BUFFER_BYTES, inner), start }
            }
            Source::Stream(inner) => Inner::Stream(BufReader::with_capacity(BUFFER_BYTES, inner)),
        };
        Ok(Self { inner, position: 0 })
    }

    pub(super) fn can_seek(&self) -> bool {
        matches!(self.inner, Inner::Seekable { .. })
    }

    fn reader(&mut self) -> &mut dyn BufRead {
        match &mut self.inner {
            Inner::Seekable { reader, .. } => reader,
            Inner::Stream(reader) => reader,
        }
    }

    /// Moves to `to`. A position past the end of the file is detected when reading there.
    pub(super) fn go_to(&mut self, to: u64) -> Result<()> {
        match &mut self.inner {
            Inner::Seekable { reader, start } => {
                let near = i64::try_from(to).ok().zip(i64::try_from(self.position).ok());
                if let Some((to, from)) = near {
                    reader.seek_relative(to - from)?;
                } else {
                    reader.seek(SeekFrom::Start(start.saturating_add(to)))?;
                }
                self.position = to;
            }
            Inner::Stream(reader) => {
                let distance = to
                    .checked_sub(self.position)
                    .ok_or_else(|| unsupported("reading samples out of order from a pipe"))?;
                self.position += io::copy(&mut reader.take(distance), &mut io::sink())?;
            }
        }
        Ok(())
    }

    /// Replaces the contents of `buf` with the next `len` bytes, or fewer at the end of the input.
    /// Memory grows with the data that arrives.
    pub(super) fn read_vec(&mut self, buf: &mut Vec<u8>, len: usize) -> Result<usize> {
        buf.clear();
        let done = self.reader().take(len as u64).read_to_end(buf)?;
        self.position += done as u64;
        Ok(done)
    }

    /// Length of the file, if known.
    pub(super) fn len(&mut self) -> Result<Option<u64>> {
        let position = self.position;
        match &mut self.inner {
            Inner::Seekable { reader, start } => {
                let end = reader.seek(SeekFrom::End(0))?;
                reader.seek(SeekFrom::Start(*start + position))?;
                Ok(Some(end.saturating_sub(*start)))
            }
            Inner::Stream(_) => Ok(None),
        }
    }

    /// Reads the header of the box at `offset`; `None` if less than a header remains.
    pub(super) fn read_head(&mut self, offset: u64) -> Result<Option<Head>> {
        self.go_to(offset)?;
        let mut head = Vec::with_capacity(16);
        if self.read_vec(&mut head, 8)? < 8 {
            return Ok(None);
        }
        let kind = [head[4], head[5], head[6], head[7]];
        let mut size = u64::from(u32::from_be_bytes([head[0], head[1], head[2], head[3]]));
        let mut head_bytes = 8;
        if size == 1 {
            let mut large = Vec::with_capacity(8);
            self.read_vec(&mut large, 8)?;
            let Ok(large) = <[u8; 8]>::try_from(large) else { return Ok(None) };
            size = u64::from_be_bytes(large);
            head_bytes = 16;
        }
        let end = match size {
            0 => u64::MAX,
            // A box shorter than its header would be read in an endless loop.
            size if size < head_bytes => return Ok(None),
            size => offset.saturating_add(size),
        };
        Ok(Some(Head { kind, offset, body: offset + head_bytes, end }))
    }
}
