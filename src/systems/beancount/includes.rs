//! Which files an `include` line means: plain paths, and patterns with `*`, `?` and `**`.
//!
//! As in beancount, a wildcard passes over names that begin with a dot. Sets in brackets are not known here.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::fs::{self, FileType};
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::host::files::FileError;

/// The existing files that an include line of a file in `folder` means, sorted.
///
/// What cannot be looked into is an error, never nothing: an entry that is not seen would be booked again.
pub(super) fn expand(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, FileError> {
    let pattern = Path::new(pattern);
    let is_root = |part: &Component<'_>| matches!(part, Component::RootDir | Component::Prefix(_));
    // The folder's own name is no pattern, and need not be UTF-8 as a line of the books is.
    let root = folder.join(pattern.components().take_while(is_root).collect::<PathBuf>());
    let parts: Vec<Cow<'_, str>> = pattern
        .components()
        .skip_while(is_root)
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    let mut walk = Walk::default();
    walk.enter(&root, &parts)?;
    Ok(walk.found.into_iter().collect())
}

#[derive(Default)]
struct Walk {
    found: BTreeSet<PathBuf>,
    /// Folders below a `**`, with how much of the pattern is left: links may lead round in a circle.
    entered: HashSet<(PathBuf, usize)>,
}

impl Walk {
    fn enter(&mut self, folder: &Path, parts: &[Cow<'_, str>]) -> Result<(), FileError> {
        let Some((first, rest)) = parts.split_first() else {
            if kind(folder)?.is_some_and(|kind| kind.is_file()) {
                self.found.insert(folder.to_owned());
            }
            return Ok(());
        };
        if !first.contains(['*', '?']) {
            return self.enter(&folder.join(&**first), rest);
        }
        if *first != "**" {
            for (name, path) in visible_names(folder)? {
                if matches(first, &name) {
                    self.enter(&path, rest)?;
                }
            }
            return Ok(());
        }
        if kind(folder)?.is_none_or(|kind| !kind.is_dir()) {
            return Ok(());
        }
        let own_name = folder
            .canonicalize()
            .map_err(FileError::at("look into", folder))?;
        if self.entered.insert((own_name, parts.len())) {
            self.enter(folder, rest)?;
            for (_, path) in visible_names(folder)? {
                self.enter(&path, parts)?;
            }
        }
        Ok(())
    }
}

/// `None` when there is nothing of that name.
fn kind(path: &Path) -> Result<Option<FileType>, FileError> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.file_type())),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(FileError::at("look at", path)(error)),
    }
}

/// What a folder holds, without names that begin with a dot; nothing where there is no folder.
fn visible_names(folder: &Path) -> Result<Vec<(String, PathBuf)>, FileError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_absence(&error) => return Ok(Vec::new()),
        Err(error) => return Err(FileError::at("look into", folder)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(FileError::at("look into", folder))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            names.push((name, entry.path()));
        }
    }
    Ok(names)
}

fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Whether a name fits a pattern of `*` and `?`.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.chars().next() {
        None => name.is_empty(),
        Some('*') => {
            let rest = pattern.trim_start_matches('*');
            rest.is_empty()
                || name
                    .char_indices()
                    .any(|(at, _)| matches(rest, name.get(at..).unwrap_or_default()))
        }
        Some(wanted) => {
            let mut characters = name.chars();
            let fits = characters
                .next()
                .is_some_and(|found| wanted == '?' || wanted == found);
            fits && matches(
                pattern.get(wanted.len_utf8()..).unwrap_or_default(),
                characters.as_str(),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_find_files_as_beancount_does() {
        let folder = tempfile::tempdir().unwrap();
        for path in [
            "a.beancount",
            "p/b.beancount",
            "p/2026/c.beancount",
            "p/2026/.d.beancount",
            "p/.x/e.beancount",
            "p/f.txt",
        ] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        for (pattern, expected) in [
            ("a.beancount", vec!["a.beancount"]),
            ("missing.beancount", vec![]),
            ("p/**/*.beancount", vec!["p/2026/c.beancount", "p/b.beancount"]),
            ("p/*", vec!["p/b.beancount", "p/f.txt"]),
            ("?.bean*", vec!["a.beancount"]),
            ("p/../a.beancount", vec!["p/../a.beancount"]),
        ] {
            let expected: Vec<PathBuf> = expected.iter().map(|path| folder.path().join(path)).collect();
            assert_eq!(expand(folder.path(), pattern).unwrap(), expected, "{pattern}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn links_are_followed_and_circles_end() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("p")).unwrap();
        fs::create_dir_all(folder.path().join("archive")).unwrap();
        fs::write(folder.path().join("archive/a.beancount"), "").unwrap();
        for (link, target) in [("p/2025", "archive"), ("archive/round", "p"), ("p/up", "")] {
            std::os::unix::fs::symlink(folder.path().join(target), folder.path().join(link)).unwrap();
        }
        let found = expand(&folder.path().join("p"), "**/*.beancount").unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
    }
}
