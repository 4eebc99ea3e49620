//! Trial encodes (first passes) of a file, which measure how many bits each frame takes.

use codec_core::codec::{EncoderConfig, FirstPassStats, FrameRequest, Packet, VideoEncoder};
use codec_core::rate::TwoPass;

use crate::Env;
use crate::failure::{Failure, Result};
use crate::io::video;
use crate::progress::{Now, Pass, Progress};
use crate::settings::encoding::Encoding;

/// Runs the trial encodes needed to encode the input as `config` says. `None` if the input can be
/// read only once, or its frame size changes.
pub(super) fn encode_trials(
    settings: &Encoding,
    config: &EncoderConfig,
    progress: &mut Progress,
    env: &Env,
) -> Result<Option<FirstPassStats>> {
    let Some((_, capabilities)) = settings.encoder.backend.encoder else { return Ok(None) };
    if !settings.wants_trials()? || capabilities.quantiser_steps.is_empty() {
        return Ok(None);
    }
    let mut two_pass = TwoPass::new(capabilities);
    let mut number = 0;
    while let Some(trial) = two_pass.next_analysis_pass(config) {
        env.events.detail(format!(
            "trial encode, {}",
            crate::settings::encoder::describe_rate(trial.rate.mode)
        ));
        number += 1;
        progress.begin_pass(Some(Pass::Trial { number, max: TwoPass::MAX_ANALYSIS_PASSES }));
        let is_usable = run(settings, &trial, &mut two_pass, progress, env)?;
        if env.stop.is_requested() {
            return Err(Failure::interrupted(false));
        }
        if !is_usable {
            progress.begin_pass(None);
            return Ok(None);
        }
    }
    progress.begin_pass(None);
    Ok(Some(two_pass.into_stats()))
}

/// Runs one trial. `false`: its frame sizes are not usable.
fn run(
    settings: &Encoding,
    trial: &EncoderConfig,
    two_pass: &mut TwoPass,
    progress: &mut Progress,
    env: &Env,
) -> Result<bool> {
    let Some((open, _)) = settings.encoder.backend.encoder else {
        return Ok(false);
    };
    let mut encoder = open(trial).map_err(Failure::encoding)?;
    let mut packet = Packet::default();
    let mut transform = settings.transform();
    // Problems of the input are reported in the final pass.
    let mut source = video::open(&settings.input, &settings.decode_options(), &env.quiet())?;
    let (mut seen, mut last_pts, mut origin) = (0_u64, None, None);
    let mut bytes = 0;
    let end = settings.frames.map(|frames| settings.skip.saturating_add(frames));
    while end.is_none_or(|end| seen < end) {
        if env.stop.is_requested() {
            return Ok(false);
        }
        // The final pass will end at the same error.
        let Ok(Some(shot)) = source.next() else { break };
        seen += 1;
        if seen <= settings.skip {
            continue;
        }
        if last_pts.is_some_and(|last| shot.pts <= last) {
            break;
        }
        last_pts = Some(shot.pts);
        let picture = transform.apply(shot.picture)?;
        if picture.size() != trial.size {
            return Ok(false);
        }
        let origin = *origin.get_or_insert_with(|| settings.origin(shot.pts));
        // Regions are left to the final pass: with a bitrate they do not change the expected bits.
        let request = FrameRequest::at(shot.pts.saturating_sub(origin));
        encoder.encode(&picture, &request).map_err(Failure::encoding)?;
        bytes += note(&mut *encoder, &mut packet, two_pass);
        progress.update(&Now { frames: seen - settings.skip, bytes, ..Now::default() });
    }
    encoder.finish().map_err(Failure::encoding)?;
    note(&mut *encoder, &mut packet, two_pass);
    Ok(true)
}

/// Passes on the packets that are ready; returns their bytes.
fn note(encoder: &mut dyn VideoEncoder, packet: &mut Packet, two_pass: &mut TwoPass) -> u64 {
    let mut bytes = 0;
    while encoder.receive(packet) {
        two_pass.add_packet(packet);
        bytes += packet.data.len() as u64;
    }
    bytes
}
