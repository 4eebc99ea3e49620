//! `codec metrics`.

mod sound;

use codec_core::frame::Rational;
use codec_core::metrics::{self, Psnr};

use crate::Env;
use crate::args::raw::MetricsArgs;
use crate::failure::{Failure, Kind, Result};
use crate::io::decoded::DecodeOptions;
use crate::io::input::InputSpec;
use crate::io::names::is_pipe;
use crate::io::output::print;
use crate::io::source::{self, FrameSource};
use crate::json::{self, Object};
use crate::picture::planes::Planes;
use crate::progress::{Now, Progress};

/// Compares two videos, frame by frame, by their times; or two sounds.
pub(crate) fn run(args: &MetricsArgs, env: Env) -> Result<()> {
    if is_pipe(&args.reference) && is_pipe(&args.distorted) {
        return Err(Failure::usage("only one of both can be standard input"));
    }
    if args.audio || sound::is_sound(&args.reference, args, env) {
        return sound::run(args, env);
    }
    if args.min_snr.or(args.max_lsd).is_some() {
        return Err(Failure::usage("--min-snr and --max-lsd are for sound: give --audio"));
    }
    let limits = args.limits.map(|list| list.0).unwrap_or_default();
    let open = |path: &std::path::Path| {
        let raw = args.raw.filter(|_| {
            let extension = path.extension().and_then(|extension| extension.to_str());
            let format = extension.and_then(codec_container::Format::from_extension);
            format.is_none_or(|format| format == codec_container::Format::Raw)
        });
        let spec = InputSpec { path: path.to_owned(), raw, limits, lenient: false };
        let options = DecodeOptions { limits, ..DecodeOptions::default() };
        source::open(&spec, &options, env)
    };
    let (mut reference, mut distorted) = (open(&args.reference)?, open(&args.distorted)?);
    let mut comparison = Comparison::new(&*reference, &*distorted, args.relative)?;
    comparison.run(args, &mut *reference, &mut *distorted, env)?;
    print(&if args.json { comparison.json() } else { comparison.text() })?;
    comparison.check(args)
}

/// One pair of frames.
#[derive(Clone, Copy, Debug)]
struct Pair {
    /// Number and seconds of the reference's frame.
    frame: u64,
    time_s: f64,
    psnr: Psnr,
    ssim: f64,
}

#[derive(Debug)]
struct Comparison {
    /// Times further apart than this, in seconds, are those of different frames.
    tolerance_s: f64,
    /// Times are counted from each one's first frame.
    relative: bool,
    pairs: Vec<Pair>,
    sse: [u64; 3],
    size: codec_core::frame::Size,
    unmatched_reference: u64,
    unmatched_distorted: u64,
}

/// A frame that waits for its twin.
struct Held {
    planes: Planes,
    time_s: f64,
    index: u64,
}

/// Reads frames of one side.
struct Side<'a> {
    source: &'a mut dyn FrameSource,
    time_base: Rational,
    first: Option<i64>,
    relative: bool,
    next_index: u64,
}

impl Side<'_> {
    #[expect(clippy::cast_precision_loss, reason = "times of a report")]
    fn read(&mut self, into: &mut Held) -> Result<bool> {
        let Some(shot) = self.source.next()? else {
            return Ok(false);
        };
        let origin = if self.relative { *self.first.get_or_insert(shot.pts) } else { 0 };
        into.time_s = shot.pts.saturating_sub(origin) as f64 * self.time_base.as_f64();
        into.planes.copy_from(&shot.picture);
        into.index = self.next_index;
        self.next_index += 1;
        Ok(true)
    }
}

impl Comparison {
    fn new(
        reference: &dyn FrameSource,
        distorted: &dyn FrameSource,
        relative: bool,
    ) -> Result<Self> {
        let (a, b) = (reference.facts(), distorted.facts());
        if a.size != b.size {
            let message = format!("the reference is {} and the other is {}", a.size, b.size);
            return Err(Failure::new(Kind::Input, message));
        }
        Ok(Self {
            tolerance_s: 0.5 / a.frame_rate.as_f64().max(b.frame_rate.as_f64()),
            relative,
            pairs: Vec::new(),
            sse: [0; 3],
            size: a.size,
            unmatched_reference: 0,
            unmatched_distorted: 0,
        })
    }

    fn run(
        &mut self,
        args: &MetricsArgs,
        reference: &mut dyn FrameSource,
        distorted: &mut dyn FrameSource,
        env: Env,
    ) -> Result<()> {
        let total = args.frames.or(reference.facts().count);
        let mut progress = Progress::new(env.console, total, reference.facts().frame_rate);
        let relative = self.relative;
        let side = |source| {
            let source: &mut dyn FrameSource = source;
            let time_base = source.facts().time_base;
            Side { source, time_base, first: None, relative, next_index: 0 }
        };
        let (mut a, mut b) = (side(reference), side(distorted));
        let hold = || Held { planes: Planes::default(), time_s: 0.0, index: 0 };
        let (mut left, mut right) = (hold(), hold());
        let (mut has_left, mut has_right) = (a.read(&mut left)?, b.read(&mut right)?);
        while has_left && has_right && args.frames.is_none_or(|limit| left.index < limit) {
            let gap = left.time_s - right.time_s;
            if gap.abs() < self.tolerance_s {
                self.compare(&left, &right)?;
                (has_left, has_right) = (a.read(&mut left)?, b.read(&mut right)?);
            } else if gap < 0.0 {
                self.unmatched_reference += 1;
                has_left = a.read(&mut left)?;
            } else {
                self.unmatched_distorted += 1;
                has_right = b.read(&mut right)?;
            }
            progress.update(&Now { frames: left.index, ..Now::default() });
        }
        while has_left && args.frames.is_none_or(|limit| left.index < limit) {
            self.unmatched_reference += 1;
            has_left = a.read(&mut left)?;
        }
        while has_right && args.frames.is_none() {
            self.unmatched_distorted += 1;
            has_right = b.read(&mut right)?;
        }
        if self.pairs.is_empty() {
            let message = "no frame of one has the time of a frame of the other; --relative counts \
                           from each one's first";
            return Err(Failure::new(Kind::Input, message));
        }
        Ok(())
    }

    fn compare(&mut self, left: &Held, right: &Held) -> Result<()> {
        let (a, b) = (left.planes.picture()?, right.planes.picture()?);
        let refused = |error| {
            let message = format!("frame {}: {error}", left.index);
            Failure::new(Kind::Input, message)
        };
        let sse = metrics::sse(&a, &b).map_err(refused)?;
        let ssim = metrics::ssim(&a, &b).map_err(refused)?;
        for (sum, part) in self.sse.iter_mut().zip(sse) {
            *sum += part;
        }
        let psnr = Psnr::of(sse, a.size(), 1);
        self.pairs.push(Pair { frame: left.index, time_s: left.time_s, psnr, ssim });
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "a mean")]
    fn mean(&self, value: impl Fn(&Pair) -> f64) -> f64 {
        self.pairs.iter().map(value).sum::<f64>() / self.pairs.len() as f64
    }

    fn least(&self, value: impl Fn(&Pair) -> f64) -> f64 {
        self.pairs.iter().map(value).fold(f64::INFINITY, f64::min)
    }

    /// PSNR of all frames as if they were one picture.
    fn overall(&self) -> Psnr {
        Psnr::of(self.sse, self.size, self.pairs.len() as u64)
    }

    fn text(&self) -> String {
        let overall = self.overall();
        format!(
            "frames compared {}, without partner: {} of the reference, {} of the other\n\
             PSNR mean   Y {:.3} U {:.3} V {:.3} dB, all {:.3} dB; least Y {:.3} dB\n\
             PSNR total  Y {:.3} U {:.3} V {:.3} dB, all {:.3} dB\n\
             SSIM mean   Y {:.5}; least {:.5}\n",
            self.pairs.len(),
            self.unmatched_reference,
            self.unmatched_distorted,
            self.mean(|pair| pair.psnr.y),
            self.mean(|pair| pair.psnr.u),
            self.mean(|pair| pair.psnr.v),
            self.mean(|pair| pair.psnr.all),
            self.least(|pair| pair.psnr.y),
            overall.y,
            overall.u,
            overall.v,
            overall.all,
            self.mean(|pair| pair.ssim),
            self.least(|pair| pair.ssim),
        )
    }

    fn json(&self) -> String {
        let frames = self.pairs.iter().map(|pair| {
            Object::new()
                .raw("frame", pair.frame)
                .float("time_s", pair.time_s)
                .float("psnr_y", pair.psnr.y)
                .float("psnr_u", pair.psnr.u)
                .float("psnr_v", pair.psnr.v)
                .float("psnr_all", pair.psnr.all)
                .raw("ssim", format!("{:.6}", pair.ssim))
                .finish()
        });
        let overall = self.overall();
        let total = Object::new()
            .float("psnr_y", overall.y)
            .float("psnr_u", overall.u)
            .float("psnr_v", overall.v)
            .float("psnr_all", overall.all)
            .finish();
        let object = Object::new()
            .raw("frames_compared", self.pairs.len())
            .raw("unmatched_reference", self.unmatched_reference)
            .raw("unmatched_distorted", self.unmatched_distorted)
            .float("psnr_y", self.mean(|pair| pair.psnr.y))
            .float("psnr_u", self.mean(|pair| pair.psnr.u))
            .float("psnr_v", self.mean(|pair| pair.psnr.v))
            .float("psnr_all", self.mean(|pair| pair.psnr.all))
            .float("psnr_y_min", self.least(|pair| pair.psnr.y))
            .raw("ssim", format!("{:.6}", self.mean(|pair| pair.ssim)))
            .raw("ssim_min", format!("{:.6}", self.least(|pair| pair.ssim)))
            .raw("total", total)
            .raw("frames", json::array(frames));
        format!("{}\n", object.finish())
    }

    fn check(&self, args: &MetricsArgs) -> Result<()> {
        let (psnr, ssim) = (self.mean(|pair| pair.psnr.y), self.mean(|pair| pair.ssim));
        let failed = |what: &str| Err(Failure::new(Kind::Check, what));
        match (args.min_psnr, args.min_ssim) {
            (Some(least), _) if psnr < least => {
                failed(&format!("PSNR {psnr:.3} dB is below {least} dB"))
            }
            (_, Some(least)) if ssim < least => failed(&format!("SSIM {ssim:.5} is below {least}")),
            _ => Ok(()),
        }
    }
}
