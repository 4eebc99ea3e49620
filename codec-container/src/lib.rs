//! Readers and writers of media files and pipes: y4m, raw video, IVF, WebM/Matroska, MP4, Ogg,
//! WAVE, FLAC, MP3, ADTS, raw audio and AV1 OBU streams.
//!
//! For reading, start at [`open()`], [`open_packets`] and [`open_pictures`], which detect the
//! format by content; for writing, at [`create_packets`] and [`create_pictures`]. Readers take any
//! [`std::io::Read`] and read it once, from front to back; writers that patch their headers at the
//! end do so if [`Output`] can seek.
//!
//! Input is untrusted: sizes are checked against [`ReadOptions::limits`], and memory grows with the
//! data that was read, never with the values in a header.
//!
//! # Formats and standards
//!
//! Paths are relative to `src`.
//!
//! | format | standard | file |
//! |---|---|---|
//! | WebM, Matroska | RFC 9559 over RFC 8794 | `webm/` |
//! | MP4, fragmented or not; AVC in it | ISO/IEC 14496-12, 14496-15 | `mp4/`, `avc.rs` |
//! | Ogg: Opus; Vorbis and FLAC read only | RFC 3533, RFC 7845 | `ogg/` |
//! | WAVE, RF64 | EBU Tech 3306 | `wav/` |
//! | raw audio samples | | `pcm.rs` |
//! | native FLAC; MP3 and ADTS read only | RFC 9639; ISO/IEC 11172-3, 14496-3 | `frames/` |
//! | streams of AV1 units | AV1 specification, sections 5 and B | `obu/` |
//! | IVF | | `ivf.rs` |
//! | y4m, raw video | | `y4m.rs`, `raw.rs` |
//!
//! Formats are read without seeking, except that MP4 seeks if it can; from a pipe its index must come
//! first. A file is a list of [`Track`]s, and each packet names its track. Audio is timed by counted
//! samples in all formats (`samples.rs`); writers of several tracks interleave them
//! (`interleave.rs`).

#![forbid(unsafe_code)]

mod avc;
mod error;
mod flac;
mod format;
mod frames;
mod interleave;
mod io;
mod ivf;
mod metadata;
mod mp4;
mod obu;
mod ogg;
mod open;
mod opus;
mod payload;
mod pcm;
mod rational;
mod raw;
mod samples;
mod skipped;
mod stream;
mod tags;
mod time;
mod track;
mod vorbis;
mod wav;
mod webm;
mod y4m;

pub use avc::AnnexB;
pub use error::{Corrupt, Error, Result};
pub use format::Format;
pub use frames::{AdtsReader, FlacReader, FlacWriter, Mp3Reader};
pub use io::{Output, ReadSeek, Source, WriteSeek};
pub use ivf::{IvfReader, IvfWriter};
pub use mp4::{Mp4Reader, Mp4Writer};
pub use obu::{ObuReader, ObuWriter};
pub use ogg::{OggReader, OggWriter};
pub use open::{
    Input, ReadOptions, WriteOptions, create_packets, create_pictures, open, open_packets,
    open_pictures,
};
pub use payload::PayloadFacts;
pub use pcm::{RawAudioReader, RawAudioSpec, RawAudioWriter};
pub use raw::{RawReader, RawSpec, RawWriter};
pub use skipped::{SkippedTrack, TrackKind};
pub use stream::{
    ChromaSiting, CodedPacket, PacketReader, PacketRef, PacketWriter, PictureReader, PictureStream,
    PictureWriter, TimedPicture, Warning,
};
pub use track::{AudioTrack, Track, VideoTrack};
pub use wav::{WavReader, WavWriter};
pub use webm::{WebmReader, WebmWriter};
pub use y4m::{Y4mReader, Y4mWriter};
