//! The commands that a text tells to type, as they do what they are meant to: with the settings file that this command was
//! given, or that of the company in hand.
//!
//! Whoever writes a text below `cli` knows no settings file, so the texts say `pleo-export COMMAND`, and it is put in where
//! they are shown.

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

/// How the commands of ours begin in a text.
const COMMANDS: [&str; 2] = ["`pleo-export ", "`sudo -u pleo-export pleo-export "];

const OPTION: &str = "--config ";

/// The commands that are a fleet's, whichever of its companies is in hand.
const OF_FLEET: [&str; 2] = ["poll", "fleet "];

/// The settings files that the commands are to name.
static SETTINGS: RwLock<Named> = RwLock::new(Named {
    file: None,
    of_fleet: None,
});

/// Unset is what the commands find by themselves.
#[derive(Clone)]
struct Named {
    file: Option<PathBuf>,
    /// In the commands that are a fleet's.
    of_fleet: Option<PathBuf>,
}

/// Has the commands name this settings file, or none, from now on.
pub(super) fn name_settings(file: Option<PathBuf>) {
    let of_fleet = file.clone();
    set(Named { file, of_fleet });
}

/// Does something with the settings file of a company in hand, which may be one of a fleet.
pub(super) fn with_settings<T>(file: &Path, is_of_fleet: bool, work: impl FnOnce() -> T) -> T {
    let before = named();
    let own = Some(file.to_owned());
    set(Named {
        file: own.clone(),
        of_fleet: if is_of_fleet { before.of_fleet.clone() } else { own },
    });
    let result = work();
    set(before);
    result
}

/// The text with its commands as they are to be typed. Those that name a file already stay as they are.
pub(super) fn as_typed(text: &str) -> String {
    naming(text, &named())
}

fn named() -> Named {
    SETTINGS.read().unwrap_or_else(PoisonError::into_inner).clone()
}

fn set(named: Named) {
    *SETTINGS.write().unwrap_or_else(PoisonError::into_inner) = named;
}

fn naming(text: &str, named: &Named) -> String {
    COMMANDS.iter().fold(text.to_owned(), |text, command| {
        let mut parts = text.split(command);
        let mut typed = parts.next().unwrap_or_default().to_owned();
        for rest in parts {
            typed.push_str(command);
            let is_of_fleet = OF_FLEET.iter().any(|of_fleet| rest.starts_with(of_fleet));
            let file = if is_of_fleet { &named.of_fleet } else { &named.file };
            if let Some(file) = file.as_ref().filter(|_| !rest.starts_with(OPTION)) {
                typed.extend([OPTION, &quoted(&file.to_string_lossy()), " "]);
            }
            typed.push_str(rest);
        }
        typed
    })
}

/// One word of a shell.
fn quoted(word: &str) -> String {
    let is_plain = |character: char| character.is_alphanumeric() || "/._-+@%:=,".contains(character);
    if word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_names_the_file_once_and_as_one_word() {
        let file = || Some(PathBuf::from("/etc/it's mine.toml"));
        let files = Named {
            file: file(),
            of_fleet: file(),
        };
        let named = |text| naming(text, &files);
        let once =
            named("run `pleo-export poll`, or `sudo -u pleo-export pleo-export status`; `pleo-export.toml`");
        assert_eq!(
            once,
            r"run `pleo-export --config '/etc/it'\''s mine.toml' poll`, or `sudo -u pleo-export pleo-export --config '/etc/it'\''s mine.toml' status`; `pleo-export.toml`"
        );
        assert_eq!(named(&once), once);
    }

    #[test]
    fn what_is_the_fleets_names_its_file_and_all_else_that_of_the_company() {
        let named = Named {
            file: Some("companies/a.toml".into()),
            of_fleet: Some("fleet.toml".into()),
        };
        for (text, typed) in [
            (
                "`pleo-export login`",
                "`pleo-export --config companies/a.toml login`",
            ),
            (
                "`pleo-export fleet resume A`",
                "`pleo-export --config fleet.toml fleet resume A`",
            ),
            (
                "`pleo-export poll --companies DIR`",
                "`pleo-export --config fleet.toml poll --companies DIR`",
            ),
        ] {
            assert_eq!(naming(text, &named), typed);
        }
    }
}
