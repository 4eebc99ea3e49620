//! VMAF (Z. Li and others, "Toward a Practical Perceptual Video Quality Metric", 2016) with Netflix's
//! model `vmaf_v0.6.1`, from luma of any depth.
//!
//! [`Vmaf`] measures the features of single frames, which takes most of the time and can be done on
//! several threads; [`vmaf_scores`] turns the features of consecutive frames into scores. The features equal
//! those of libvmaf's integer extractors except for rounding (ADR 0054).

mod arithmetic;
mod model;
mod parameters;

use codec_core::frame::{Picture, Planes, Size};
use codec_simd::{Kernels, Layout, PlaneRef, VmafAdm, VmafScratch, VmafVif};

use super::{MetricError, MetricId};
use arithmetic::cube_root;
pub use model::vmaf_scores;

/// Number of scales of ADM and of VIF.
const SCALES: usize = 4;

/// Noise that is added to the details of ADM, per coefficient.
const ADM_NOISE: f64 = 1.0 / 32.0;

/// The features of a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VmafFeatures {
    /// Preserved share of the reference's details (ADM), over four scales.
    pub adm: f64,
    /// Preserved share of the reference's information (VIF) in each scale, the finest first.
    pub vif: [f64; SCALES],
    /// Mean absolute difference between the blurred references of this and the previous frame, in levels of 8
    /// bits; `None` for the first frame.
    pub motion: Option<f64>,
}

/// Measures the features of frames of one size.
#[derive(Clone, Debug)]
pub struct Vmaf {
    size: Size,
    kernels: &'static Kernels,
    scratch: VmafScratch,
    /// Planes of VIF at the current and at the next scale, of the reference and of the distorted frame.
    halved: [[Vec<u16>; 2]; 2],
    /// Low-pass bands of ADM at the current and at the next scale, of both frames.
    bands: [[Vec<f32>; 2]; 2],
}

impl Vmaf {
    /// Creates a measurement of frames of `size`.
    ///
    /// # Errors
    /// If the size is below [`MetricId::min_side`].
    pub fn new(size: Size) -> Result<Self, MetricError> {
        let metric = MetricId::Vmaf;
        if !metric.fits(size) {
            return Err(MetricError::TooSmall { metric, size });
        }
        Ok(Self {
            size,
            kernels: Kernels::best(),
            scratch: VmafScratch::default(),
            halved: Default::default(),
            bands: Default::default(),
        })
    }

    /// Measures the features of `distorted` against `reference`. `previous` is the reference of the
    /// previous pair, if there is one. The result depends on the arguments only, so several instances
    /// can share the frames of a clip.
    ///
    /// # Errors
    /// If a frame has another size or another format.
    pub fn features(
        &mut self,
        reference: &Picture<'_>,
        distorted: &Picture<'_>,
        previous: Option<&Picture<'_>>,
    ) -> Result<VmafFeatures, MetricError> {
        let motion = match previous {
            Some(previous) => Some(self.motion(reference, previous)?),
            None => None,
        };
        self.check(&[reference, distorted])?;
        let depth = u32::from(reference.samples().depth);
        let (adm, vif) = match (Luma::of(reference), Luma::of(distorted)) {
            (Luma::Bits8(a), Luma::Bits8(b)) => (self.adm_8([a, b]), self.vif_8([a, b])),
            (Luma::High(a), Luma::High(b)) => {
                (self.adm_16([a, b], depth), self.vif_16([a, b], depth))
            }
            _ => return Err(different_formats(reference, distorted)),
        };
        Ok(VmafFeatures { adm, vif, motion })
    }

    /// Measures the motion from one reference to the next ([`VmafFeatures::motion`]), which takes a twentieth
    /// of the time of all features.
    ///
    /// # Errors
    /// If a frame has another size or another format.
    pub fn motion(
        &mut self,
        reference: &Picture<'_>,
        previous: &Picture<'_>,
    ) -> Result<f64, MetricError> {
        self.check(&[reference, previous])?;
        let depth = u32::from(reference.samples().depth);
        let sum = match (Luma::of(previous), Luma::of(reference)) {
            (Luma::Bits8(a), Luma::Bits8(b)) => {
                self.kernels.vmaf_motion_8([a, b], &mut self.scratch)
            }
            (Luma::High(a), Luma::High(b)) => {
                self.kernels.vmaf_motion_16([a, b], depth, &mut self.scratch)
            }
            _ => return Err(different_formats(reference, previous)),
        };
        Ok(sum / 256.0 / pixels(self.size))
    }

    /// Checks that both frames have the size of the measurement and the same format.
    fn check(&self, pictures: &[&Picture<'_>; 2]) -> Result<(), MetricError> {
        for picture in pictures {
            if picture.size() != self.size {
                return Err(MetricError::Size { found: picture.size(), expected: self.size });
            }
            if picture.samples() != pictures[0].samples() {
                return Err(different_formats(pictures[0], picture));
            }
        }
        Ok(())
    }

    fn vif_8(&mut self, planes: [PlaneRef<'_>; 2]) -> [f64; SCALES] {
        let first = self.kernels.vmaf_vif_8(planes, &mut self.scratch);
        let size = dimensions(self.size);
        let halved = size.map(|side| side / 2);
        for (plane, out) in planes.into_iter().zip(&mut self.halved[0]) {
            out.resize(halved[0] * halved[1], 0);
            self.kernels.vmaf_halve_8(plane, out, &mut self.scratch);
        }
        self.later_vif(first, halved, 8)
    }

    fn vif_16(&mut self, planes: [PlaneRef<'_, u16>; 2], depth: u32) -> [f64; SCALES] {
        let first = self.kernels.vmaf_vif_16(planes, 0, depth, &mut self.scratch);
        let size = dimensions(self.size);
        let halved = size.map(|side| side / 2);
        for (plane, out) in planes.into_iter().zip(&mut self.halved[0]) {
            out.resize(halved[0] * halved[1], 0);
            self.kernels.vmaf_halve_16(plane, 0, depth, out, &mut self.scratch);
        }
        self.later_vif(first, halved, depth)
    }

    /// Computes VIF of all scales. `first` is that of the first scale; the planes of the second scale,
    /// which have `size`, have been computed.
    fn later_vif(&mut self, first: VmafVif, mut size: [usize; 2], depth: u32) -> [f64; SCALES] {
        let mut shares = [share(first), 0.0, 0.0, 0.0];
        for (scale, out) in (1..).zip(&mut shares[1..]) {
            let [now, next] = &mut self.halved;
            let planes = [plane(&now[0], size), plane(&now[1], size)];
            let [Some(reference), Some(distorted)] = planes else { continue };
            let planes = [reference, distorted];
            *out = share(self.kernels.vmaf_vif_16(planes, scale, depth, &mut self.scratch));
            let halved = size.map(|side| side / 2);
            if scale < 3 {
                for (plane, out) in planes.into_iter().zip(next) {
                    out.resize(halved[0] * halved[1], 0);
                    self.kernels.vmaf_halve_16(plane, scale, depth, out, &mut self.scratch);
                }
            }
            self.halved.swap(0, 1);
            size = halved;
        }
        shares
    }

    fn adm_8(&mut self, planes: [PlaneRef<'_>; 2]) -> f64 {
        let size = dimensions(self.size).map(|side| side.div_ceil(2));
        let (kernels, scratch) = (self.kernels, &mut self.scratch);
        let first = kernels.vmaf_adm_8(planes, resized(&mut self.bands[0], size), scratch);
        self.later_adm(first, size)
    }

    fn adm_16(&mut self, planes: [PlaneRef<'_, u16>; 2], depth: u32) -> f64 {
        let size = dimensions(self.size).map(|side| side.div_ceil(2));
        let (kernels, scratch) = (self.kernels, &mut self.scratch);
        let first = kernels.vmaf_adm_16(planes, depth, resized(&mut self.bands[0], size), scratch);
        self.later_adm(first, size)
    }

    /// Computes ADM over all scales. `first` is that of the first scale; the bands of the second scale,
    /// which have `size`, have been computed.
    fn later_adm(&mut self, first: VmafAdm, mut size: [usize; 2]) -> f64 {
        let mut sums = details(first);
        for scale in 1..SCALES {
            let [now, next] = &mut self.bands;
            let planes = [plane(&now[0], size), plane(&now[1], size)];
            let [Some(reference), Some(distorted)] = planes else { continue };
            size = size.map(|side| side.div_ceil(2));
            let next = resized(next, size);
            let (kernels, scratch) = (self.kernels, &mut self.scratch);
            let found =
                details(kernels.vmaf_adm_next([reference, distorted], scale, next, scratch));
            sums = [sums[0] + found[0], sums[1] + found[1]];
            self.bands.swap(0, 1);
        }
        sums[0] / sums[1]
    }
}

fn different_formats(expected: &Picture<'_>, found: &Picture<'_>) -> MetricError {
    MetricError::Formats { found: found.samples(), expected: expected.samples() }
}

/// The luma of a frame.
enum Luma<'a> {
    Bits8(PlaneRef<'a>),
    High(PlaneRef<'a, u16>),
}

impl<'a> Luma<'a> {
    fn of(picture: &Picture<'a>) -> Self {
        match picture.planes() {
            Planes::Yuv420 { luma, .. } => Self::Bits8(luma),
            Planes::Bits8([luma, ..]) => Self::Bits8(luma),
            Planes::High([luma, ..]) => Self::High(luma),
        }
    }
}

/// Width and height.
fn dimensions(size: Size) -> [usize; 2] {
    [size.width, size.height].map(|side| usize::try_from(side).unwrap_or(usize::MAX))
}

#[expect(clippy::cast_precision_loss, reason = "a number of pixels is below 2^53")]
fn pixels(size: Size) -> f64 {
    size.pixels() as f64
}

fn plane<S: Copy>(samples: &[S], [width, height]: [usize; 2]) -> Option<PlaneRef<'_, S>> {
    PlaneRef::new(samples, Layout { stride: width, width, height, pad: 0 })
}

fn resized(planes: &mut [Vec<f32>; 2], [width, height]: [usize; 2]) -> [&mut [f32]; 2] {
    planes.each_mut().map(|plane| {
        plane.resize(width * height, 0.0);
        &mut plane[..]
    })
}

fn share(vif: VmafVif) -> f64 {
    vif.preserved / vif.original
}

/// Preserved and original details of a scale.
fn details(adm: VmafAdm) -> [f64; 2] {
    let noise = cube_root(f64::from(adm.area) * ADM_NOISE);
    [adm.preserved, adm.original].map(|sums| sums.map(|sum| cube_root(sum) + noise).iter().sum())
}
