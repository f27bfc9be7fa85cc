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

/// The settings file that the commands are to name; unset where they find it by themselves.
static SETTINGS: RwLock<Option<PathBuf>> = RwLock::new(None);

/// Has the commands name this settings file, or none, from now on. Answers what they named before.
pub(super) fn name_settings(file: Option<PathBuf>) -> Option<PathBuf> {
    let mut settings = SETTINGS.write().unwrap_or_else(PoisonError::into_inner);
    std::mem::replace(&mut *settings, file)
}

/// Does something with this settings file in hand.
pub(super) fn with_settings<T>(file: &Path, work: impl FnOnce() -> T) -> T {
    let before = name_settings(Some(file.to_owned()));
    let result = work();
    name_settings(before);
    result
}

/// The text with its commands as they are to be typed. Those that name a file already stay as they are.
pub(super) fn as_typed(text: &str) -> String {
    let settings = SETTINGS.read().unwrap_or_else(PoisonError::into_inner);
    match &*settings {
        Some(file) => naming(text, file),
        None => text.to_owned(),
    }
}

fn naming(text: &str, file: &Path) -> String {
    let file = quoted(&file.to_string_lossy());
    COMMANDS.iter().fold(text.to_owned(), |text, command| {
        let mut parts = text.split(command);
        let mut named = parts.next().unwrap_or_default().to_owned();
        for rest in parts {
            named.push_str(command);
            if !rest.starts_with(OPTION) {
                named.extend([OPTION, &file, " "]);
            }
            named.push_str(rest);
        }
        named
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
        let named = |text| naming(text, Path::new("/etc/it's mine.toml"));
        let once =
            named("run `pleo-export poll`, or `sudo -u pleo-export pleo-export status`; `pleo-export.toml`");
        assert_eq!(
            once,
            r"run `pleo-export --config '/etc/it'\''s mine.toml' poll`, or `sudo -u pleo-export pleo-export --config '/etc/it'\''s mine.toml' status`; `pleo-export.toml`"
        );
        assert_eq!(named(&once), once);
    }
}
