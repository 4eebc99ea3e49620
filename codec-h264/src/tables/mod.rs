//! Constant tables of the standard, typed once; tables that follow from them are computed.

pub mod cabac;
pub mod cabac_init;
pub mod cavlc;
pub mod deblock;
pub mod quant;
pub mod scan;
