//! Reads image sequences.

use codec_core::codec::Limits;
use codec_core::frame::{Rational, SampleFormat, Size};

use crate::Env;
use crate::count::counted;
use crate::cut::{Cut, ticks_at};
use crate::failure::{Failure, Kind, Result};
use crate::frame::planes::Planes;
use crate::io::decoded::DecodeOptions;
use crate::io::pattern::ImageSequence;
use crate::io::source::{Damage, FrameSource, SourceFrame, StreamInfo};
use crate::io::stills::read::{DecodedStill, Remark};
use crate::values::FpsTarget;

/// The frame rate of images if `--fps` does not state it.
const DEFAULT_FPS: u32 = 25;

/// The images of a sequence as frames of a constant rate.
pub(crate) struct SequenceSource {
    images: ImageSequence,
    limits: Limits,
    conceal: bool,
    env: Env,
    stream_info: StreamInfo,
    /// The first image that was decoded, whose size all others have.
    sample: u64,
    /// Position of the next frame.
    next: u64,
    /// Position of the image in `planes`.
    decoded: u64,
    planes: Planes,
    /// Remarks that were warned about.
    remarks: Vec<Remark>,
    coded_bytes: u64,
    damage: Damage,
    has_ended: bool,
}

impl SequenceSource {
    /// Opens the images from the start of `cut` on. `--fps` states their rate.
    pub(crate) fn new(
        images: ImageSequence,
        cut: Cut,
        options: &DecodeOptions,
        env: &Env,
    ) -> Result<Self> {
        let rate = match options.fps {
            Some(FpsTarget::Rate(rate)) => rate,
            _ => {
                let name = images.pattern.name();
                env.events.note(format!(
                    "{name}: images are read at {DEFAULT_FPS} frames per second, the default"
                ));
                Rational::new(DEFAULT_FPS, 1)
            }
        };
        let from = cut.from.map_or(0, |from| ticks_at(from, rate.inverse()));
        let next = u64::try_from(from).unwrap_or(0).min(images.count);
        let sample = next.min(images.count.saturating_sub(1));
        let (still, format) = DecodedStill::open(&images.path(sample), &options.limits, env)?;
        let stream_info = StreamInfo {
            samples: SampleFormat::YUV420,
            size: still.planes.size,
            time_base: rate.inverse(),
            frame_rate: rate,
            count: Some(images.count),
            info: still.planes.info,
            kind: format!("{} images", format.name()),
            title: None,
        };
        let mut source = Self {
            images,
            limits: options.limits,
            conceal: options.conceal,
            env: env.clone(),
            stream_info,
            sample,
            next,
            decoded: sample,
            planes: Planes::default(),
            remarks: Vec::new(),
            coded_bytes: 0,
            damage: Damage::default(),
            has_ended: false,
        };
        source.keep(still);
        Ok(source)
    }

    fn name(&self, index: u64) -> String {
        self.images.path(index).display().to_string()
    }

    /// Decodes the image at a position, unless it is the one in memory.
    fn load(&mut self, index: u64) -> Result<()> {
        if index == self.decoded {
            return Ok(());
        }
        let (still, _) = DecodedStill::open(&self.images.path(index), &self.limits, &self.env)?;
        let (found, wanted) = (still.planes.size, self.stream_info.size);
        if found != wanted {
            return Err(self.of_another_size(index, found, wanted));
        }
        self.decoded = index;
        self.keep(still);
        Ok(())
    }

    fn keep(&mut self, still: DecodedStill) {
        for remark in still.remarks {
            if !self.remarks.iter().any(|known| known.is_like(remark)) {
                self.env.events.warn(remark.text(&self.name(self.decoded)));
                self.remarks.push(remark);
            }
        }
        self.coded_bytes += still.coded_bytes;
        self.planes = still.planes;
    }

    fn of_another_size(&self, index: u64, found: Size, wanted: Size) -> Failure {
        let (name, first) = (self.name(index), self.name(self.sample));
        let message = format!("{name}: the size is {found}, but the size of {first} is {wanted}");
        let help = format!("scale it first: codec transcode {name} -o OUT.png --resize {wanted}");
        Failure::new(Kind::Input, format!("{message}\nhelp: {help}"))
    }

    /// Warns if there are images after a missing one.
    fn end(&mut self) {
        if std::mem::replace(&mut self.has_ended, true) || self.images.later == 0 {
            return;
        }
        let missing = self.name(self.images.count);
        let last = self.name(self.images.count.saturating_sub(1));
        let later = counted(self.images.later, "later image");
        self.env
            .events
            .warn(format!("{missing} is missing: the sequence ends at {last}, without {later}"));
    }
}

impl FrameSource for SequenceSource {
    fn stream_info(&self) -> &StreamInfo {
        &self.stream_info
    }

    fn next(&mut self) -> Result<Option<SourceFrame<'_>>> {
        while self.next < self.images.count {
            let index = self.next;
            self.next += 1;
            match self.load(index) {
                Err(failure) if self.conceal && failure.kind == Kind::Corrupt => {
                    self.env.events.warn(&failure.message);
                    self.damage.lost_packets += 1;
                    continue;
                }
                loaded => loaded?,
            }
            let pts = i64::try_from(index).unwrap_or(i64::MAX);
            let picture = self.planes.picture()?;
            return Ok(Some(SourceFrame { picture, pts, duration: Some(1) }));
        }
        self.end();
        Ok(None)
    }

    fn damage(&self) -> Damage {
        self.damage
    }

    fn coded_bytes(&self) -> u64 {
        self.coded_bytes
    }
}
