//! Prediction of samples, shared by decoder and encoder.

pub mod intra;
