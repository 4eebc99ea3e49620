//! Writes WebM: an indexed file where the output can seek, else a live stream.
//!
//! A file gets sizes, duration and index at the end; until then it reads like a live stream, so
//! that one that broke off can be played. A live stream has a segment and clusters of unknown size
//! and each packet goes out at once.

use codec_core::codec::Codec;
use codec_core::frame::Rational;

use super::ebml::{put_head, put_open_head, put_sint, put_uint, size_in_eight};
use super::{ids, layout};
use crate::io::ByteWriter;
use crate::time::TimeOrder;
use crate::{Error, Format, Output, PacketRef, PacketWriter, Result, VideoTrack, WriteOptions};

const NS_PER_SECOND: u64 = 1_000_000_000;
/// Longest cluster.
const CLUSTER_NS: u64 = 5 * NS_PER_SECOND;

/// Writes WebM, or Matroska for codecs that WebM does not know.
#[derive(Debug)]
pub struct WebmWriter {
    output: ByteWriter,
    live: bool,
    clock: Clock,
    /// Duration of frames that need none of their own, in ticks of the segment, rounded either
    /// way.
    default_ticks: Option<(u64, u64)>,
    /// Where the contents of the segment begin in the file.
    segment_start: u64,
    /// Where the index and the duration belong.
    seek_head_at: u64,
    duration_at: u64,
    info_at: u64,
    tracks_at: u64,
    cluster: Option<Cluster>,
    /// Time and cluster position of each key frame that begins a cluster.
    cues: Vec<(u64, u64)>,
    /// The last packet of a file, which waits for its successor to tell its duration.
    held: Option<Held>,
    /// Memory for the next packet that has to wait.
    spare: Vec<u8>,
    /// `None` for codecs whose frames are coded in another order than shown.
    order: Option<TimeOrder>,
    /// Time of the last block, in ticks of the segment.
    last_written: Option<i64>,
    /// End of the last frame, in ticks of the segment.
    end: u64,
    count: u64,
    head: Vec<u8>,
}

#[derive(Debug)]
struct Cluster {
    /// Position of its head in the file.
    at: u64,
    /// Position of its first child.
    body_at: u64,
    /// In ticks of the segment.
    time: u64,
}

#[derive(Debug, Default)]
struct Held {
    data: Vec<u8>,
    block: Block,
    /// In ticks of the stream.
    pts: i64,
    duration: Option<u64>,
}

/// What is written of a packet, in ticks of the segment.
#[derive(Clone, Copy, Debug, Default)]
struct Block {
    time: i64,
    key: bool,
    shown: bool,
    /// Stated only if a reader could not tell it.
    duration: Option<u64>,
}

/// Turns ticks of the stream into ticks of the segment.
#[derive(Clone, Copy, Debug)]
struct Clock {
    time_base: Rational,
    scale_ns: u64,
}

impl Clock {
    /// The usual millisecond, or the largest power of ten of nanoseconds that is no longer than a
    /// tick of the stream: then every tick survives the rounding.
    fn new(time_base: Rational) -> Option<Self> {
        if time_base.num == 0 || time_base.den == 0 {
            return None;
        }
        let tick_ns = u64::from(time_base.num) * NS_PER_SECOND;
        let mut scale_ns = 1_000_000;
        while scale_ns > 1 && scale_ns * u64::from(time_base.den) > tick_ns {
            scale_ns /= 10;
        }
        Some(Self { time_base, scale_ns })
    }

    fn ticks(self, stream_ticks: i64) -> Option<i64> {
        let ns =
            i128::from(stream_ticks) * i128::from(self.time_base.num) * i128::from(NS_PER_SECOND);
        let den = i128::from(self.time_base.den) * i128::from(self.scale_ns);
        i64::try_from((2 * ns + den).div_euclid(2 * den)).ok()
    }

    fn cluster_ticks(self) -> u64 {
        CLUSTER_NS / self.scale_ns
    }
}

fn unsupported(what: impl Into<String>) -> Error {
    Error::unsupported(Format::WebM, what.into())
}

impl WebmWriter {
    /// Writes everything up to the first cluster.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Unsupported`] for a codec without a Matroska name and for a time
    /// base with a zero.
    pub fn new(output: Output, stream: &VideoTrack, options: &WriteOptions) -> Result<Self> {
        let mut output = ByteWriter::new(output)?;
        let live = options.live || !output.can_seek();
        let clock = Clock::new(stream.time_base)
            .ok_or_else(|| unsupported(format!("a time base of {} is", stream.time_base)))?;
        let rate = stream.frame_rate.filter(|rate| rate.num != 0 && rate.den != 0);
        let frame_ns = rate.map(|rate| {
            let (num, den) = (u64::from(rate.num), u64::from(rate.den));
            ((2 * NS_PER_SECOND * den + num) / (2 * num)).max(1)
        });

        let mut out = Vec::new();
        layout::ebml_head(&mut out, stream.format, stream.codec);
        put_open_head(&mut out, ids::SEGMENT);
        let segment_start = out.len() as u64;
        if !live {
            layout::void(&mut out, layout::SEEK_HEAD_BYTES);
        }
        let info_at = out.len() as u64;
        let duration_at = layout::info(&mut out, clock.scale_ns) as u64;
        let tracks_at = out.len() as u64;
        layout::tracks(&mut out, stream, frame_ns)?;
        output.write(&out)?;
        if live {
            output.flush()?;
        }
        Ok(Self {
            output,
            live,
            clock,
            default_ticks: frame_ns.map(|ns| (ns / clock.scale_ns, ns.div_ceil(clock.scale_ns))),
            segment_start,
            seek_head_at: segment_start,
            duration_at,
            info_at,
            tracks_at,
            cluster: None,
            cues: Vec::new(),
            held: None,
            spare: Vec::new(),
            order: (stream.codec != Codec::H264).then(TimeOrder::default),
            last_written: None,
            end: 0,
            count: 0,
            head: Vec::new(),
        })
    }

    fn ticks(&self, stream_ticks: i64) -> Result<i64> {
        self.clock
            .ticks(stream_ticks)
            .ok_or_else(|| unsupported(format!("a time of {stream_ticks} ticks is")))
    }

    /// Length of the time from `pts` over `duration`, as the difference of rounded times.
    fn duration_ticks(&self, pts: i64, duration: u64) -> Result<u64> {
        let duration = i64::try_from(duration).unwrap_or(i64::MAX);
        let end = self.ticks(pts.saturating_add(duration))?;
        Ok(u64::try_from(end - self.ticks(pts)?).unwrap_or(0))
    }

    fn is_default(&self, ticks: u64) -> bool {
        self.default_ticks.is_some_and(|(low, high)| (low..=high).contains(&ticks))
    }

    /// Writes the packet that waits; `next` is the time of the one after it.
    fn release(&mut self, next: Option<i64>) -> Result<()> {
        let Some(held) = self.held.take() else { return Ok(()) };
        let mut block = held.block;
        block.duration = match held.duration {
            // The next time tells.
            Some(duration) if next != Some(held.pts.saturating_add_unsigned(duration)) => {
                Some(self.duration_ticks(held.pts, duration)?)
            }
            _ => None,
        };
        self.write_block(&held.data, block)?;
        self.spare = held.data;
        Ok(())
    }

    /// Time of a block: that of the packet, but a frame that is not shown goes a tick before the
    /// frame that follows it, because players expect times to grow.
    fn block_time(&self, packet: PacketRef<'_>) -> Result<i64> {
        let time = self.ticks(packet.pts)?;
        let room = self.last_written.is_none_or(|last| last < time - 1) && time > 0;
        Ok(if !packet.shown && room { time - 1 } else { time })
    }

    fn write_block(&mut self, data: &[u8], block: Block) -> Result<()> {
        if self.needs_cluster(block) {
            self.close_cluster()?;
            self.open_cluster(block)?;
        }
        let cluster_time = self.cluster.as_ref().map_or(0, |cluster| cluster.time);
        let relative = i64::try_from(cluster_time).ok().map(|time| block.time - time);
        let relative = relative.and_then(|time| i16::try_from(time).ok()).ok_or_else(|| {
            unsupported(format!("a time of {} ticks of {} ns is", block.time, self.clock.scale_ns))
        })?;
        let mut flags = 0;
        if !block.shown {
            flags |= 0x08;
        }
        if block.key && block.duration.is_none() {
            flags |= 0x80;
        }
        let [high, low] = relative.to_be_bytes();
        // The track number is a variable-length number: its marker makes 1 to 0x81.
        let block_head = [0x80 | layout::TRACK.to_le_bytes()[0], high, low, flags];
        let block_bytes = block_head.len() + data.len();

        self.head.clear();
        let mut tail = Vec::new();
        match block.duration {
            None => put_head(&mut self.head, ids::SIMPLE_BLOCK, block_bytes),
            Some(duration) => {
                put_uint(&mut tail, ids::BLOCK_DURATION, duration);
                if !block.key {
                    // Which frame it needs is not known here; the one before is the usual one.
                    let before = self.last_written.unwrap_or(block.time - 1);
                    put_sint(&mut tail, ids::REFERENCE_BLOCK, (before - block.time).min(-1));
                }
                let mut inner = Vec::new();
                put_head(&mut inner, ids::BLOCK, block_bytes);
                let group_bytes = inner.len() + block_bytes + tail.len();
                put_head(&mut self.head, ids::BLOCK_GROUP, group_bytes);
                self.head.extend_from_slice(&inner);
            }
        }
        self.head.extend_from_slice(&block_head);
        self.output.write(&self.head)?;
        self.output.write(data)?;
        self.output.write(&tail)?;
        if self.live {
            self.output.flush()?;
        }
        self.last_written = Some(block.time);
        Ok(())
    }

    fn needs_cluster(&self, block: Block) -> bool {
        let Some(cluster) = &self.cluster else { return true };
        let since = block.time.saturating_sub_unsigned(cluster.time);
        let too_late = self.clock.cluster_ticks().min(i16::MAX.unsigned_abs().into());
        // A key frame that is not shown comes with the frame after it, not in its own cluster.
        block.key || u64::try_from(since).is_ok_and(|since| since > too_late)
    }

    fn open_cluster(&mut self, block: Block) -> Result<()> {
        let at = self.output.position();
        // Times below 0 are possible only relative to a cluster.
        let time = u64::try_from(block.time).unwrap_or(0);
        let mut head = Vec::new();
        put_open_head(&mut head, ids::CLUSTER);
        let body_at = at + head.len() as u64;
        put_uint(&mut head, ids::TIMESTAMP, time);
        self.output.write(&head)?;
        self.cluster = Some(Cluster { at, body_at, time });
        if block.key && !self.live {
            self.cues.push((time, at - self.segment_start));
        }
        Ok(())
    }

    /// Patches the size of the cluster.
    fn close_cluster(&mut self) -> Result<()> {
        if let Some(cluster) = self.cluster.take()
            && !self.live
        {
            let size = self.output.position() - cluster.body_at;
            let size_at = cluster.body_at - 8;
            debug_assert!(size_at > cluster.at);
            self.output.patch(size_at, &size_in_eight(size))?;
        }
        Ok(())
    }
}

impl PacketWriter for WebmWriter {
    fn write(&mut self, packet: PacketRef<'_>) -> Result<()> {
        let offset = self.output.position();
        if let Some(order) = &mut self.order {
            order.check(Format::WebM, offset, self.count, packet.pts)?;
        }
        self.count += 1;
        // A frame that is not shown leaves the end of the one before as it was.
        let duration = packet.duration.filter(|&duration| packet.shown && duration > 0);
        let ticks = match duration {
            Some(duration) => Some(self.duration_ticks(packet.pts, duration)?),
            None => None,
        };

        if !self.live {
            self.release(Some(packet.pts))?;
        }
        let time = self.block_time(packet)?;
        let usual = self.default_ticks.map_or(0, |(_, high)| high);
        let end = u64::try_from(self.ticks(packet.pts)?).unwrap_or(0) + ticks.unwrap_or(usual);
        self.end = self.end.max(end);

        let (key, shown) = (packet.key, packet.shown);
        if self.live {
            let duration = ticks.filter(|&ticks| !self.is_default(ticks));
            return self.write_block(packet.data, Block { time, key, shown, duration });
        }
        let mut data = std::mem::take(&mut self.spare);
        data.clear();
        data.extend_from_slice(packet.data);
        self.held = Some(Held {
            data,
            block: Block { time, key, shown, duration: None },
            pts: packet.pts,
            duration,
        });
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.release(None)?;
        self.close_cluster()?;
        if !self.live {
            let mut index = vec![(ids::INFO, self.info_at), (ids::TRACKS, self.tracks_at)];
            if !self.cues.is_empty() {
                index.push((ids::CUES, self.output.position()));
                self.output.write(&layout::cues(&self.cues))?;
            }
            for (_, position) in &mut index {
                *position -= self.segment_start;
            }
            let size = self.output.position() - self.segment_start;
            self.output.patch(self.segment_start - 8, &size_in_eight(size))?;
            self.output.patch(self.seek_head_at, &layout::seek_head(&index))?;
            self.output.patch(self.duration_at, &layout::duration(self.end))?;
        }
        Ok(self.output.flush()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tick_of_usual_time_bases_survives() {
        for (num, den) in [(1, 30), (1001, 30000), (1, 1000), (1, 1200), (1, 90000), (1, 1_000_000)]
        {
            let clock = Clock::new(Rational::new(num, den)).unwrap();
            for ticks in (-5..2000).chain(1_000_000..1_000_100) {
                let there = clock.ticks(ticks).unwrap();
                let ns = i128::from(there) * i128::from(clock.scale_ns) * i128::from(den);
                let tick_ns = i128::from(num) * i128::from(NS_PER_SECOND);
                let back = (2 * ns + tick_ns).div_euclid(2 * tick_ns);
                assert_eq!(back, i128::from(ticks), "{num}/{den} by {}", clock.scale_ns);
            }
        }
        assert_eq!(Clock::new(Rational::new(1, 30)).unwrap().scale_ns, 1_000_000);
        assert_eq!(Clock::new(Rational::new(1, 90000)).unwrap().scale_ns, 10_000);
    }
}
