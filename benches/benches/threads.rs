//! Gains and costs of threads, timed over the `encode` calls only: one thread against two, with one
//! and with two token partitions, on an idle and on a busy machine; and eight encoders that share
//! one pool.
//!
//! `cargo bench -p codec-benches --bench threads -- [CLIP.y4m] [FRAMES] [SPEED]`. Without a clip,
//! synthetic frames of 1280x720. Each frame counts with its shortest wall time of several passes, and
//! these times are added up, so that other work on the machine has little effect. CPU times need Linux.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "an interactive program; a broken benchmark should stop; ratios"
)]

use std::io::BufReader;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use codec_backends::registry;
use codec_container::{ReadOptions, Source, open_raw_video};
use codec_core::codec::{Bitrate, EncoderConfig, FrameRequest, Packet, VideoEncoder};
use codec_core::frame::{Chroma, Picture, Rational, Size};
use codec_core::parallel::RowPool;

/// Passes over the clip; the minimum time of each frame counts.
const PASSES: usize = 7;

/// Frames as packed I420.
struct Clip {
    size: Size,
    pictures: Vec<Vec<u8>>,
}

impl Clip {
    fn read(path: &str, frames: usize) -> Self {
        let file = fs::File::open(path).unwrap();
        let source = Source::seekable(BufReader::new(file));
        let mut reader = open_raw_video(source, &ReadOptions::default()).unwrap();
        let size = reader.stream().size;
        let mut pictures = Vec::new();
        while let Some(shot) = reader.read().unwrap() {
            if pictures.len() == frames {
                break;
            }
            let luma = shot.picture.luma();
            let Chroma::Planar { u, v } = shot.picture.chroma() else { unreachable!("y4m") };
            let mut bytes = Vec::new();
            for plane in [luma, u, v] {
                (0..plane.layout().height).for_each(|y| bytes.extend_from_slice(plane.row(y)));
            }
            pictures.push(bytes);
        }
        Self { size, pictures }
    }

    /// A panning texture behind a patch that moves in the opposite direction, with grain.
    fn synthetic(frames: usize) -> Self {
        let size = Size::new(1280, 720);
        let picture = |n: usize| {
            let mut grain = u32::try_from(n).unwrap();
            let mut plane = |width: usize, height: usize, scale: usize| {
                let mut pixels = Vec::with_capacity(width * height);
                for y in 0..height {
                    for x in 0..width {
                        grain = grain.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                        let is_patch = (400..700).contains(&(x * scale + n))
                            && (200..500).contains(&(y * scale));
                        let (x, y) = if is_patch { (x + n, 3 * y) } else { (x + 2 * n, y + n) };
                        let (x, y) = (x * scale, y * scale);
                        let wave = ((x / 8) ^ (y / 8)) * 7 % 90 + x * y / 64 % 60;
                        let [pixel, ..] = (wave + 40 + (grain >> 30) as usize).to_le_bytes();
                        pixels.push(pixel);
                    }
                }
                pixels
            };
            [plane(1280, 720, 1), plane(640, 360, 2), plane(640, 360, 2)].concat()
        };
        Self { size, pictures: (0..frames).map(picture).collect() }
    }
}

fn encoder(
    size: Size,
    speed: u8,
    partitions: i64,
    pool: Option<Arc<RowPool>>,
) -> Box<dyn VideoEncoder> {
    let kbps = size.pixels() * 30 * 6 / 100_000;
    let mut config = EncoderConfig::rtc(size, Rational { num: 30, den: 1 }, Bitrate::kbps(kbps));
    config.speed = speed;
    config.knobs = vec![("token-partitions".to_owned(), partitions)];
    config.pool = pool.map(|pool| pool as _);
    let (open, _) = registry::find("vp8").unwrap().encoder.unwrap();
    open(&config).unwrap()
}

/// CPU time of this process's threads, except those named "busy".
fn cpu_time() -> Duration {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else { return Duration::ZERO };
    let of = |task: fs::DirEntry| -> Option<u64> {
        let name = fs::read_to_string(task.path().join("comm")).ok()?;
        if name.trim() == "busy" {
            return Some(0);
        }
        let stat = fs::read_to_string(task.path().join("schedstat")).ok()?;
        stat.split_whitespace().next()?.parse().ok()
    };
    Duration::from_nanos(tasks.flatten().filter_map(of).sum())
}

/// Cost of encoding a clip.
#[derive(Clone)]
struct Cost {
    frames: Vec<Duration>,
    cpu: Duration,
}

impl Cost {
    fn wall(&self) -> Duration {
        self.frames.iter().sum()
    }

    /// The minimum of each.
    fn least(self, other: &Self) -> Self {
        let frames = self.frames.iter().zip(&other.frames).map(|(&a, &b)| a.min(b)).collect();
        Self { frames, cpu: self.cpu.min(other.cpu) }
    }
}

fn encode(clip: &Clip, encoder: &mut dyn VideoEncoder) -> Cost {
    let mut packet = Packet::default();
    let cpu = cpu_time();
    let mut frames = Vec::new();
    for (pts, bytes) in (0..).zip(&clip.pictures) {
        let picture = Picture::i420_packed(clip.size, bytes).unwrap();
        let start = Instant::now();
        encoder.encode(&picture, &FrameRequest::at(pts)).unwrap();
        frames.push(start.elapsed());
        while encoder.receive(&mut packet) {}
    }
    Cost { frames, cpu: cpu_time().saturating_sub(cpu) }
}

/// Minimum costs of several ways of encoding, interleaved.
fn compare(clip: &Clip, speed: u8, ways: &[(i64, Option<Arc<RowPool>>)]) -> Vec<Cost> {
    let mut least: Vec<Option<Cost>> = vec![None; ways.len()];
    for _ in 0..PASSES {
        for ((partitions, pool), least) in ways.iter().zip(&mut least) {
            let mut encoder = encoder(clip.size, speed, *partitions, pool.clone());
            let cost = encode(clip, &mut *encoder);
            *least = Some(match least.take() {
                None => cost,
                Some(before) => before.least(&cost),
            });
        }
    }
    least.into_iter().flatten().collect()
}

fn ratio(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64().max(1e-9)
}

/// Eight encoders in parallel, each called from its own thread, all on `pool`.
fn side_by_side(clip: &Clip, speed: u8, pool: &Arc<RowPool>) -> Vec<Duration> {
    let begin = AtomicBool::new(false);
    thread::scope(|scope| {
        let run = || {
            let mut encoder = encoder(clip.size, speed, 1, Some(Arc::clone(pool)));
            while !begin.load(Ordering::Acquire) {
                thread::yield_now();
            }
            let start = Instant::now();
            encode(clip, &mut *encoder);
            start.elapsed()
        };
        let running: Vec<_> = (0..8).map(|_| scope.spawn(run)).collect();
        begin.store(true, Ordering::Release);
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let number = |index: usize| arguments.get(index).map(|text| text.parse::<usize>().unwrap());
    let frames = number(1).unwrap_or(40);
    let speed = u8::try_from(number(2).unwrap_or(7)).unwrap();
    let clip = match arguments.first().filter(|path| *path != "-") {
        Some(path) => Clip::read(path, frames),
        None => Clip::synthetic(frames),
    };
    let pool = Arc::new(RowPool::new(2).unwrap());
    let two = || Some(Arc::clone(&pool));
    println!("{}, {} frames, speed {speed}", clip.size, clip.pictures.len());

    let costs = compare(&clip, speed, &[(1, None), (1, two()), (2, None), (2, two())]);
    for (partitions, pair) in [(1, &costs[..2]), (2, &costs[2..])] {
        let [one, both] = pair else { continue };
        println!(
            "{partitions} token partition(s): one thread {:.2} ms a frame, two {:.2} ms: {:.2} \
             times as fast for {:.3} of the CPU",
            1e3 * one.wall().as_secs_f64() / one.frames.len() as f64,
            1e3 * both.wall().as_secs_f64() / both.frames.len() as f64,
            ratio(one.wall(), both.wall()),
            ratio(both.cpu, one.cpu),
        );
    }

    let stop = AtomicBool::new(false);
    let busy = thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            let spin = || {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            };
            thread::Builder::new().name("busy".to_owned()).spawn_scoped(scope, spin).unwrap();
        }
        let cost = encode(&clip, &mut *encoder(clip.size, speed, 1, two()));
        stop.store(true, Ordering::Relaxed);
        cost
    });
    println!("two threads, all cores busy: {:.3} of the CPU", ratio(busy.cpu, costs[0].cpu));

    let unfairness = (0..3).map(|_| {
        let mut times = side_by_side(&clip, speed, &pool);
        times.sort();
        ratio(times[times.len() - 1], times[0])
    });
    println!(
        "eight encoders on one pool: slowest {:.3} of the fastest",
        unfairness.fold(f64::INFINITY, f64::min)
    );
}
