//! Constant tables of the standard. Other modules compute derived tables from them.

pub mod cabac;
pub mod cabac_init;
pub mod cavlc;
pub mod deblock;
pub mod quant;
pub mod scan;
