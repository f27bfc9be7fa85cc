//! `--metrics-file`: what Prometheus' textfile collector reads, one file for all companies of a round.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::{debug, warn};

use super::exit::Exit;
use crate::checkpoint::{Checkpoint, CheckpointError, Contact};
use crate::config::{Sources, StatusConfig};
use crate::export::report::{Problem, ProblemKind};
use crate::host::files::{Action, FileError, PartFile, resolved, special};
use crate::model::ids::CompanyId;

/// What is told of one company.
pub(super) struct Sample {
    pub(super) company_id: CompanyId,
    /// Where its checkpoint is.
    pub(super) place: Option<StatusConfig>,
    pub(super) exit: Exit,
    pub(super) duration: Duration,
    /// For how long the oldest job has waited in Pleo; nothing where that is not known.
    pub(super) oldest_pending: Option<TimeDelta>,
}

/// What a checkpoint says over all runs.
struct Kept {
    contact: Contact,
    jobs: BTreeMap<String, u64>,
    items: BTreeMap<String, u64>,
}

/// A metric: its name, kind and meaning, and its lines.
struct Family(&'static str, &'static str, &'static str, String);

/// What each file of ours begins with.
const BEGINS: &str = "# HELP pleo_export_";

/// Refuses a file that is something else than metrics, before anything is done: writing would replace it. `served` are the
/// settings of each company.
pub(super) fn refuse_other_file<'a>(
    path: &Path,
    served: impl IntoIterator<Item = &'a Sources>,
) -> Result<(), Problem> {
    let refused = |why: String| Problem {
        kind: ProblemKind::Configuration,
        message: format!("`{}` (--metrics-file) {why}", path.display()),
        hint: "name a file of its own for the metrics, such as pleo-export.prom; nothing was sent".into(),
    };
    let other = |what: &str| refused(format!("is {what}, and would be replaced"));
    let path = resolved(path);
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    for sources in served {
        let Ok(place) = StatusConfig::load(sources) else {
            continue;
        };
        let checkpoint = resolved(&place.checkpoint);
        let its_name = checkpoint.file_name().unwrap_or_default().as_encoded_bytes();
        // Its lock and its log stand beside it under its name, and may be empty.
        if path.parent() == checkpoint.parent() && name.starts_with(its_name) {
            return Err(other("a file of the checkpoint"));
        }
    }
    // What is no regular file is left in its place by who writes.
    if special(&path).is_some() {
        return Ok(());
    }
    match begin_of(&path) {
        Ok(begin) if begin.is_empty() || begin == BEGINS.as_bytes() => Ok(()),
        Ok(_) => Err(other("no file of metrics")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(refused(format!(
            "cannot be read, so that it is not known what would be replaced: {error}"
        ))),
    }
}

fn begin_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut begin = Vec::new();
    File::open(path)?
        .take(BEGINS.len() as u64)
        .read_to_end(&mut begin)?;
    Ok(begin)
}

/// Writes the file, whole or not at all. It changes no run: what goes wrong is told in the log.
pub(super) fn write<'a>(path: &Path, samples: impl IntoIterator<Item = &'a Sample>) {
    let text = text(samples);
    if text.is_empty() {
        warn!(
            "the metrics in `{}` are left as they were: it is not known whose poll this was",
            path.display()
        );
        return;
    }
    match put(path, &text) {
        Ok(()) => debug!("the metrics are written to `{}`", path.display()),
        Err(error) => warn!(
            "the metrics could not be written to `{}`: {error}",
            path.display()
        ),
    }
}

fn put(path: &Path, text: &str) -> Result<(), FileError> {
    use std::io::Write as _;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut part = PartFile::new(folder)?;
    let written = part.file.write_all(text.as_bytes());
    written.map_err(FileError::at(Action::Write, &part.path))?;
    // Its reader is another user.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let readable = part.file.set_permissions(std::fs::Permissions::from_mode(0o644));
        readable.map_err(FileError::at(Action::ChangeMode, &part.path))?;
    }
    part.keep_as(path)
}

fn text<'a>(samples: impl IntoIterator<Item = &'a Sample>) -> String {
    let mut families = families();
    let mut told: Vec<&CompanyId> = Vec::new();
    for sample in samples {
        // One series twice makes the file unreadable.
        if told.contains(&&sample.company_id) {
            continue;
        }
        told.push(&sample.company_id);
        add(
            &mut families,
            sample,
            sample.place.as_ref().and_then(kept).as_ref(),
        );
    }
    let mut text = String::new();
    for Family(name, kind, help, lines) in families.iter().filter(|family| !family.3.is_empty()) {
        let _ = write!(
            text,
            "# HELP pleo_export_{name} {help}\n# TYPE pleo_export_{name} {kind}\n{lines}"
        );
    }
    text
}

fn families() -> [Family; 8] {
    let family = |name, kind, help| Family(name, kind, help, String::new());
    [
        family(
            "last_success_timestamp_seconds",
            "gauge",
            "When the last poll succeeded.",
        ),
        family(
            "last_poll_timestamp_seconds",
            "gauge",
            "When the last poll ended.",
        ),
        family("exit_code", "gauge", "With which exit code this poll ended."),
        family(
            "jobs_total",
            "gauge",
            "The export jobs that the checkpoint knows.",
        ),
        family("items_total", "gauge", "The items of these jobs."),
        family("run_duration_seconds", "gauge", "How long this poll took."),
        family(
            "oldest_pending_job_age_seconds",
            "gauge",
            "For how long the oldest job has waited in Pleo; 0 where none does.",
        ),
        family(
            "failing_since_timestamp_seconds",
            "gauge",
            "When the polls began to fail; only while they do.",
        ),
    ]
}

fn add(families: &mut [Family; 8], sample: &Sample, kept: Option<&Kept>) {
    let company = escaped(sample.company_id.as_str());
    let [success, poll, exit, jobs, items, duration, pending, failing] = families;
    let one = |family: &mut Family, value: String| {
        let _ = writeln!(
            family.3,
            "pleo_export_{}{{company_id=\"{company}\"}} {value}",
            family.0
        );
    };
    let by_status = |family: &mut Family, counts: &BTreeMap<String, u64>| {
        for (status, count) in counts {
            let _ = writeln!(
                family.3,
                "pleo_export_{}{{company_id=\"{company}\",status=\"{status}\"}} {count}",
                family.0
            );
        }
    };
    let time = |time: DateTime<Utc>| time.timestamp().to_string();
    one(exit, sample.exit.code().to_string());
    one(duration, format!("{:.3}", sample.duration.as_secs_f64()));
    if let Some(age) = sample.oldest_pending {
        one(pending, age.num_seconds().to_string());
    }
    let Some(kept) = kept else { return };
    if let Some(last) = kept.contact.last_success {
        one(success, time(last));
    }
    if let Some(last) = &kept.contact.last_poll {
        one(poll, time(last.at));
    }
    if let Some(series) = &kept.contact.failed_polls {
        one(failing, time(series.since));
    }
    by_status(jobs, &kept.jobs);
    by_status(items, &kept.items);
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

/// What the checkpoint says, where there is one that can be read and is this company's.
fn kept(place: &StatusConfig) -> Option<Kept> {
    read(place).unwrap_or_else(|error| {
        debug!("the metrics lack what the checkpoint knows: {error}");
        None
    })
}

fn read(place: &StatusConfig) -> Result<Option<Kept>, CheckpointError> {
    let Some(checkpoint) = Checkpoint::open_read_only(&place.checkpoint)? else {
        return Ok(None);
    };
    if let Some(company_id) = &place.company_id {
        checkpoint.refuse_other_company(company_id)?;
    }
    let mut jobs = BTreeMap::from(
        [
            "completed",
            "completed_with_errors",
            "failed",
            "pending",
            "in_progress",
        ]
        .map(|status| (status.to_owned(), 0)),
    );
    let mut items = BTreeMap::from(["successful", "failed", "open"].map(|status| (status.to_owned(), 0)));
    for record in checkpoint.jobs()? {
        if let Some(status) = record.status() {
            *jobs.entry(status.as_str().to_owned()).or_default() += 1;
        }
        let counts = checkpoint.counts(&record.id)?;
        for (status, count) in [
            ("successful", counts.successful),
            ("failed", counts.failed),
            ("open", counts.open),
        ] {
            *items.entry(status.to_owned()).or_default() += count;
        }
    }
    let contact = checkpoint.contact()?;
    checkpoint.finish_reading()?;
    Ok(Some(Kept { contact, jobs, items }))
}
