//! Receipts beside entries: the bytes under `documents/`, under names that people know, and a directive for each.
//!
//! A receipt is there when the books name it for the entry and the file has its content. Whatever is missing of
//! that is put right, so the same receipts can be attached any number of times. Only below `documents/` is anything
//! written: a receipt that the books name elsewhere is looked at and never repaired there.

mod name;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::host::files::FileError;
use crate::host::{digest, files};
use crate::model::document::Receipt;
use crate::model::permit::Permit;
use crate::model::verdict::ItemFailureType;
use crate::systems::{Attachment, SystemError};

use super::books::Books;
use super::errors::nothing_booked;
use super::index::Index;
use super::lock::Lock;
use super::writer::{self, NewReceipt};
use name::{Naming, Taken};

/// Puts the receipts beside their entries, the directives of all of them in one new file.
pub(super) fn attach(
    permit: &Permit,
    lock: &Lock,
    books: &Books,
    index: &Index,
    entries: &[Attachment],
) -> Result<Vec<Result<(), SystemError>>, SystemError> {
    let mut written = Vec::new();
    let mut answers = Vec::with_capacity(entries.len());
    let mut named = BTreeSet::new();
    let mut taken = Taken::default();
    let mut folders = BTreeSet::new();
    for entry in entries {
        permit.ask()?;
        let stored = store(books, index, (&mut taken, &mut folders), entry);
        answers.push(stored.map(|receipts| {
            // The same entry twice in one call is still named once.
            let new = receipts
                .into_iter()
                .filter(|receipt| named.insert((receipt.entry_id, receipt.sha256)));
            written.extend(new);
        }));
    }
    // One sync for the names of many.
    for folder in folders {
        files::sync_folder(&folder).map_err(|error| nothing_booked(&error))?;
    }
    let Some(first) = written.first().map(|receipt| receipt.number) else {
        return Ok(answers);
    };
    let mut text = String::new();
    let jobs: BTreeSet<&str> = entries.iter().map(|entry| entry.job_id.as_str()).collect();
    for job in jobs {
        writer::comment(&mut text, &format!("export job: {job}"));
    }
    writer::options(&mut text, index.roots());
    writer::company(&mut text, books.company());
    for receipt in &written {
        writer::receipt(&mut text, receipt);
    }
    let file = books.new_file(lock, first.year, &format!("{first}-receipts"))?;
    permit.ask()?;
    file.write(text.as_bytes())?;
    Ok(answers)
}

/// Makes sure that the bytes of all receipts of an entry are there, and says which the books do not name yet.
fn store<'a>(
    books: &Books,
    index: &'a Index,
    (taken, folders): (&mut Taken, &mut BTreeSet<PathBuf>),
    entry: &'a Attachment,
) -> Result<Vec<NewReceipt<'a>>, SystemError> {
    let entry_id = entry.entry_id.as_str();
    let standing = index.standing(entry_id)?;
    let Some(booked) = standing.live.first() else {
        return Err(SystemError::Rejected {
            failure_type: ItemFailureType::ReceiptUploadFailure,
            reason: format!(
                "{} was taken out of the books before its receipts could be attached: export the expense again.",
                entry.booked.external_id
            ),
        });
    };
    let mut new = Vec::new();
    let mut seen = BTreeSet::new();
    for (at, receipt) in entry.receipts.iter().enumerate() {
        if !seen.insert(&receipt.sha256) {
            continue;
        }
        let named = || index.receipt(entry_id, &receipt.sha256);
        if let Some(path) = named().find_map(|path| books.writable_receipt(path)) {
            keep(receipt, &path, folders)?;
            continue;
        }
        if named().any(|path| is_there(receipt, path)) {
            continue;
        }
        let extension = extension(&receipt.file_name);
        let of_first_version = books.first_receipt(&receipt.sha256, &extension);
        let path = if is_there(receipt, &of_first_version) {
            of_first_version
        } else {
            let naming = Naming {
                date: booked.posting_date,
                supplier: entry.payee.as_deref(),
                number: booked.number,
                position: at + 1,
                extension: &extension,
            };
            taken.take(&books.receipts(booked.number.year), naming, &receipt.sha256)?
        };
        keep(
            receipt,
            &books.writable_receipt(&path).unwrap_or_else(|| path.clone()),
            folders,
        )?;
        let inside = path.strip_prefix(books.folder()).unwrap_or(&path);
        new.push(NewReceipt {
            entry_id,
            number: booked.number,
            date: booked.posting_date,
            account: booked.first_account.clone(),
            position: at + 1,
            sha256: &receipt.sha256,
            file_name: &receipt.file_name,
            // As seen from the folder of a year, with slashes on every system.
            path: format!("../../{}", inside.to_string_lossy().replace('\\', "/")),
        });
    }
    Ok(new)
}

/// Whether a file with the receipt's content is there.
fn is_there(receipt: &Receipt, path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|there| there.is_file() && there.len() == receipt.size)
        && fs::read(path).is_ok_and(|bytes| digest::sha256(&bytes) == receipt.sha256)
}

/// Copies the bytes unless they are there; the names are there for good once these folders are synced.
fn keep(receipt: &Receipt, path: &Path, folders: &mut BTreeSet<PathBuf>) -> Result<(), SystemError> {
    if is_there(receipt, path) {
        // Whoever put it there may have been killed before the names were safe from a power cut.
        folders.extend(path.ancestors().skip(1).take(2).map(Path::to_owned));
        return Ok(());
    }
    let unreadable = |what: String| SystemError::Unavailable {
        reason: format!(
            "The fetched receipt `{}` {what}; run again to fetch it.",
            receipt.path.display()
        ),
    };
    let bytes = fs::read(&receipt.path).map_err(|error| unreadable(format!("cannot be read ({error})")))?;
    if digest::sha256(&bytes) != receipt.sha256 {
        return Err(unreadable("is not what was fetched".to_owned()));
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    files::make_folder(folder).map_err(|error| not_kept(&error, path))?;
    folders.insert(folder.to_owned());
    files::write_one_of_many(path, &bytes).map_err(|error| not_kept(&error, path))
}

/// What lies in the place of one receipt, such as a link, is no fault of the books as a whole.
fn not_kept(error: &FileError, path: &Path) -> SystemError {
    let is_in_its_place =
        error.is_about_a_link() || fs::symlink_metadata(path).is_ok_and(|there| !there.is_file());
    match nothing_booked(error) {
        SystemError::Damaged { reason } if is_in_its_place => SystemError::Rejected {
            failure_type: ItemFailureType::ReceiptUploadFailure,
            reason,
        },
        error => error,
    }
}

/// The ending of a file name with its point, for programs that open files by it; empty where there is no plain one.
fn extension(file_name: &str) -> String {
    match file_name.rsplit_once('.') {
        Some((_, ending))
            if (1..=8).contains(&ending.len()) && ending.bytes().all(|b| b.is_ascii_alphanumeric()) =>
        {
            format!(".{}", ending.to_ascii_lowercase())
        }
        _ => String::new(),
    }
}
