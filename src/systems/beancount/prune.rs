//! Evidence that may be kept no longer is removed, and a line in the books says so.
//!
//! The line first, in a file of its own, since nothing that exists is rewritten; then the files. Whoever is killed between
//! leaves files of which a line says that they are gone, and the next call removes them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use chrono::Datelike;

use crate::host::files::{self, Action, FileError};
use crate::host::{clock, kill};
use crate::systems::SystemError;

use super::Beancount;
use super::errors::{nothing_booked, unreadable};
use super::writer;

/// What the name of evidence ends with.
const ENDING: &str = ".evidence.jsonl";

impl Beancount {
    /// Removes the evidence of batches of the years before this one, and answers its files.
    pub(super) fn prune(&mut self, before: i32) -> Result<Vec<String>, SystemError> {
        if !self.books.folder().is_dir() {
            let folder = self.books.folder().display();
            return Err(SystemError::Settings {
                reason: format!("There are no books in `{folder}`."),
            });
        }
        let lock = self.books.lock()?;
        self.index.refresh(&self.books)?;
        let files = self.evidence_before(before)?;
        let is_new = |name: &&String| !self.index.is_evidence_removed(name);
        let new: Vec<&String> = files.keys().filter(is_new).collect();
        let today = clock::now().date_naive();
        if !new.is_empty() {
            let mut text = String::new();
            writer::comment(
                &mut text,
                "evidence that is kept no longer; its files are removed",
            );
            writer::options(&mut text, self.index.roots());
            writer::company(&mut text, self.books.company());
            for name in new {
                writer::evidence_removed(&mut text, today, name);
            }
            let file = self.books.new_file(&lock, today.year(), "evidence-removed")?;
            file.write(text.as_bytes())?;
        }
        kill::point("evidence is said to be removed");
        let mut removed = Vec::new();
        for (name, path) in &files {
            match fs::remove_file(path) {
                Ok(()) => removed.push(name.clone()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(nothing_booked(&FileError::at(Action::Remove, path)(error))),
            }
            kill::point("evidence removed");
        }
        self.books.make_names_durable()?;
        Ok(removed)
    }

    /// The evidence of those years: what batches name, and what a run that was killed left behind.
    fn evidence_before(&self, before: i32) -> Result<BTreeMap<String, PathBuf>, SystemError> {
        let mut files = BTreeMap::new();
        for (file, name) in self.index.evidence_names() {
            if is_of_year_before(name, before) {
                files.insert(name.to_owned(), self.books.evidence(file, name));
            }
        }
        for folder in self.books.year_folders() {
            let entries = match fs::read_dir(&folder) {
                Err(error) => return Err(unreadable(&FileError::at(Action::ReadFolder, &folder)(error))),
                Ok(entries) => entries,
            };
            for entry in entries {
                let entry =
                    entry.map_err(|error| unreadable(&FileError::at(Action::ReadFolder, &folder)(error)))?;
                let Ok(name) = entry.file_name().into_string() else {
                    continue;
                };
                if is_of_year_before(&name, before) {
                    files.entry(name).or_insert_with(|| entry.path());
                }
            }
        }
        // A name may lead nowhere but to a file of ours.
        files.retain(|_, path| files::refuse_link(path).is_ok());
        Ok(files)
    }
}

/// Whether it is the name of evidence, `PLEO-2026-000123.evidence.jsonl`, of an earlier year.
fn is_of_year_before(name: &str, before: i32) -> bool {
    let rest = name.strip_prefix("PLEO-").filter(|rest| rest.ends_with(ENDING));
    let is_plain = name
        .chars()
        .all(|part| part.is_ascii_alphanumeric() || "-.".contains(part));
    let year = rest.filter(|_| is_plain).and_then(|rest| rest.split('-').next());
    year.and_then(|year| year.parse::<i32>().ok())
        .is_some_and(|year| year < before)
}

#[cfg(test)]
mod tests {
    use super::is_of_year_before;

    #[test]
    fn evidence_is_known_by_its_name_alone() {
        let of_2025 = [
            "PLEO-2025-000001.evidence.jsonl",
            "PLEO-2025-000001-2.evidence.jsonl",
        ];
        for name in of_2025 {
            assert!(
                is_of_year_before(name, 2026) && !is_of_year_before(name, 2025),
                "{name}"
            );
        }
        let others = [
            "PLEO-2025-000001.beancount",
            "../PLEO-2025-000001.evidence.jsonl",
            "PLEO-2025-/../x.evidence.jsonl",
            "PLEO-x-000001.evidence.jsonl",
            "mine.evidence.jsonl",
        ];
        for name in others {
            assert!(!is_of_year_before(name, 2026), "{name}");
        }
    }
}
