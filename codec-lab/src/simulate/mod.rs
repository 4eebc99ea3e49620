//! `codec simulate`: a stream over a simulated link, in virtual time.

mod frame;
pub mod link;
pub mod options;
mod outputs;
mod packetizer;
mod reassembly;
mod receiver;
mod results;
mod rows;
mod seconds;
mod seeds;
mod sender;
mod settings;
mod summary;
mod viewer;
mod world;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use codec_core::parallel::RowPool;
use codec_media::Env;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::io::decoded::{DecodeOptions, open_decoder};
use codec_media::io::output::OutputFile;
use codec_media::io::sink::Header;
use codec_media::io::video;
use codec_media::settings::encoder::describe_rate;
use codec_media::threads::threads_for;

use options::SimulateOptions;
use outputs::Outputs;
use receiver::Receiver;
use results::Setup;
use sender::Sender;
use settings::{Output, Settings};
use summary::Summary;
use world::{Camera, World};

/// Runs the simulation and reports what the viewer sees.
///
/// # Errors
/// If settings conflict, or input or output fails.
pub fn run(args: &SimulateOptions, env: &Env) -> Result<()> {
    if args.seeds > 1 {
        return seeds::run(args, env, &|args, env| {
            let outcome = simulate(args, env)?;
            outcome.end.map(|()| outcome.json)
        });
    }
    let outcome = simulate(args, env)?;
    env.events.text(if args.json { &outcome.json } else { &outcome.text })?;
    outcome.end
}

/// The results of a simulation.
struct Outcome {
    json: String,
    text: String,
    /// Why it ended early.
    end: Result<()>,
}

fn simulate(args: &SimulateOptions, env: &Env) -> Result<Outcome> {
    let settings = Settings::new(args)?;
    env.stop.handle_requests();
    let options = DecodeOptions { limits: settings.input.limits, ..DecodeOptions::default() };
    let mut source = video::open(&settings.input, &options, env)?;
    let stream_info = source.stream_info().clone();
    let threads = threads_for(settings.threads, stream_info.size);
    let mut config =
        settings.encoder.config(stream_info.size, stream_info.frame_rate, stream_info.time_base);
    config.simd = Some(env.level);
    config.info = stream_info.info;
    if threads > 1 {
        config.pool = Some(Arc::new(RowPool::new(threads).map_err(Failure::internal)?));
    }
    let decoder = |conceal| {
        let mut options =
            DecodeOptions { conceal, threads: Some(threads), ..DecodeOptions::default() };
        options.limits.max_pixels = options.limits.max_pixels.max(stream_info.size.pixels());
        open_decoder(settings.encoder.backend.codec.name(), stream_info.size, &options, 0, env)
    };
    let sender = Sender::new(&settings, &config, decoder(false)?)?;
    let receiver = Receiver::new(&settings, stream_info.size, decoder(true)?);
    let header = Header {
        samples: codec_core::frame::SampleFormat::YUV420,
        size: stream_info.size,
        frame_rate: stream_info.frame_rate,
        info: stream_info.info,
    };
    let mut outputs = Outputs::new(&settings, header, stream_info.time_base)?;
    let setup = Setup {
        input: settings.input.name(),
        encoder: format!("{}/{}", settings.encoder.backend.codec, settings.encoder.backend.name),
        rate: describe_rate(config.rate.mode),
        speed: config.speed,
        size: stream_info.size,
        frame_rate: stream_info.frame_rate,
    };
    env.events.note(results::announce(&setup, &settings));
    let total = match (stream_info.count, settings.frames) {
        (Some(count), Some(limit)) => Some(count.min(limit)),
        (count, limit) => limit.or(count),
    };
    let mut progress = env.events.progress(total, stream_info.frame_rate);
    let camera = Camera::new(&mut *source, &settings, env.stop.clone())?;
    let mut world = World::new(&settings, camera, sender, receiver)?;
    world.run(&mut outputs, &mut progress)?;
    if world.records.is_empty() {
        return Err(Failure::new(Kind::Input, "the input has no frames"));
    }
    outputs.finish()?;
    let fps = stream_info.frame_rate.as_f64();
    let frame_time = if fps > 1e-3 { 1.0 / fps } else { 0.0 };
    let frame_time = Duration::from_secs_f64(frame_time);
    let summary = Summary::new(&world.records, &world.viewer.shown_at, frame_time);
    let json = results::json(&setup, &settings, &world, &summary);
    for (path, kind) in &settings.outputs {
        match kind {
            Output::Csv => rows::write(&world.records, path, &settings.rules)?,
            Output::Json => {
                let file = OutputFile::create(path, &settings.rules)?;
                let written = file.writer()?.write_all(json.as_bytes());
                written.map_err(|error| Failure::output(&file.name, error))?;
                file.commit()?;
            }
            Output::Received | Output::Seen => {}
        }
    }
    let text = results::text(&settings, &world, &summary);
    let end = match world.failure() {
        Some(failure) => Err(failure),
        None if env.stop.is_requested() => {
            let message = "interrupted: results cover only the part before the interruption";
            Err(Failure::new(Kind::Interrupted, message))
        }
        None => Ok(()),
    };
    Ok(Outcome { json, text, end })
}
