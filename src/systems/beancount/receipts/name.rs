//! The names of receipts in the books, as a person looks for them: day, supplier, number, position.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use unicode_general_category::{GeneralCategory, get_general_category};

use crate::host::digest;
use crate::host::files::{Action, FileError};
use crate::systems::SystemError;

use super::super::errors::unreadable;
use super::super::number::Number;

/// The longest name, in bytes, extension included.
const LONGEST: usize = 120;

/// What a name is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Naming<'a> {
    pub(super) date: NaiveDate,
    pub(super) supplier: Option<&'a str>,
    pub(super) number: Number,
    /// Counted from 1.
    pub(super) position: usize,
    /// With its point.
    pub(super) extension: &'a str,
}

impl Naming<'_> {
    /// `2026-10-15 Tog & Faerge PLEO-2026-000026 1.pdf`; from the second try on with the try behind the position.
    fn name(&self, attempt: usize) -> String {
        let again = if attempt > 1 {
            format!("-{attempt}")
        } else {
            String::new()
        };
        let end = format!("{} {}{again}{}", self.number, self.position, self.extension);
        let begin = format!("{} ", self.date);
        let room = LONGEST.saturating_sub(begin.len() + end.len() + 1);
        let supplier = cut(&clean(self.supplier.unwrap_or_default()), room);
        let space = if supplier.is_empty() { "" } else { " " };
        format!("{begin}{supplier}{space}{end}")
    }
}

/// What a supplier's name leaves in the name of a file: nothing that a file system, a shell or a reader takes for
/// something else.
fn clean(text: &str) -> String {
    let kept = text.chars().map(|character| match character {
        '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '-',
        _ if is_unseen(character) => ' ',
        other => other,
    });
    let kept: String = kept.collect();
    let words: Vec<&str> = kept.split_whitespace().collect();
    words.join(" ").trim_matches(['.', ' ']).to_owned()
}

fn is_unseen(character: char) -> bool {
    use GeneralCategory::{Control, Format, LineSeparator, ParagraphSeparator, PrivateUse, Unassigned};
    matches!(
        get_general_category(character),
        Control | Format | LineSeparator | ParagraphSeparator | PrivateUse | Unassigned
    )
}

/// The beginning of a text that is at most so many bytes long.
fn cut(text: &str, longest: usize) -> String {
    let mut cut = String::new();
    for character in text.chars() {
        if cut.len() + character.len_utf8() > longest {
            break;
        }
        cut.push(character);
    }
    cut.trim_end_matches(['.', ' ']).to_owned()
}

/// The names that are taken, as folders and this call have them.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Without case: a copy of the books may lie where names that differ by it are one.
    by_folder: HashMap<PathBuf, HashSet<String>>,
}

impl Taken {
    /// Takes a name that nothing else has. A file that holds this content already, left by a run that was killed, is
    /// the receipt.
    pub(super) fn take(
        &mut self,
        folder: &Path,
        naming: Naming<'_>,
        sha256: &str,
    ) -> Result<PathBuf, SystemError> {
        let names = match self.by_folder.get_mut(folder) {
            Some(names) => names,
            None => self
                .by_folder
                .entry(folder.to_owned())
                .or_insert(names_in(folder)?),
        };
        let mut attempt = 1;
        loop {
            let name = naming.name(attempt);
            let path = folder.join(&name);
            let is_new = names.insert(name.to_lowercase());
            if is_new || fs::read(&path).is_ok_and(|content| digest::sha256(&content) == sha256) {
                return Ok(path);
            }
            attempt += 1;
        }
    }
}

/// The names in a folder, without case; none where there is no folder.
fn names_in(folder: &Path) -> Result<HashSet<String>, SystemError> {
    let read = || -> io::Result<HashSet<String>> {
        fs::read_dir(folder)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().to_lowercase()))
            .collect()
    };
    match read() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(HashSet::new()),
        read => read.map_err(|error| unreadable(&FileError::at(Action::ReadFolder, folder)(error))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn naming(supplier: &str) -> Naming<'_> {
        Naming {
            date: NaiveDate::from_ymd_opt(2026, 10, 15).unwrap(),
            supplier: Some(supplier),
            number: Number::of_year(NaiveDate::from_ymd_opt(2026, 10, 15).unwrap(), 26),
            position: 1,
            extension: ".pdf",
        }
    }

    #[test]
    fn names_are_those_that_people_look_for() {
        for (supplier, name) in [
            ("Tog & Faerge", "2026-10-15 Tog & Faerge PLEO-2026-000026 1.pdf"),
            ("Café Ærø", "2026-10-15 Café Ærø PLEO-2026-000026 1.pdf"),
            ("../etc/passwd", "2026-10-15 -etc-passwd PLEO-2026-000026 1.pdf"),
            (
                "exe\u{202e}fdp.\u{200f} a\nb",
                "2026-10-15 exe fdp. a b PLEO-2026-000026 1.pdf",
            ),
            ("", "2026-10-15 PLEO-2026-000026 1.pdf"),
            ("\u{7}", "2026-10-15 PLEO-2026-000026 1.pdf"),
        ] {
            assert_eq!(naming(supplier).name(1), name);
        }
    }

    #[test]
    fn no_two_names_differ_by_case_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut taken = Taken::default();
        let mut take = |supplier, content: &str| {
            let path = taken.take(
                folder.path(),
                naming(supplier),
                &digest::sha256(content.as_bytes()),
            );
            let path = path.unwrap();
            fs::write(&path, content).unwrap();
            path.file_name().unwrap().to_string_lossy().into_owned()
        };
        assert_eq!(take("Cafe", "one"), "2026-10-15 Cafe PLEO-2026-000026 1.pdf");
        assert_eq!(take("CAFE", "two"), "2026-10-15 CAFE PLEO-2026-000026 1-2.pdf");
        assert_eq!(take("Cafe", "one"), "2026-10-15 Cafe PLEO-2026-000026 1.pdf");
    }

    proptest! {
        #[test]
        fn any_supplier_makes_a_name_that_any_folder_takes(supplier in any::<String>(), attempt in 1_usize..200) {
            let name = naming(&supplier).name(attempt);
            prop_assert!(name.len() <= LONGEST, "{} bytes: {}", name.len(), name);
            prop_assert!(!name.contains(['/', '\\', ':']) && !name.contains(is_unseen), "{}", name);
            let end = if attempt == 1 { " 1.pdf".to_owned() } else { format!(" 1-{attempt}.pdf") };
            prop_assert!(name.ends_with(&end) && name.starts_with("2026-10-15 "), "{}", name);
        }
    }
}
