//! MD5 over frames, printed in the formats of vpxdec and ffmpeg.

use codec_core::frame::{Picture, Rational, Size};
use codec_media::values::hex;
use md5::{Digest, Md5};

use codec_media::failure::Result;
use codec_media::io::output::print;

/// The requested digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DigestMode {
    None,
    /// One over all frames.
    Whole,
    /// One for each frame, in the format of ffmpeg's `framemd5`.
    Frames,
}

/// Hashes the visible samples of frames: planes Y, U, V; two bytes for samples of more than 8 bits.
pub(crate) struct Digester {
    mode: DigestMode,
    whole: Md5,
    bytes: Vec<u8>,
    size: Size,
    time_base: Rational,
    begun: bool,
}

impl Digester {
    pub(crate) fn new(mode: DigestMode, size: Size, time_base: Rational) -> Self {
        Self { mode, whole: Md5::new(), bytes: Vec::new(), size, time_base, begun: false }
    }

    pub(crate) fn add(
        &mut self,
        picture: &Picture<'_>,
        pts: i64,
        duration: Option<u64>,
    ) -> Result<()> {
        if self.mode == DigestMode::None {
            return Ok(());
        }
        self.bytes.clear();
        picture.append_bytes(&mut self.bytes);
        if self.mode == DigestMode::Whole {
            self.whole.update(&self.bytes);
            return Ok(());
        }
        if !self.begun {
            self.begun = true;
            print(&format!(
                "#format: frame checksums\n#version: 2\n#hash: MD5\n#tb 0: {}\n#media_type 0: \
                 video\n#codec_id 0: rawvideo\n#dimensions 0: {}\n#stream#, dts,        pts, \
                 duration,     size, hash\n",
                self.time_base, self.size
            ))?;
        }
        let (size, hash) = (self.bytes.len(), hex(&Md5::digest(&self.bytes)));
        let duration = duration.unwrap_or(1);
        print(&format!("0, {pts:10}, {pts:10}, {duration:8}, {size:8}, {hash}\n"))
    }

    /// Prints the digest over all frames.
    pub(crate) fn finish(self) -> Result<()> {
        match self.mode {
            DigestMode::Whole => print(&format!("{}  -\n", hex(&self.whole.finalize()))),
            DigestMode::None | DigestMode::Frames => Ok(()),
        }
    }
}
