//! Mixes the audio of several files.

use std::path::{Path, PathBuf};

use crate::Env;
use crate::audio::gap::GapLimit;
use crate::audio::sink::AudioSink;
use crate::audio::source::{AudioDecodeOptions, AudioSource};
use crate::count::counted;
use crate::cut::Cut;
use crate::failure::{Failure, Kind, Result};
use crate::io::input::InputSpec;
use crate::io::names::{Outputs, format_of, is_pipe};
use crate::io::output::{OutputFile, OutputRules, PartRule};
use crate::session::audio::note_layout;
use crate::settings::audio::{self, AudioChoice, AudioSettings};
use crate::stop::Stop;
use codec_audio::AudioBackend;
use codec_audio::mixer::Mixer;
use codec_audio::{
    AudioBuf, AudioCapabilities, AudioCodec, AudioEncoderConfig, AudioFormat, ChannelLayout,
    SampleKind,
};
use codec_container::{Format, PacketWriter, Track, WriteOptions, create_packets};
use codec_core::codec::{Bitrate, Limits};

/// Inputs of a mix, and how the mix is encoded.
#[derive(Clone, Debug)]
pub struct MixOptions {
    /// Input files; one may be `-`. Their timestamps are kept.
    pub inputs: Vec<PathBuf>,
    /// Output file, or `-`.
    pub output: PathBuf,
    /// Container. Default: by the extension of the output.
    pub format: Option<String>,
    /// Gain of each input in dB, in order; inputs without a value keep their level.
    pub gain: Vec<f32>,
    /// Sample rate in Hz. Default: the highest of the inputs, if the codec supports it.
    pub rate: Option<u32>,
    /// Number of channels. Default: the largest number of any input.
    pub channels: Option<u8>,
    /// Codec, codec/backend or PCM encoding. Default: the container's.
    pub codec: Option<String>,
    /// Bitrate of the encoder.
    pub bitrate: Option<Bitrate>,
    /// Folder for the mix-minus (N-1 mix) of each input: the mix of all other inputs.
    pub n_minus_1: Option<PathBuf>,
    /// Limits on the inputs.
    pub limits: Limits,
    /// The part of each input that is mixed.
    pub cut: Cut,
    /// Overwrite existing files.
    pub yes: bool,
}

/// Mixes the audio of the inputs and writes the outputs.
///
/// # Errors
/// If the options do not match, an input cannot be read, or an output cannot be written.
pub fn run(args: &MixOptions, env: &Env) -> Result<()> {
    env.stop.handle_requests();
    if args.inputs.iter().filter(|path| is_pipe(path)).count() > 1 {
        return Err(Failure::usage("only one input can be standard input"));
    }
    if args.gain.len() > args.inputs.len() {
        let message = format!(
            "invalid --gain: got {} for {}",
            counted(args.gain.len() as u64, "value"),
            counted(args.inputs.len() as u64, "input")
        );
        return Err(Failure::usage(message));
    }
    let format = format_of(&args.output, args.format.as_deref(), Outputs::MIXED)?;
    let encoding = Encoding::choose(args, format)?;
    let rules = OutputRules {
        overwrite: args.yes,
        protected: args.inputs.clone(),
        terminal: args.format.is_some(),
        part: PartRule::of_inputs(&args.inputs),
    };
    // Reject impossible outputs before any input is read.
    let mut files = vec![OutputFile::create(&args.output, &rules)?];
    if let Some(folder) = &args.n_minus_1 {
        for path in names_in(folder, args)? {
            files.push(OutputFile::create(&path, &rules)?);
        }
    }
    let mut inputs =
        args.inputs.iter().map(|path| Input::open(path, args, env)).collect::<Result<Vec<_>>>()?;
    let config = encoding.config(args, &inputs)?;
    for input in &inputs {
        note_layout(&input.name, input.source.format().layout, config.format.layout, env);
    }
    let mut mixer = mixer_for(args, config.format, &inputs)?;
    let mut outputs = files
        .into_iter()
        .map(|file| Output::begin(file, encoding.backend, &config, format))
        .collect::<Result<Vec<_>>>()?;
    let frames = mix(&mut mixer, &mut inputs, &mut outputs, &env.stop)?;
    let seconds = f64_of(frames) / f64::from(config.format.rate);
    let codec = config.codec;
    let is_stopped = env.stop.is_requested();
    let mut end = Ok(());
    for output in outputs {
        let ended = if is_stopped { Err(Failure::interrupted(true)) } else { Ok(()) };
        let (name, ended) = output.finish(ended)?;
        end = end.and(ended);
        env.events.note(format!("{name}: {seconds:.3} s of {codec}, {}", config.format));
    }
    for (input, id) in inputs.iter().zip(0..) {
        let dropped = mixer.stats(id).map_or(0, |stats| stats.late + stats.overlapped);
        if dropped > 0 {
            let name = &input.name;
            let dropped = counted(dropped, "sample");
            env.events.warn(format!(
                "{name}: dropped {dropped} that are before time 0 or overlap earlier audio"
            ));
        }
    }
    end
}

/// How the mix is encoded.
struct Encoding {
    settings: AudioSettings,
    backend: &'static AudioBackend,
    codec: AudioCodec,
    capabilities: &'static AudioCapabilities,
}

impl Encoding {
    fn choose(args: &MixOptions, format: Format) -> Result<Self> {
        let mut settings = AudioSettings::generated(format);
        settings.bitrate = args.bitrate;
        if let Some(name) = &args.codec {
            let (backend, codec) = audio::find(name)?;
            settings.codec = AudioChoice::Encode(backend, codec);
        }
        let (backend, codec) = settings.encoder(format)?;
        let Some((_, capabilities)) = backend.encoder else {
            let message = format!("{}/{} has no encoder", backend.codec, backend.name);
            return Err(Failure::new(Kind::Backend, message));
        };
        Ok(Self { settings, backend, codec, capabilities })
    }

    fn config(&self, args: &MixOptions, inputs: &[Input]) -> Result<AudioEncoderConfig> {
        let formats = || inputs.iter().map(|input| input.source.format());
        let rate = formats().map(|format| format.rate).max().unwrap_or(48_000);
        let widest = formats().max_by_key(|format| format.channels());
        let layout = match args.channels {
            Some(count) => ChannelLayout::of(count.into()),
            None => widest.map(|format| format.layout),
        };
        let format = AudioFormat::new(args.rate.unwrap_or(rate), layout.unwrap_or_default());
        let config = self.settings.config(self.codec, self.capabilities, format)?;
        if let Some(wanted) = args.rate.filter(|&wanted| wanted != config.format.rate) {
            let message = format!("{} does not support {wanted} Hz", self.codec);
            return Err(Failure::usage(message));
        }
        Ok(config)
    }
}

fn mixer_for(args: &MixOptions, format: AudioFormat, inputs: &[Input]) -> Result<Mixer> {
    let refused = |error| Failure::encoding(error);
    let mut mixer = Mixer::new(format).map_err(refused)?;
    for (input, id) in inputs.iter().zip(0u32..) {
        mixer.add_input(id, input.source.format()).map_err(refused)?;
        if let Some(&gain) = args.gain.get(id as usize) {
            mixer.set_gain_db(id, gain).map_err(refused)?;
        }
    }
    mixer.jump_to_gains();
    Ok(mixer)
}

/// Mixes until every input has ended; returns the number of sample frames written.
fn mix(
    mixer: &mut Mixer,
    inputs: &mut [Input],
    outputs: &mut [Output],
    stop: &Stop,
) -> Result<u64> {
    let block = (mixer.format().rate / 50).max(1) as usize;
    let mut out = AudioBuf::new(mixer.format(), SampleKind::F32);
    let mut total = 0u64;
    let mut flush = mixer.latency();
    while flush > 0 {
        for (input, id) in inputs.iter_mut().zip(0..) {
            input.feed(mixer, id, block)?;
        }
        let ids = 0..u32::try_from(inputs.len()).unwrap_or(u32::MAX);
        let longest = ids.filter_map(|id| mixer.ready(id)).max().unwrap_or(0);
        let mut frames = longest.min(block);
        if frames == 0 || stop.is_requested() {
            // The limiter still holds this many frames.
            frames = flush.min(block);
            flush -= frames;
        }
        mixer.mix(frames, &mut out);
        total += outputs[0].write(&mut out)?;
        for (output, id) in outputs[1..].iter_mut().zip(0..) {
            mixer.mix_minus(id, &mut out).map_err(Failure::encoding)?;
            output.write(&mut out)?;
        }
    }
    Ok(total)
}

/// One input.
struct Input {
    source: AudioSource,
    name: String,
    audio: AudioBuf,
    gaps: GapLimit,
    /// Time after the last sample, in samples.
    next: i64,
    ended: bool,
}

impl Input {
    fn open(path: &Path, args: &MixOptions, env: &Env) -> Result<Self> {
        let limits = args.limits;
        let spec = InputSpec { cut: args.cut, ..InputSpec::new(path, limits) };
        let options = AudioDecodeOptions { limits, ..AudioDecodeOptions::default() };
        let source = AudioSource::open(&spec, &options, env)?;
        let audio = AudioBuf::new(source.format(), SampleKind::F32);
        let gaps = source.gap_limit();
        Ok(Self { source, name: spec.name(), audio, gaps, next: 0, ended: false })
    }

    /// Reads until `frames` are available, or to the end.
    fn feed(&mut self, mixer: &mut Mixer, id: u32, frames: usize) -> Result<()> {
        let failed = |name: &str, error: codec_core::Error| {
            Failure::new(Kind::Input, format!("{name}: {error}"))
        };
        while !self.ended && mixer.ready(id).is_some_and(|ready| ready < frames) {
            if self.source.read(&mut self.audio)? {
                self.check_gap()?;
                let view = self.audio.view().map_err(Failure::internal)?;
                let pushed = mixer.push(id, &view, self.audio.pts);
                pushed.map_err(|error| failed(&self.name, error))?;
            } else {
                self.ended = true;
                mixer.end_input(id).map_err(Failure::internal)?;
            }
        }
        Ok(())
    }

    /// Checks gaps against the limit: the mixer fills them with silence, from time 0 on.
    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    fn check_gap(&mut self) -> Result<()> {
        let AudioBuf { pts, .. } = self.audio;
        let rate = f64::from(self.audio.format.rate);
        let gap = pts.saturating_sub(self.next);
        if gap > 0 {
            self.gaps.fill(gap as f64 / rate, pts as f64 / rate)?;
        }
        let frames = self.audio.frames() as u64;
        self.gaps.count_audio(frames as f64 / rate);
        self.next = self.next.max(pts.saturating_add_unsigned(frames));
        Ok(())
    }
}

/// One output.
struct Output {
    file: OutputFile,
    sink: AudioSink,
    writer: Box<dyn PacketWriter>,
}

impl Output {
    fn begin(
        file: OutputFile,
        backend: &AudioBackend,
        config: &AudioEncoderConfig,
        format: Format,
    ) -> Result<Self> {
        let sink = AudioSink::new(backend, config, 0, &file.name)?;
        let tracks = [Track::Audio(sink.track(format, config))];
        let writer = create_packets(file.stream()?, format, &tracks, &WriteOptions::default())
            .map_err(|error| Failure::writing(&file.name, error))?;
        Ok(Self { file, sink, writer })
    }

    /// Writes the samples from time 0 on; returns the number of sample frames.
    fn write(&mut self, audio: &mut AudioBuf) -> Result<u64> {
        let early = usize::try_from(audio.pts.min(0).unsigned_abs()).unwrap_or(usize::MAX);
        audio.trim(early, 0);
        let view = audio.view().map_err(Failure::internal)?;
        if view.frames() > 0 {
            self.sink.write(&view, audio.pts, &mut *self.writer)?;
        }
        Ok(view.frames() as u64)
    }

    /// Completes the file of a mix that ended with `end`; returns its name, and `end` with that name.
    fn finish(mut self, end: Result<()>) -> Result<(String, Result<()>)> {
        self.sink.finish(&mut *self.writer)?;
        self.writer.finish().map_err(|error| Failure::writing(&self.file.name, error))?;
        let end = self.file.end(end);
        let name = self.file.name.clone();
        self.file.commit()?;
        Ok((name, end))
    }
}

/// The file names of the mix-minus outputs (N-1 mixes).
fn names_in(folder: &Path, args: &MixOptions) -> Result<Vec<PathBuf>> {
    let extension = match args.output.extension() {
        Some(extension) => extension.to_owned(),
        None => args.format.clone().unwrap_or_else(|| "wav".to_owned()).into(),
    };
    let mut names: Vec<PathBuf> = Vec::new();
    for input in &args.inputs {
        let stem = if is_pipe(input) { Path::new("stdin") } else { input.as_path() };
        let mut name = stem.file_stem().unwrap_or_default().to_owned();
        name.push(".");
        name.push(&extension);
        let path = folder.join(name);
        if names.contains(&path) {
            let message = format!("two inputs would have the same output {}", path.display());
            return Err(Failure::usage(message));
        }
        names.push(path);
    }
    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::output(&folder.display().to_string(), error))?;
    Ok(names)
}

#[expect(clippy::cast_precision_loss, reason = "a report")]
fn f64_of(count: u64) -> f64 {
    count as f64
}
