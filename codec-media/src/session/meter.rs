//! Measures a metric of pairs of frames: of every pair, or of one pair in each group of consecutive pairs.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use codec_core::frame::{Frame, Picture, Size};
use codec_measure::metrics::{MetricError, MetricId, Scorer, Vmaf, VmafFeatures, vmaf_scores};

use crate::failure::{Failure, Kind, Result};
use crate::frame::planes::Planes;
use crate::settings::goal::TargetMetric;

/// Measures consecutive frames of one size.
#[derive(Debug)]
pub(crate) struct QualityMeter {
    meter: Meter,
    /// Pairs in a group, of which one is measured.
    every: u32,
    pairs: u32,
}

#[derive(Debug)]
enum Meter {
    Vmaf(Box<VmafMeter>),
    /// A metric of single frames, with its values.
    Single(Box<Scorer>, Vec<f64>),
}

#[derive(Debug)]
struct VmafMeter {
    vmaf: Vmaf,
    /// The measured frame of each group.
    measured: Vec<VmafFeatures>,
    /// The motion of all frames.
    motion: Vec<Option<f64>>,
    previous: Option<Planes>,
}

impl QualityMeter {
    /// Creates a meter for frames of `size`, which measures one pair of `every`.
    ///
    /// # Errors
    /// If the frames are too small for the metric or the build lacks it.
    pub(crate) fn new(metric: TargetMetric, size: Size, every: u32) -> Result<Self> {
        let single = |id| {
            let scorer = Scorer::new(&[id], size, 30.0).map_err(refused)?;
            Ok(Meter::Single(Box::new(scorer), Vec::new()))
        };
        let meter = match metric {
            TargetMetric::Vmaf => {
                let vmaf = Vmaf::new(size).map_err(refused)?;
                Meter::Vmaf(Box::new(VmafMeter {
                    vmaf,
                    measured: Vec::new(),
                    motion: Vec::new(),
                    previous: None,
                }))
            }
            TargetMetric::Ssim => single(MetricId::Ssim)?,
            TargetMetric::Psnr => single(MetricId::PsnrY)?,
            TargetMetric::Ssimulacra2 => single(MetricId::Ssimulacra2)?,
        };
        Ok(Self { meter, every: every.max(1), pairs: 0 })
    }

    /// Whether the next pair is measured. The place in a group varies, so that no pattern of the encoder
    /// decides which frames these are.
    fn is_measured(&mut self) -> bool {
        let (group, place) = (self.pairs / self.every, self.pairs % self.every);
        self.pairs = self.pairs.wrapping_add(1);
        // Multiples of the golden ratio are spread evenly, and follow no period.
        let turn = u64::from(group.wrapping_mul(0x9e37_79b9));
        (turn * u64::from(self.every)) >> 32 == u64::from(place)
    }

    /// Adds the next pair.
    ///
    /// # Errors
    /// If a frame has another size.
    pub(crate) fn add(&mut self, source: Planes, decoded: &Picture<'_>) -> Result<()> {
        let is_measured = self.is_measured();
        match &mut self.meter {
            Meter::Vmaf(meter) => meter.add(source, decoded, is_measured)?,
            Meter::Single(scorer, values) if is_measured => {
                let found = scorer.score(&source.picture()?, decoded, &[]).map_err(refused)?;
                values.extend_from_slice(found);
            }
            Meter::Single(..) => {}
        }
        Ok(())
    }

    /// The values of the measured frames. With VMAF, the values of all frames, which are computed from the measured
    /// ones.
    pub(crate) fn values(self) -> Vec<f64> {
        match self.meter {
            Meter::Vmaf(meter) => meter.scores(usize::try_from(self.every).unwrap_or(1)),
            Meter::Single(_, values) => values,
        }
    }
}

impl VmafMeter {
    fn add(&mut self, source: Planes, decoded: &Picture<'_>, is_measured: bool) -> Result<()> {
        let previous = self.previous.as_ref().map(Planes::picture).transpose()?;
        let (reference, previous) = (source.picture()?, previous.as_ref());
        let motion = if is_measured {
            let features = self.vmaf.features(&reference, decoded, previous).map_err(refused)?;
            self.measured.push(features);
            features.motion
        } else {
            let motion = previous.map(|previous| self.vmaf.motion(&reference, previous));
            motion.transpose().map_err(refused)?
        };
        self.motion.push(motion);
        self.previous = Some(source);
        Ok(())
    }

    /// The scores of all frames. Each has its own motion, which varies most from frame to frame, and the other
    /// features of the measured frame in its group.
    fn scores(&self, every: usize) -> Vec<f64> {
        let groups = self.motion.chunks(every).enumerate();
        let features = groups.flat_map(|(group, motion)| {
            let measured = self.measured.get(group).or(self.measured.last());
            motion.iter().filter_map(move |&motion| Some(VmafFeatures { motion, ..*measured? }))
        });
        vmaf_scores(&features.collect::<Vec<_>>())
    }
}

fn refused(error: MetricError) -> Failure {
    let kind = match error {
        MetricError::MissingFeature(_) => Kind::Backend,
        _ => Kind::Input,
    };
    Failure::new(kind, error.to_string())
}

/// Pairs that wait for the thread of a meter.
const QUEUE: usize = 4;

/// A [`QualityMeter`] on its own thread, so that an encoder need not wait for it.
#[derive(Debug)]
pub(crate) struct MeterThread {
    pairs: SyncSender<(Planes, Frame)>,
    thread: JoinHandle<Result<Vec<f64>>>,
}

impl MeterThread {
    pub(crate) fn start(mut meter: QualityMeter) -> Self {
        let (pairs, queue) = sync_channel::<(Planes, Frame)>(QUEUE);
        let thread = std::thread::spawn(move || {
            for (source, decoded) in queue {
                meter.add(source, &decoded.picture())?;
            }
            Ok(meter.values())
        });
        Self { pairs, thread }
    }

    /// Passes on the next pair. A failure of the meter is returned by [`Self::finish`].
    pub(crate) fn add(&self, source: Planes, decoded: Frame) {
        let _ = self.pairs.send((source, decoded));
    }

    /// The values of the measured frames.
    ///
    /// # Errors
    /// If a frame could not be measured.
    pub(crate) fn finish(self) -> Result<Vec<f64>> {
        drop(self.pairs);
        let panicked = || Err(Failure::internal("the measuring thread panicked"));
        self.thread.join().unwrap_or_else(|_| panicked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seed: u64, size: Size) -> Planes {
        let mut planes = Planes::default();
        let bytes = usize::try_from(size.i420_bytes()).unwrap();
        let mut state = seed | 1;
        let data: Vec<u8> = (0..bytes)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
                state.to_be_bytes()[0]
            })
            .collect();
        planes.copy_from(&Picture::i420_packed(size, &data).unwrap());
        planes
    }

    #[test]
    fn one_frame_of_each_group_has_the_value_that_it_has_among_all() {
        let size = Size::new(64, 48);
        for metric in [TargetMetric::Vmaf, TargetMetric::Psnr] {
            let values = |every| {
                let mut meter = QualityMeter::new(metric, size, every).unwrap();
                for number in 0..40 {
                    let decoded = noise(number / 3, size);
                    meter.add(noise(number, size), &decoded.picture().unwrap()).unwrap();
                }
                meter.values()
            };
            let (all, some) = (values(1), values(4));
            assert_eq!(all.len(), 40);
            assert_eq!(some.len(), if metric == TargetMetric::Vmaf { 40 } else { 10 });
            let places: Vec<_> = all
                .chunks(4)
                .zip(some.chunks(some.len() / 10))
                .map(|(all, some)| {
                    all.iter().position(|value| {
                        some.iter().any(|other| other.to_bits() == value.to_bits())
                    })
                })
                .collect();
            assert!(places.iter().all(Option::is_some), "{places:?}");
            assert!(places.windows(2).any(|pair| pair[0] != pair[1]), "{places:?}");
        }
    }
}
