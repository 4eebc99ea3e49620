//! Validation of configurations and requests against a backend's capabilities, shared by all
//! backends.

use std::fmt::Display;

use super::{
    Buffering, Capabilities, Conceal, Content, DecoderConfig, Denoise, DropPolicy, EncoderConfig,
    Feature, FrameRequest, Knob, LayerOutput, Preset, RateControl, Scalability, Update,
};
use crate::error::{ConfigError, Error, Unsupported};
use crate::frame::{Picture, Size};

/// Smallest width and height of the lowest spatial layer, in pixels.
const MIN_LAYER_SIDE: u32 = 16;

fn check(
    ok: bool,
    knob: &'static str,
    given: impl Display,
    allowed: impl Display,
) -> Result<(), Error> {
    Ok(ConfigError::ensure(ok, knob, given, allowed)?)
}

impl Capabilities {
    /// Checks that an encoder with these capabilities can be opened with `config`: all values are
    /// in range, all knobs match their schema, and no feature declared as a gap is requested.
    ///
    /// # Errors
    /// [`Error::Config`] with the allowed range; [`Error::Unsupported`] with the gap's reason.
    pub fn check_config(&self, config: &EncoderConfig) -> Result<(), Error> {
        self.check_size(config.size)?;
        for (name, value) in [("framerate", config.framerate), ("timebase", config.timebase)] {
            check(value.num > 0 && value.den > 0, name, value, "a value above 0")?;
        }
        self.check_rate(config.rate.mode)?;
        let fraction = config.rate.quality_fraction_q8;
        let has_fractions = !self.quantiser_steps.is_empty();
        let given = format_args!("{fraction}/256");
        let allowed = "0: this encoder supports whole numbers only";
        check(fraction == 0 || has_fractions, "fraction of the quality", given, allowed)?;
        self.check_qindex_range(self.allowed_qindex(config))?;
        check(config.keys.max_interval != Some(0), "key interval", 0, "at least 1")?;
        check(config.speed <= 10, "speed", config.speed, "0..=10")?;
        config.denoise.check()?;
        for (name, value) in &config.knobs {
            self.check_knob(name, *value)?;
        }
        match requested_features(config).into_iter().find(|&feature| self.gap(feature).is_some()) {
            Some(feature) => Err(self.unsupported(feature)),
            None => {
                let known = self.scalability.contains(&config.scalability);
                let known = known || config.scalability == Scalability::L1T1;
                check(known, "layers", config.scalability, OneOf(self.scalability))?;
                spatial_layers(config)
            }
        }
    }

    /// Checks that frames of `size` can be coded.
    ///
    /// # Errors
    /// [`Error::Config`] with the allowed range.
    pub fn check_size(&self, size: Size) -> Result<(), Error> {
        let (most, step) = (self.max_dimension, self.alignment.max(1));
        let fits = |side: u32| (1..=most).contains(&side) && side.is_multiple_of(step);
        let ok = fits(size.width) && fits(size.height);
        if step == 1 {
            return check(ok, "size", size, format_args!("1x1 to {most}x{most}"));
        }
        check(ok, "size", size, format_args!("multiples of {step} up to {most}x{most}"))
    }

    fn check_qindex_range(&self, (min, max): (u8, u8)) -> Result<(), Error> {
        let (best, worst) = self.qindex_range;
        check(max <= worst, "max qindex", max, format_args!("{best}..={worst}"))?;
        check((best..=max).contains(&min), "min qindex", min, format_args!("{best}..={max}"))
    }

    fn check_rate(&self, rate: RateControl) -> Result<(), Error> {
        let (best, worst) = self.qindex_range;
        match rate {
            RateControl::Cbr(bits) | RateControl::Vbr(bits) => {
                check(bits.0 > 0, "bitrate", bits.0, "at least 1 bit/s")
            }
            RateControl::Quality(quality) => check(quality <= 100, "quality", quality, "0..=100"),
            RateControl::FixedQ(index) => {
                let range = best..=worst;
                check(range.contains(&index), "qindex", index, format_args!("{best}..={worst}"))
            }
        }
    }

    fn check_knob(&self, name: &str, value: i64) -> Result<(), Error> {
        let Some(knob) = self.knobs.iter().find(|knob| knob.name == name) else {
            return Err(Knob::unknown(name, self.knobs).into());
        };
        check(knob.allows(value), knob.name, value, knob.allowed())
    }

    /// Checks that `update` can be applied to a running encoder.
    ///
    /// # Errors
    /// The same errors as [`Self::check_config`].
    pub fn check_update(&self, update: &Update) -> Result<(), Error> {
        let feature = match update {
            Update::Bitrate(_) => Feature::LiveBitrate,
            Update::Rate(_) => Feature::LiveRate,
            Update::QindexRange(..) => Feature::LiveQindexRange,
            Update::FrameRate(_) => Feature::LiveFrameRate,
            Update::Resolution(_) => Feature::LiveResolution,
            Update::KeyFrame => Feature::ForcedKeyFrames,
            Update::Drops(DropPolicy::Never)
            | Update::Content(Content::Camera)
            | Update::Denoise(Denoise::Off) => return Ok(()),
            Update::Drops(_) => Feature::Drops,
            Update::Content(_) => Feature::ScreenContent,
            Update::Denoise(_) => Feature::Denoise,
            Update::Tune(_) => Feature::Tune,
            Update::Speed(_) => Feature::LiveSpeed,
            Update::Pool(_) => Feature::Pool,
            Update::MaxFrameTime(_) => Feature::Deadline,
            Update::Scalability(_) | Update::ActiveTemporalLayers(_) => Feature::TemporalLayers,
            Update::ActiveSpatialLayers(_) => Feature::SpatialLayers,
            Update::Knob(name, value) => {
                self.check_knob(name, *value)?;
                let fixed = self.knobs.iter().find(|knob| knob.name == name && !knob.live);
                if let Some(knob) = fixed {
                    let reason = "it cannot change after the first frame";
                    return Err(ConfigError::conflict(knob.name, reason).into());
                }
                return Ok(());
            }
        };
        if self.gap(feature).is_some() {
            return Err(self.unsupported(feature));
        }
        match update {
            Update::Bitrate(rate) => check(rate.0 > 0, "bitrate", rate.0, "at least 1 bit/s"),
            Update::Rate(rate) => self.check_rate(*rate),
            Update::QindexRange(min, max) => {
                let (best, worst) = self.qindex_range;
                self.check_qindex_range((min.unwrap_or(best), max.unwrap_or(worst)))
            }
            Update::FrameRate(rate) => {
                check(rate.num > 0 && rate.den > 0, "framerate", rate, "a value above 0")
            }
            Update::Resolution(size) => self.check_size(*size),
            Update::Denoise(denoise) => Ok(denoise.check()?),
            Update::Speed(speed) => check(*speed <= 10, "speed", speed, "0..=10"),
            Update::Scalability(mode) => {
                let known = self.scalability.contains(mode);
                check(known, "layers", mode, OneOf(self.scalability))
            }
            _ => Ok(()),
        }
    }

    /// Checks that a frame can be coded as `request` says: `size` is the configured size and
    /// `last_pts` the timestamp of the previous frame.
    ///
    /// # Errors
    /// The same errors as [`Self::check_config`].
    pub fn check_picture(
        &self,
        picture: &Picture<'_>,
        request: &FrameRequest,
        size: Size,
        last_pts: Option<i64>,
    ) -> Result<(), Error> {
        check(picture.size() == size, "frame size", picture.size(), size)?;
        let is_known = self.formats.contains(&picture.format());
        check(is_known, "format", picture.format(), OneOf(self.formats))?;
        if let Some(last) = last_pts {
            let allowed = format_args!("a value above the previous frame's {last}");
            check(request.pts > last, "pts", request.pts, allowed)?;
        }
        let chooses = request.references.is_some() || request.updates.is_some();
        let requested = [
            (chooses, Feature::References),
            (request.key_frame, Feature::ForcedKeyFrames),
            (request.importance.is_some(), Feature::Importance),
            (request.analysis.is_some(), Feature::GivenAnalysis),
        ];
        match requested.into_iter().find(|&(is, feature)| is && self.gap(feature).is_some()) {
            Some((_, feature)) => Err(self.unsupported(feature)),
            None => {
                if let Some(analysis) = &request.analysis {
                    check(analysis.fits(size), "size of the analysis", analysis.size, size)?;
                }
                match &request.importance {
                    Some(map) => Ok(map.check_size(size)?),
                    None => Ok(()),
                }
            }
        }
    }

    /// Checks that a decoder with these capabilities can be opened with `config`.
    ///
    /// # Errors
    /// [`Error::Unsupported`] with the gap's reason.
    pub fn check_decoder_config(&self, config: &DecoderConfig) -> Result<(), Error> {
        if config.conceal == Conceal::On && self.gap(Feature::Concealment).is_some() {
            return Err(self.unsupported(Feature::Concealment));
        }
        if config.layer_output == LayerOutput::All && self.gap(Feature::AllLayers).is_some() {
            return Err(self.unsupported(Feature::AllLayers));
        }
        Ok(())
    }

    /// Returns the error for the missing `feature`, with the declared reason.
    #[must_use]
    pub fn unsupported(&self, feature: Feature) -> Error {
        Unsupported { what: feature.name(), reason: self.gap(feature) }.into()
    }
}

/// Checks settings that depend on the spatial layers.
fn spatial_layers(config: &EncoderConfig) -> Result<(), Error> {
    let layers = usize::from(config.scalability.spatial_layers());
    if layers == 1 {
        let ok = config.layer_shares_pct.is_none();
        let reason = "it requires a scalability mode with several spatial layers";
        return if ok { Ok(()) } else { Err(ConfigError::conflict("layer shares", reason).into()) };
    }
    let lowest = config.scalability.layer_size(config.size, 0);
    let is_large = lowest.width.min(lowest.height) >= MIN_LAYER_SIDE;
    let allowed = format_args!("at least {MIN_LAYER_SIDE}x{MIN_LAYER_SIDE} in the lowest layer");
    check(is_large, "size", config.size, allowed)?;
    if let Some(shares) = config.layer_shares_pct {
        let (used, unused) = shares.split_at(layers);
        let sum: u32 = used.iter().map(|&share| u32::from(share)).sum();
        let ok = sum == 100 && !used.contains(&0) && unused.iter().all(|&share| share == 0);
        let allowed = format_args!(
            "1 to 100 for each of {layers} layers, with a sum of 100, and 0 for the others"
        );
        check(ok, "layer shares", format_args!("{shares:?}"), allowed)?;
    }
    let conflicts = [
        (config.preset == Preset::File, "the file preset"),
        (config.deadline.is_some(), "a time limit per frame"),
        (config.rate.max_frame_bytes.is_some(), "a cap on bytes per frame"),
        (config.rate.window_cap.is_some(), "a cap on bytes per time window"),
    ];
    match conflicts.into_iter().find(|&(is, _)| is) {
        Some((_, what)) => {
            let reason = format_args!("spatial layers cannot be combined with {what}");
            Err(ConfigError::conflict("layers", reason).into())
        }
        None => Ok(()),
    }
}

/// Allowed values, for messages.
struct OneOf<'a, T>(&'a [T]);

impl<T: Display> Display for OneOf<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, value) in self.0.iter().enumerate() {
            let separator = match index {
                0 => "",
                _ if index + 1 == self.0.len() => " or ",
                _ => ", ",
            };
            write!(f, "{separator}{value}")?;
        }
        Ok(())
    }
}

/// Returns all optional features that `config` uses.
fn requested_features(config: &EncoderConfig) -> Vec<Feature> {
    let rate = &config.rate;
    let shares =
        (rate.undershoot_pct, rate.overshoot_pct) != (100, 15) || rate.max_key_frame_pct.is_some();
    let mode = match rate.mode {
        RateControl::Cbr(_) => Feature::Cbr,
        RateControl::Vbr(_) => Feature::Vbr,
        RateControl::Quality(_) => Feature::Quality,
        RateControl::FixedQ(_) => Feature::FixedQ,
    };
    // With a fixed quantiser index, a range that contains it is not a request for the feature.
    let range = rate.min_qindex.is_some() || rate.max_qindex.is_some();
    let range = range && mode != Feature::FixedQ;
    let requested = [
        (true, mode),
        (range, Feature::QindexRange),
        (shares, Feature::FrameShares),
        (rate.max_frame_bytes.is_some() || rate.window_cap.is_some(), Feature::Caps),
        (rate.buffering != Buffering::default(), Feature::Buffering),
        (rate.drops != DropPolicy::Never, Feature::Drops),
        (config.keys.max_interval.is_some(), Feature::PeriodicKeyFrames),
        (config.keys.at_scene_cuts && config.preset == Preset::Rtc, Feature::SceneCuts),
        (config.scalability.temporal_layers() > 1, Feature::TemporalLayers),
        (config.scalability.spatial_layers() > 1, Feature::SpatialLayers),
        (config.content != Content::Camera, Feature::ScreenContent),
        (config.denoise != Denoise::Off, Feature::Denoise),
        (config.tune.is_some(), Feature::Tune),
        (config.error_resilient, Feature::ErrorResilience),
        (config.deadline.is_some(), Feature::Deadline),
        (config.intra_refresh > 0, Feature::IntraRefresh),
        (config.report_psnr, Feature::ReportsPsnr),
        (config.report_digest, Feature::ReportsDigest),
    ];
    requested.into_iter().filter_map(|(is, feature)| is.then_some(feature)).collect()
}
