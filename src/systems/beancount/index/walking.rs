//! Which files belong to the books, and which of them are new: the ledger with what it includes, and all that we wrote.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::host::files::{Action, FileError};
use crate::systems::SystemError;

use super::super::books::Books;
use super::super::errors::unreadable;
use super::super::includes::{self, Included, one_name};
use super::{Include, Index, Looked, Reach, Stamp, Unseen};

impl Index {
    /// Brings the index up to date with the files. What belongs to the books and cannot be read, or is of another
    /// company, is refused: an entry that is not seen would be booked again.
    pub(in super::super) fn refresh(&mut self, books: &Books) -> Result<(), SystemError> {
        self.survey(books)?;
        self.refuse_another_company(books)?;
        self.refuse_what_is_unseen()
    }

    /// Reads what is there of the books, which may not be whole yet.
    pub(in super::super) fn survey(&mut self, books: &Books) -> Result<(), SystemError> {
        let mut outcome = self.read_what_came(books);
        if matches!(outcome, Ok(Files::Changed)) {
            outcome = self.read_new_files(books);
        }
        // What is aside counts for less than what the books have: somebody may have booked the same meanwhile.
        if matches!(outcome, Ok(Files::Changed)) || (outcome.is_err() && books.is_aside()) {
            self.forget();
            outcome = self.read_new_files(books);
        }
        if outcome.is_err() {
            // What was read until the fault must not be taken for the whole.
            self.forget();
        }
        outcome.map(drop)
    }

    /// Whether what stands twice is told is the wish of whoever looks, and stays.
    fn forget(&mut self) {
        let repeats = self.repeats.take();
        *self = Self {
            repeats: repeats.map(|_| HashMap::new()),
            ..Self::default()
        };
    }

    /// Reads the batches that came since the last look, where nothing else has changed since: every folder holds what it
    /// held, and every file is the one that was read.
    fn read_what_came(&mut self, books: &Books) -> Result<Files, SystemError> {
        books.refuse_wrong_places()?;
        let (Some(mut looked), about) = (self.looked.take(), books.about()) else {
            return Ok(Files::Changed);
        };
        let mut new = Vec::new();
        for (folder, listing) in &mut looked.folders {
            let Some(came) = listing.what_came(folder).map_err(|error| unreadable(&error))? else {
                return Ok(Files::Changed);
            };
            for name in came {
                match Path::new(&name).extension().and_then(OsStr::to_str) {
                    _ if !looked.ours.contains(folder) || name.as_encoded_bytes().starts_with(b".") => {
                        return Ok(Files::Changed);
                    }
                    Some("beancount") => new.push(folder.join(name)),
                    Some("jsonl") => {}
                    _ => return Ok(Files::Changed),
                }
            }
        }
        for (real, source) in &self.sources {
            let is_same = stamp(&source.path, &about)? == Some(source.stamp)
                && (*real == source.path || *real == one_name(&source.path));
            if !is_same {
                return Ok(Files::Changed);
            }
        }
        for absent in &looked.absent {
            if stamp(absent, &about)?.is_some() {
                return Ok(Files::Changed);
            }
        }
        let mut any_of_others = false;
        for path in new {
            let (real, stamp) = (one_name(&path), stamp(&path, &about)?);
            let Some(stamp) = stamp.filter(|_| !self.sources.contains_key(&real)) else {
                return Ok(Files::Changed);
            };
            let source = self.read_file(books, &path, stamp, Reach::Ours)?;
            let has_includes = !source.includes.is_empty();
            any_of_others |= !books.has_written(&real);
            self.sources.insert(real, source);
            if has_includes {
                return Ok(Files::Changed);
            }
        }
        if any_of_others {
            books.make_names_durable()?;
        }
        self.looked = Some(looked);
        Ok(Files::Read)
    }

    fn read_new_files(&mut self, books: &Books) -> Result<Files, SystemError> {
        let mut looked = Looked::default();
        let (mut ours, mut aside, about) = (books.own_files()?, books.files_aside()?, books.about());
        looked.takes_in(&mut ours);
        looked.takes_in(&mut aside);
        looked.ours = looked.folders.keys().cloned().collect();
        let our_names: HashSet<&Path> = ours.files.values().map(PathBuf::as_path).collect();
        let named = |path: PathBuf| {
            let real = one_name(&path);
            (path, real)
        };
        let in_ledger = books.ledger_files().into_iter().map(named).collect();
        // What people moved to where only the folder's own ledger sees it was booked all the same.
        let beside = vec![named(books.main()), named(books.accounts())];
        let mut seen = HashSet::new();
        let mut unseen: Vec<Unseen> = ours
            .dangling
            .iter()
            .map(|link| leads_nowhere(link, link, None))
            .collect();
        let mut any_of_others = false;
        for (reach, mut waiting) in [
            (Reach::Ledger, in_ledger),
            (Reach::Ours, ours.files.clone().into_iter().rev().collect()),
            (Reach::Beside, beside),
            (Reach::Ours, aside.files.into_iter().collect()),
        ] {
            while let Some((path, real)) = waiting.pop() {
                if !seen.insert(real.clone()) {
                    continue;
                }
                let Some(stamp) = stamp(&path, &about)? else {
                    looked.absent.push(path);
                    continue;
                };
                let reach = if our_names.contains(real.as_path()) {
                    Reach::Ours
                } else {
                    reach
                };
                match self.sources.get(&real) {
                    Some(source) if source.stamp == stamp && source.reach == reach && source.path == path => {
                    }
                    Some(_) => return Ok(Files::Changed),
                    None => {
                        let source = self.read_file(books, &path, stamp, reach)?;
                        self.sources.insert(real.clone(), source);
                        any_of_others |= !books.has_written(&real);
                    }
                }
                let included = self.sources.get(&real).map_or(&[][..], |source| &source.includes);
                for include in included {
                    waiting.extend(included_files(books, &path, include, &mut unseen, &mut looked)?);
                }
            }
        }
        if self.sources.keys().any(|real| !seen.contains(real)) {
            return Ok(Files::Changed);
        }
        if any_of_others {
            books.make_names_durable()?;
        }
        self.looked = unseen.is_empty().then_some(looked);
        self.unseen = unseen;
        Ok(Files::Read)
    }

    fn refuse_what_is_unseen(&self) -> Result<(), SystemError> {
        let Some(first) = self.unseen.first() else {
            return Ok(());
        };
        let line = first
            .line
            .map(|line| format!(", line {line}"))
            .unwrap_or_default();
        Err(SystemError::Damaged {
            reason: format!(
                "The books cannot be read whole: `{}`{line}: {}. Bring back what is missing or take the line out, then \
                 run again.",
                first.file.display(),
                first.problem
            ),
        })
    }

    fn refuse_another_company(&self, books: &Books) -> Result<(), SystemError> {
        let Some((company, files)) = self.of_others.first_key_value() else {
            return Ok(());
        };
        let (folder, count) = (books.folder().display(), files.len());
        let first = files
            .first()
            .map(|file| file.display().to_string())
            .unwrap_or_default();
        Err(SystemError::Settings {
            reason: format!(
                "The books `{folder}` hold entries of company {company} (`{first}`; files in all: {count}), and this \
                 is company {}: a books folder belongs to one company. Set accounting.beancount.directory to a folder \
                 of its own for each. To part two that share this one: move the files under `{folder}/pleo` that name \
                 the other company to the same place in its new folder, copy `documents` there, open in the \
                 accounts.beancount of each what bean-check then misses, and move the other's checkpoint aside. One \
                 ledger may include both.",
                books.company()
            ),
        })
    }
}

/// The files that an include line means, each with its real name; what cannot be seen goes to `unseen`.
fn included_files(
    books: &Books,
    file: &Path,
    include: &Include,
    unseen: &mut Vec<Unseen>,
    looked: &mut Looked,
) -> Result<Vec<(PathBuf, PathBuf)>, SystemError> {
    let folder = file.parent().unwrap_or(Path::new(""));
    // Our own files are read anyway.
    if books.is_our_line(folder, &include.pattern) {
        return Ok(Vec::new());
    }
    let mut included = includes::expand(folder, &include.pattern).map_err(|error| unreadable(&error))?;
    looked.takes_in(&mut included);
    let is_to_be_made = included.files.is_empty()
        && included.dangling.is_empty()
        && includes::beside(folder, Path::new(&include.pattern)) == books.accounts();
    if is_to_be_made {
        return Ok(Vec::new());
    }
    let at_line = |problem: String| Unseen {
        file: file.to_owned(),
        line: Some(include.line),
        problem,
    };
    let links = included.dangling.iter();
    unseen.extend(links.map(|link| leads_nowhere(link, file, Some(include.line))));
    if included.files.is_empty() && included.dangling.is_empty() {
        unseen.push(at_line(format!(
            "`include \"{}\"` matches no file",
            include.pattern
        )));
    }
    let mut readable = Vec::new();
    for (path, real) in included.files {
        if is_encrypted(&path)? {
            unseen.push(at_line(format!(
                "`{}` is encrypted and cannot be read here",
                path.display()
            )));
        } else {
            readable.push((path, real));
        }
    }
    Ok(readable)
}

fn leads_nowhere(target: &Path, named_in: &Path, line: Option<u32>) -> Unseen {
    Unseen {
        file: named_in.to_owned(),
        line,
        problem: format!("the link `{}` leads nowhere", target.display()),
    }
}

/// Whether beancount would decrypt the file.
fn is_encrypted(path: &Path) -> Result<bool, SystemError> {
    let ending = path.extension().unwrap_or_default();
    if ending != "asc" {
        return Ok(ending == "gpg");
    }
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(1024).read_to_end(&mut head));
    read.map_err(|error| unreadable(&FileError::at(Action::Read, path)(error)))?;
    Ok(String::from_utf8_lossy(&head).contains("--BEGIN PGP MESSAGE--"))
}

impl Looked {
    fn takes_in(&mut self, included: &mut Included) {
        for (folder, listing) in std::mem::take(&mut included.folders) {
            self.folders.entry(folder).or_insert(listing);
        }
        self.absent.append(&mut included.absent);
    }
}

/// What became of the files since they were read.
enum Files {
    /// All are read.
    Read,
    /// One that was read is another one now, or gone.
    Changed,
}

/// `None` when there is no such file. The time of the file that has one for readers' sake says nothing.
fn stamp(path: &Path, about: &Path) -> Result<Option<Stamp>, SystemError> {
    match fs::metadata(path) {
        Ok(metadata) if path == about => Ok(Some((metadata.len(), None))),
        Ok(metadata) => Ok(Some((metadata.len(), metadata.modified().ok()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(&FileError::at(Action::LookAt, path)(error))),
    }
}

#[cfg(test)]
mod tests;
