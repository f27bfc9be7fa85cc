//! The books as files: where things lie, how they come about, how a batch gets in.
//!
//! The ledger is the file that a person opens: `main.beancount`, made by us where there is none, or one of the user's
//! own. It includes `accounts.beancount` and all of `pleo/`, where each batch is a file of its own. Nothing that exists
//! is ever written again, so that people may edit freely.

mod aside;

use std::cell::RefCell;
use std::collections::HashSet;
use std::fs::{self, File};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::Datelike;
use tracing::{info, warn};

use crate::host::files;
use crate::host::stop::Stop;
use crate::host::{clock, disk};
use crate::model::ids::CompanyId;
use crate::model::references::NewAccount;
use crate::systems::SystemError;

use super::errors::{nothing_booked, unreadable};
use super::includes::{self, Included, one_name};
use super::lock::{LOCK, Lock};
use super::roots::Roots;
use super::text;
use super::writer;

/// What takes in all that we write, seen from the folder of the books.
const OUR_FILES: &str = "pleo/**/*.beancount";

/// The files of the books.
#[derive(Debug)]
pub(super) struct Books {
    folder: PathBuf,
    /// Where is written what is read with it: the same folder, unless nothing of the books may change.
    target: PathBuf,
    ledger: PathBuf,
    company: CompanyId,
    /// Where receipts lie; people put them on another disk.
    documents: PathBuf,
    stop: Stop,
    /// The batches that this process wrote, which survive a power cut.
    written: RefCell<HashSet<PathBuf>>,
}

/// A file of the books that is not there yet.
#[derive(Debug)]
pub(super) struct NewFile<'a> {
    books: &'a Books,
    folder: PathBuf,
    name: String,
}

impl NewFile<'_> {
    fn path(&self) -> PathBuf {
        self.folder.join(format!("{}.beancount", self.name))
    }

    fn evidence_path(&self) -> PathBuf {
        self.folder.join(format!("{}.evidence.jsonl", self.name))
    }

    /// Writes the evidence beside it; answers its file name.
    pub(super) fn write_evidence(&self, content: &[u8]) -> Result<String, SystemError> {
        let path = self.evidence_path();
        // Until the batch names it, it means nothing, whatever became of it.
        files::write_whole(&path, content).map_err(|error| nothing_booked(&error))?;
        let name = path.file_name().unwrap_or_default();
        Ok(name.to_string_lossy().into_owned())
    }

    /// Writes the file: from now on what it holds is in the books.
    pub(super) fn write(self, content: &[u8]) -> Result<(), SystemError> {
        let path = self.path();
        write_in_folder(&path, content)?;
        self.books.written.borrow_mut().insert(path);
        self.books.show_readers(None);
        Ok(())
    }
}

impl Books {
    /// Books of a company in a folder, opened by a ledger: `main.beancount` there unless another is named. Writes
    /// nothing.
    pub(super) fn new(folder: &Path, ledger: Option<&Path>, company: CompanyId, stop: Stop) -> Self {
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let folder = files::resolved(folder);
        let ledger = match ledger {
            // By its own name, as beancount has it: what it includes is relative to where a person opened it.
            Some(ledger) => includes::beside(Path::new(""), &absolute(ledger)),
            None => folder.join("main.beancount"),
        };
        Self {
            documents: files::resolved(&folder.join("documents")),
            target: folder.clone(),
            folder,
            ledger,
            company,
            stop,
            written: RefCell::default(),
        }
    }

    /// The folder of the books.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file that a person opens, and that takes in all the rest.
    pub(super) fn ledger(&self) -> &Path {
        &self.ledger
    }

    /// Whose books they are.
    pub(super) fn company(&self) -> &CompanyId {
        &self.company
    }

    /// Whether the ledger is the one that we make where there is none.
    pub(super) fn has_own_ledger(&self) -> bool {
        let folder = one_name(self.ledger_folder());
        self.ledger.file_name().map(|name| folder.join(name)) == Some(self.main())
    }

    /// The ledger of books that nobody named another one for.
    pub(super) fn main(&self) -> PathBuf {
        self.folder.join("main.beancount")
    }

    /// The accounts that the settings name, where the ledger takes them in.
    pub(super) fn accounts(&self) -> PathBuf {
        self.folder.join("accounts.beancount")
    }

    fn batches(&self) -> PathBuf {
        self.folder.join("pleo")
    }

    /// The file that gets a new time when a batch comes in.
    pub(super) fn about(&self) -> PathBuf {
        self.batches().join("about.beancount")
    }

    /// The files that we wrote.
    pub(super) fn own_files(&self) -> Result<Included, SystemError> {
        self.refuse_wrong_places()?;
        includes::expand(&self.folder, OUR_FILES).map_err(|error| unreadable(&error))
    }

    /// Whether an include line of a file in `folder` plainly names all that we write.
    pub(super) fn is_our_line(&self, folder: &Path, pattern: &str) -> bool {
        includes::beside(folder, Path::new(pattern)) == self.folder.join(OUR_FILES)
    }

    /// Whether an include line of a file in `folder` takes in what we will write, in this year's folder and the last's.
    pub(super) fn is_covered_by(&self, folder: &Path, pattern: &str) -> bool {
        let year = clock::now().year();
        [year, year - 1].into_iter().all(|year| {
            let batch = format!("{year:04}/PLEO-{year:04}-000001.beancount");
            includes::covers(folder, pattern, &self.batches().join(batch))
        })
    }

    /// The line that the ledger needs to take in what we write.
    pub(super) fn include_line(&self) -> String {
        let ledger = self.ledger.parent().unwrap_or(Path::new(""));
        let folder = match self.folder.strip_prefix(one_name(ledger)) {
            Ok(below) => below.to_owned(),
            Err(_) => self.folder.clone(),
        };
        let folder = includes::escaped(&folder.to_string_lossy().replace('\\', "/"));
        let slash = if folder.is_empty() { "" } else { "/" };
        format!("include {}", text::quoted(&format!("{folder}{slash}{OUR_FILES}")))
    }

    /// Refuses a folder or a ledger that the settings name and that cannot be one.
    pub(super) fn refuse_wrong_places(&self) -> Result<(), SystemError> {
        if self.folder.is_file() {
            return Err(SystemError::Settings {
                reason: format!(
                    "The books folder `{}` is a file: set accounting.beancount.directory to a folder, then run again.",
                    self.folder.display()
                ),
            });
        }
        if !self.has_own_ledger() && !self.ledger.is_file() {
            return Err(SystemError::Settings {
                reason: format!(
                    "accounting.beancount.ledger names `{}`, which is no file: correct it, or make the file with this \
                     line in it:  {}",
                    self.ledger.display(),
                    self.include_line()
                ),
            });
        }
        Ok(())
    }

    /// Makes what is missing of new books. `accounts` are opened where `accounts.beancount` is new.
    pub(super) fn create(&self, _lock: &Lock, roots: &Roots, accounts: &[String]) -> Result<(), SystemError> {
        if !self.about().exists() {
            write_file(&self.about(), ABOUT.as_bytes())?;
        }
        if !self.accounts().exists() {
            let mut text = String::from(ACCOUNTS);
            writer::options(&mut text, roots);
            for account in accounts {
                writer::open(&mut text, account, &NewAccount::default());
            }
            write_file(&self.accounts(), text.as_bytes())?;
        }
        // Last, because it needs the others: when it is there, the books are whole.
        if self.has_own_ledger() && !self.main().exists() {
            write_file(&self.main(), MAIN.as_bytes())?;
            info!(books = %self.main().display(), "new books were made");
        }
        Ok(())
    }

    /// Refuses books in which nothing can be written now, also those that are yet to be made. Folders of other years may be
    /// closed: what needs them says so.
    pub(super) fn refuse_unwritable(&self) -> Result<(), SystemError> {
        self.refuse_wrong_places()?;
        let year = format!("{:04}", clock::now().year());
        let mut folders = vec![];
        for folder in [&self.folder, self.ledger_folder()] {
            let lock = folder.join(LOCK);
            if lock.is_file() {
                files::refuse_unwritable_file(&lock).map_err(|error| nothing_booked(&error))?;
            } else {
                folders.push(folder.to_owned());
            }
        }
        for folder in [&self.folder, &self.batches(), &self.documents] {
            folders.extend([folder.clone(), folder.join(&year)]);
        }
        for folder in &folders {
            // A link that leads nowhere is there, too.
            let is_there = folder.symlink_metadata().is_ok();
            let folder = if is_there {
                folder
            } else {
                disk::nearest_folder(folder)
            };
            files::refuse_unwritable(folder).map_err(|error| nothing_booked(&error))?;
        }
        Ok(())
    }

    fn ledger_folder(&self) -> &Path {
        self.ledger.parent().unwrap_or(Path::new(""))
    }

    /// A new file of the books whose name begins with `name`. Neither it nor one for its evidence is there yet: what a
    /// killed run left behind stays as it is.
    pub(super) fn new_file(&self, _lock: &Lock, year: i32, name: &str) -> Result<NewFile<'_>, SystemError> {
        let folder = self.target.join("pleo").join(format!("{year:04}"));
        files::make_folder(&folder).map_err(|error| nothing_booked(&error))?;
        let mut file = NewFile {
            books: self,
            folder,
            name: name.to_owned(),
        };
        let mut again = 1_u32;
        // A link that leads nowhere takes a name, too.
        let is_taken = |path: PathBuf| path.symlink_metadata().is_ok();
        while is_taken(file.path()) || is_taken(file.evidence_path()) {
            again = again.saturating_add(1);
            file.name = format!("{name}-{again}");
        }
        Ok(file)
    }

    /// Whether readers were last shown something before this moment.
    pub(super) fn was_shown_before(&self, moment: SystemTime) -> bool {
        let shown = fs::metadata(self.about()).and_then(|metadata| metadata.modified());
        shown.is_ok_and(|shown| shown < moment)
    }

    /// Gives a file that readers know a new time, at least `newest`: Fava and beancount's cache look at the files that
    /// they have read, and a new one is none of these.
    pub(super) fn show_readers(&self, newest: Option<SystemTime>) {
        if self.is_aside() {
            return;
        }
        let about = self.about();
        let shown = fs::metadata(&about).and_then(|metadata| metadata.modified());
        let shown = shown.and_then(|before| {
            let later = before.checked_add(Duration::from_secs(1)).unwrap_or(before);
            let time = SystemTime::from(clock::now()).max(later);
            let time = newest.map_or(time, |newest| time.max(newest));
            File::options().write(true).open(&about)?.set_modified(time)
        });
        if let Err(error) = shown {
            warn!(
                "`{}` could not be given a new time ({error}): an open Fava shows the new entries only after it is \
                 loaded again",
                about.display()
            );
        }
    }

    /// Where version 0.1 put a receipt, by its content.
    pub(super) fn first_receipt(&self, sha256: &str, extension: &str) -> PathBuf {
        let group: String = sha256.chars().take(2).collect();
        self.documents().join(group).join(format!("{sha256}{extension}"))
    }

    /// Where the evidence of that name lies: beside the file that names it, else where it was written.
    pub(super) fn evidence(&self, named_in: &Path, name: &str) -> PathBuf {
        let beside = named_in.with_file_name(name);
        let year = name.get(5..9).unwrap_or_default();
        // A batch that a person moved leaves it where it was.
        let first = self.batches().join(year).join(name);
        if beside.exists() || !first.exists() {
            beside
        } else {
            first
        }
    }

    /// The receipts of a year.
    pub(super) fn receipts(&self, year: i32) -> PathBuf {
        self.documents().join(format!("{year:04}"))
    }

    /// Where receipts lie, as the books name it.
    fn documents(&self) -> PathBuf {
        self.folder.join("documents")
    }

    /// Where to write what lies at `path`; `None` where that is not below `documents/` and so not ours to write.
    pub(super) fn writable_receipt(&self, path: &Path) -> Option<PathBuf> {
        let inside = path.strip_prefix(self.documents()).ok()?;
        let is_plain = inside
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        is_plain.then(|| self.documents.join(inside))
    }

    /// Clears away what processes that died were writing. Under the lock nobody else is writing here.
    pub(super) fn clear_parts(&self, _lock: &Lock) -> Result<(), SystemError> {
        let below = |folder: &Path| {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).collect::<Vec<_>>()
        };
        let folders = [self.folder.clone(), self.batches(), self.documents.clone()];
        let deeper = below(&self.batches()).into_iter().chain(below(&self.documents));
        for folder in folders.into_iter().chain(deeper).filter(|folder| folder.is_dir()) {
            files::clear(&folder, |name, _| files::is_part(name)).map_err(|error| unreadable(&error))?;
        }
        Ok(())
    }

    /// Whether this process wrote the batch.
    pub(super) fn has_written(&self, path: &Path) -> bool {
        self.written.borrow().contains(path)
    }

    /// Makes sure that the names of files that another process made survive a power cut, since the process may
    /// have been killed before it saw to that.
    pub(super) fn make_names_durable(&self) -> Result<(), SystemError> {
        let folders = [self.folder.clone(), self.batches()]
            .into_iter()
            .filter(|folder| folder.is_dir());
        for folder in folders.chain(self.year_folders()) {
            files::sync_folder(&folder).map_err(|error| nothing_booked(&error))?;
        }
        Ok(())
    }

    /// The folders of batches that are there.
    pub(super) fn year_folders(&self) -> Vec<PathBuf> {
        let years = fs::read_dir(self.batches()).into_iter().flatten().flatten();
        years
            .map(|entry| entry.path())
            .filter(|folder| folder.is_dir())
            .collect()
    }

    /// Waits for the right to write: the ledger's folder first, which books of other companies may share.
    pub(super) fn lock(&self) -> Result<Lock, SystemError> {
        self.refuse_wrong_places()?;
        let ledger = one_name(self.ledger_folder());
        let mut folders = vec![ledger.as_path(), self.folder()];
        if self.is_aside() {
            folders = vec![&self.target];
        }
        folders.dedup();
        Lock::of(&folders, &self.stop)
    }
}

/// Writes a file of the books, with its folders.
pub(super) fn write_file(path: &Path, content: &[u8]) -> Result<(), SystemError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    files::make_folder(folder).map_err(|error| nothing_booked(&error))?;
    write_in_folder(path, content)
}

/// Writes a file of the books into a folder that is there.
fn write_in_folder(path: &Path, content: &[u8]) -> Result<(), SystemError> {
    files::write_whole(path, content).map_err(|error| {
        if error.action.is_before_the_name() {
            return nothing_booked(&error);
        }
        // It may have its name already, but a power cut may take the name away again.
        SystemError::Unknown {
            reason: format!("The books could not be written for sure: {error}. Run again to look."),
        }
    })
}

const MAIN: &str = r#"; The books that pleo-export writes. This file is yours: it was made once and is never written again.
;
; To check the books:  bean-check main.beancount
; To look at them:     fava main.beancount
;
; Transactions marked ! are drafts: they count in every balance, and wait for a look. Change the mark to *.
; To take an entry back:  pleo-export reverse PLEO-2026-000123
; By hand: book the same postings the other way round, with the entry's link (^pleo-...), without its pleo-entry line
; and with the line  pleo-reverses: "PLEO-2026-000123"  instead.

option "title" "Pleo"

include "accounts.beancount"
include "pleo/**/*.beancount"
"#;

const ACCOUNTS: &str = "\
; The accounts that the settings named when these books were made. This file is yours: pleo-export opens what is
; missing later in the files under pleo/, and leaves to you what is opened here.

";

const ABOUT: &str = "\
; Here pleo-export puts one file for each batch that it books. What is in the books is read from here, so take
; nothing away; correct what you must. This file gets a new time with each batch, so that Fava looks again.
";
