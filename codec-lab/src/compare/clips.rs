//! The clips of a study, inspected once and stored as y4m or WAV, because every encoder can read
//! these.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use codec_container::Format;
use codec_core::frame::{ColorRange, Rational, Rotation, Size};
use codec_measure::results::{self, ClipAudio};
use codec_media::Env;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::io::decoded::DecodeOptions;
use codec_media::io::input::InputSpec;
use codec_media::io::output::{OutputFile, OutputRules};
use codec_media::io::remote::{is_url, without_query};
use codec_media::io::sink::{FrameSink, Header};
use codec_media::io::video;
use codec_media::values::Samples;
use md5::{Digest, Md5};

use super::audio_clip::{self, AudioFile};
use super::shape::{Media, Shape};
use super::sizes::{Rendition, RenditionWriter, sizes_of};
use super::store::Store;
use super::study::Study;
use codec_media::values::hex;

/// A clip that is ready to be encoded.
#[derive(Clone, Debug)]
pub(super) struct Clip {
    pub(super) name: String,
    /// The clip as a y4m or WAV file.
    pub(super) path: PathBuf,
    pub(super) shape: Shape,
    /// MD5 of the frames or samples.
    pub(super) digest: String,
    /// The clip in the sizes that are encoded; empty if only its own is.
    pub(super) renditions: Vec<Rendition>,
    /// A remark on the clip for the report.
    pub(super) note: Option<String>,
}

impl Clip {
    pub(super) fn seconds(&self) -> f64 {
        self.shape.seconds()
    }

    pub(super) fn stream_info(&self) -> results::Clip {
        let size = self.shape.size().unwrap_or(Size::new(0, 0));
        let audio = match self.shape {
            Shape::Video { .. } => None,
            Shape::Audio { format, .. } => Some(ClipAudio {
                sample_rate: format.rate,
                channels: u32::try_from(format.channels()).unwrap_or(u32::MAX),
            }),
        };
        results::Clip {
            name: self.name.clone(),
            digest: self.digest.clone(),
            width: size.width,
            height: size.height,
            frames: self.shape.frames(),
            fps: self.shape.frame_rate().as_f64(),
            seconds: self.seconds(),
            audio,
        }
    }
}

/// Inspects every clip of a study, and converts those that encoders cannot read.
pub(super) fn clips_of(study: &Study, media: Media, store: &Store, env: &Env) -> Result<Vec<Clip>> {
    let mut names = BTreeSet::new();
    let mut clips = Vec::new();
    for path in &study.clips {
        env.events.detail(format!("reading {}", without_query(path).display()));
        let name = unique(path, &mut names);
        let clip = prepare(path, name, media, study, store.work(), env)?;
        clips.push(clip);
    }
    Ok(clips)
}

/// Inspects the clip with this number, and converts it to a file in `folder` if encoders cannot read it.
pub(super) fn clip_of(
    study: &Study,
    media: Media,
    index: usize,
    folder: &Path,
    env: &Env,
) -> Result<Clip> {
    let mut names = BTreeSet::new();
    let mut found = None;
    for path in study.clips.iter().take(index + 1) {
        found = Some((path, unique(path, &mut names)));
    }
    let (path, name) = found.ok_or_else(|| Failure::usage("the study has no such clip"))?;
    prepare(path, name, media, study, folder, env)
}

fn prepare(
    path: &Path,
    name: String,
    media: Media,
    study: &Study,
    folder: &Path,
    env: &Env,
) -> Result<Clip> {
    match media {
        Media::Video => prepare_video(path, name, study, folder, env),
        Media::Audio => {
            let AudioFile { path, shape, digest } =
                audio_clip::prepare(path, &name, study.cut()?, folder, env)?;
            Ok(Clip { name, path, shape, digest, renditions: Vec::new(), note: None })
        }
    }
}

fn unique(path: &Path, names: &mut BTreeSet<String>) -> String {
    let path = without_query(path);
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let stem = stem.unwrap_or_else(|| path.display().to_string());
    let mut name = stem.clone();
    let mut count = 1;
    while !names.insert(name.clone()) {
        count += 1;
        name = format!("{stem} ({count})");
    }
    name
}

fn prepare_video(
    path: &Path,
    name: String,
    study: &Study,
    folder: &Path,
    env: &Env,
) -> Result<Clip> {
    let options = DecodeOptions::default();
    let cut = study.cut()?;
    let spec = InputSpec { cut, ..InputSpec::new(path, options.limits) };
    let mut source = video::open(&spec, &options, env)?;
    let mut stream_info = source.stream_info().clone();
    // Samples are compared as they are coded, so no encoder must rotate or convert them.
    let stated = stream_info.info;
    stream_info.info.rotation = Rotation::None;
    if stream_info.info.color.range == ColorRange::Full {
        stream_info.info.color.range = ColorRange::Unspecified;
    }
    let skip = study.skip.unwrap_or(0);
    let is_part = skip > 0 || study.frames.is_some() || !cut.is_whole();
    // Other programs read no URLs.
    let whole =
        !is_part && stream_info.kind == "y4m" && !is_url(path) && stated == stream_info.info;
    let temporary = folder.join(format!("{}.y4m", hex(&Md5::digest(name.as_bytes()))));
    let rules = OutputRules { overwrite: true, ..OutputRules::default() };
    let mut sink = None;
    if !whole {
        let output = OutputFile::create(&temporary, &rules)?;
        let header = Header {
            samples: codec_core::frame::SampleFormat::YUV420,
            size: stream_info.size,
            frame_rate: stream_info.frame_rate,
            info: stream_info.info,
        };
        sink = Some((FrameSink::new(&output, Format::Y4m, Some(Samples::I420), header)?, output));
    }
    let (mut digest, mut bytes) = (Md5::new(), Vec::new());
    digest.update(format!("{} {}", stream_info.size, stream_info.frame_rate));
    let (mut seen, mut frames, mut uneven) = (0, 0_u64, false);
    let sizes = sizes_of(&study.sizes()?, stream_info.size, &name)?;
    let stem = hex(&Md5::digest(name.as_bytes()));
    let others = sizes.iter().filter(|size| **size != stream_info.size);
    let mut scaled = others
        .map(|size| RenditionWriter::new(*size, &stream_info, folder, &stem))
        .collect::<Result<Vec<_>>>()?;
    let mut clock = EvenClock::new(stream_info.frame_rate, stream_info.time_base);
    while study.frames.is_none_or(|limit| frames < limit) {
        if env.stop.is_requested() {
            return Err(Failure::new(Kind::Interrupted, "interrupted"));
        }
        let Some(shot) = source.next()? else { break };
        seen += 1;
        if seen <= skip {
            continue;
        }
        if shot.picture.size() != stream_info.size {
            let message = format!("{name}: the frame size changes to {}", shot.picture.size());
            return Err(Failure::new(Kind::Input, message));
        }
        uneven |= !clock.is_even(shot.pts);
        bytes.clear();
        shot.picture.append_bytes(&mut bytes);
        digest.update(&bytes);
        if let Some((sink, _)) = &mut sink {
            sink.write(&shot.picture)?;
        }
        for writer in &mut scaled {
            writer.write(&shot.picture)?;
        }
        frames += 1;
    }
    if frames == 0 {
        return Err(Failure::new(Kind::Input, format!("{name}: no frames to encode")));
    }
    let path = match sink {
        None => path.to_owned(),
        Some((sink, output)) => {
            sink.finish()?;
            output.commit()?;
            temporary
        }
    };
    let digest = hex(&digest.finalize());
    let renditions = renditions(&sizes, scaled, &(stream_info.size, &path, &digest))?;
    Ok(Clip {
        note: uneven.then(|| {
            let fps = stream_info.frame_rate.as_f64();
            format!("{name}: variable frame rate; all encoders encode it at {fps:.3} fps")
        }),
        name,
        path,
        shape: Shape::Video { size: stream_info.size, frame_rate: stream_info.frame_rate, frames },
        digest,
        renditions,
    })
}

/// The clip in all sizes, in their order. Its own size is the file `whole` with its digest.
fn renditions(
    sizes: &[Size],
    scaled: Vec<RenditionWriter>,
    whole: &(Size, &PathBuf, &String),
) -> Result<Vec<Rendition>> {
    let (size, path, digest) = *whole;
    let own = Rendition { size, path: path.clone(), digest: digest.clone() };
    let mut all = scaled.into_iter().map(RenditionWriter::finish).collect::<Result<Vec<_>>>()?;
    all.push(own);
    let of = |size: &Size| all.iter().find(|rendition| rendition.size == *size).cloned();
    Ok(sizes.iter().filter_map(of).collect())
}

/// Checks whether times match a constant frame rate.
struct EvenClock {
    ticks_per_frame: f64,
    first: Option<(i64, f64)>,
    count: f64,
}

impl EvenClock {
    fn new(frame_rate: Rational, time_base: Rational) -> Self {
        let ticks_per_frame = 1.0 / (frame_rate.as_f64() * time_base.as_f64());
        Self { ticks_per_frame, first: None, count: 0.0 }
    }

    #[expect(clippy::cast_precision_loss, reason = "times are compared by halves of frames")]
    fn is_even(&mut self, pts: i64) -> bool {
        let (first, _) = *self.first.get_or_insert((pts, 0.0));
        let expected = self.count * self.ticks_per_frame;
        self.count += 1.0;
        let apart = pts.saturating_sub(first) as f64 - expected;
        apart.abs() <= 0.5 * self.ticks_per_frame.max(2.0)
    }
}
