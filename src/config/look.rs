//! Where the checkpoint is, for somebody who only looks: without company or credential where there is but one.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::checkpoint::{checkpoint, in_its_folder, named_checkpoint};
use super::pleo::company_id;
use super::sources::Layers;
use super::{ConfigProblems, Sources, StatusConfig, alarm_after, bookkeeping, tokens_company};
use crate::host::files;
use crate::model::ids::CompanyId;

/// Where the example's service keeps its state, for a person who looks as somebody else.
const OF_THE_SERVICE: &str = "/var/lib/pleo-export";

const BEFORE: &str = "pleo-export-";
const BEHIND: &str = ".sqlite3";

/// How many bytes SQLite's head has, and where in it stands whose database it is.
const HEAD: u64 = 100;
const OWNER: std::ops::Range<usize> = 68..72;

/// What stands there in a checkpoint.
const MARK: [u8; 4] = *b"PLEO";

/// Why there is no checkpoint to look at.
#[derive(Debug)]
pub enum NoCheckpoint {
    /// Settings that may say where it is are wrong.
    WrongSettings(ConfigProblems),
    /// None was found, or several, and no setting names one.
    Unnamed(ConfigProblems),
}

impl StatusConfig {
    /// Finds the checkpoint to look at, and tells what was passed over on the way. It is the one that settings name, else
    /// the company's or the only one in the state folder, the working folder or that of the service.
    ///
    /// A `.env` or settings file that was found and is not to be trusted is passed over: nothing is written or sent, and
    /// who looks (as root, for example) is seldom whom the files belong to.
    pub fn look(sources: &Sources) -> Result<(Self, Vec<String>), NoCheckpoint> {
        let (mut passed_over, mut unseen, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        // Told only where nothing is found: who types `sudo` often stands where the other user may not look.
        let of_found = if is_closed(&sources.working_folder) {
            &mut unseen
        } else {
            &mut passed_over
        };
        let layers = Layers::read_apart(sources, of_found, &mut problems);
        let mut file = layers.file_section();
        let mut unimportant = Vec::new();
        let mut pleo = file.section("pleo", &mut unimportant);
        let (mut about_company, mut missing) = (Vec::new(), Vec::new());
        let named = company_id(&layers, &mut pleo, &mut about_company, &mut missing);
        let company_id = named.or_else(|| tokens_company(&layers, &mut pleo, &mut unseen));
        let (named, _) = named_checkpoint(&layers, &mut file, &mut problems);
        let is_wrong = !problems.is_empty() || !about_company.is_empty();
        let found = match named {
            Some(path) => Some(path),
            // What lies around belongs to another of them.
            None if company_id.is_none() && sources.is_one_of_several => {
                problems.append(&mut missing);
                None
            }
            None if !is_wrong => {
                let told = (&mut passed_over, &mut unseen);
                search(&layers, company_id.as_ref(), told, &mut problems)
            }
            None => None,
        };
        match found {
            Some(path) if problems.is_empty() => {
                let config = Self {
                    alarm_after: alarm_after(&mut file, &mut unimportant),
                    time_zone: bookkeeping::time_zone_of(&mut file, &mut unimportant),
                    checkpoint: in_its_folder(path),
                    company_id,
                };
                Ok((config, passed_over))
            }
            _ => {
                problems.extend(about_company);
                problems.extend(passed_over);
                problems.extend(unseen);
                let problems = layers.problems(problems);
                Err(if is_wrong {
                    NoCheckpoint::WrongSettings(problems)
                } else {
                    NoCheckpoint::Unnamed(problems)
                })
            }
        }
    }

    /// Where a poll is noted that may have ended over its settings: what names the checkpoint is taken as far as it can be
    /// read. Where the file that may name the company cannot be read, it is the only one where the polls of these settings
    /// keep theirs.
    pub fn of_wrong(sources: &Sources) -> Option<Self> {
        let mut problems = Vec::new();
        let layers = Layers::read(sources, &mut problems);
        let is_read = problems.is_empty();
        let mut file = layers.file_section();
        let mut pleo = file.section("pleo", &mut problems);
        let company_id = company_id(&layers, &mut pleo, &mut problems, &mut Vec::new())
            .or_else(|| tokens_company(&layers, &mut pleo, &mut problems));
        let (named, _) = checkpoint(&layers, &mut file, company_id.as_ref(), &mut problems);
        let found = match (named, &company_id) {
            (Some(path), _) => path,
            (None, None) if !is_read && !sources.is_one_of_several => {
                let state = layers.state_folder(&mut problems).ok()?;
                let folders = state.into_iter().chain([layers.working_folder().to_owned()]);
                let found: Vec<PathBuf> = folders
                    .filter_map(|folder| checkpoints(&folder).ok())
                    .find(|found| !found.is_empty())?;
                let [only] = found.try_into().ok()?;
                in_its_folder(only)
            }
            (None, _) => return None,
        };
        Some(Self {
            alarm_after: alarm_after(&mut file, &mut problems),
            time_zone: bookkeeping::time_zone_of(&mut file, &mut problems),
            checkpoint: found,
            company_id,
        })
    }
}

/// Whether this user may not even look for a file in a folder.
fn is_closed(folder: &Path) -> bool {
    let looked = folder.join(".").symlink_metadata();
    looked.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}

/// Looks in the folders where a run may have made it. A company's that is nowhere is answered where it would be made.
fn search(
    layers: &Layers,
    company_id: Option<&CompanyId>,
    (passed_over, unseen): (&mut Vec<String>, &mut Vec<String>),
    problems: &mut Vec<String>,
) -> Option<PathBuf> {
    let state = layers.state_folder(problems).ok()?;
    let mut folders: Vec<PathBuf> = state.iter().cloned().collect();
    folders.extend([layers.working_folder().to_owned(), PathBuf::from(OF_THE_SERVICE)]);
    let wanted = company_id.map(|id| format!("{BEFORE}{id}{BEHIND}"));
    let mut places = Vec::new();
    for folder in &folders {
        let found = match checkpoints(folder) {
            Ok(found) => found,
            Err(error) => {
                let told = if folder == layers.working_folder() {
                    &mut *unseen
                } else {
                    &mut *passed_over
                };
                told.push(format!(
                    "cannot look into `{}` ({error}): look as the user that runs pleo-export, such as `sudo -u pleo-export \
                     pleo-export status`",
                    folder.display()
                ));
                continue;
            }
        };
        let found = match &wanted {
            Some(wanted) => found.into_iter().filter(|path| path.ends_with(wanted)).collect(),
            None => found,
        };
        match found.as_slice() {
            [] => places.push(format!("`{}`", folder.display())),
            [only] => return Some(only.clone()),
            several => {
                let names: Vec<_> = several
                    .iter()
                    .map(|path| format!("`{}`", path.display()))
                    .collect();
                problems.push(format!(
                    "there are {} checkpoints: set PLEO_COMPANY_ID, or PLEO_EXPORT_CHECKPOINT to one of {}",
                    several.len(),
                    names.join(", ")
                ));
                return None;
            }
        }
    }
    if let (Some(folder), Some(wanted)) = (state, wanted) {
        return Some(folder.join(wanted));
    }
    // What could not be looked into may have one.
    let nowhere = match places.as_slice() {
        [] => "no checkpoint was found".to_owned(),
        places => format!("there is no checkpoint at {}", places.join(" or ")),
    };
    problems.push(format!(
        "{nowhere}: set PLEO_EXPORT_CHECKPOINT to the file, or PLEO_COMPANY_ID to the company (or name the \
         settings file by --config)"
    ));
    None
}

/// The checkpoints in a folder, sorted: those by the name that a company's gets, and those that are by another. Where there
/// are none, what may not be read and may be one: whoever opens it is told so.
fn checkpoints(folder: &Path) -> Result<Vec<PathBuf>, std::io::Error> {
    let entries = match folder.read_dir() {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    let (mut found, mut closed) = (Vec::new(), Vec::new());
    for entry in entries {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let company = name
            .strip_prefix(BEFORE)
            .and_then(|rest| rest.strip_suffix(BEHIND));
        let is_by_name = company.is_some_and(|company| company.parse::<CompanyId>().is_ok());
        if is_by_name {
            found.push(path);
        } else if name.ends_with(BEHIND) {
            match is_ours(&path) {
                Ok(true) => found.push(path),
                Err(error) if error.kind() == ErrorKind::PermissionDenied => closed.push(path),
                Ok(false) | Err(_) => {}
            }
        }
    }
    if found.is_empty() {
        found = closed;
    }
    found.sort();
    Ok(found)
}

/// Whether a file is a checkpoint, or an empty one that is to become one, by what stands at its beginning: SQLite's words,
/// and behind them whose database it is. Where all of it is still in SQLite's log, nobody's name stands there.
fn is_ours(path: &Path) -> Result<bool, std::io::Error> {
    if files::special(path).is_some() {
        return Ok(false);
    }
    let mut head = Vec::new();
    File::open(path)?.take(HEAD).read_to_end(&mut head)?;
    let has_log = || {
        files::beside(path, "-wal")
            .metadata()
            .is_ok_and(|log| log.len() > 0)
    };
    let owner = head.get(OWNER);
    Ok(head.is_empty() || owner.is_some_and(|owner| owner == MARK || (owner == [0; 4] && has_log())))
}
