//! getStats objects of sent streams (W3C webrtc-stats).

use crate::json::{self, Object};
use crate::live::output::OutboundStats;
use crate::live::totals::{seconds, stats_object};

/// The object of a stream with this id, which is its kind, or begins with it and a hyphen.
pub(super) fn outbound(id: &str, stream: &OutboundStats) -> Object {
    let object = stats_object("outbound-rtp", id)
        .text("kind", kind_of(id))
        .raw("packetsSent", stream.packets)
        .raw("bytesSent", stream.bytes);
    let object = match stream.header_bytes {
        Some(bytes) => object.raw("headerBytesSent", bytes),
        None => object,
    };
    let Some(repair) = stream.repair else { return object };
    object
        .raw("retransmittedPacketsSent", repair.retransmitted)
        .raw("retransmittedBytesSent", repair.retransmitted_bytes)
        .raw("fecPacketsSent", repair.fec)
        .raw("fecBytesSent", repair.fec_bytes)
}

fn kind_of(id: &str) -> &str {
    id.split_once('-').map_or(id, |(kind, _)| kind)
}

/// The object of a receiver's report on the stream with this id.
pub(super) fn remote_object(id: &str) -> Object {
    stats_object("remote-inbound-rtp", &format!("remote-{id}"))
        .text("kind", kind_of(id))
        .text("localId", id)
}

/// The receiver's report on a stream.
pub(super) fn remote(id: &str, stream: &OutboundStats) -> Option<Object> {
    let said = stream.remote?;
    let mut object = remote_object(id);
    if let Some(share) = said.fraction_lost {
        object = object.raw("fractionLost", json::float(share));
    }
    if let Some(lost) = said.lost {
        object = object.raw("packetsLost", lost);
    }
    if let Some(jitter) = said.jitter {
        object = object.raw("jitter", seconds(jitter));
    }
    if let Some(time) = said.round_trip {
        object = object.raw("roundTripTime", seconds(time));
    }
    Some(object)
}
