//! Reads parameter sets, slice types and slice quantisers of H.264 packets with the parser of
//! `codec-h264`, before the packets are passed to a library.

use codec_core::annex_b::Units;
use codec_core::error::Corrupt;
use codec_h264::bits::unescape;
use codec_h264::nal::{NalHeader, NalType};
use codec_h264::params::{ParameterSets, Sps};
use codec_h264::slice::ParsedSlice;

/// Summary of a packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    /// Last sequence parameter set of the packet.
    pub(super) sps: Option<Sps>,
    pub(super) has_idr: bool,
    pub(super) has_slice: bool,
}

/// Summarises a packet.
pub(super) fn summarise(data: &[u8]) -> Result<Summary, Corrupt> {
    let (mut summary, mut rbsp) = (Summary::default(), Vec::new());
    for (header, payload) in Units::new(data).filter_map(NalHeader::split) {
        match header.nal_type {
            NalType::Slice => summary.has_slice = true,
            NalType::IdrSlice => (summary.has_slice, summary.has_idr) = (true, true),
            NalType::Sps => {
                unescape(payload, &mut rbsp);
                let what = "a complete H.264 sequence parameter set";
                let sps = Sps::parse(&rbsp, None);
                summary.sps = Some(sps.map_err(|_| Corrupt::Other { what, offset_bytes: 0 })?);
            }
            _ => {}
        }
    }
    Ok(summary)
}

/// Reads the quantisers of a stream's slices.
#[derive(Debug, Default)]
pub(super) struct QpReader {
    sets: ParameterSets,
    rbsp: Vec<u8>,
}

impl QpReader {
    /// Returns the quantiser of the first slice of a packet.
    pub(super) fn read(&mut self, data: &[u8]) -> Option<u8> {
        let Self { sets, rbsp } = self;
        for (header, payload) in Units::new(data).filter_map(NalHeader::split) {
            match header.nal_type {
                NalType::Sps => {
                    unescape(payload, rbsp);
                    sets.insert_sps(Sps::parse(rbsp, None).ok()?);
                }
                NalType::Pps => {
                    unescape(payload, rbsp);
                    sets.insert_pps(rbsp).ok()?;
                }
                NalType::Slice | NalType::IdrSlice => {
                    unescape(payload, rbsp);
                    let slice = ParsedSlice::parse(header, rbsp, sets, None).ok()?;
                    return Some(slice.header.qp);
                }
                _ => {}
            }
        }
        None
    }
}
