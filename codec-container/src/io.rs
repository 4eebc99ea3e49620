//! Byte sources and sinks.

use std::fmt;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

const BUFFER_BYTES: usize = 64 << 10;

/// A reader that can seek.
pub trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

/// A writer that can seek.
pub trait WriteSeek: Write + Seek + Send {}
impl<T: Write + Seek + Send> WriteSeek for T {}

/// A byte source. Readers buffer it.
pub enum Source {
    /// A regular file or memory.
    Seekable(Box<dyn ReadSeek>),
    /// A pipe or a socket.
    Stream(Box<dyn Read + Send>),
}

impl Source {
    /// Creates a source from a file or memory.
    #[must_use]
    pub fn seekable(reader: impl Read + Seek + Send + 'static) -> Self {
        Self::Seekable(Box::new(reader))
    }

    /// Creates a source from a pipe or a socket.
    #[must_use]
    pub fn stream(reader: impl Read + Send + 'static) -> Self {
        Self::Stream(Box::new(reader))
    }

    pub(crate) fn reader(&mut self) -> &mut dyn Read {
        match self {
            Self::Seekable(inner) => inner,
            Self::Stream(inner) => inner,
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seekable(_) => "Source::Seekable",
            Self::Stream(_) => "Source::Stream",
        })
    }
}

/// A byte sink. Writers buffer it.
pub enum Output {
    /// A regular file or memory: headers are patched at the end.
    Seekable(Box<dyn WriteSeek>),
    /// A pipe or a socket: formats that need patching use their live form.
    Stream(Box<dyn Write + Send>),
}

impl Output {
    /// Creates a sink from a file or memory.
    #[must_use]
    pub fn seekable(writer: impl Write + Seek + Send + 'static) -> Self {
        Self::Seekable(Box::new(writer))
    }

    /// Creates a sink from a pipe or a socket.
    #[must_use]
    pub fn stream(writer: impl Write + Send + 'static) -> Self {
        Self::Stream(Box::new(writer))
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seekable(_) => "Output::Seekable",
            Self::Stream(_) => "Output::Stream",
        })
    }
}

/// A buffered reader that tracks its position and never allocates more memory than there is data to
/// read.
pub(crate) struct ByteReader {
    inner: Inner,
    position: u64,
}

enum Inner {
    Seekable { reader: BufReader<Box<dyn ReadSeek>>, start: u64 },
    Stream(BufReader<Box<dyn Read + Send>>),
}

impl fmt::Debug for ByteReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ByteReader at {}", self.position)
    }
}

impl ByteReader {
    pub(crate) fn new(source: Source) -> Self {
        let inner = match source {
            Source::Seekable(mut inner) => match inner.stream_position() {
                Ok(start) => {
                    let reader = BufReader::with_capacity(BUFFER_BYTES, inner);
                    Inner::Seekable { reader, start }
                }
                Err(_) => Inner::Stream(BufReader::with_capacity(BUFFER_BYTES, Box::new(inner))),
            },
            Source::Stream(inner) => Inner::Stream(BufReader::with_capacity(BUFFER_BYTES, inner)),
        };
        Self { inner, position: 0 }
    }

    fn reader(&mut self) -> &mut dyn Read {
        match &mut self.inner {
            Inner::Seekable { reader, .. } => reader,
            Inner::Stream(reader) => reader,
        }
    }

    /// Whether [`Self::go_to`] can move.
    pub(crate) fn can_seek(&self) -> bool {
        matches!(self.inner, Inner::Seekable { .. })
    }

    /// Moves to `to`, in bytes from the start of the file; `false` on a pipe. A position after the
    /// end is detected when reading there.
    pub(crate) fn go_to(&mut self, to: u64) -> io::Result<bool> {
        let Inner::Seekable { reader, start } = &mut self.inner else { return Ok(false) };
        match (i64::try_from(to), i64::try_from(self.position)) {
            (Ok(to), Ok(from)) => reader.seek_relative(to - from)?,
            _ => {
                reader.seek(SeekFrom::Start(start.saturating_add(to)))?;
            }
        }
        self.position = to;
        Ok(true)
    }

    /// Length of the file, if known.
    pub(crate) fn len(&mut self) -> io::Result<Option<u64>> {
        let position = self.position;
        let Inner::Seekable { reader, start } = &mut self.inner else { return Ok(None) };
        let end = reader.seek(SeekFrom::End(0))?;
        reader.seek(SeekFrom::Start(*start + position))?;
        Ok(Some(end.saturating_sub(*start)))
    }

    /// Bytes read so far.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Fills `buf` as far as the input goes, and returns the number of bytes.
    pub(crate) fn read_up_to(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while done < buf.len() {
            match self.reader().read(&mut buf[done..]) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.position += done as u64;
        Ok(done)
    }

    /// Replaces the contents of `buf` with the next `len` bytes, or fewer at the end of the input.
    /// Memory grows with the data that arrives.
    pub(crate) fn read_vec(&mut self, buf: &mut Vec<u8>, len: usize) -> io::Result<usize> {
        buf.clear();
        self.append(buf, len)
    }

    /// Appends the next `len` bytes to `buf`, or fewer at the end of the input; returns how many.
    /// Memory grows with the data that arrives.
    pub(crate) fn append(&mut self, buf: &mut Vec<u8>, len: usize) -> io::Result<usize> {
        let done = self.reader().take(len as u64).read_to_end(buf)?;
        self.position += done as u64;
        Ok(done)
    }

    /// Skips `len` bytes, or fewer at the end of the input; returns how many.
    pub(crate) fn skip(&mut self, len: u64) -> io::Result<u64> {
        let done = io::copy(&mut self.reader().take(len), &mut io::sink())?;
        self.position += done;
        Ok(done)
    }
}

/// A buffered writer that tracks its position, and patches earlier bytes if the output can seek.
pub(crate) enum ByteWriter {
    Seekable { inner: BufWriter<Box<dyn WriteSeek>>, position: u64, start: u64 },
    Stream { inner: BufWriter<Box<dyn Write + Send>>, position: u64 },
}

impl fmt::Debug for ByteWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ByteWriter at {}", self.position())
    }
}

fn buffered<W: Write>(inner: W) -> BufWriter<W> {
    BufWriter::with_capacity(BUFFER_BYTES, inner)
}

impl ByteWriter {
    pub(crate) fn new(output: Output) -> io::Result<Self> {
        Ok(match output {
            Output::Seekable(mut inner) => {
                let start = inner.stream_position()?;
                Self::Seekable { inner: buffered(inner), position: 0, start }
            }
            Output::Stream(inner) => Self::Stream { inner: buffered(inner), position: 0 },
        })
    }

    pub(crate) fn can_seek(&self) -> bool {
        matches!(self, Self::Seekable { .. })
    }

    /// Bytes written so far.
    pub(crate) fn position(&self) -> u64 {
        match self {
            Self::Seekable { position, .. } | Self::Stream { position, .. } => *position,
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Seekable { inner, position, .. } => {
                *position += bytes.len() as u64;
                inner.write_all(bytes)
            }
            Self::Stream { inner, position } => {
                *position += bytes.len() as u64;
                inner.write_all(bytes)
            }
        }
    }

    /// Flushes to a pipe, so that its reader gets the data immediately.
    pub(crate) fn flush_if_live(&mut self) -> io::Result<()> {
        if self.can_seek() { Ok(()) } else { self.flush() }
    }

    /// Flushes to the operating system.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Seekable { inner, .. } => inner.flush(),
            Self::Stream { inner, .. } => inner.flush(),
        }
    }

    /// Replaces bytes written earlier at `at`; does nothing on a pipe.
    pub(crate) fn patch(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        if let Self::Seekable { inner, position, start } = self {
            inner.seek(SeekFrom::Start(*start + at))?;
            inner.write_all(bytes)?;
            inner.seek(SeekFrom::Start(*start + *position))?;
        }
        Ok(())
    }
}
