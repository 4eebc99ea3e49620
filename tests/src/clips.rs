//! Real video, cropped to any size.

use std::path::Path;

use codec_core::frame::{Picture, Size};

use crate::external;

/// I420 frames of one size, one after another.
#[derive(Clone, Debug)]
pub struct Clip {
    /// Size of every frame.
    pub size: Size,
    /// Their samples, without padding.
    pub samples: Vec<u8>,
}

impl Clip {
    /// Decodes `frames` frames of `file` by ffmpeg, scaled to cover `size` and cropped to it.
    ///
    /// # Panics
    /// If ffmpeg fails.
    #[must_use]
    pub fn read(file: &Path, size: Size, frames: usize) -> Self {
        let (w, h) = (size.width, size.height);
        let filter = format!(
            "scale=w=max({w}\\,ceil({h}*iw/ih)):h=max({h}\\,ceil({w}*ih/iw)):flags=area,\
             crop={w}:{h}:exact=1"
        );
        let samples = external::run(
            "ffmpeg",
            &[
                "-v",
                "error",
                "-nostdin",
                "-i",
                &file.to_string_lossy(),
                "-map",
                "0:v:0",
                "-frames:v",
                &frames.to_string(),
                "-vf",
                &filter,
                "-fps_mode",
                "passthrough",
                "-f",
                "rawvideo",
                "-pix_fmt",
                "yuv420p",
                "-",
            ],
        );
        Self { size, samples }
    }

    /// Bytes of one frame.
    ///
    /// # Panics
    /// If the address space is too small for it.
    #[must_use]
    pub fn frame_len(&self) -> usize {
        usize::try_from(self.size.i420_bytes()).expect("a frame fits in memory")
    }

    /// Iterates over the frames.
    ///
    /// # Panics
    /// Never: the samples are complete frames.
    pub fn pictures(&self) -> impl Iterator<Item = Picture<'_>> {
        self.samples
            .chunks_exact(self.frame_len())
            .map(|frame| Picture::i420_packed(self.size, frame).expect("a complete frame"))
    }
}

/// An IVF file of packets with times 0, 1, 2 ...; for external decoders. `codec` is `VP80` or `VP90`.
///
/// # Panics
/// If a packet has more than 2^32 bytes.
#[must_use]
pub fn ivf(codec: &[u8; 4], size: Size, packets: &[Vec<u8>]) -> Vec<u8> {
    let word = |value: u32| value.to_le_bytes();
    let mut file = [b"DKIF\0\0\x20\0", &codec[..]].concat();
    file.extend(u16::try_from(size.width).expect("a width").to_le_bytes());
    file.extend(u16::try_from(size.height).expect("a height").to_le_bytes());
    file.extend(
        [word(30), word(1), word(u32::try_from(packets.len()).expect("few")), word(0)].concat(),
    );
    for (time, packet) in packets.iter().enumerate() {
        file.extend(word(u32::try_from(packet.len()).expect("a small packet")));
        file.extend((time as u64).to_le_bytes());
        file.extend(packet);
    }
    file
}
