//! What a checkpoint knows, read at one moment.

use std::fs::File;
use std::path::{Path, PathBuf};

use chrono_tz::Tz;

use super::health::{self, Facts, Health, NEVER_POLLED};
use super::{taken_over, unmended};
use crate::checkpoint::{self, Blocked, Checkpoint, Counts, Fault, JobRecord, ShownItem, TrailLine};
use crate::cli::args::StatusWish;
use crate::cli::job_ids::Wanted;
use crate::cli::{poll_end, run};
use crate::config::{Config, NoCheckpoint, Sources, StatusConfig};
use crate::export::report::{Problem, ProblemKind};
use crate::host::clock;
use crate::model::export_job::JobStatus;
use crate::model::ids::{AccountingEntryId, JobId};
use crate::model::verdict::Failure;

/// So many jobs are shown unless all are asked for.
const SHOWN: usize = 20;

/// Everything that is shown.
pub(super) struct Known {
    pub(super) path: PathBuf,
    /// The zone whose calendar the books follow.
    pub(super) zone: Tz,
    /// Whether there is a checkpoint at all.
    pub(super) is_there: bool,
    pub(super) health: Health,
    /// What a person must see to before anything else, as a run would tell it.
    pub(super) alarm: Option<Problem>,
    pub(super) blocked: Option<Blocked>,
    /// Who is at work on the open one now.
    pub(super) at_work: Option<String>,
    pub(super) jobs: Vec<KnownJob>,
    /// How many more there are.
    pub(super) older_jobs: usize,
    /// Of the one job that was asked for.
    pub(super) items: Vec<ShownItem>,
    /// The same, where that was asked for.
    pub(super) trail: Vec<TrailLine>,
    /// Files that say something of settings and were not read.
    pub(super) passed_over: Vec<String>,
}

/// A job, with what became of its items.
pub(super) struct KnownJob {
    pub(super) record: JobRecord,
    pub(super) counts: Counts,
    pub(super) failures: Vec<(AccountingEntryId, Failure)>,
}

impl KnownJob {
    /// Where the job stands, in Pleo's words as far as they are known here. Of another instance's job the last is known.
    pub(super) fn status(&self) -> &'static str {
        self.record.status().unwrap_or(&JobStatus::InProgress).as_str()
    }

    /// Its items; before the list is read, all of them are open.
    pub(super) fn items(&self) -> Counts {
        let unread = self.record.number_of_items.saturating_sub(self.counts.total);
        Counts {
            total: self.counts.total + unread,
            open: self.counts.open + unread,
            ..self.counts
        }
    }
}

impl Known {
    pub(super) fn read(sources: &Sources, wish: &StatusWish) -> Result<Self, Problem> {
        let (config, passed_over) = StatusConfig::look(sources).map_err(|error| {
            let (problems, hint) = match error {
                NoCheckpoint::Unnamed(problems) if !sources.is_one_of_several => (
                    problems,
                    "say where the checkpoint is, for example  PLEO_EXPORT_CHECKPOINT=FILE pleo-export status",
                ),
                NoCheckpoint::Unnamed(problems) | NoCheckpoint::WrongSettings(problems) => {
                    (problems, "correct these settings")
                }
            };
            Problem {
                kind: ProblemKind::Configuration,
                message: problems.to_string(),
                hint: hint.into(),
            }
        })?;
        let mut known = read_once(&config, wish)?;
        if known.health.is_left_by_a_dead_run {
            // A run that began and ended while we looked looks the same, but not twice.
            known = read_once(&config, wish)?;
        }
        known.passed_over = passed_over;
        known.tell_wrong_settings(sources);
        known.health.name_commands();
        Ok(known)
    }
}

impl Known {
    /// Where nothing was ever kept, the settings of one of several companies say why: they are in its file as a whole.
    fn tell_wrong_settings(&mut self, sources: &Sources) {
        if !self.is_there
            && sources.is_one_of_several
            && let Err(problems) = Config::load(sources)
        {
            let problem = run::wrong_settings(&problems);
            self.health = health::never_polled(&problem.message, &problem.hint);
        }
    }
}

fn read_once(config: &StatusConfig, wish: &StatusWish) -> Result<Known, Problem> {
    let path = &config.checkpoint;
    let at_work_before = checkpoint::at_work(path);
    let Some(checkpoint) = open(path)? else {
        return without_checkpoint(config, wish);
    };
    if let Some(company_id) = &config.company_id {
        checkpoint.refuse_other_company(company_id)?;
    }
    let mut records = checkpoint.jobs()?;
    let open_job = records.iter().find(|job| job.state.is_open()).cloned();
    let unmended = unmended::find(&checkpoint, &records, clock::now())?;
    let mut items = Vec::new();
    let mut trail = Vec::new();
    let mut older_jobs = 0;
    if let Some(text) = &wish.job {
        let id = Wanted::read(text)?.among(|| Ok(records.iter().map(|job| job.id.clone()).collect()))?;
        records.retain(|job| job.id == id);
        if records.is_empty() {
            return Err(unknown(&id, path));
        }
        if wish.audit {
            trail = checkpoint.trail(&id)?;
        } else {
            items = checkpoint.shown_items(&id)?;
        }
    } else if !wish.all {
        older_jobs = records.len().saturating_sub(SHOWN);
        records.truncate(SHOWN);
    }
    let jobs: Result<Vec<KnownJob>, Problem> = records
        .into_iter()
        .map(|record| {
            Ok(KnownJob {
                counts: checkpoint.counts(&record.id)?,
                failures: checkpoint.failures(&record.id)?,
                record,
            })
        })
        .collect();
    let jobs = jobs?;
    let (mut contact, mut blocked) = (checkpoint.contact()?, checkpoint.blocked()?);
    taken_over::forget(&checkpoint, &mut contact, &mut blocked)?;
    let ended_in_order = checkpoint.ended_in_order()?;
    checkpoint.finish_reading()?;
    let at_work = at_work_before.clone().or_else(|| checkpoint::at_work(path));
    let now = clock::now();
    let lasting = at_work
        .as_ref()
        .and_then(|by| poll_end::lasting(by, checkpoint::since(by), config.alarm_after));
    let series = contact.alarm(config.alarm_after, now).map(poll_end::failing);
    let health = health::judge(
        &Facts {
            contact: &contact,
            blocked: blocked.as_ref(),
            last_holder: checkpoint::last_holder(path),
            has_died: !ended_in_order && at_work.is_none(),
            at_work,
            lasting: lasting.as_ref(),
            alarm_after: config.alarm_after,
            is_alarm: series.is_some(),
            open_job: open_job.as_ref(),
            unmended: unmended.as_ref(),
        },
        now,
    );
    Ok(Known {
        path: path.clone(),
        zone: config.time_zone,
        is_there: true,
        health,
        alarm: lasting.or(series),
        blocked,
        at_work: at_work_before,
        jobs,
        older_jobs,
        items,
        trail,
        passed_over: Vec::new(),
    })
}

/// Opens it; where it cannot be read, that is usually another user's file.
fn open(path: &Path) -> Result<Option<Checkpoint>, Problem> {
    Checkpoint::open_read_only(path).map_err(|error| {
        let is_unreadable = matches!(error.fault, Fault::Storage(_)) && !is_open_to_us(path);
        let mut problem = Problem::from(error);
        if is_unreadable {
            problem.hint =
                "look as the user that runs pleo-export, such as `sudo -u pleo-export pleo-export status`"
                    .into();
        }
        problem
    })
}

/// Whether this user may read the file, whatever else is wrong with it.
fn is_open_to_us(path: &Path) -> bool {
    File::open(path).is_ok()
}

fn without_checkpoint(config: &StatusConfig, wish: &StatusWish) -> Result<Known, Problem> {
    let path = &config.checkpoint;
    if let Some(text) = &wish.job {
        let id = Wanted::read(text)?.among(|| Ok(Vec::new()))?;
        return Err(unknown(&id, path));
    }
    let at_work = checkpoint::at_work(path);
    let lasting = at_work
        .as_ref()
        .and_then(|by| poll_end::lasting(by, checkpoint::since(by), config.alarm_after));
    let shown = path.display();
    let what = if path.exists() {
        format!("the checkpoint {shown} is there, but empty: nothing was ever kept in it")
    } else {
        format!("there is no checkpoint at {shown}")
    };
    Ok(Known {
        path: path.clone(),
        zone: config.time_zone,
        is_there: false,
        health: health::never_polled(&what, NEVER_POLLED),
        alarm: lasting,
        blocked: None,
        at_work: None,
        jobs: Vec::new(),
        older_jobs: 0,
        items: Vec::new(),
        trail: Vec::new(),
        passed_over: Vec::new(),
    })
}

fn unknown(id: &JobId, path: &Path) -> Problem {
    Problem {
        kind: ProblemKind::UnknownJob,
        message: format!("job {id} is not known here (checkpoint `{}`)", path.display()),
        hint: "`pleo-export status --all` lists the jobs that are known here".into(),
    }
}
