//! Adds the difference of texture energy between source and reconstruction to the distortion in
//! mode decision (as psy-RD does in x264).

use super::quant::MbQuantisers;
use super::row::{MbCoder, ModeChoice};
use codec_core::encoder::texture::energy;

impl MbCoder<'_> {
    /// Adds the cost of lost texture to `choice`, whose prediction and residual are in `best`.
    #[inline]
    pub(super) fn add_texture_loss(
        &mut self,
        choice: &mut ModeChoice,
        has_y2: bool,
        set: MbQuantisers<'_>,
    ) {
        if !self.job.texture.is_used() {
            return;
        }
        let kernels = self.job.kernels;
        let of_prediction = energy(kernels, &self.best.pixels.luma);
        choice.prediction_loss = self.texture_loss(of_prediction, set);
        let coded_loss = if self.best.residual.luma_is_empty() {
            choice.prediction_loss
        } else {
            let mut coded = self.best.pixels.luma.clone();
            self.best.residual.add_luma_to(kernels, has_y2, &mut coded);
            self.texture_loss(energy(kernels, &coded), set)
        };
        choice.price.sse = choice.price.sse.saturating_add(coded_loss);
    }

    /// Returns the cost of the texture that the luma of `trial`, a reconstruction, has lost.
    #[inline]
    pub(super) fn trial_texture_loss(&mut self, set: MbQuantisers<'_>) -> u32 {
        if !self.job.texture.is_used() {
            return 0;
        }
        let coded = energy(self.job.kernels, &self.trial.pixels.luma);
        self.texture_loss(coded, set)
    }

    /// Returns the cost of coding the macroblock with the texture energy `coded`.
    fn texture_loss(&mut self, coded: u32, set: MbQuantisers<'_>) -> u32 {
        let (kernels, cur) = (self.job.kernels, &self.cur.luma);
        let source = *self.source_energy.get_or_insert_with(|| energy(kernels, cur));
        self.job.texture.cost(source.abs_diff(coded), set.qindex.dc_step().into())
    }
}
