//! Books in a folder of their own, looked at by means that share no code with what wrote them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pleo_export::host::stop::Stop;
use pleo_export::model::document::PlannedItem;
use pleo_export::model::ids::CompanyId;
use pleo_export::systems::beancount::{Beancount, Settings, UnknownAccounts};
use pleo_export::systems::{AccountingSystem, BookedEntry, SystemError};

use crate::beancount::items;

pub(crate) struct Ledger {
    pub(crate) folder: tempfile::TempDir,
}

impl Ledger {
    /// New books, made by the check.
    pub(crate) fn new() -> Self {
        let ledger = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        ledger.system().check(&items::job()).unwrap();
        ledger
    }

    /// A system that has seen nothing yet, as in a new process.
    pub(crate) fn system(&self) -> Beancount {
        Beancount::new(self.settings(), Stop::new())
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            configured_accounts: vec!["Assets:Pleo:Wallet".to_owned(), "Assets:VAT:Input".to_owned()],
            ..settings(self.books())
        }
    }

    pub(crate) fn books(&self) -> PathBuf {
        self.folder.path().join("books")
    }

    /// Books items in a new process and answers with their numbers.
    pub(crate) fn book(&self, items: &[PlannedItem]) -> Vec<String> {
        let answers = self.try_book(items).unwrap();
        answers
            .into_iter()
            .map(|answer| answer.unwrap().external_id)
            .collect()
    }

    pub(crate) fn try_book(
        &self,
        items: &[PlannedItem],
    ) -> Result<Vec<Result<BookedEntry, SystemError>>, SystemError> {
        self.system().book(&items::permit(), items)
    }

    /// All files below `pleo/`, sorted, as paths from there.
    pub(crate) fn batches(&self) -> Vec<String> {
        let root = self.books().join("pleo");
        let mut files: Vec<String> = files_below(&root)
            .iter()
            .map(|file| file.strip_prefix(&root).unwrap().display().to_string())
            .collect();
        files.sort();
        files
    }

    /// The text of all files below `pleo/`.
    pub(crate) fn text(&self) -> String {
        let root = self.books().join("pleo");
        self.batches()
            .iter()
            .map(|file| fs::read_to_string(root.join(file)).unwrap())
            .collect()
    }

    /// Changes the text of a file of the books, as a person does with an editor.
    pub(crate) fn edit(&self, file: &str, change: impl FnOnce(String) -> String) {
        let path = self.books().join(file);
        let changed = change(fs::read_to_string(&path).unwrap());
        fs::write(path, changed).unwrap();
    }

    /// Beancount's own opinion, where it is there to give it.
    pub(crate) fn assert_sound(&self) {
        let Some(program) = bean_check() else {
            println!("not checked by beancount: PLEO_EXPORT_BEAN_CHECK does not name a bean-check");
            return;
        };
        let output = Command::new(program)
            .arg(self.books().join("main.beancount"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && said.is_empty(),
            "bean-check: {said}\n{}",
            self.text()
        );
    }
}

/// For books in this folder, with no account named.
pub(crate) fn settings(directory: PathBuf) -> Settings {
    Settings {
        account_map: BTreeMap::new(),
        tax_accounts: BTreeMap::new(),
        directory,
        ledger: None,
        company_id: CompanyId::new(items::COMPANY),
        fava_url: None,
        unknown_accounts: UnknownAccounts::Open,
        configured_accounts: Vec::new(),
        default_accounts: Vec::new(),
    }
}

pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}

#[expect(clippy::disallowed_methods, reason = "the test suite's own switch")]
pub(crate) fn bean_check() -> Option<String> {
    std::env::var("PLEO_EXPORT_BEAN_CHECK")
        .ok()
        .filter(|program| !program.is_empty())
}

/// What the metadata of this key says, read line by line as beancount's manual describes strings.
pub(crate) fn metadata(text: &str, key: &str) -> Vec<String> {
    let lines = text
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix(&format!("{key}: ")));
    lines.map(unescape).collect()
}

pub(crate) fn unescape(quoted: &str) -> String {
    let inside = quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .expect(quoted);
    let mut out = String::new();
    let mut characters = inside.chars();
    while let Some(character) = characters.next() {
        assert_ne!(character, '"', "the string ends early: {quoted}");
        out.push(match character {
            '\\' => match characters.next().expect("an escape says what it stands for") {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                other => other,
            },
            other => other,
        });
    }
    out
}
