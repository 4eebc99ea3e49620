//! Reports on a stream, frame by frame and block by block (`codec inspect`).

mod chroma;
mod comparison;
mod data;
mod display_order;
mod image;
pub mod options;
mod overlay;
mod packets;
mod page;
mod source;
mod totals;

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use codec_core::frame::Rational;
use codec_media::Env;
use codec_media::cut::Cut;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::io::names::is_pipe;
use codec_media::io::output::{OutputFile, OutputRules};
use codec_media::progress::Now;

use data::DataReport;
use display_order::DisplayOrder;
use options::{FrameRange, InspectOptions, ReportFormat};
use packets::{Outcome, Packets, Seen};
use page::PageReport;
use source::Source;
use totals::Totals;

/// Reports each packet of a stream; the report is kept if damage ends the run.
///
/// # Errors
/// If the input is damaged or a report cannot be written.
pub fn run(args: &InspectOptions, env: &Env) -> Result<()> {
    let mut spec = args.input.clone();
    spec.lenient = args.conceal;
    let selection = Selection::new(args)?;
    let targets = targets(args)?;
    let mut protected = vec![spec.path.clone()];
    if let Some(source) = &args.source {
        if is_pipe(&spec.path) && is_pipe(&source.spec.path) {
            return Err(Failure::usage("only one of the inputs can be standard input"));
        }
        protected.push(source.spec.path.clone());
    }
    let mut files = Vec::new();
    for (path, format) in targets {
        let rules = OutputRules {
            overwrite: args.yes,
            protected: protected.clone(),
            terminal: args.format.is_some(),
            ..OutputRules::default()
        };
        rules.check(&path)?;
        protected.push(path.clone());
        files.push((path, format, rules));
    }
    env.stop.handle_requests();
    let mut packets = Packets::open(&spec, args.conceal, env)?;
    let open = |options| {
        let order = DisplayOrder::of(&spec, &packets, env)?;
        Source::open(options, &packets, order, env)
    };
    let source = args.source.as_ref().map(open).transpose()?;
    packets.input_info.source = source.as_ref().map(|source| source.name.clone());
    let mut sinks = Vec::new();
    for (path, format, rules) in files {
        sinks.push(Sink::create(&path, format, &rules, &packets, args, env)?);
    }
    let mut inspection = Inspection { selection, source, sinks, totals: Totals::default() };
    let mut end = inspection.read(&mut packets, env);
    if end.is_ok() && inspection.totals.is_all_damaged() {
        let message = format!("{}: no frame can be decoded", packets.input_info.name);
        end = Err(Failure::new(Kind::Corrupt, message));
    }
    if end.is_ok() {
        end = inspection.check_source();
    }
    let kept = inspection.finish(&packets, &end, env);
    end.and(kept)
}

/// The packets to report.
#[derive(Clone, Copy, Debug)]
struct Selection {
    skip: u64,
    /// Number of packets to read, including skipped ones.
    until: u64,
    cut: Cut,
}

impl Selection {
    fn new(args: &InspectOptions) -> Result<Self> {
        let cut = args.input.cut;
        Ok(match args.frames {
            Some(FrameRange::Range(..)) if args.skip > 0 => {
                return Err(Failure::usage("--skip cannot be used with a range of frames"));
            }
            Some(FrameRange::Range(skip, until)) => Self { skip, until, cut },
            Some(FrameRange::Count(count)) => {
                Self { skip: args.skip, until: args.skip.saturating_add(count), cut }
            }
            None => Self { skip: args.skip, until: u64::MAX, cut },
        })
    }
}

/// The output files and their formats.
fn targets(args: &InspectOptions) -> Result<Vec<(PathBuf, ReportFormat)>> {
    let format = format_of(&args.output, args.format)?;
    let mut targets = vec![(args.output.clone(), format)];
    if let Some(json) = &args.json {
        if format == ReportFormat::Json {
            return Err(Failure::usage("--json requires an HTML page as -o"));
        }
        if is_pipe(json) && is_pipe(&args.output) {
            return Err(Failure::usage("the page and the data cannot both go to standard output"));
        }
        targets.push((json.clone(), ReportFormat::Json));
    }
    Ok(targets)
}

fn format_of(path: &Path, flag: Option<ReportFormat>) -> Result<ReportFormat> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    match (flag, extension) {
        (Some(format), _) => Ok(format),
        (None, Some("html" | "htm")) => Ok(ReportFormat::Html),
        (None, Some("json")) => Ok(ReportFormat::Json),
        (None, _) if is_pipe(path) => Ok(ReportFormat::Json),
        _ => {
            let message = format!(
                "unknown report format of {}\nhelp: name it .html or .json, or use -f",
                path.display()
            );
            Err(Failure::usage(message))
        }
    }
}

/// A report under construction.
struct Sink {
    output: OutputFile,
    out: BufWriter<Box<dyn Write + Send>>,
    report: Report,
}

enum Report {
    Data(DataReport),
    Page(Box<PageReport>),
}

impl Sink {
    fn create(
        path: &Path,
        format: ReportFormat,
        rules: &OutputRules,
        packets: &Packets,
        args: &InspectOptions,
        env: &Env,
    ) -> Result<Self> {
        let output = OutputFile::create(path, rules)?;
        let out = BufWriter::new(output.writer()?);
        let (report, head) = match format {
            ReportFormat::Json => {
                let (report, head) = DataReport::begin(&packets.input_info);
                (Report::Data(report), head)
            }
            ReportFormat::Html => {
                let (report, head) = PageReport::begin(&packets.input_info, args.images, env);
                (Report::Page(Box::new(report)), head)
            }
        };
        let mut sink = Self { output, out, report };
        sink.put(&head)?;
        Ok(sink)
    }

    fn put(&mut self, text: &str) -> Result<()> {
        let written = self.out.write_all(text.as_bytes());
        written.map_err(|error| Failure::output(&self.output.name, error))
    }

    fn add(&mut self, seen: &Seen<'_>) -> Result<()> {
        let text = match &mut self.report {
            Report::Data(report) => report.row(seen),
            Report::Page(report) => report.row(seen)?,
        };
        self.put(&text)
    }

    fn finish(mut self, totals: &Totals, time_base: Rational, end: &Result<()>) -> Result<()> {
        let text = match &self.report {
            Report::Data(report) => report.end(totals, time_base, end),
            Report::Page(report) => report.end(totals, time_base, end),
        };
        self.put(&text)?;
        self.out.flush().map_err(|error| Failure::output(&self.output.name, error))?;
        drop(self.out);
        self.output.commit()
    }
}

/// A run of the command.
struct Inspection {
    selection: Selection,
    source: Option<Source>,
    sinks: Vec<Sink>,
    totals: Totals,
}

impl Inspection {
    fn read(&mut self, packets: &mut Packets, env: &Env) -> Result<()> {
        let Selection { skip, until, cut } = self.selection;
        let time_base = packets.input_info.time_base;
        let count = packets.input_info.count.filter(|_| cut.is_whole());
        let total = count.map_or(until, |count| count.min(until));
        let total = Some(total.saturating_sub(skip)).filter(|_| total < u64::MAX);
        let rate = packets.input_info.frame_rate.unwrap_or(Rational::new(30, 1));
        let mut progress = env.events.progress(total, rate);
        for index in 0..until {
            let next = packets.next();
            if env.stop.is_requested() {
                let message = "interrupted: the report was finalised";
                return Err(Failure::new(Kind::Interrupted, message));
            }
            let Some(seen) = next? else { break };
            let mut damage = None;
            if let Outcome::Damaged(failure) = &seen.outcome
                && !seen.goes_on
            {
                damage = Some(failure.clone());
            }
            if index >= skip && cut.contains(seen.packet.pts, time_base) {
                for earlier in seen.earlier() {
                    self.report(earlier)?;
                }
                self.report(seen)?;
            }
            if let Some(failure) = damage {
                return Err(failure);
            }
            let frames = self.totals.packets;
            progress.update(&Now { frames, bytes: self.totals.bytes, ..Now::default() });
        }
        Ok(())
    }

    /// Adds a frame to the reports.
    fn report(&mut self, mut seen: Seen<'_>) -> Result<()> {
        if let Some(source) = &mut self.source {
            seen.comparison = Some(source.compare(&seen)?);
        }
        self.totals.add(&seen);
        for sink in &mut self.sinks {
            sink.add(&seen)?;
        }
        Ok(())
    }

    /// Returns an error if there is a source and no frame could be compared with it.
    fn check_source(&self) -> Result<()> {
        let (Some(source), chroma) = (&self.source, &self.totals.chroma) else { return Ok(()) };
        let Some(reason) = chroma.mismatch.filter(|_| chroma.frames == 0) else { return Ok(()) };
        let message = format!(
            "cannot compare any frame with {}: {}\nhelp: {}",
            source.name,
            reason.text(),
            reason.remedy()
        );
        Err(Failure::new(Kind::Input, message))
    }

    /// Finalises the reports, keeping everything before an error, and reports the totals.
    fn finish(self, packets: &Packets, end: &Result<()>, env: &Env) -> Result<()> {
        let is_output = end.as_ref().is_err_and(|failure| {
            matches!(failure.kind, Kind::Output | Kind::ClosedPipe | Kind::Internal)
        });
        if is_output || end.is_err() && self.totals.packets == 0 {
            return Ok(());
        }
        let names: Vec<_> = self.sinks.iter().map(|sink| sink.output.name.clone()).collect();
        for sink in self.sinks {
            if let Report::Page(report) = &sink.report {
                for note in report.notes() {
                    env.events.note(note);
                }
            }
            sink.finish(&self.totals, packets.input_info.time_base, end)?;
        }
        if let Some(source) = &self.source {
            env.events.note(self.totals.chroma.text(&source.name));
        }
        if let Some(note) = &packets.input_info.note {
            env.events.note(format!("{}: {note}", packets.input_info.name));
        }
        env.events.note(format!("{}: {}", names.join(", "), self.totals.text()));
        Ok(())
    }
}
