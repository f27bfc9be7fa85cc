//! Where settings come from: the environment, `.env` in the working directory, the TOML file.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::found::distrust;
use super::problems::ConfigProblems;
use super::section::Section;
use super::{dot_env, file};
use crate::host::{digest, http};

/// The raw material, given by the caller so that tests and examples can give their own.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The directory that the program was started in.
    pub working_folder: PathBuf,
    /// The environment. Values are bytes, as the system has them: a path need not be UTF-8.
    pub environment: BTreeMap<String, OsString>,
    /// `--config`.
    pub config_flag: Option<PathBuf>,
    /// Whether these are the settings of one of several companies: `.env` would hold for all of them.
    pub is_one_of_several: bool,
    /// Whether these are the settings of a fleet, or of a company that it serves.
    pub is_of_fleet: bool,
    /// Where the settings of that fleet stand, where a file of them was named.
    pub fleet_file: Option<PathBuf>,
}

impl Sources {
    /// The environment and working directory of this process. Variables whose names are not UTF-8 cannot be ours.
    pub fn of_this_process(config_flag: Option<PathBuf>) -> Self {
        Self {
            working_folder: std::env::current_dir().unwrap_or_default(),
            environment: std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
                .collect(),
            config_flag,
            is_one_of_several: false,
            is_of_fleet: false,
            fleet_file: None,
        }
    }

    /// The same for companies that a fleet serves, whose own settings stand in the file that is named.
    pub(crate) fn of_fleet(&self) -> Self {
        Self {
            is_of_fleet: true,
            fleet_file: self.config_flag.clone(),
            ..self.clone()
        }
    }
}

/// The layers read from disk, the higher ones first.
pub(super) struct Layers {
    working_folder: PathBuf,
    variables: BTreeMap<String, OsString>,
    /// The names of those variables that `.env` alone sets.
    found: BTreeSet<String>,
    file: toml::Table,
    /// Where that was read, if there is one.
    file_path: Option<PathBuf>,
    /// Whether there is a file of settings that cannot be read whole: whatever is missing may stand in it.
    unread_file: bool,
    /// The settings file of one of several companies, where alone its settings may stand.
    one_of_several: Option<PathBuf>,
}

/// A setting that is there and cannot be read, which is not the same as absent. The problem is in the list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unreadable;

impl Layers {
    pub(super) fn read(sources: &Sources, problems: &mut Vec<String>) -> Self {
        let mut others = Vec::new();
        let layers = Self::read_apart(sources, problems, &mut others);
        problems.append(&mut others);
        layers
    }

    /// The same, with the problems apart of files that nobody named.
    pub(super) fn read_apart(
        sources: &Sources,
        with_found: &mut Vec<String>,
        problems: &mut Vec<String>,
    ) -> Self {
        let before = with_found.len() + problems.len();
        let working_folder = sources.working_folder.clone();
        let mut variables = if sources.is_one_of_several {
            BTreeMap::new()
        } else {
            dot_env::read(&working_folder, with_found)
        };
        let mut environment = sources.environment.clone();
        environment.retain(|_, value| !value.is_empty());
        variables.retain(|name, value| !value.is_empty() && !environment.contains_key(name));
        let found = variables.keys().cloned().collect();
        variables.extend(environment);
        let mut layers = Self {
            working_folder,
            variables,
            found,
            file: toml::Table::new(),
            file_path: None,
            unread_file: false,
            one_of_several: sources.config_flag.clone().filter(|_| sources.is_one_of_several),
        };
        (layers.file, layers.file_path) = config_file(&layers, sources, with_found, problems);
        layers.unread_file = with_found.len() + problems.len() > before;
        layers
    }

    /// Refuses what `.env` says about where something goes or what is run, unless the credentials in use stand there,
    /// too: whoever can write that file could else have a key of ours sent to a place of theirs. It is not passed over
    /// either, for then a key that is meant for another place would go to Pleo.
    pub(super) fn refuse_misleading(&self, credentials: &[&str], problems: &mut Vec<String>) {
        let file = self.working_folder.join(".env");
        let elsewhere = self.elsewhere(credentials);
        for name in &self.found {
            match elsewhere {
                Some(credential) if leads_somewhere(name) => problems.push(format!(
                    "{name} stands in `{}`, but {credential}, which is in use, does not: set both in one place",
                    file.display()
                )),
                _ if http::is_read_by_clients(name) => problems.push(format!(
                    "{name} stands in `{}`, where nobody looks for it: set it in the environment",
                    file.display()
                )),
                _ => {}
            }
        }
    }

    /// Whether `.env` names the settings file although one of the credentials in use stands elsewhere.
    pub(super) fn has_misleading_file(&self, credentials: &[&str]) -> bool {
        self.found.contains("PLEO_EXPORT_CONFIG") && self.elsewhere(credentials).is_some()
    }

    /// The first of the credentials that does not stand in `.env`.
    fn elsewhere<'a>(&self, credentials: &[&'a str]) -> Option<&'a str> {
        credentials
            .iter()
            .copied()
            .find(|credential| !self.found.contains(*credential))
    }

    /// Whether an environment variable is set and not empty.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.variables.contains_key(name)
    }

    /// An environment variable that is set and not empty.
    pub(super) fn variable(
        &self,
        name: &str,
        problems: &mut Vec<String>,
    ) -> Result<Option<String>, Unreadable> {
        match self.variables.get(name).map(|value| value.to_str()) {
            None => Ok(None),
            Some(Some(text)) => Ok(Some(text.to_owned())),
            Some(None) => {
                problems.push(format!("{name} is not UTF-8: set it once more"));
                Err(Unreadable)
            }
        }
    }

    /// A path in the environment, which is relative to the working directory.
    pub(super) fn path_variable(
        &self,
        name: &str,
        problems: &mut Vec<String>,
    ) -> Result<Option<PathBuf>, Unreadable> {
        let Some(value) = self.variables.get(name) else {
            return Ok(None);
        };
        match file::path(value.clone(), self.home()) {
            Ok(path) => Ok(Some(self.working_folder.join(path))),
            Err(problem) => {
                problems.push(format!("{name} {problem}"));
                Err(Unreadable)
            }
        }
    }

    /// What `~/` stands for.
    pub(super) fn home(&self) -> Option<&Path> {
        file::home(&self.variables)
    }

    /// Whether requests may go through a proxy.
    pub(super) fn has_proxy(&self) -> bool {
        let proxies = http::PROXIES
            .iter()
            .filter(|name| !name.eq_ignore_ascii_case("no_proxy"));
        proxies.into_iter().any(|name| self.is_set(name))
    }

    pub(super) fn working_folder(&self) -> &Path {
        &self.working_folder
    }

    /// That a setting is missing, unless the file that may hold it cannot be read, which is a problem by now. `alone` says
    /// how to give it; of one of several companies it is `line` of its own file.
    pub(super) fn missing(&self, name: &str, alone: &str, line: &str, problems: &mut Vec<String>) {
        if self.unread_file {
            return;
        }
        problems.push(match &self.one_of_several {
            Some(file) => format!("{name} is missing in `{}`: write {line}", file.display()),
            None => alone.to_owned(),
        });
    }

    /// What relative paths in the TOML file are relative to.
    pub(super) fn file_folder(&self) -> &Path {
        let folder = self.file_path.as_deref().and_then(Path::parent);
        folder.unwrap_or(&self.working_folder)
    }

    /// The settings file that was read.
    pub(super) fn file_path(&self) -> Option<&Path> {
        self.file_path.as_deref()
    }

    /// What is wrong with the settings that were read here.
    pub(super) fn problems(&self, problems: Vec<String>) -> ConfigProblems {
        ConfigProblems {
            file: self.file_path.clone(),
            problems,
        }
    }

    pub(super) fn file_section(&self) -> Section {
        Section::of_file(self.file.clone(), self.home(), self.one_of_several.is_some())
    }

    /// Where a service keeps its state: systemd says so, else the user's XDG folder.
    pub(super) fn state_folder(&self, problems: &mut Vec<String>) -> Result<Option<PathBuf>, Unreadable> {
        if let Some(folders) = self.variables.get("STATE_DIRECTORY") {
            // The first of several; a path may hold any byte but the one between them.
            let first = std::env::split_paths(folders).next().unwrap_or_default();
            return match file::path(first.into_os_string(), self.home()) {
                Ok(folder) => Ok(Some(self.working_folder.join(folder))),
                Err(problem) => {
                    problems.push(format!("STATE_DIRECTORY {problem}"));
                    Err(Unreadable)
                }
            };
        }
        // The specification wants a relative path ignored.
        let xdg = self.variables.get("XDG_STATE_HOME").map(PathBuf::from);
        let state = match (xdg.filter(|folder| folder.is_absolute()), self.home()) {
            (Some(folder), _) => folder,
            (None, Some(home)) => home.join(".local/state"),
            (None, None) => return Ok(None),
        };
        Ok(Some(state.join("pleo-export")))
    }

    /// The proxies that the HTTP clients will take from the environment. One that they could not read would be
    /// passed over in silence.
    pub(super) fn check_proxies(&self, problems: &mut Vec<String>) {
        for name in http::PROXIES {
            let Ok(Some(address)) = self.variable(name, problems) else {
                continue;
            };
            if !name.eq_ignore_ascii_case("no_proxy")
                && let Err(problem) = proxy(&address)
            {
                problems.push(format!("{name} {problem}"));
            }
        }
    }

    /// A digest of the server's address and the proxies on the way to it. No part of it can be read back.
    pub(super) fn route(&self, server: &reqwest::Url) -> String {
        let mut hash = digest::of(server.as_str());
        for name in http::PROXIES {
            let value = self.variables.get(name).map(|value| value.as_encoded_bytes());
            hash.update([0]);
            hash.update(value.unwrap_or_default());
        }
        hash.hex()
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

/// A proxy's address, with or without its scheme. Its text is not shown: it may hold a password.
///
/// The clients pass over in silence what they cannot read, and would go to Pleo without a proxy.
fn proxy(address: &str) -> Result<(), String> {
    let whole = match address.split_once("://") {
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") => {
            address.to_owned()
        }
        Some((scheme, _)) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            return Err(format!(
                "names a proxy of the kind {scheme}, which is not supported: name one that speaks HTTP"
            ));
        }
        Some(_) => String::new(),
        None => format!("http://{address}"),
    };
    let is_address = whole
        .parse::<reqwest::Url>()
        .is_ok_and(|url| url.host_str().is_some_and(|host| !host.is_empty()));
    // Of what stands before the host they take all up to the first @.
    let is_read_by_clients = address.parse::<::http::Uri>().is_ok_and(|uri| {
        let authority = uri.authority();
        authority.is_some_and(|authority| authority.as_str().matches('@').count() <= 1)
    });
    if is_address && is_read_by_clients {
        Ok(())
    } else {
        Err(
            "is not the address of a proxy, such as http://proxy.example:3128; signs in a user or password are written by their \
             number (@ is %40, # is %23)"
                .to_owned(),
        )
    }
}

fn config_file(
    layers: &Layers,
    sources: &Sources,
    with_found: &mut Vec<String>,
    problems: &mut Vec<String>,
) -> (toml::Table, Option<PathBuf>) {
    let named = match &sources.config_flag {
        Some(path) => match file::path(path.clone().into_os_string(), layers.home()) {
            Ok(path) => Ok(Some(layers.working_folder.join(path))),
            Err(problem) => {
                problems.push(format!("--config {problem}"));
                Err(Unreadable)
            }
        },
        None => layers.path_variable("PLEO_EXPORT_CONFIG", problems),
    };
    let Ok(named) = named else {
        return (toml::Table::new(), None);
    };
    let is_named = named.is_some();
    // What a fleet has stands where somebody said, and nowhere else.
    if !is_named && sources.is_of_fleet {
        return (toml::Table::new(), None);
    }
    let path = named.unwrap_or_else(|| layers.working_folder.join("pleo-export.toml"));
    let is_absent =
        || std::fs::symlink_metadata(&path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
    if !is_named && is_absent() {
        return (toml::Table::new(), None);
    }
    if !is_named && let Err(error) = path.symlink_metadata() {
        with_found.push(format!("cannot look for `{}`: {error}", path.display()));
        return (toml::Table::new(), None);
    }
    if let Some(problem) = Some(&path).filter(|_| !is_named).and_then(|path| distrust(path)) {
        with_found.push(problem);
        return (toml::Table::new(), None);
    }
    let table = file::read_text(&path)
        .map_err(|error| format!("cannot read the settings file `{}`: {error}", path.display()))
        .and_then(|text| {
            text.parse().map_err(|error: toml::de::Error| {
                let before = error.span().and_then(|span| text.get(..span.start));
                let line = 1 + before.unwrap_or_default().matches('\n').count();
                format!(
                    "`{}` is not TOML (line {line}): {}",
                    path.display(),
                    error.message()
                )
            })
        });
    match table {
        Ok(table) => (table, Some(path)),
        Err(problem) => {
            problems.push(problem);
            (toml::Table::new(), Some(path))
        }
    }
}
