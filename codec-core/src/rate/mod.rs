//! Rate control for block-based codecs: chooses the bit budget and quantiser of each frame.
//!
//! It includes CBR with a buffer model, one- and two-pass VBR, constant quality, frame dropping,
//! temporal layers and look-ahead. All arithmetic is integer or fixed point, so decisions are
//! identical on every machine.
//!
//! [`RateController`] needs only the codec's table of quantiser steps, so it can also drive other
//! encoders, for example hardware encoders. [`LayerPlanner`] assigns frames to temporal layers.

mod buffer;
mod config;
mod controller;
mod frame_stats;
mod layer_shares;
mod layers;
mod lookahead;
mod model;
mod quantiser_steps;
#[cfg(test)]
mod simulation;
mod size_prediction;
mod timestamps;
mod two_pass;
mod unmet_rate;
mod window_cap;

pub use buffer::Buffer;
pub use config::{BitsLaw, CodecModel};
pub use controller::RateController;
pub(crate) use frame_stats::repeats;
pub use frame_stats::{Decision, FrameBudget, FrameRole, FrameStats};
pub use layers::{LayerMeta, LayerPlan, LayerPlanner};
pub use lookahead::{GroupPlan, Lookahead, LookaheadInfo};
pub use two_pass::TwoPass;
