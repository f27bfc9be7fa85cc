//! One table of the TOML file: every key is taken out once, and what is left over is unknown.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{NaiveDate, TimeDelta};
use toml::Value;

use super::file;

/// A table and where it stands in the file.
pub(super) struct Section {
    path: String,
    table: toml::Table,
    known: Vec<String>,
    /// What `~/` in a path stands for.
    home: Option<PathBuf>,
    /// Whether variables hold for several companies, and are no cure for one.
    is_one_of_several: bool,
}

impl Section {
    /// The whole file.
    pub(super) fn of_file(table: toml::Table, home: Option<&Path>, is_one_of_several: bool) -> Self {
        Self {
            path: String::new(),
            table,
            known: Vec::new(),
            home: home.map(Path::to_owned),
            is_one_of_several,
        }
    }

    /// The full name of a key, as a person would look for it.
    pub(super) fn name(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    fn take(&mut self, key: &str) -> Option<Value> {
        self.known.push(key.to_owned());
        self.table.remove(key)
    }

    fn wrong(&self, key: &str, expected: &str, value: &Value, problems: &mut Vec<String>) {
        problems.push(format!(
            "{} must be {expected}, not {}",
            self.name(key),
            value.type_str()
        ));
    }

    /// A table inside; empty where it is not there.
    pub(super) fn section(&mut self, key: &str, problems: &mut Vec<String>) -> Self {
        let table = match self.take(key) {
            None => toml::Table::new(),
            Some(Value::Table(table)) => table,
            Some(value) => {
                self.wrong(key, "a table", &value, problems);
                toml::Table::new()
            }
        };
        Self {
            path: self.name(key),
            table,
            known: Vec::new(),
            home: self.home.clone(),
            is_one_of_several: self.is_one_of_several,
        }
    }

    /// A text; an empty one counts as not given.
    pub(super) fn text(&mut self, key: &str, problems: &mut Vec<String>) -> Option<String> {
        match self.take(key)? {
            Value::String(text) => Some(text).filter(|text| !text.is_empty()),
            value => {
                self.wrong(key, "a text in quotes", &value, problems);
                None
            }
        }
    }

    /// A day, as a text or as TOML's own date.
    pub(super) fn date(&mut self, key: &str, problems: &mut Vec<String>) -> Option<NaiveDate> {
        let text = match self.take(key)? {
            Value::String(text) if text.is_empty() => return None,
            Value::String(text) => text,
            Value::Datetime(date) => date.to_string(),
            value => {
                self.wrong(key, "a date such as 2026-03-31", &value, problems);
                return None;
            }
        };
        let date = text.parse().ok();
        if date.is_none() {
            let name = self.name(key);
            problems.push(format!(
                "{name} is \"{text}\", but must be a date such as \"2026-03-31\""
            ));
        }
        date
    }

    /// A text that must be there; `what` says what it is.
    pub(super) fn required(&mut self, key: &str, what: &str, problems: &mut Vec<String>) -> Option<String> {
        let before = problems.len();
        let text = self.text(key, problems);
        if text.is_none() && problems.len() == before {
            problems.push(format!("{} is missing: it is {what}", self.name(key)));
        }
        text
    }

    /// A path, relative to `folder`.
    pub(super) fn path(&mut self, key: &str, folder: &Path, problems: &mut Vec<String>) -> Option<PathBuf> {
        let text = self.text(key, problems)?;
        match file::path(text.into(), self.home.as_deref()) {
            Ok(path) => Some(folder.join(path)),
            Err(problem) => {
                problems.push(format!("{} {problem}", self.name(key)));
                None
            }
        }
    }

    /// A whole number within bounds.
    pub(super) fn integer(
        &mut self,
        key: &str,
        bounds: RangeInclusive<i64>,
        problems: &mut Vec<String>,
    ) -> Option<i64> {
        match self.take(key)? {
            Value::Integer(number) if bounds.contains(&number) => Some(number),
            Value::Integer(number) => {
                let name = self.name(key);
                problems.push(format!(
                    "{name} is {number}, but must be {} to {}",
                    bounds.start(),
                    bounds.end()
                ));
                None
            }
            value => {
                self.wrong(key, "a whole number", &value, problems);
                None
            }
        }
    }

    /// A length of time: a whole number with its unit, such as `90s`, `30min`, `6h` or `2d`.
    pub(super) fn duration(&mut self, key: &str, problems: &mut Vec<String>) -> Option<TimeDelta> {
        let text = self.text(key, problems)?;
        let length = duration(&text);
        if length.is_none() {
            problems.push(format!(
                "{} is \"{text}\", but must be a number and its unit, such as \"30min\", \"6h\" or \"2d\"",
                self.name(key)
            ));
        }
        length
    }

    /// Yes or no.
    pub(super) fn boolean(&mut self, key: &str, problems: &mut Vec<String>) -> Option<bool> {
        match self.take(key)? {
            Value::Boolean(value) => Some(value),
            value => {
                self.wrong(key, "true or false", &value, problems);
                None
            }
        }
    }

    /// A number of seconds, at least one and at most a day.
    pub(super) fn seconds(&mut self, key: &str, default: u64, problems: &mut Vec<String>) -> Duration {
        let seconds = self.seconds_if_set(key, problems);
        seconds.unwrap_or(Duration::from_secs(default))
    }

    /// The same, where there is no default.
    pub(super) fn seconds_if_set(&mut self, key: &str, problems: &mut Vec<String>) -> Option<Duration> {
        let seconds = self.integer(key, 1..=86_400, problems)?;
        Some(Duration::from_secs(seconds.unsigned_abs()))
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, key: &str, problems: &mut Vec<String>) -> Option<Vec<String>> {
        let value = self.take(key)?;
        let texts = value.as_array().and_then(|values| {
            values
                .iter()
                .map(|value| value.as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>()
        });
        if texts.is_none() {
            let is = value
                .as_array()
                .map_or(value.type_str(), |_| "a list of something else");
            problems.push(format!(
                "{} must be a list of texts in quotes, not {is}",
                self.name(key)
            ));
        }
        texts
    }

    /// A program and its arguments. The program may be a path.
    pub(super) fn program(&mut self, key: &str, problems: &mut Vec<String>) -> Option<Vec<String>> {
        let mut texts = self.texts(key, problems)?;
        if let Some(program) = texts.first_mut() {
            let path = file::path(program.as_str().into(), self.home.as_deref()).and_then(|path| {
                path.into_os_string()
                    .into_string()
                    .map_err(|_| "is not UTF-8".to_owned())
            });
            match path {
                Ok(path) => *program = path,
                Err(problem) => problems.push(format!("{} {problem}", self.name(key))),
            }
        }
        Some(texts)
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        key: &str,
        words: &[(&str, T)],
        problems: &mut Vec<String>,
    ) -> Option<T> {
        let text = self.text(key, problems)?;
        let found = words
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, value)| *value);
        if found.is_none() {
            let words: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            problems.push(format!(
                "{} is \"{text}\", but must be {}",
                self.name(key),
                words.join(" or ")
            ));
        }
        found
    }

    /// A share between nothing (0) and all (1) in millionths, exact: the number is read from its text.
    pub(super) fn share(&mut self, key: &str, problems: &mut Vec<String>) -> Option<i64> {
        let value = self.take(key)?;
        let text = match &value {
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            _ => {
                self.wrong(key, "a number from 0 to 1", &value, problems);
                return None;
            }
        };
        let millionths = crate::model::money::Amount::from_json_number(&format!("{text}e6"))
            .ok()
            .map(crate::model::money::Amount::in_hundredths)
            .filter(|millionths| (0..=1_000_000).contains(millionths));
        if millionths.is_none() {
            problems.push(format!(
                "{} is {text}, but must be from 0 to 1 with at most six decimals",
                self.name(key)
            ));
        }
        millionths
    }

    /// The keys not taken yet, for tables whose keys are the user's own words.
    pub(super) fn keys(&self) -> Vec<String> {
        self.table.keys().cloned().collect()
    }

    /// What is left over is unknown, and an error. What it says is not shown: it may be a key.
    pub(super) fn finish(self, problems: &mut Vec<String>) {
        for (key, value) in &self.table {
            let name = self.name(key);
            if let Some((variable, instead)) = place_of_secret(&self.path, key).filter(|_| !value.is_table())
            {
                let remedy = if self.is_one_of_several {
                    instead.to_owned()
                } else {
                    format!("set {variable}, or {instead}")
                };
                problems.push(format!(
                    "{name} may not stand in the settings file, which others read: {remedy}"
                ));
                continue;
            }
            let mut problem = format!("{name} is not a setting");
            if let Some(meant) = nearest(key, &self.known) {
                problem = format!("{problem}: did you mean `{meant}`?");
            } else if self.known.is_empty() {
                problem.push_str(": remove it");
            } else {
                problem.push_str(": here only ");
                problem.push_str(&self.known.join(", "));
                problem.push_str(if self.known.len() == 1 {
                    " is known"
                } else {
                    " are known"
                });
            }
            problems.push(problem);
        }
    }
}

/// Where a secret belongs that stands in the settings, however it is spelled: into a variable, or what a settings file can
/// name instead.
fn place_of_secret(section: &str, key: &str) -> Option<(&'static str, &'static str)> {
    let word: String = key.chars().filter(char::is_ascii_alphanumeric).collect();
    let word = word.to_ascii_lowercase();
    let (is_of_odoo, word) = match word.strip_prefix("odoo") {
        Some(rest) => (true, rest),
        None => (
            section == "accounting.odoo",
            word.strip_prefix("pleo").unwrap_or(&word),
        ),
    };
    let is_of_pleo = ["", "pleo", "pleo.oauth"].contains(&section);
    Some(match word {
        "apikey" | "key" | "password" if is_of_odoo => (
            "ODOO_API_KEY",
            "put it into a file for this user alone and name that as accounting.odoo.api_key_file",
        ),
        "apikey" | "apitoken" | "key" if is_of_pleo => (
            "PLEO_API_KEY",
            "put it into a file for this user alone and name that as pleo.api_key_file",
        ),
        "accesstoken" | "token" if is_of_pleo => ("PLEO_ACCESS_TOKEN", "log in, with pleo.oauth.token_file"),
        "clientsecret" | "secret" if is_of_pleo => (
            "PLEO_CLIENT_SECRET",
            "put it into a file for this user alone and name that as pleo.oauth.client_secret_file",
        ),
        _ => return None,
    })
}

/// The known word that a mistyped one was probably meant to be.
fn nearest<'a>(typed: &str, known: &'a [String]) -> Option<&'a String> {
    let distance = |word: &String| strsim::damerau_levenshtein(typed, word);
    let nearest = known.iter().min_by_key(|word| distance(word))?;
    // A third of a word mistyped is another word.
    (distance(nearest) * 3 <= nearest.chars().count()).then_some(nearest)
}

/// A length of time: a whole number with its unit, such as `90s`, `30min`, `6h` or `2d`; never nothing.
pub(crate) fn duration(text: &str) -> Option<TimeDelta> {
    let number = text
        .trim_end_matches(|last: char| last.is_ascii_alphabetic())
        .trim_end();
    let seconds = match text.get(number.len()..).unwrap_or_default().trim() {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    let number: u32 = number.parse().ok().filter(|number| *number > 0)?;
    TimeDelta::try_seconds(i64::from(number) * seconds)
}
