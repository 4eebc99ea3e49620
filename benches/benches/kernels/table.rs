//! The best level against scalar and against the bound, measured in a loop of its own.

use std::hint::black_box;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use codec_simd::{Kernels, Level};
use criterion::Criterion;

use super::bound::work_of;

struct Row {
    name: String,
    level: &'static str,
    best_ns: f64,
    scalar_ns: Option<f64>,
    /// Cycles, what takes them, and calls.
    bound: Option<(f64, &'static str, f64)>,
}

static ROWS: Mutex<Vec<Row>> = Mutex::new(Vec::new());

/// Whether only the table is asked for.
pub(crate) fn is_alone() -> bool {
    std::env::var_os("KERNEL_TABLE").is_some()
}

/// Least time of a call over some milliseconds, in nanoseconds.
fn time(mut call: impl FnMut()) -> f64 {
    let mut calls = 16_u32;
    let mut batch = |calls: u32| {
        let start = Instant::now();
        (0..calls).for_each(|_| call());
        start.elapsed()
    };
    while batch(calls) < Duration::from_micros(20) {
        calls *= 2;
    }
    let least = (0..200).map(|_| batch(calls)).min().unwrap_or_default();
    least.as_secs_f64() * 1e9 / f64::from(calls)
}

/// Time of a cycle: six in a chain of operations that wait for each other.
fn cycle_ns() -> f64 {
    let mut x = black_box(0x9e37_79b9_u64);
    let step = time(|| {
        for _ in 0..64 {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
        }
    });
    black_box(x);
    step / (64.0 * 6.0)
}

/// Time of a call that does nothing, through a pointer, as kernels are called.
fn call_ns() -> f64 {
    fn nothing(_: &[u8; 64], _: &[u8; 64]) -> u32 {
        0
    }
    let pointer: fn(&[u8; 64], &[u8; 64]) -> u32 = black_box(nothing);
    let (a, b) = ([0; 64], [1; 64]);
    time(|| _ = black_box(black_box(pointer)(&a, &b)))
}

fn width(level: Level) -> f64 {
    match level {
        Level::Scalar => 1.0,
        Level::Avx2 => 32.0,
        Level::Avx512 => 64.0,
        _ => 16.0,
    }
}

/// Measures the kernel called `name` for the table.
pub(crate) fn add(name: &str, levels: &[&Kernels], call: &mut impl FnMut(&Kernels)) {
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    if filter.is_some_and(|filter| !name.contains(&filter)) {
        return;
    }
    let Some(best) = levels.last() else { return };
    let mut time_at = |kernels: &Kernels| time(|| call(black_box(kernels)));
    let best_ns = time_at(best);
    let scalar_ns = Kernels::for_level(Level::Scalar).map(time_at);
    let bound = work_of(name, width(best.level())).map(|work| {
        let (cycles, by) = work.cycles();
        (cycles, by, 1.0 + work.more_calls)
    });
    let row = Row { name: name.to_owned(), level: best.level().name(), best_ns, scalar_ns, bound };
    ROWS.lock().unwrap().push(row);
}

/// Prints the table.
#[expect(clippy::print_stdout, reason = "a table for people")]
pub(crate) fn print(_: &mut Criterion) {
    let (cycle, call) = (cycle_ns(), call_ns());
    println!("\ncycle {cycle:.3} ns, empty call {call:.2} ns; bound = call + work");
    println!("| kernel | level | ns | scalar ns | bound ns | by | of the bound |");
    println!("|---|---|---|---|---|---|---|");
    for row in ROWS.lock().unwrap().iter() {
        let scalar = row.scalar_ns.map_or(String::new(), |ns| format!("{ns:.1}"));
        let (bound, by, ratio) = match row.bound {
            None => (String::new(), "", String::new()),
            Some((cycles, by, calls)) => {
                let bound = calls * call + cycles * cycle;
                (format!("{bound:.1}"), by, format!("{:.2}", row.best_ns / bound))
            }
        };
        let Row { name, level, best_ns, .. } = row;
        println!("| `{name}` | {level} | {best_ns:.1} | {scalar} | {bound} | {by} | {ratio} |");
    }
}
