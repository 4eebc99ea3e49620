//! Writes the results of a simulation as JSON and as a table.

use std::fmt::Write;
use std::time::Duration;

use codec_core::frame::{Rational, Size};
use codec_media::count::counted;
use codec_media::json::{self, Object};
use codec_rtc::link::{Distribution, JitterShape};

use super::options::{OnLoss, Recovery};
use super::settings::Settings;
use super::summary::{Quality, Summary};
use super::world::World;

/// Name and version of the JSON schema, which docs/COMMAND.md describes.
const SCHEMA: &str = "codec-simulate";
const VERSION: u32 = 1;

/// The simulated setup.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) input: String,
    pub(super) encoder: String,
    pub(super) rate: String,
    pub(super) speed: u8,
    pub(super) size: Size,
    pub(super) frame_rate: Rational,
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[expect(clippy::cast_precision_loss, reason = "a report")]
fn kbps(bytes: u64, time: Duration) -> f64 {
    bytes as f64 * 8.0 / 1000.0 / time.as_secs_f64().max(1e-9)
}

#[expect(clippy::cast_precision_loss, reason = "a report")]
fn percent(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

fn recovery(settings: &Settings) -> &'static str {
    match settings.recovery {
        Recovery::Pli => "pli",
        Recovery::Nack => "nack",
        Recovery::None => "none",
    }
}

fn on_loss(settings: &Settings) -> &'static str {
    match settings.on_loss {
        OnLoss::Conceal => "conceal",
        OnLoss::Freeze => "freeze",
    }
}

/// Describes the simulation that is about to run.
pub(super) fn announce(setup: &Setup, settings: &Settings) -> String {
    let Setup { input, encoder, rate, speed, size, frame_rate } = setup;
    let link = if settings.link_text.is_empty() { "ideal" } else { &settings.link_text };
    format!(
        "{input} ({size}, {:.3} fps) -> {encoder}, {rate}, speed {speed} -> link {link}, seed {}; \
         recovery {}, on loss {}, playout {} ms, reorder timeout {} ms, mtu {}",
        frame_rate.as_f64(),
        settings.seed,
        recovery(settings),
        on_loss(settings),
        json::float(ms(settings.playout)),
        json::float(ms(settings.reorder_timeout)),
        settings.mtu,
    )
}

/// Mean, percentiles and maximum in milliseconds; `null` without values.
fn times(times: &Distribution) -> String {
    let Some([p50, p95, p99, max]) = times.percentiles_ms([0.5, 0.95, 0.99, 1.0]) else {
        return "null".to_owned();
    };
    Object::new()
        .raw("count", times.count())
        .float("mean", times.mean_ms().unwrap_or(f64::NAN))
        .float("deviation", times.deviation_ms().unwrap_or(f64::NAN))
        .float("p50", p50)
        .float("p95", p95)
        .float("p99", p99)
        .float("max", max)
        .finish()
}

fn quality(quality: &Quality) -> Object {
    let [y, u, v] = quality.psnr;
    let ssim = |value: f64| {
        let text = format!("{value:.6}");
        if value.is_finite() { text } else { "null".to_owned() }
    };
    Object::new()
        .raw("pictures", quality.count)
        .float("psnr_y", y)
        .float("psnr_u", u)
        .float("psnr_v", v)
        .float("psnr_all", quality.psnr_all)
        .float("psnr_y_min", quality.psnr_y_min)
        .float("psnr_y_p5", quality.psnr_y_p5)
        .raw("ssim", ssim(quality.ssim))
        .raw("ssim_min", ssim(quality.ssim_min))
        .raw("ssim_p5", ssim(quality.ssim_p5))
}

/// Returns all results as JSON.
pub(super) fn json(
    setup: &Setup,
    settings: &Settings,
    world: &World<'_>,
    summary: &Summary,
) -> String {
    let mut fates = Object::new();
    for (fate, count) in summary.fates {
        fates = fates.raw(fate.name(), count);
    }
    let mut drops = Object::new();
    for (reason, count) in &summary.drops {
        drops = drops.raw(reason, count);
    }
    let seen = quality(&summary.seen)
        .raw("frozen", summary.frozen)
        .raw("before_first", summary.unscored)
        .finish();
    let freezes = Object::new()
        .raw("count", summary.freezes.len())
        .float("total_ms", ms(summary.frozen_time()))
        .float("longest_ms", ms(summary.longest_freeze()))
        .raw(
            "list",
            json::array(summary.freezes.iter().map(|freeze| {
                Object::new()
                    .float("from_ms", ms(freeze.from))
                    .float("length_ms", ms(freeze.length))
                    .finish()
            })),
        )
        .finish();
    let concealed = Object::new()
        .raw("frames", summary.concealed_frames)
        .raw("macroblocks", summary.concealed_mbs)
        .finish();
    let recoveries = Object::new()
        .raw("times_ms", times(&summary.recoveries.times))
        .maybe("unrecovered_ms", summary.recoveries.unrecovered.map(|t| json::float(ms(t))))
        .finish();
    let Setup { input, encoder, rate, speed, size, frame_rate } = setup;
    let object = Object::new()
        .text("schema", SCHEMA)
        .raw("version", VERSION)
        .text("input", input)
        .text("encoder", encoder)
        .text("rate", rate)
        .raw("speed", speed)
        .raw("width", size.width)
        .raw("height", size.height)
        .text("frame_rate", &frame_rate.to_string())
        .raw("settings", settings_json(settings))
        .raw("frames", summary.frames)
        .float("media_s", summary.media.as_secs_f64())
        .raw("fates", fates.finish())
        .raw("encoder_drops", drops.finish())
        .raw("seen", seen)
        .raw("coded", quality(&summary.coded).finish())
        .raw("freezes", freezes)
        .raw("concealed", concealed)
        .raw("delay_ms", times(&summary.delay))
        .raw("ready_ms", times(&summary.ready))
        .raw("recovery", recoveries)
        .raw("key_frames", keys(summary))
        .raw("requests", requests(world))
        .raw("rates", rates(world, summary))
        .raw("link", link(world))
        .raw("seconds", json::array(seconds(world, summary)));
    format!("{}\n", object.finish())
}

fn settings_json(settings: &Settings) -> String {
    let jitter = settings.link.jitter;
    let shape = match jitter.shape {
        JitterShape::Uniform => "uniform",
        JitterShape::Exponential => "exponential",
    };
    Object::new()
        .text("link", &settings.link_text)
        .float("link_delay_ms", ms(settings.link.delay))
        .float("link_jitter_ms", ms(jitter.time))
        .text("link_jitter_shape", shape)
        .raw("link_reorders", jitter.reorders)
        .float("link_loss_pct", 100.0 * settings.link.loss.mean())
        .raw("link_overhead_bytes", settings.link.overhead_bytes)
        .raw("seed", settings.seed)
        .text("recovery", recovery(settings))
        .text("on_loss", on_loss(settings))
        .float("playout_ms", ms(settings.playout))
        .float("reorder_timeout_ms", ms(settings.reorder_timeout))
        .float("pli_interval_ms", ms(settings.pli_interval))
        .raw("mtu", settings.mtu)
        .float("pace", settings.pace)
        .raw("follows_trace", settings.follow.is_some())
        .maybe("rate_delay_ms", settings.follow.as_ref().map(|(_, late)| json::float(ms(*late))))
        .float("encode_ms", ms(settings.encode_time))
        .float("decode_ms", ms(settings.decode_time))
        .finish()
}

#[expect(clippy::cast_precision_loss, reason = "a report")]
fn keys(summary: &Summary) -> String {
    let [key, other] = summary.mean_bytes().map(|bytes| bytes.map(json::float));
    let share = 100.0 * summary.key_bytes as f64 / summary.coded_bytes.max(1) as f64;
    Object::new()
        .raw("count", summary.keys)
        .raw("requested", summary.requested_keys)
        .raw("bytes", summary.key_bytes)
        .float("share_pct", share)
        .maybe("mean_bytes", key)
        .maybe("mean_inter_bytes", other)
        .finish()
}

fn requests(world: &World<'_>) -> String {
    let (nacks, packets) = (world.receiver.nacks(), world.receiver.counters());
    Object::new()
        .raw("pli", world.sender.requests)
        .raw("nacked_packets", nacks.requests)
        .raw("retransmitted", world.sender.retransmitted)
        .raw("forgotten", world.sender.forgotten)
        .raw("recovered", nacks.recovered)
        .raw("abandoned", nacks.abandoned)
        .raw("late_packets", packets.late)
        .raw("duplicate_packets", packets.duplicate)
        .finish()
}

fn rates(world: &World<'_>, summary: &Summary) -> String {
    let media = summary.media;
    let stats = world.link.stats();
    let again: u64 = world.seconds.iter().map(|second| second.retransmitted_bytes).sum();
    let (capacity, used) = capacity(world, summary);
    Object::new()
        .float("coded_kbps", kbps(summary.coded_bytes, media))
        .float("sent_kbps", kbps(stats.offered_bytes, media))
        .float("retransmitted_kbps", kbps(again, media))
        .float("link_kbps", capacity)
        .float("used_pct", used)
        .finish()
}

/// Returns the link's mean rate in kb/s from the first capture to the end of the media, and the
/// utilisation of the link in percent. Utilisation is measured until the end of the media or until
/// the queue is empty, whichever is later.
fn capacity(world: &World<'_>, summary: &Summary) -> (f64, f64) {
    let rate = &world.link.config().rate;
    let bits = |end| rate.bits_between(Duration::ZERO, end);
    let capacity = bits(summary.media) / 1000.0 / summary.media.as_secs_f64().max(1e-9);
    let end = summary.media.max(world.link.busy_until());
    #[expect(clippy::cast_precision_loss, reason = "a report")]
    let passed = world.link.stats().passed_bytes as f64 * 8.0;
    (capacity, 100.0 * passed / bits(end).max(1e-9))
}

fn link(world: &World<'_>) -> String {
    let stats = world.link.stats();
    Object::new()
        .raw("packets", stats.offered_packets)
        .raw("bytes", stats.offered_bytes)
        .raw("dropped_by_queue", stats.dropped_packets)
        .raw("lost", stats.lost_packets)
        .float("lost_pct", 100.0 * stats.loss_share())
        .raw("bursts", stats.loss_bursts)
        .maybe("mean_burst", stats.mean_burst().map(json::float))
        .raw("longest_burst", stats.longest_burst)
        .raw("reordered", stats.reordered_packets)
        .raw("queueing_ms", times(&stats.queueing))
        .raw("one_way_ms", times(&stats.one_way))
        .raw("propagation_ms", times(&stats.propagation))
        .finish()
}

#[expect(clippy::cast_precision_loss, reason = "a report")]
fn seconds(world: &World<'_>, summary: &Summary) -> Vec<String> {
    let rate = &world.link.config().rate;
    let second = Duration::from_secs(1);
    let rows = world.seconds.iter().zip(0_u32..).map(|(it, index)| {
        let from = second * index;
        // The last interval may be cut short by the end of the media.
        let until = (from + second).min(summary.media.max(from));
        let length = (until - from).as_secs_f64();
        let link = (length > 0.0).then(|| rate.bits_between(from, until) / 1000.0 / length);
        let count = it.psnr_y.len();
        let psnr = (count > 0).then(|| it.psnr_y.iter().sum::<f64>() / count as f64);
        Object::new()
            .raw("second", index)
            .maybe("link_kbps", link.map(json::float))
            .maybe("target_kbps", it.target.map(|target| json::float(target.0 as f64 / 1000.0)))
            .float("sent_kbps", kbps(it.sent_bytes, second))
            .float("retransmitted_kbps", kbps(it.retransmitted_bytes, second))
            .float("arrived_kbps", kbps(it.arrived_bytes, second))
            .raw("dropped_by_queue", it.dropped)
            .float("queueing_max_ms", ms(it.queueing))
            .raw("pictures", count)
            .raw("frozen", it.frozen)
            .maybe("psnr_y", psnr.map(json::float))
            .finish()
    });
    rows.collect()
}

/// Returns the results as a table.
pub(super) fn text(settings: &Settings, world: &World<'_>, summary: &Summary) -> String {
    let mut out = String::new();
    let mut line = |name: &str, text: String| {
        let _ = writeln!(out, "{name:<10} {text}");
    };
    let (seen, coded) = (&summary.seen, &summary.coded);
    let [y, u, v] = seen.psnr;
    line(
        "seen",
        format!(
            "PSNR Y {y:.2} U {u:.2} V {v:.2} dB, p5 Y {:.2}; SSIM {:.4}, p5 {:.4}",
            seen.psnr_y_p5, seen.ssim, seen.ssim_p5
        ),
    );
    line("coded", format!("PSNR Y {:.2} dB; SSIM {:.4}; as encoded", coded.psnr[0], coded.ssim));
    let fates: Vec<_> =
        summary.fates.iter().map(|(fate, count)| format!("{count} {}", fate.name())).collect();
    line("frames", format!("{}: {}", summary.frames, fates.join(", ")));
    let drops: Vec<_> =
        summary.drops.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    if !drops.is_empty() {
        line("", format!("dropped by the encoder: {}", drops.join(", ")));
    }
    line(
        "",
        format!(
            "{} partly concealed; an older frame on screen at {} ({:.1} %), none at {}",
            summary.concealed_frames,
            counted(summary.frozen as u64, "due time"),
            percent(summary.frozen, summary.frames),
            summary.unscored
        ),
    );
    line(
        "freezes",
        format!(
            "{}, {:.0} ms total, longest {:.0} ms",
            summary.freezes.len(),
            ms(summary.frozen_time()),
            ms(summary.longest_freeze())
        ),
    );
    line("delay", format!("{} ms capture to display", brief(&summary.delay)));
    line("", format!("{} ms capture to ready", brief(&summary.ready)));
    let mut recovered = match summary.recoveries.times.count() {
        0 => "no recovery from damage".to_owned(),
        count => {
            format!("{}: {} ms", counted(count as u64, "time"), brief(&summary.recoveries.times))
        }
    };
    if let Some(time) = summary.recoveries.unrecovered {
        let _ = write!(recovered, "; not recovered at the end, for {:.0} ms", ms(time));
    }
    line("recovery", recovered);
    let [key, other] = summary.mean_bytes().map(|bytes| bytes.unwrap_or(0.0));
    line(
        "key frames",
        format!(
            "{}, {} requested; {key:.0} bytes each, others {other:.0}",
            summary.keys, summary.requested_keys
        ),
    );
    asked(settings, world, &mut line);
    let stats = world.link.stats();
    let (capacity, used) = capacity(world, summary);
    line(
        "rate",
        format!(
            "{:.0} kb/s encoded, {:.0} kb/s sent with headers, link {capacity:.0} kb/s ({used:.1} % used)",
            kbps(summary.coded_bytes, summary.media),
            kbps(stats.offered_bytes, summary.media)
        ),
    );
    line(
        "link",
        format!(
            "{}, {} dropped by the queue, {} lost ({:.2} %), bursts of {:.2}, longest {}, \
             {} reordered",
            counted(stats.offered_packets, "packet"),
            stats.dropped_packets,
            stats.lost_packets,
            100.0 * stats.loss_share(),
            stats.mean_burst().unwrap_or(0.0),
            stats.longest_burst,
            stats.reordered_packets
        ),
    );
    line("", format!("{} ms in the queue", brief(&stats.queueing)));
    line("", format!("{} ms one way", brief(&stats.one_way)));
    out
}

fn asked(settings: &Settings, world: &World<'_>, line: &mut impl FnMut(&str, String)) {
    if settings.recovery == Recovery::None {
        return;
    }
    let mut text = format!("{} PLI", world.sender.requests);
    if settings.recovery == Recovery::Nack {
        let nacks = world.receiver.nacks();
        let _ = write!(
            text,
            ", {} by NACK: {} retransmitted, {} recovered, {} abandoned",
            counted(nacks.requests, "packet"),
            world.sender.retransmitted,
            nacks.recovered,
            nacks.abandoned
        );
    }
    line("requested", text);
}

fn brief(times: &Distribution) -> String {
    match times.percentiles_ms([0.5, 0.95, 0.99, 1.0]) {
        Some([p50, p95, p99, max]) => {
            format!("p50 {p50:.1} p95 {p95:.1} p99 {p99:.1} max {max:.1}")
        }
        None => "none".to_owned(),
    }
}
