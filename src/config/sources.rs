//! Where settings come from: the environment, `.env` in the working directory, the TOML file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::found::distrust;
use super::section::Section;
use crate::host::http;

/// The raw material, given by the caller so that tests and examples can give their own.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The directory that the program was started in.
    pub working_folder: PathBuf,
    /// The environment.
    pub environment: BTreeMap<String, String>,
    /// `--config`.
    pub config_flag: Option<PathBuf>,
}

impl Sources {
    /// The environment and working directory of this process. Variables that are not UTF-8 cannot be ours.
    pub fn of_this_process(config_flag: Option<PathBuf>) -> Self {
        Self {
            working_folder: std::env::current_dir().unwrap_or_default(),
            environment: std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
            config_flag,
        }
    }
}

/// The layers read from disk, the higher ones first.
pub(super) struct Layers {
    working_folder: PathBuf,
    variables: BTreeMap<String, String>,
    /// The names of those variables that `.env` alone sets.
    found: BTreeSet<String>,
    file: toml::Table,
    file_folder: PathBuf,
}

impl Layers {
    pub(super) fn read(sources: &Sources, problems: &mut Vec<String>) -> Self {
        let working_folder = sources.working_folder.clone();
        let mut variables = dot_env(&working_folder, problems);
        variables.retain(|name, value| !value.is_empty() && !sources.environment.contains_key(name));
        let found = variables.keys().cloned().collect();
        variables.extend(sources.environment.clone());
        variables.retain(|_, value| !value.is_empty());
        let (file, file_folder) = config_file(sources, &variables, problems);
        Self {
            working_folder,
            variables,
            found,
            file,
            file_folder,
        }
    }

    /// Refuses what `.env` says about where something goes or what is run, unless the credentials in use stand there,
    /// too: whoever can write that file could else have a key of ours sent to a place of theirs. It is not passed over
    /// either, for then a key that is meant for another place would go to Pleo.
    pub(super) fn refuse_misleading(&self, credentials: &[&str], problems: &mut Vec<String>) {
        let file = self.working_folder.join(".env");
        let elsewhere = credentials
            .iter()
            .find(|credential| !self.found.contains(**credential));
        for name in &self.found {
            match elsewhere {
                Some(credential) if leads_somewhere(name) => problems.push(format!(
                    "{name} stands in `{}`, but {credential}, which is in use, does not: set both in one place",
                    file.display()
                )),
                None if http::is_about_a_proxy(name) => problems.push(format!(
                    "{name} stands in `{}`, where no proxy is looked for: set it in the environment",
                    file.display()
                )),
                _ => {}
            }
        }
    }

    /// An environment variable that is set and not empty.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    /// Whether requests may go through a proxy.
    pub(super) fn has_proxy(&self) -> bool {
        self.variables.keys().any(|name| http::is_about_a_proxy(name))
    }

    pub(super) fn working_folder(&self) -> &Path {
        &self.working_folder
    }

    /// What relative paths in the TOML file are relative to.
    pub(super) fn file_folder(&self) -> &Path {
        &self.file_folder
    }

    pub(super) fn file_section(&self) -> Section {
        Section::new(String::new(), self.file.clone())
    }

    /// Where a service keeps its state: systemd says so, else the user's XDG folder.
    pub(super) fn state_folder(&self) -> Option<PathBuf> {
        if let Some(folders) = self.variable("STATE_DIRECTORY") {
            return folders
                .split(':')
                .next()
                .map(|folder| self.working_folder.join(folder));
        }
        let state = match (self.variable("XDG_STATE_HOME"), self.variable("HOME")) {
            (Some(folder), _) => PathBuf::from(folder),
            (None, Some(home)) => Path::new(&home).join(".local/state"),
            (None, None) => return None,
        };
        Some(state.join("pleo-export"))
    }
}

/// Whether a variable says where something goes, or what is run.
fn leads_somewhere(name: &str) -> bool {
    const NAMES: [&str; 4] = [
        "PLEO_BASE_URL",
        "PLEO_AUTH_URL",
        "PLEO_EXPORT_CONFIG",
        "PLEO_EXPORT_FLEET_URL",
    ];
    NAMES.contains(&name) || http::is_about_a_proxy(name)
}

fn dot_env(working_folder: &Path, problems: &mut Vec<String>) -> BTreeMap<String, String> {
    let path = working_folder.join(".env");
    if !path.is_file() {
        return BTreeMap::new();
    }
    if let Some(problem) = distrust(&path) {
        problems.push(problem);
        return BTreeMap::new();
    }
    let mut variables = BTreeMap::new();
    match dotenvy::from_path_iter(&path) {
        Ok(pairs) => {
            for pair in pairs {
                match pair {
                    Ok((name, value)) => {
                        variables.insert(name, value);
                    }
                    // The error's own text quotes the line, which may hold a key.
                    Err(_) => {
                        problems.push(format!("`{}` has a line that is not NAME=value", path.display()));
                    }
                }
            }
        }
        Err(error) => problems.push(format!("cannot read `{}`: {error}", path.display())),
    }
    variables
}

fn config_file(
    sources: &Sources,
    variables: &BTreeMap<String, String>,
    problems: &mut Vec<String>,
) -> (toml::Table, PathBuf) {
    let named = match (&sources.config_flag, variables.get("PLEO_EXPORT_CONFIG")) {
        (Some(path), _) => Some(path.clone()),
        (None, Some(path)) => Some(PathBuf::from(path)),
        (None, None) => None,
    };
    let is_named = named.is_some();
    let path = sources
        .working_folder
        .join(named.unwrap_or_else(|| PathBuf::from("pleo-export.toml")));
    let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
    if !is_named && !path.exists() {
        return (toml::Table::new(), folder);
    }
    if let Some(problem) = Some(&path).filter(|_| !is_named).and_then(|path| distrust(path)) {
        problems.push(problem);
        return (toml::Table::new(), folder);
    }
    let table = std::fs::read_to_string(&path)
        .map_err(|error| format!("cannot read the settings file `{}`: {error}", path.display()))
        .and_then(|text| {
            text.parse().map_err(|error: toml::de::Error| {
                let line = error.span().map_or(1, |span| {
                    text.get(..span.start).unwrap_or("").lines().count().max(1)
                });
                format!(
                    "`{}` is not TOML (line {line}): {}",
                    path.display(),
                    error.message()
                )
            })
        });
    match table {
        Ok(table) => (table, folder),
        Err(problem) => {
            problems.push(problem);
            (toml::Table::new(), folder)
        }
    }
}
