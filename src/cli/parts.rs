//! What commands that work on books are put together from: accounting system, checkpoint, lock.

use std::path::Path;

use crate::checkpoint::{Checkpoint, LockError, NO_FILE_HINT, Owner, RunLock};
use crate::config::{BooksConfig, Config, SystemSettings};
use crate::export::item_facts;
use crate::export::report::{Problem, ProblemKind};
use crate::host::stop::Stop;
use crate::systems::beancount::Beancount;
use crate::systems::command::Command;
use crate::systems::odoo::Odoo;
use crate::systems::{AccountingSystem, Description, SystemError};

/// The accounting system that settings name; nothing is asked of it yet.
pub(super) fn accounting_system(
    settings: &SystemSettings,
    stop: &Stop,
) -> Result<Box<dyn AccountingSystem>, SystemError> {
    Ok(match settings {
        SystemSettings::Beancount(settings) => Box::new(Beancount::new(settings.clone(), stop.clone())),
        SystemSettings::Odoo(settings) => Box::new(Odoo::new(settings.clone())?),
        SystemSettings::Command(settings) => Box::new(Command::start(settings.clone(), stop.clone())?),
    })
}

/// A system that cannot even be begun with is a matter of settings, unless it is only out of reach.
pub(super) fn not_begun(error: SystemError) -> Problem {
    match error {
        SystemError::Fatal { reason, .. } | SystemError::Rejected { reason, .. } => Problem {
            kind: ProblemKind::Configuration,
            message: reason.replace('\n', " "),
            hint: "correct the settings under [accounting]; nothing was booked".into(),
        },
        error => error.into(),
    }
}

/// Whose a checkpoint must be that these settings lead to.
pub(super) fn owner(config: &Config, system: &Description) -> Owner {
    Owner {
        company_id: config.pleo.company_id.clone(),
        pleo_host: config.pleo.base_url.host_str().unwrap_or_default().to_owned(),
        target: system.target.clone(),
    }
}

/// The checkpoint for what is done in the books alone, without Pleo.
pub(super) fn checkpoint_of_books(
    config: &BooksConfig,
    system: &dyn AccountingSystem,
) -> Result<Checkpoint, Problem> {
    let system = system.describe();
    let owner = Owner {
        company_id: config.company_id.clone(),
        pleo_host: config.pleo_host.clone(),
        target: system.target,
    };
    let former_target = system.former_target.as_deref();
    Ok(Checkpoint::open(
        &config.checkpoint,
        &owner,
        former_target,
        item_facts,
    )?)
}

/// The lock for what a person asked for, who is told what did not happen where another run has it.
pub(super) fn lock(checkpoint: &Path, what_did_not_happen: &str) -> Result<RunLock, Problem> {
    RunLock::acquire(checkpoint).map_err(|error| match error {
        LockError::Held { by, .. } => Problem {
            kind: ProblemKind::Temporary,
            message: format!("another run is at work on `{}` ({by})", checkpoint.display()),
            hint: format!("run again when that run is over; {what_did_not_happen}"),
        },
        error => from_lock(&error),
    })
}

/// What a person is told who cannot have the lock, though nobody else has it.
pub(super) fn from_lock(error: &LockError) -> Problem {
    Problem {
        kind: ProblemKind::Damaged,
        message: error.to_string(),
        hint: match error {
            LockError::Io(error) if error.is_about_a_link() => {
                "name the file itself as `checkpoint.path` (PLEO_EXPORT_CHECKPOINT); its folder may be a link"
            }
            LockError::NoFile { .. } => NO_FILE_HINT,
            LockError::Linked { .. } => "remove its other name, or copy it to a file of its own",
            _ => "make the checkpoint's folder writable for this user, or name another file as `checkpoint.path` (PLEO_EXPORT_CHECKPOINT)",
        }
        .into(),
    }
}
