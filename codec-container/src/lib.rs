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
