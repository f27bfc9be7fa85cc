//! What is wrong with the settings, all of it at once.

use std::fmt;
use std::path::PathBuf;

use crate::host::counted::counted;

/// Every problem with the settings. Nothing has been sent or written.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigProblems {
    /// The settings file that was read, if one was.
    pub file: Option<PathBuf>,
    /// Each by itself.
    pub problems: Vec<String>,
}

impl fmt::Display for ConfigProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = counted(self.problems.len(), "problem");
        write!(f, "{count} with the settings")?;
        if let Some(file) = &self.file {
            write!(f, " (file `{}`)", file.display())?;
        }
        self.problems
            .iter()
            .try_for_each(|problem| write!(f, "\n  - {problem}"))
    }
}

impl std::error::Error for ConfigProblems {}
