//! A complete run whose output still has its temporary name.

use std::sync::Arc;

use codec_core::codec::FirstPassStats;

use crate::Env;
use crate::failure::Result;
use crate::io::output::OutputFile;
use crate::json::Object;
use crate::report::Report;

/// The results of a run: [`Self::keep`] names the output; dropping it removes the output.
pub(crate) struct Finished {
    pub(super) output: OutputFile,
    pub(super) report: Option<Report>,
    pub(super) summary: Object,
    /// Warnings at the end.
    pub(crate) warning: Option<String>,
    pub(super) text: String,
    pub(super) env: Env,
    /// Why the run ended early or failed a check; the output is kept in any case.
    pub(crate) end: Result<()>,
    /// Size of the file; `None` for pipes and devices.
    pub(crate) file_bytes: Option<u64>,
    /// Bytes of the video.
    pub(crate) video_bytes: u64,
    /// Duration of the video.
    pub(crate) seconds: f64,
    /// The values of the metric of a target, of all frames.
    pub(crate) values: Vec<f64>,
    /// The statistics of the trial encodes.
    pub(crate) first_pass: Option<Arc<FirstPassStats>>,
}

impl Finished {
    /// Adds to the summary.
    pub(crate) fn add_to_summary(&mut self, add: impl FnOnce(Object) -> Object) {
        self.summary = add(std::mem::take(&mut self.summary));
    }

    /// Gives the output its name, and reports the totals.
    ///
    /// # Errors
    /// If the output cannot be written, or the run ended early or failed a check.
    pub(crate) fn keep(self) -> Result<()> {
        let Self { mut output, report, summary, warning, text, env, end, .. } = self;
        let code = end.as_ref().err().map_or(0, |failure| failure.kind as u8);
        let end = output.end(end);
        let summary = summary.raw("exit_code", code).text("output", &output.name);
        output.commit()?;
        if let Some(report) = report {
            report.finish(&summary.clone().finish())?;
        }
        env.events.event(summary);
        if let Some(warning) = warning {
            env.events.warn(warning);
        }
        if !env.events.takes_records() {
            env.events.note(text);
        }
        end
    }
}
