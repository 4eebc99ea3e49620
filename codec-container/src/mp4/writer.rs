//! Writes MP4: the samples as they come, then the index.

use codec_core::codec::Codec;
use codec_core::frame::{ColorRange, PictureInfo, Rational, Rotation, Size};

use super::boxes::unsupported;
use crate::io::ByteWriter;
use crate::time::TimeOrder;
use crate::{Format, Output, PacketRef, PacketWriter, Result, VideoTrack};

/// 16.16 fixed point.
const ONE: i32 = 0x1_0000;
const LANGUAGE_UND: u16 = 0x55C4;

/// Writes MP4 with one video track: VP8, VP9, or what brings its own set-up data (AV1, H.264).
/// The output must be able to seek.
#[derive(Debug)]
pub struct Mp4Writer {
    output: ByteWriter,
    stream: VideoTrack,
    /// Where the box of samples begins.
    samples_at: u64,
    sizes: Vec<u32>,
    /// Time of each sample, in ticks of the track.
    times: Vec<i64>,
    sync: Vec<u32>,
    last_duration: Option<u64>,
    order: TimeOrder,
}

impl Mp4Writer {
    /// Writes the head of the file.
    ///
    /// # Errors
    /// [`crate::Error::Io`]; [`crate::Error::Unsupported`] on a pipe, for H.264 and AV1 without
    /// set-up data and for sizes above 65535.
    pub fn new(output: Output, stream: &VideoTrack) -> Result<Self> {
        let mut output = ByteWriter::new(output)?;
        if !output.can_seek() {
            return Err(unsupported("writing to a pipe is"));
        }
        if matches!(stream.codec, Codec::H264 | Codec::Av1) && stream.codec_private.is_empty() {
            return Err(unsupported(format!("codec {} without set-up data is", stream.codec)));
        }
        let Size { width, height } = stream.size;
        if width.max(height) > u16::MAX.into() {
            return Err(unsupported(format!("{} is larger than 65535 and", stream.size)));
        }
        if stream.time_base.num == 0 || stream.time_base.den == 0 {
            return Err(unsupported(format!("a time base of {} is", stream.time_base)));
        }
        let mut out = Vec::new();
        put(&mut out, b"ftyp", |out| {
            out.extend_from_slice(b"isom\0\0\x02\0isomiso2mp41");
        });
        let samples_at = out.len() as u64;
        // A length of 64 bits, which is patched at the end; until then it reaches to the end of
        // the file.
        out.extend_from_slice(b"\0\0\0\0mdat\0\0\0\0\0\0\0\0");
        output.write(&out)?;
        Ok(Self {
            output,
            stream: stream.clone(),
            samples_at,
            sizes: Vec::new(),
            times: Vec::new(),
            sync: Vec::new(),
            last_duration: None,
            order: TimeOrder::default(),
        })
    }

    /// Ticks of the track: of the same length as those of the stream, or whole fractions of them.
    fn timescale(&self) -> u32 {
        self.stream.time_base.den
    }

    fn ticks(&self, stream_ticks: i64) -> i64 {
        stream_ticks.saturating_mul(self.stream.time_base.num.into())
    }

    fn durations(&self) -> Vec<u32> {
        let mut durations: Vec<_> = self
            .times
            .windows(2)
            .map(|pair| u32::try_from(pair[1] - pair[0]).unwrap_or(u32::MAX))
            .collect();
        if !self.times.is_empty() {
            let stated = self.last_duration.and_then(|ticks| {
                u32::try_from(ticks.checked_mul(self.stream.time_base.num.into())?).ok()
            });
            let usual = durations.last().copied().unwrap_or(0);
            durations.push(stated.unwrap_or(usual));
        }
        durations
    }

    fn index(&self) -> Vec<u8> {
        let durations = self.durations();
        let duration: u64 = durations.iter().map(|&ticks| u64::from(ticks)).sum();
        let start = self.times.first().copied().unwrap_or(0);
        let mut out = Vec::new();
        put(&mut out, b"moov", |out| {
            put_full(out, b"mvhd", 1, 0, |out| {
                out.extend_from_slice(&[0; 16]);
                out.extend_from_slice(&self.timescale().to_be_bytes());
                let shown = duration.saturating_add_signed(start);
                out.extend_from_slice(&shown.to_be_bytes());
                out.extend_from_slice(&ONE.to_be_bytes());
                out.extend_from_slice(&0x0100_u16.to_be_bytes());
                out.extend_from_slice(&[0; 10]);
                put_matrix(out, Rotation::None);
                out.extend_from_slice(&[0; 24]);
                out.extend_from_slice(&2_u32.to_be_bytes());
            });
            put(out, b"trak", |out| {
                self.put_track_header(out, duration.saturating_add_signed(start));
                if start != 0 {
                    put(out, b"edts", |out| put_edits(out, start, duration));
                }
                put(out, b"mdia", |out| self.put_media(out, &durations, duration));
            });
        });
        out
    }

    fn put_track_header(&self, out: &mut Vec<u8>, duration: u64) {
        let Size { width, height } = self.stream.size;
        let aspect = self.stream.info.pixel_aspect.unwrap_or(Rational::new(1, 1));
        // Enabled, in the movie.
        put_full(out, b"tkhd", 1, 3, |out| {
            out.extend_from_slice(&[0; 16]);
            out.extend_from_slice(&1_u32.to_be_bytes());
            out.extend_from_slice(&[0; 4]);
            out.extend_from_slice(&duration.to_be_bytes());
            out.extend_from_slice(&[0; 16]);
            put_matrix(out, self.stream.info.rotation);
            let shown =
                (u64::from(width) << 16) * u64::from(aspect.num) / u64::from(aspect.den.max(1));
            out.extend_from_slice(&u32::try_from(shown).unwrap_or(u32::MAX).to_be_bytes());
            out.extend_from_slice(&(height << 16).to_be_bytes());
        });
    }

    fn put_media(&self, out: &mut Vec<u8>, durations: &[u32], duration: u64) {
        put_full(out, b"mdhd", 1, 0, |out| {
            out.extend_from_slice(&[0; 16]);
            out.extend_from_slice(&self.timescale().to_be_bytes());
            out.extend_from_slice(&duration.to_be_bytes());
            out.extend_from_slice(&LANGUAGE_UND.to_be_bytes());
            out.extend_from_slice(&[0; 2]);
        });
        put_full(out, b"hdlr", 0, 0, |out| {
            out.extend_from_slice(b"\0\0\0\0vide");
            out.extend_from_slice(&[0; 12]);
            out.extend_from_slice(b"video\0");
        });
        put(out, b"minf", |out| {
            put_full(out, b"vmhd", 0, 1, |out| out.extend_from_slice(&[0; 8]));
            put(out, b"dinf", |out| {
                put_full(out, b"dref", 0, 0, |out| {
                    out.extend_from_slice(&1_u32.to_be_bytes());
                    // In this very file.
                    put_full(out, b"url ", 0, 1, |_| {});
                });
            });
            put(out, b"stbl", |out| {
                put_full(out, b"stsd", 0, 0, |out| {
                    out.extend_from_slice(&1_u32.to_be_bytes());
                    put_sample_entry(out, &self.stream);
                });
                self.put_tables(out, durations);
            });
        });
    }

    fn put_tables(&self, out: &mut Vec<u8>, durations: &[u32]) {
        put_table(out, b"stts", run_lengths(durations).iter(), |out, (count, ticks)| {
            out.extend_from_slice(&count.to_be_bytes());
            out.extend_from_slice(&ticks.to_be_bytes());
        });
        if self.sync.len() < self.sizes.len() {
            put_table(out, b"stss", self.sync.iter(), |out, number| {
                out.extend_from_slice(&number.to_be_bytes());
            });
        }
        // All samples lie one after another: one chunk.
        let count = u32::try_from(self.sizes.len()).unwrap_or(u32::MAX);
        let chunks = u32::from(count > 0);
        put_table(out, b"stsc", [[1, count, 1]].iter().take(usize::from(count > 0)), |out, row| {
            for number in row {
                out.extend_from_slice(&number.to_be_bytes());
            }
        });
        put_full(out, b"stsz", 0, 0, |out| {
            out.extend_from_slice(&[0; 4]);
            out.extend_from_slice(&count.to_be_bytes());
            for size in &self.sizes {
                out.extend_from_slice(&size.to_be_bytes());
            }
        });
        put_full(out, b"co64", 0, 0, |out| {
            out.extend_from_slice(&chunks.to_be_bytes());
            if count > 0 {
                out.extend_from_slice(&(self.samples_at + 16).to_be_bytes());
            }
        });
    }
}

impl PacketWriter for Mp4Writer {
    fn write(&mut self, packet: PacketRef<'_>) -> Result<()> {
        let index = self.sizes.len() as u64;
        self.order.check(Format::Mp4, self.output.position(), index, packet.pts)?;
        let size = u32::try_from(packet.data.len())
            .map_err(|_| unsupported("a packet of 4 GiB or more is"))?;
        self.output.write(packet.data)?;
        self.sizes.push(size);
        self.times.push(self.ticks(packet.pts));
        self.last_duration = packet.duration;
        if packet.key {
            self.sync.push(u32::try_from(index + 1).unwrap_or(u32::MAX));
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        let end = self.output.position();
        self.output.write(&self.index())?;
        let size = end - self.samples_at;
        self.output.patch(self.samples_at, &1_u32.to_be_bytes())?;
        self.output.patch(self.samples_at + 8, &size.to_be_bytes())?;
        Ok(self.output.flush()?)
    }
}

/// Appends a box that holds what `fill` appends.
fn put(out: &mut Vec<u8>, kind: &[u8; 4], fill: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(kind);
    fill(out);
    let size = u32::try_from(out.len() - at).unwrap_or(u32::MAX);
    out[at..at + 4].copy_from_slice(&size.to_be_bytes());
}

/// Appends a box with a version and flags.
fn put_full(
    out: &mut Vec<u8>,
    kind: &[u8; 4],
    version: u8,
    flags: u32,
    fill: impl FnOnce(&mut Vec<u8>),
) {
    put(out, kind, |out| {
        out.extend_from_slice(&(u32::from(version) << 24 | flags).to_be_bytes());
        fill(out);
    });
}

/// Appends a box with a table.
fn put_table<T>(
    out: &mut Vec<u8>,
    kind: &[u8; 4],
    rows: impl ExactSizeIterator<Item = T>,
    mut put_row: impl FnMut(&mut Vec<u8>, T),
) {
    put_full(out, kind, 0, 0, |out| {
        let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&count.to_be_bytes());
        for row in rows {
            put_row(out, row);
        }
    });
}

/// Each value with how often it comes in a row.
fn run_lengths(values: &[u32]) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &value in values {
        match runs.last_mut() {
            Some((count, last)) if *last == value => *count += 1,
            _ => runs.push((1, value)),
        }
    }
    runs
}

/// A first time above 0 is an empty edit; one below 0 plays the media from 0 on.
fn put_edits(out: &mut Vec<u8>, start: i64, duration: u64) {
    let empty = (u64::try_from(start).unwrap_or(0), -1_i64);
    let playing = (duration.saturating_add_signed(start.min(0)), start.min(0).saturating_neg());
    let edits = [empty, playing];
    let edits = if start > 0 { &edits[..] } else { &edits[1..] };
    put_full(out, b"elst", 1, 0, |out| {
        out.extend_from_slice(&[0, 0, 0, if start > 0 { 2 } else { 1 }]);
        for (duration, media_time) in edits {
            out.extend_from_slice(&duration.to_be_bytes());
            out.extend_from_slice(&media_time.to_be_bytes());
            out.extend_from_slice(&ONE.to_be_bytes());
        }
    });
}

fn put_matrix(out: &mut Vec<u8>, rotation: Rotation) {
    let [a, b, c, d] = match rotation {
        Rotation::None => [ONE, 0, 0, ONE],
        Rotation::Clockwise90 => [0, ONE, -ONE, 0],
        Rotation::Clockwise180 => [-ONE, 0, 0, -ONE],
        Rotation::Clockwise270 => [0, -ONE, ONE, 0],
    };
    // The last column is in 2.30 fixed point.
    for value in [a, b, 0, c, d, 0, 0, 0, 0x4000_0000] {
        out.extend_from_slice(&value.to_be_bytes());
    }
}

fn put_sample_entry(out: &mut Vec<u8>, stream: &VideoTrack) {
    let kind = match stream.codec {
        Codec::Vp8 => b"vp08",
        Codec::Vp9 => b"vp09",
        Codec::Av1 => b"av01",
        _ => b"avc1",
    };
    put(out, kind, |out| {
        out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 1]);
        out.extend_from_slice(&[0; 16]);
        for side in [stream.size.width, stream.size.height] {
            out.extend_from_slice(&u16::try_from(side).unwrap_or(u16::MAX).to_be_bytes());
        }
        // 72 dots per inch, one frame per sample, no name, 24 bits deep.
        out.extend_from_slice(&0x0048_0000_u32.to_be_bytes());
        out.extend_from_slice(&0x0048_0000_u32.to_be_bytes());
        out.extend_from_slice(&[0, 0, 0, 0, 0, 1]);
        out.extend_from_slice(&[0; 32]);
        out.extend_from_slice(&[0, 24, 0xFF, 0xFF]);
        match stream.codec {
            Codec::Vp8 | Codec::Vp9 => put_vp_configuration(out, stream.info),
            Codec::Av1 => put(out, b"av1C", |out| out.extend_from_slice(&stream.codec_private)),
            _ => put(out, b"avcC", |out| out.extend_from_slice(&stream.codec_private)),
        }
        put_picture_boxes(out, stream.info);
    });
}

/// The VP codec configuration box, version 1.
fn put_vp_configuration(out: &mut Vec<u8>, info: PictureInfo) {
    let color = info.color;
    put_full(out, b"vpcC", 1, 0, |out| {
        let full = u8::from(color.range == ColorRange::Full);
        // Profile 0, level not said, 8 bits, 4:2:0.
        out.extend_from_slice(&[0, 0, 8 << 4 | 1 << 1 | full]);
        out.extend_from_slice(&[color.primaries.0, color.transfer.0, color.matrix.0, 0, 0]);
    });
}

fn put_picture_boxes(out: &mut Vec<u8>, info: PictureInfo) {
    let color = info.color;
    let codes = [color.primaries.0, color.transfer.0, color.matrix.0];
    if codes != [2; 3] || color.range != ColorRange::Unspecified {
        put(out, b"colr", |out| {
            out.extend_from_slice(b"nclx");
            for code in codes {
                out.extend_from_slice(&u16::from(code).to_be_bytes());
            }
            out.push(if color.range == ColorRange::Full { 0x80 } else { 0 });
        });
    }
    if let Some(aspect) = info.pixel_aspect {
        put(out, b"pasp", |out| {
            out.extend_from_slice(&aspect.num.to_be_bytes());
            out.extend_from_slice(&aspect.den.to_be_bytes());
        });
    }
}
