//! Scaled pictures and analyses of an input frame for the simulcast layers.

use std::sync::Arc;

use codec_simd::Kernels;

use super::MAX_LAYERS;
use crate::analysis::{Analyser, FrameAnalysis};
use crate::frame::{Downscaler, FrameBuf, Picture, PictureInfo, Size};
use crate::parallel::Pool;

/// The input frame at the sizes of the layers.
///
/// Each layer is scaled from the next higher one: by halving it as often as possible, then by the rest of the ratio.
#[derive(Debug, Default)]
pub(super) struct Sources {
    scaler: Downscaler,
    layers: Vec<Source>,
}

/// The input frame at the size of a layer.
#[derive(Debug)]
struct Source {
    size: Size,
    /// Pictures after each step from the next higher layer; empty if that has the same size.
    steps: Vec<FrameBuf>,
}

impl Sources {
    /// Sets the sizes of the layers, the smallest first.
    pub(super) fn set_sizes(&mut self, sizes: impl Iterator<Item = Size>) {
        self.layers = sizes.map(|size| Source { size, steps: Vec::new() }).collect();
    }

    /// Scales `picture` for the layers from `lowest` on.
    pub(super) fn fill(&mut self, kernels: &Kernels, picture: &Picture<'_>, lowest: usize) {
        for index in (lowest..self.layers.len()).rev() {
            let (layers, upper) = self.layers.split_at_mut(index + 1);
            let Some(layer) = layers.last_mut() else { return };
            let above = upper.iter().find_map(|layer| layer.steps.last());
            let from = above.map_or(*picture, |above| above.picture(picture.info));
            layer.fill(kernels, &mut self.scaler, &from);
        }
    }

    /// Returns the picture of a layer; `picture` is the input frame.
    pub(super) fn picture<'a>(&'a self, index: usize, picture: &Picture<'a>) -> Picture<'a> {
        let filled = self.layers[index..].iter().find_map(|layer| layer.steps.last());
        filled.map_or(*picture, |filled| filled.picture(picture.info))
    }

    /// Returns the layer from whose analysis the analysis of the highest layer is derived: the next lower one, if it
    /// has half the size.
    pub(super) fn analysed(&self) -> Option<usize> {
        let [.., lower, top] = &self.layers[..] else { return None };
        (lower.size == top.size.chroma()).then(|| self.layers.len() - 2)
    }
}

impl Source {
    fn fill(&mut self, kernels: &Kernels, scaler: &mut Downscaler, from: &Picture<'_>) {
        let mut at = 0;
        let mut size = from.size();
        while size != self.size {
            if self.steps.len() == at {
                self.steps.push(FrameBuf::default());
            }
            let (done, rest) = self.steps.split_at_mut(at);
            let Some(out) = rest.first_mut() else { return };
            let source = match done.last() {
                Some(done) => done.picture(PictureInfo::default()),
                None => *from,
            };
            let half = size.chroma();
            if half.width >= self.size.width && half.height >= self.size.height {
                scaler.halve(kernels, &source, out);
                size = half;
            } else {
                scaler.resize(&source, self.size, out);
                size = self.size;
            }
            at += 1;
        }
        self.steps.truncate(at);
    }
}

/// The analysis that the two highest layers share.
#[derive(Debug, Default)]
pub(super) struct SharedAnalysis {
    analyser: Analyser,
    /// Analyses of the next lower layer, and of the highest one.
    shared: [Arc<FrameAnalysis>; 2],
}

impl SharedAnalysis {
    pub(super) fn reset(&mut self) {
        self.analyser.reset();
    }

    /// Analyses `picture` of the next lower layer; `size` is the size of the highest layer.
    pub(super) fn analyse(
        &mut self,
        picture: &Picture<'_>,
        size: Size,
        kernels: &Kernels,
        pool: &dyn Pool,
    ) {
        let [lower, top] = &mut self.shared;
        let latest = self.analyser.analyse(picture, kernels, pool);
        Arc::make_mut(lower).copy_from(latest);
        self.analyser.upscale_into(kernels, size, Arc::make_mut(top));
    }

    /// Returns the analyses by layer; `lower` is the layer that was analysed.
    pub(super) fn of_layers(&self, lower: usize) -> [Option<Arc<FrameAnalysis>>; MAX_LAYERS] {
        let [next, top] = &self.shared;
        std::array::from_fn(|index| match index {
            _ if index == lower => Some(Arc::clone(next)),
            _ if index == lower + 1 => Some(Arc::clone(top)),
            _ => None,
        })
    }
}
