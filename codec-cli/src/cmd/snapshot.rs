//! `codec snapshot`.

use codec_media::Env;
use codec_media::count::counted;
use codec_media::cut::Cut;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::frame::planes::Planes;
use codec_media::io::decoded::DecodeOptions;
use codec_media::io::input::InputSpec;
use codec_media::io::output::OutputRules;
use codec_media::io::stills::write;
use codec_media::io::video;

use crate::args::decode::SnapshotArgs;

use super::decode::advised;

/// Saves one frame, rotated as its metadata says unless `--rotate` overrides it.
pub(crate) fn run(args: &SnapshotArgs, env: &Env) -> Result<()> {
    save(args, env).map_err(|failure| if args.conceal { failure } else { advised(failure) })
}

fn save(args: &SnapshotArgs, env: &Env) -> Result<()> {
    let mut spec = InputSpec::from(&args.input);
    spec.lenient = args.conceal;
    spec.cut = Cut::new(args.time, None, None);
    let rules = OutputRules {
        overwrite: args.yes,
        protected: vec![spec.path.clone()],
        terminal: args.force,
        ..OutputRules::default()
    };
    rules.check(&args.output)?;
    let style = write::Style::of(&args.output, args.quality, args.lossless)?;
    let options = DecodeOptions {
        limits: spec.limits,
        conceal: args.conceal,
        pix_fmt: args.transform.pix_fmt,
        deinterlace: args.transform.deinterlace,
        ..DecodeOptions::default()
    };
    let mut source = video::open(&spec, &options, env)?;
    for index in 0..args.frame {
        if source.next()?.is_none() {
            return Err(past_the_end(&spec, args.frame, index));
        }
    }
    let mut transform = args.transform.of_images(args.resize);
    let mut planes = Planes::default();
    match source.next()? {
        Some(shot) => planes.copy_from(&transform.apply(shot.picture)?),
        None => return Err(past_the_end(&spec, args.frame, args.frame)),
    }
    let written = write::save(&planes, &args.output, style, &rules, env)?;
    env.events.note(match source.start_ns() {
        Some(start_ns) => format!("{written}, the frame at {:.3} s", seconds(start_ns)),
        None => format!("{written}, frame {}", args.frame),
    });
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a report")]
fn seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}

fn past_the_end(spec: &InputSpec, asked: u64, had: u64) -> Failure {
    let message = format!(
        "{}: no frame {asked}: the input has {}, counted from 0",
        spec.name(),
        counted(had, "frame")
    );
    Failure::new(Kind::Usage, message)
}
