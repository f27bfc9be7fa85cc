//! What is wrong with the fleet's database, for whoever reads the answer.

use crate::cli::run::wrong_settings;
use crate::config::Sources;
use crate::config::fleet;
use crate::export::report::{Problem, ProblemKind};
use crate::fleet::{Fault, Settings};

/// The settings of the fleet; what is unwise about them is logged.
pub(super) fn settings(sources: &Sources) -> Result<Settings, Problem> {
    let (settings, warnings) = fleet::fleet(sources).map_err(|problems| wrong_settings(&problems))?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    Ok(settings)
}

/// What is wrong and what helps, in one line.
pub(super) fn sentence(message: &str, remedy: &str) -> String {
    let message = message.replacen("\n  - ", ": ", 1).replace("\n  - ", "; ");
    format!("{}: {remedy}", message.trim_end_matches('.'))
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let (kind, hint) = match &fault {
            Fault::OutOfReach(_) => (
                ProblemKind::Temporary,
                "see that PostgreSQL runs and can be reached from this host; nothing was claimed meanwhile, and the next worker \
                 goes on",
            ),
            Fault::Settings(_) => (
                ProblemKind::Configuration,
                "correct the address (PLEO_EXPORT_FLEET_URL or `fleet.url_file`), its user's rights or `fleet.ca_file`",
            ),
            Fault::Schema(_) => (ProblemKind::Configuration, "nothing was changed"),
            Fault::Full(_) => (
                ProblemKind::Damaged,
                "make room on the disk of the database: until then no company can be claimed",
            ),
            Fault::Unexpected(_) => (
                ProblemKind::Unexpected,
                "see the log of PostgreSQL; report this, with the log of a run with -vv",
            ),
        };
        Self {
            kind,
            message: fault.to_string(),
            hint: hint.into(),
        }
    }
}
