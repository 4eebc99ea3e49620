//! R'G'B' metrics: PSNR of the planes, SSIMULACRA2 and Butteraugli. The crates `ssimulacra2` and
//! `butteraugli` compute the last two.

use codec_core::frame::Picture;

use super::rgb::to_rgb;
use super::rgb_image::{RgbImage, psnr_of_rgb};

/// A pair as displayed, in the colour space of the reference.
#[derive(Clone, Debug, Default)]
pub(super) struct RgbPair {
    reference: Vec<u8>,
    distorted: Vec<u8>,
    width: usize,
    height: usize,
}

impl RgbPair {
    pub(super) fn fill(&mut self, reference: &Picture<'_>, distorted: &Picture<'_>) {
        let color = reference.info.color;
        to_rgb(reference, color, &mut self.reference);
        to_rgb(distorted, color, &mut self.distorted);
        let size = reference.size();
        (self.width, self.height) = (size.width as usize, size.height as usize);
    }

    pub(super) fn fill_rgb(&mut self, reference: RgbImage<'_>, distorted: RgbImage<'_>) {
        for (held, picture) in [(&mut self.reference, reference), (&mut self.distorted, distorted)]
        {
            held.clear();
            held.extend_from_slice(picture.samples());
        }
        let size = reference.size();
        (self.width, self.height) = (size.width as usize, size.height as usize);
    }

    /// Returns the PSNR of red, green, blue, and of all samples together, in dB.
    pub(super) fn psnr(&self) -> [f64; 4] {
        psnr_of_rgb(&self.reference, &self.distorted)
    }

    /// Returns SSIMULACRA2, at most 100; NaN if the crate rejects the images.
    #[cfg(feature = "ssimulacra2")]
    pub(super) fn ssimulacra2(&self) -> f64 {
        let light = |rgb: &[u8]| {
            let table = linear_light();
            let (pixels, _) = rgb.as_chunks::<3>();
            let pixels = pixels.iter().map(|rgb| rgb.map(|value| table[usize::from(value)]));
            ssimulacra2::LinearRgb::new(pixels.collect(), self.width, self.height).ok()
        };
        let pair = light(&self.reference).zip(light(&self.distorted));
        let score = pair.and_then(|(reference, distorted)| {
            ssimulacra2::compute_frame_ssimulacra2(reference, distorted).ok()
        });
        score.unwrap_or(f64::NAN)
    }

    /// Returns the largest Butteraugli difference, 0 or above, on a screen of 80 cd/m²; NaN if the
    /// crate rejects the images.
    #[cfg(feature = "butteraugli")]
    pub(super) fn butteraugli(&self) -> f64 {
        use butteraugli::{ButteraugliParams, ButteraugliReference};
        let (width, height) = (self.width, self.height);
        let params = ButteraugliParams::default();
        let reference = ButteraugliReference::new(&self.reference, width, height, params);
        let score = reference.and_then(|reference| reference.compare(&self.distorted));
        score.map_or(f64::NAN, |found| found.score)
    }
}

/// Linear light of each value by sRGB's transfer function.
#[cfg(feature = "ssimulacra2")]
fn linear_light() -> [f32; 256] {
    let mut value = 0.0;
    [(); 256].map(|()| {
        let share: f32 = value / 255.0;
        value += 1.0;
        if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    })
}
