//! Which files an `include` line means: plain paths, and patterns with `*`, `?` and `**`.
//!
//! As in beancount, a wildcard passes over names that begin with a dot. Sets in brackets are not known here.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// The existing files that an include line of a file in `folder` means, sorted.
pub(super) fn expand(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    let pattern = folder.join(pattern);
    let parts: Vec<&str> = pattern
        .components()
        .filter(|part| !matches!(part, Component::RootDir | Component::Prefix(_)))
        .filter_map(|part| part.as_os_str().to_str())
        .collect();
    let root: PathBuf = pattern
        .components()
        .take_while(|part| matches!(part, Component::RootDir | Component::Prefix(_)))
        .collect();
    let mut found = Vec::new();
    walk(&root, &parts, &mut found);
    found.sort();
    found.dedup();
    found
}

fn walk(folder: &Path, parts: &[&str], found: &mut Vec<PathBuf>) {
    let Some((first, rest)) = parts.split_first() else {
        if folder.is_file() {
            found.push(folder.to_owned());
        }
        return;
    };
    if !first.contains(['*', '?']) {
        return walk(&folder.join(first), rest, found);
    }
    if *first == "**" {
        walk(folder, rest, found);
    }
    for (name, path) in visible_names(folder) {
        if *first == "**" {
            // A link to a folder is not followed: it could lead round in a circle.
            if path.is_dir() && !path.is_symlink() {
                walk(&path, parts, found);
            }
        } else if matches(first, &name) {
            walk(&path, rest, found);
        }
    }
}

/// What a folder holds, without names that begin with a dot; nothing where it cannot be read.
fn visible_names(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())))
        .filter(|(name, _)| !name.starts_with('.'))
        .collect()
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
            assert_eq!(expand(folder.path(), pattern), expected, "{pattern}");
        }
    }
}
