//! Detection of file formats by content.

use crate::{Format, elementary, h264, obu, ts};

impl Format {
    /// Number of bytes that [`Self::detect`] needs.
    pub(crate) const PROBE_BYTES: usize = ts::PROBE_BYTES;
    /// Number of bytes that all formats but transport streams need.
    pub(crate) const SHORT_PROBE_BYTES: usize = 64;

    /// Detects the format of a file that begins with `head`. Raw video and audio have no header and
    /// are never detected.
    ///
    /// ```
    /// use codec_container::Format;
    ///
    /// assert_eq!(Format::detect(b"DKIF\0\0\x20\0VP80"), Some(Format::Ivf));
    /// assert_eq!(Format::from_extension("webm"), Some(Format::WebM));
    /// ```
    #[must_use]
    pub fn detect(head: &[u8]) -> Option<Self> {
        const MP4_BOXES: [&[u8; 4]; 8] =
            [b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide"];
        if ts::is_stream(head) {
            return Some(Self::MpegTs);
        }
        let all = head;
        let head = &all[..all.len().min(Self::SHORT_PROBE_BYTES)];
        if head.starts_with(b"YUV4MPEG2") {
            Some(Self::Y4m)
        } else if head.starts_with(b"DKIF") {
            Some(Self::Ivf)
        } else if head.starts_with(&[0x1A, 0x45, 0xDF, 0xA3]) {
            // The document type is in the first element.
            let matroska = head.windows(8).any(|name| name == b"matroska");
            Some(if matroska { Self::Matroska } else { Self::WebM })
        } else if head.get(4..8).is_some_and(|kind| MP4_BOXES.iter().any(|known| kind == *known)) {
            Some(Self::Mp4)
        } else if head.starts_with(b"OggS") {
            Some(Self::Ogg)
        } else if [b"RIFF", b"RF64", b"BW64", b"RIFX"].iter().any(|kind| head.starts_with(*kind))
            && head.get(8..12) == Some(b"WAVE")
        {
            Some(Self::Wav)
        } else if head.starts_with(b"fLaC") {
            Some(Self::Flac)
        } else if elementary::is_adts(head) {
            Some(Self::Adts)
        } else if head.starts_with(b"ID3") || elementary::is_mp3(head) {
            Some(Self::Mp3)
        } else if obu::is_stream(head) {
            Some(Self::Obu)
        } else if h264::is_stream(head) {
            Some(Self::H264)
        } else if ts::is_stream_later(all) {
            Some(Self::MpegTs)
        } else {
            None
        }
    }
}
