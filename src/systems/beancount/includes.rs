//! Which files an `include` line means, as beancount decides it: Python's `glob` with `recursive=True`.
//!
//! `*` and `?`, sets such as `[abc]`, `[!abc]` and `[0-9]`, `**` for any depth; a wildcard passes over names that begin
//! with a dot unless it begins with one itself. Own code, because no crate has Python's sets and hidden names. It is
//! stricter in one thing: what cannot be looked into, and a link that leads nowhere, is told and never passed over,
//! since an entry that is not seen would be booked again.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::host::files::{self, Action, FileError};

/// What an include line means.
#[derive(Debug, Default)]
pub(super) struct Included {
    /// The files, by the name that beancount gives them, each with its one real name.
    pub(super) files: BTreeMap<PathBuf, PathBuf>,
    /// Links on the way that lead nowhere.
    pub(super) dangling: BTreeSet<PathBuf>,
    /// Files that it would mean if they were there, but for those in folders that were looked through.
    pub(super) absent: Vec<PathBuf>,
    /// The folders that were looked through.
    pub(super) folders: BTreeMap<PathBuf, Listing>,
}

/// What a folder holds, each name with whether it is a plain file; nothing where there is no folder. Files that are just
/// being written are left out.
#[derive(Debug, Default)]
pub(super) struct Listing(HashMap<OsString, bool>);

impl Listing {
    /// The plain files that came into the folder since; `None` where it has changed in another way.
    pub(super) fn what_came(&mut self, folder: &Path) -> Result<Option<Vec<OsString>>, FileError> {
        let (mut still_there, mut came) = (0, Vec::new());
        for entry in entries(folder)? {
            let (name, is_file) = (entry.file_name(), is_plain_file(&entry));
            match self.0.get(&name) {
                Some(known) if *known == is_file => still_there += 1,
                None if is_file => came.push(name),
                _ => return Ok(None),
            }
        }
        if still_there < self.0.len() {
            return Ok(None);
        }
        self.0.extend(came.iter().map(|name| (name.clone(), true)));
        Ok(Some(came))
    }
}

/// The entries of a folder; nothing where there is none.
fn entries(folder: &Path) -> Result<Vec<DirEntry>, FileError> {
    let is_part = |entry: &DirEntry| entry.file_name().to_str().is_some_and(files::is_part);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries
            .filter(|entry| !entry.as_ref().is_ok_and(is_part))
            .collect(),
        Err(error) if is_absence(&error) => Ok(Vec::new()),
        Err(error) => Err(error),
    };
    entries.map_err(FileError::at(Action::LookInto, folder))
}

fn is_plain_file(entry: &DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_file())
}

/// The existing files that an include line of a file in `folder` means.
pub(super) fn expand(folder: &Path, pattern: &str) -> Result<Included, FileError> {
    let mut walk = Walk::default();
    // What ends so is a folder, and beancount reads no folder.
    if !["", ".", ".."].contains(&pattern.rsplit('/').next().unwrap_or_default()) {
        let (root, parts) = parts(folder, pattern);
        let place = Place {
            real: None,
            path: root,
        };
        walk.enter(&place, &parts)?;
    }
    Ok(walk.included)
}

/// Whether an include line of a file in `folder` means this file, or would if it were there.
pub(super) fn covers(folder: &Path, pattern: &str, file: &Path) -> bool {
    let (mut root, parts) = parts(folder, pattern);
    let literal = parts.iter().take_while(|part| !is_pattern(part));
    let literal = literal.inspect(|part| root.push(&***part)).count();
    let root = one_name(&root);
    let names = file.strip_prefix(&root).map(|below| {
        let names = below.components();
        names
            .map(|name| name.as_os_str().to_string_lossy())
            .collect::<Vec<_>>()
    });
    names.is_ok_and(|names| fits(parts.get(literal..).unwrap_or_default(), &names))
}

/// The one real name of a file or folder, whichever way leads there, and the same before and after it is made.
pub(super) fn one_name(path: &Path) -> PathBuf {
    path.canonicalize()
        .unwrap_or_else(|_| match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => one_name(parent).join(name),
            _ => path.to_owned(),
        })
}

/// Where a path leads that a file in `folder` names, by names alone as in beancount, also when the folder is a link.
pub(super) fn beside(folder: &Path, path: &Path) -> PathBuf {
    let mut place = folder.to_owned();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(place.pop()),
            Component::CurDir => {}
            other => place.push(other),
        }
    }
    place
}

/// A pattern that means this path and nothing else.
pub(super) fn escaped(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for character in path.chars() {
        if matches!(character, '*' | '?' | '[') {
            out.extend(['[', character, ']']);
        } else {
            out.push(character);
        }
    }
    out
}

/// Where a pattern begins, and its parts. The folder's own name is never a pattern.
fn parts<'a>(folder: &Path, pattern: &'a str) -> (PathBuf, Vec<Cow<'a, str>>) {
    let pattern = Path::new(pattern);
    let is_root = |part: &Component<'_>| matches!(part, Component::RootDir | Component::Prefix(_));
    let root: PathBuf = pattern.components().take_while(is_root).collect();
    let parts = pattern
        .components()
        .skip_while(is_root)
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    (folder.join(root), parts)
}

/// A place on the way.
struct Place {
    path: PathBuf,
    /// Its real name, where that is known without asking.
    real: Option<PathBuf>,
}

impl Place {
    fn real(&self) -> Result<PathBuf, FileError> {
        match &self.real {
            Some(real) => Ok(real.clone()),
            None => self
                .path
                .canonicalize()
                .map_err(FileError::at(Action::LookAt, &self.path)),
        }
    }
}

#[derive(Default)]
struct Walk {
    included: Included,
    /// Folders below a `**`, with how much of the pattern is left: links may lead round in a circle.
    entered: HashSet<(PathBuf, usize)>,
}

impl Walk {
    fn enter(&mut self, place: &Place, parts: &[Cow<'_, str>]) -> Result<(), FileError> {
        let Some((first, rest)) = parts.split_first() else {
            return self.arrive(place);
        };
        if !is_pattern(first) {
            let path = place.path.join(&**first);
            return self.enter(&Place { path, real: None }, rest);
        }
        if *first != "**" {
            for (name, found) in self.names(place)? {
                let is_shown = !name.starts_with('.') || first.starts_with('.');
                let is_fit = rest.first().is_none_or(|next| *next != "**") || found.path.is_dir();
                if is_shown && is_fit && matches(first, &name) {
                    self.enter_unless_dangling(&found, rest)?;
                }
            }
            return Ok(());
        }
        match fs::metadata(&place.path) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) if rest.iter().all(|part| *part == "**") => return self.arrive(place),
            Ok(_) => return Ok(()),
            Err(error) if is_absence(&error) => {
                // It holds nothing yet: the next look sees when it comes.
                self.included.folders.entry(place.path.clone()).or_default();
                return Ok(());
            }
            Err(error) => return Err(FileError::at(Action::LookAt, &place.path)(error)),
        }
        let real = place.real()?;
        if self.entered.insert((real, parts.len())) {
            self.enter(place, rest)?;
            for (name, found) in self.names(place)? {
                if !name.starts_with('.') {
                    self.enter_unless_dangling(&found, parts)?;
                }
            }
        }
        Ok(())
    }

    fn enter_unless_dangling(&mut self, place: &Place, parts: &[Cow<'_, str>]) -> Result<(), FileError> {
        if place.real.is_none() && !place.path.exists() {
            self.included.dangling.insert(place.path.clone());
            return Ok(());
        }
        self.enter(place, parts)
    }

    /// The pattern is used up.
    fn arrive(&mut self, place: &Place) -> Result<(), FileError> {
        // Beancount looks for the file by the system's meaning of `..` and opens it by its own.
        let name = beside(Path::new(""), &place.path);
        let place = if name == place.path {
            place
        } else if place.path.exists() {
            &Place {
                path: name.clone(),
                real: None,
            }
        } else {
            return Ok(());
        };
        match fs::metadata(&place.path) {
            Ok(metadata) if metadata.is_file() => {
                self.included.files.insert(name, place.real()?);
            }
            Ok(_) => {}
            Err(error) if is_absence(&error) => {
                if place.path.is_symlink() {
                    self.included.dangling.insert(name);
                } else if error.kind() == io::ErrorKind::NotFound {
                    self.included.absent.push(name);
                }
            }
            Err(error) => return Err(FileError::at(Action::LookAt, &place.path)(error)),
        }
        Ok(())
    }

    /// What a folder holds; nothing where there is no folder.
    fn names(&mut self, folder: &Place) -> Result<Vec<(String, Place)>, FileError> {
        let entries = entries(&folder.path)?;
        let listing = entries
            .iter()
            .map(|entry| (entry.file_name(), is_plain_file(entry)));
        let listing = Listing(listing.collect());
        // What came between two looks into a folder is seen by the next.
        self.included
            .folders
            .entry(folder.path.clone())
            .or_insert(listing);
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let real = folder.real()?;
        let names = entries.iter().map(|entry| {
            let kind = entry.file_type();
            let is_link = kind
                .map_err(FileError::at(Action::LookInto, &folder.path))?
                .is_symlink();
            let place = Place {
                path: entry.path(),
                real: (!is_link).then(|| real.join(entry.file_name())),
            };
            Ok((entry.file_name().to_string_lossy().into_owned(), place))
        });
        names.collect()
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn is_pattern(part: &str) -> bool {
    part.contains(['*', '?', '['])
}

/// Whether the names of a path fit the parts of a pattern.
fn fits(parts: &[Cow<'_, str>], names: &[Cow<'_, str>]) -> bool {
    let Some((first, rest)) = parts.split_first() else {
        return names.is_empty();
    };
    let is_shown = |name: &str| !name.starts_with('.') || first.starts_with('.');
    match names.split_first() {
        _ if *first == "**" && fits(rest, names) => true,
        Some((name, left)) if *first == "**" => is_shown(name) && fits(parts, left),
        Some((name, left)) if is_pattern(first) => is_shown(name) && matches(first, name) && fits(rest, left),
        Some((name, left)) => first == name && fits(rest, left),
        None => false,
    }
}

/// Whether a name fits a part of a pattern.
fn matches(pattern: &str, name: &str) -> bool {
    let mut rest = pattern.chars();
    let Some(wanted) = rest.next() else {
        return name.is_empty();
    };
    if wanted == '*' {
        let rest = rest.as_str().trim_start_matches('*');
        return rest.is_empty()
            || name
                .char_indices()
                .any(|(at, _)| matches(rest, name.get(at..).unwrap_or_default()));
    }
    let mut characters = name.chars();
    let Some(found) = characters.next() else {
        return false;
    };
    let (fits, rest) = match (wanted, Set::read(rest.as_str())) {
        ('?', _) => (true, rest.as_str()),
        ('[', Some((set, rest))) => (set.holds(found), rest),
        _ => (wanted == found, rest.as_str()),
    };
    fits && matches(rest, characters.as_str())
}

/// A set such as `[!a-c]`.
struct Set {
    is_negated: bool,
    /// Between one text and the next stands the hyphen of a range.
    texts: Vec<Vec<char>>,
}

impl Set {
    /// The set after a `[`, and what follows its `]`; `None` where none follows: then the bracket stands for itself.
    fn read(after_bracket: &str) -> Option<(Self, &str)> {
        let negation = usize::from(after_bracket.starts_with('!'));
        let is_first = |at: usize| at == negation;
        let end = after_bracket
            .char_indices()
            .find(|&(at, character)| character == ']' && !is_first(at))
            .map(|(at, _)| at)?;
        let inside: Vec<char> = after_bracket.get(..end)?.chars().collect();
        let mut texts = split_ranges(&inside, negation);
        // Python looks for the `!` after it has taken out the ranges that run backwards.
        let is_negated = texts.first().is_some_and(|first| first.first() == Some(&'!'));
        if let Some(first) = texts.first_mut().filter(|_| is_negated) {
            first.remove(0);
        }
        let rest = after_bracket.get(end + 1..)?;
        Some((Self { is_negated, texts }, rest))
    }

    fn holds(&self, character: char) -> bool {
        let stands_there = self.texts.iter().flatten().any(|&known| known == character);
        let mut pairs = self.texts.iter().zip(self.texts.iter().skip(1));
        let is_within = pairs.any(|(before, after)| match (before.last(), after.first()) {
            (Some(from), Some(to)) => (*from..=*to).contains(&character),
            _ => false,
        });
        (stands_there || is_within) != self.is_negated
    }
}

/// Cuts the inside of a set at the hyphens of its ranges, and takes out ranges that run backwards.
fn split_ranges(inside: &[char], negation: usize) -> Vec<Vec<char>> {
    let piece = |from: usize, to: usize| inside.get(from..to).unwrap_or_default().to_vec();
    let mut texts = Vec::new();
    let (mut from, mut search) = (0, negation + 1);
    while let Some(at) = (search..inside.len()).find(|&at| inside.get(at) == Some(&'-')) {
        texts.push(piece(from, at));
        from = at + 1;
        search = at + 3;
    }
    let last = piece(from, inside.len());
    match texts.last_mut() {
        // A hyphen at the end is one.
        Some(before) if last.is_empty() => before.push('-'),
        _ => texts.push(last),
    }
    for at in (1..texts.len()).rev() {
        let runs_backwards = match (texts.get(at - 1).and_then(|text| text.last()), texts.get(at)) {
            (Some(from), Some(after)) => after.first().is_some_and(|to| from > to),
            _ => false,
        };
        if runs_backwards {
            let after = texts.remove(at);
            if let Some(before) = texts.get_mut(at - 1) {
                before.pop();
                before.extend(after.into_iter().skip(1));
            }
        }
    }
    texts
}

#[cfg(test)]
mod tests;
