//! Readers and writers of media files and pipes: y4m, raw video, IVF, WebM/Matroska, MP4, Ogg,
//! WAVE, FLAC, MP3, ADTS, raw audio, AV1 OBU streams, H.264 byte streams and MPEG
//! transport streams.
//!
//! For reading, start at [`open()`], [`open_packets`] and [`open_raw_video`], which detect the
//! format by content; for writing, at [`create_packets`] and [`create_raw_video`]. Readers take any
//! [`std::io::Read`] and read it once from front to back; the MP4 reader reads the index of the file
//! first if it can seek, and [`PacketReader::seek`] moves to a key frame in files with an index.
//! Writers update sizes in their headers at the end if [`Output`] can seek.
//!
//! Input is untrusted: sizes are checked against [`ReadOptions::limits`], and memory use depends on
//! the amount of data read, never on the sizes that a header claims.
//!
//! # Examples
//!
//! Write a WebM file, and remux it to IVF:
//!
//! ```
//! use std::io::Cursor;
//! use codec_container::{
//!     CodedPacket, Format, Output, PacketRef, ReadOptions, Source, Track, VideoTrack, WriteOptions,
//!     create_packets, open_packets,
//! };
//! use codec_core::codec::Codec;
//! use codec_core::frame::{Rational, Size};
//! # use std::io::{Result as IoResult, Write};
//! # use std::sync::{Arc, Mutex};
//! # #[derive(Clone, Default)]
//! # struct Memory(Arc<Mutex<Vec<u8>>>);
//! # impl Write for Memory {
//! #     fn write(&mut self, bytes: &[u8]) -> IoResult<usize> {
//! #         self.0.lock().unwrap().extend_from_slice(bytes);
//! #         Ok(bytes.len())
//! #     }
//! #     fn flush(&mut self) -> IoResult<()> {
//! #         Ok(())
//! #     }
//! # }
//!
//! let (webm, ivf) = (Memory::default(), Memory::default()); // `Memory` implements `Write`
//! let mut track =
//!     VideoTrack::new(Format::WebM, Codec::Vp8, Size::new(64, 48), Rational::new(1, 1000));
//! track.frame_rate = Some(Rational::new(30, 1));
//! let tracks = [Track::Video(track)];
//! let options = WriteOptions::default();
//! let mut writer =
//!     create_packets(Output::stream(webm.clone()), Format::WebM, &tracks, &options)?;
//! // The first bytes of a VP8 key frame of 64x48 pixels.
//! let key = [0x10, 2, 0, 0x9d, 1, 0x2a, 64, 0, 48, 0, 0, 0, 0, 0, 0, 0];
//! for pts in [0, 33, 67] {
//!     writer.write(PacketRef { data: &key, pts, ..PacketRef::default() })?;
//! }
//! writer.finish()?;
//!
//! let source = Source::seekable(Cursor::new(webm.0.lock().unwrap().clone()));
//! let mut reader = open_packets(source, &ReadOptions::default())?; // detects WebM by content
//! let tracks = reader.tracks().to_vec();
//! let mut writer = create_packets(Output::stream(ivf.clone()), Format::Ivf, &tracks, &options)?;
//! let mut packet = CodedPacket::default();
//! let mut count = 0;
//! while reader.read(&mut packet)? {
//!     writer.write(packet.as_ref())?;
//!     count += 1;
//! }
//! writer.finish()?;
//! assert_eq!(count, 3);
//! assert!(ivf.0.lock().unwrap().starts_with(b"DKIF"));
//! # Ok::<(), codec_container::Error>(())
//! ```
//!
//! # Formats and standards
//!
//! Paths are relative to `src`.
//!
//! | format | standard | file |
//! |---|---|---|
//! | WebM, Matroska | RFC 9559, based on EBML (RFC 8794) | `webm/` |
//! | MP4, also fragmented; H.264 in MP4 | ISO/IEC 14496-12, 14496-15 | `mp4/`, `h264/avc.rs` |
//! | Ogg with Opus; Vorbis and FLAC read-only | RFC 3533, RFC 7845 | `ogg/` |
//! | WAVE, RF64 | EBU Tech 3306 | `wav/` |
//! | raw audio samples | | `pcm.rs` |
//! | native FLAC; MP3 and ADTS read-only | RFC 9639; ISO/IEC 11172-3, 14496-3 | `elementary/` |
//! | tags of MP3, ADTS and WAVE | `ID3v2`; `INFO` of RIFF | `id3.rs`, `wav/info.rs` |
//! | AV1 OBU streams | AV1 specification, section 5 and Annex B | `obu/` |
//! | H.264 byte streams | ITU-T H.264, Annex B | `h264/` |
//! | MPEG-2 transport streams | ITU-T H.222.0 | `ts/` |
//! | IVF | | `ivf.rs` |
//! | y4m, raw video | | `y4m/`, `yuv.rs` |
//!
//! On a pipe, the index of an MP4 file must come before the samples. A file has a list of
//! [`Track`]s, and each packet contains the number of its track in that list. If a format rounds
//! audio times (Matroska, MPEG-TS), readers derive exact ones from sample counts (`samples.rs`).
//! Writers interleave the packets of several tracks by time (`interleave.rs`).

#![forbid(unsafe_code)]

mod bits;
mod calendar;
mod channel_mask;
mod codec_names;
mod coded_format;
mod detect;
mod elementary;
mod error;
mod flac;
mod format;
mod h264;
mod held_metadata;
mod id3;
mod interleave;
mod io;
mod ivf;
mod metadata;
mod mp4;
mod obu;
mod ogg;
mod open;
mod options;
mod opus;
mod packet;
mod payload;
mod pcm;
mod rational;
mod raw_video;
mod samples;
mod single_track;
mod skipped;
mod start_codes;
mod tags;
mod time_order;
mod track;
mod ts;
mod vorbis;
mod vp9;
mod warning;
mod wav;
mod webm;
mod y4m;
mod yuv;

pub use coded_format::sample_format;
pub use elementary::{AdtsReader, FlacReader, FlacWriter, Mp3Reader};
pub use error::{Corrupt, Error, Result};
pub use format::Format;
pub use h264::{AnnexB, H264Reader, H264Writer, describe_h264};
pub use io::{Output, ReadSeek, Source, WriteSeek};
pub use ivf::{IvfReader, IvfWriter};
pub use metadata::{Chapter, FileMetadata};
pub use mp4::{Mp4Reader, Mp4Writer};
pub use obu::{Av1Frame, Av1FrameKind, Av1Frames, ObuReader, ObuWriter};
pub use ogg::{OggReader, OggWriter};
pub use open::{Input, create_packets, create_raw_video, open, open_packets, open_raw_video};
pub use options::{ReadOptions, WriteOptions};
pub use packet::{CodedPacket, PacketReader, PacketRef, PacketWriter};
pub use payload::PayloadInfo;
pub use pcm::{RawAudioReader, RawAudioSpec, RawAudioWriter};
pub use raw_video::{ChromaSiting, RawVideoFrame, RawVideoReader, RawVideoStream, RawVideoWriter};
pub use skipped::{SkippedTrack, TrackKind};
pub use track::{AudioTrack, Track, VideoTrack};
pub use warning::Warning;
pub use wav::{WavReader, WavWriter};
pub use webm::{WebmReader, WebmWriter};
pub use y4m::{Y4mReader, Y4mWriter};
pub use yuv::{YuvReader, YuvSpec, YuvWriter};
