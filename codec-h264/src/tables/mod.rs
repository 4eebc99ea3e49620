//! Constant tables of the standard. Tables that can be derived from them are computed.

pub mod cabac;
pub mod cabac_init;
pub mod cavlc;
pub mod deblock;
pub mod quant;
pub mod scan;
