//! A doctor: what a run needs, each part looked at by itself, with what to do where something is wrong. Nothing is made,
//! written, locked or told.
//!
//! One file for each group of checks. Each answers with values, and one that fails never hides the others.

pub mod accounts;
pub mod checkpoint;
pub mod jobs;
pub mod places;
pub mod pleo;
pub mod system;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What was looked at. The words are a contract with scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// The settings.
    Settings,
    /// The credential that Pleo is shown, and whether it accepts it.
    Credential,
    /// What the credential may do.
    Scopes,
    /// Whose the credential is.
    Company,
    /// Our clock beside Pleo's.
    Clock,
    /// What waits in Pleo.
    Jobs,
    /// The accounting system, with every right that a job needs.
    AccountingSystem,
    /// The accounts behind roles, mappings and Pleo's codes.
    Accounts,
    /// The taxes, likewise.
    Taxes,
    /// The checkpoint's file.
    Checkpoint,
    /// The books.
    Books,
    /// The room on the disks.
    Disk,
    /// Whether a run is at work.
    Lock,
    /// How the last polls ended.
    LastPoll,
}

impl Name {
    /// All, in the order in which they are told.
    pub const ALL: [Self; 14] = [
        Self::Settings,
        Self::Credential,
        Self::Scopes,
        Self::Company,
        Self::Clock,
        Self::Jobs,
        Self::AccountingSystem,
        Self::Accounts,
        Self::Taxes,
        Self::Checkpoint,
        Self::Books,
        Self::Disk,
        Self::Lock,
        Self::LastPoll,
    ];

    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Credential => "credential",
            Self::Scopes => "scopes",
            Self::Company => "company",
            Self::Clock => "clock",
            Self::Jobs => "jobs",
            Self::AccountingSystem => "accounting_system",
            Self::Accounts => "accounts",
            Self::Taxes => "taxes",
            Self::Checkpoint => "checkpoint",
            Self::Books => "books",
            Self::Disk => "disk",
            Self::Lock => "lock",
            Self::LastPoll => "last_poll",
        }
    }
}

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// In order.
    Ok,
    /// It could not be told, and need not be.
    Unknown,
    /// It could not be told for now, since something is out of reach.
    OutOfReach,
    /// It works, and a person should know.
    Warning,
    /// It must be corrected.
    Failed,
}

impl State {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown | Self::OutOfReach => "unknown",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub name: Name,
    /// How it stands.
    pub state: State,
    /// What was found.
    pub message: String,
    /// What to do about it. What follows its first line is to be copied as it stands.
    pub remedy: Option<String>,
}

impl Check {
    /// It is in order.
    pub fn ok(name: Name, message: impl Into<String>) -> Self {
        Self::new(name, State::Ok, message, None)
    }

    /// It works, and a person should know.
    pub fn warning(name: Name, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(name, State::Warning, message, Some(remedy.into()))
    }

    /// It must be corrected.
    pub fn failed(name: Name, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(name, State::Failed, message, Some(remedy.into()))
    }

    /// It could not be told.
    pub fn unknown(name: Name, message: impl Into<String>, remedy: Option<String>) -> Self {
        Self::new(name, State::Unknown, message, remedy)
    }

    /// It could not be told for now.
    pub fn out_of_reach(name: Name, message: impl Into<String>) -> Self {
        let remedy = "run `pleo-export check` again when it is back".to_owned();
        Self::new(name, State::OutOfReach, message, Some(remedy))
    }

    fn new(name: Name, state: State, message: impl Into<String>, remedy: Option<String>) -> Self {
        Self {
            name,
            state,
            message: message.into(),
            remedy,
        }
    }
}

/// Looks, and says so where the looking itself failed.
pub fn guarded(names: &[Name], look: impl FnOnce() -> Vec<Check>) -> Vec<Check> {
    catch_unwind(AssertUnwindSafe(look)).unwrap_or_else(|_| {
        let failed = |name: &Name| {
            let message = "the check itself failed, which is an error in pleo-export";
            Check::failed(*name, message, "report this, with the lines above")
        };
        names.iter().map(failed).collect()
    })
}

/// What is said of everything that was not looked at, and why.
pub fn not_looked_at(names: &[Name], why: &str) -> Vec<Check> {
    let check = |name: &Name| Check::unknown(*name, format!("not looked at: {why}"), None);
    names.iter().map(check).collect()
}

/// The settings: every problem, and what is allowed but unwise.
pub fn settings(problems: &[String], warnings: &[String]) -> Vec<Check> {
    let name = Name::Settings;
    let problem = |problem: &String| Check::failed(name, problem, "correct it; nothing was sent");
    let warning = |warning: &String| Check::warning(name, warning, "nothing is stopped by it");
    let checks = problems.iter().map(problem).chain(warnings.iter().map(warning));
    let checks: Vec<Check> = checks.collect();
    if checks.is_empty() {
        return vec![Check::ok(name, "can all be read, and fit together")];
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_fails_itself_is_told_like_any_other() {
        let checks = guarded(&[Name::Disk, Name::Lock], || panic!("an error of ours"));
        let names: Vec<&str> = checks.iter().map(|check| check.name.as_str()).collect();
        assert_eq!(names, ["disk", "lock"]);
        assert!(
            checks
                .iter()
                .all(|check| check.state == State::Failed && check.remedy.is_some())
        );
    }
}
