//! Several companies on one machine: a folder of settings files, one company each.
//!
//! What would hold for all of them at once is refused: a variable that beats every file, and `.env`. What two of them share
//! that must be one company's own is refused for both, and the others are served.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::found::distrust;
use super::{ConfigProblems, Parts, Sources, SystemSettings, file};
use crate::host::files;
use crate::model::ids::CompanyId;

/// The variables that would beat every company's own settings.
const OVERRIDING: [&str; 9] = [
    "PLEO_COMPANY_ID",
    "PLEO_API_KEY",
    "PLEO_ACCESS_TOKEN",
    "PLEO_CLIENT_ID",
    "PLEO_CLIENT_SECRET",
    "PLEO_EXPORT_CHECKPOINT",
    "PLEO_EXPORT_BOOKS",
    "PLEO_EXPORT_CONFIG",
    "ODOO_API_KEY",
];

/// One of several companies.
#[derive(Clone, Debug)]
pub struct Company {
    /// Its settings file.
    pub settings: PathBuf,
    /// Which company that names, where it can be read.
    pub company_id: Option<CompanyId>,
    /// What its settings are read from.
    pub sources: Sources,
    /// Why it is not served, where that is so.
    pub refused: Vec<String>,
    /// The only host of a fleet that serves it.
    pub host: Option<String>,
    /// How long one request for it may take at most.
    pub longest_request: Duration,
}

impl Company {
    /// How people know it.
    pub fn name(&self) -> String {
        self.company_id
            .as_ref()
            .map_or_else(|| self.settings.display().to_string(), ToString::to_string)
    }
}

/// The companies of a folder, in the order of their files' names. An error is about all of them.
pub fn companies_in(sources: &Sources, folder: &Path) -> Result<Vec<Company>, ConfigProblems> {
    let mut problems: Vec<String> = OVERRIDING
        .into_iter()
        .filter(|name| sources.environment.get(*name).is_some_and(|value| !value.is_empty()))
        .map(|name| format!("{name} is set, and would hold for every company: unset it, and let each settings file name its own"))
        .collect();
    if sources.config_flag.is_some() && !sources.is_of_fleet {
        problems.push("--config names one company's settings: leave it out".to_owned());
    }
    let dot_env = sources.working_folder.join(".env");
    if dot_env.symlink_metadata().is_ok() {
        problems.push(format!(
            "`{}` would hold for every company: move what it says into their settings files, and remove it or start \
             pleo-export in another folder",
            dot_env.display()
        ));
    }
    let files = settings_files(sources, folder).unwrap_or_else(|problem| {
        problems.push(problem);
        Vec::new()
    });
    if !problems.is_empty() {
        return Err(ConfigProblems { file: None, problems });
    }
    let mut companies: Vec<(Company, Owned)> = files.into_iter().map(|file| company(sources, file)).collect();
    refuse_shared(&mut companies);
    Ok(companies.into_iter().map(|(company, _)| company).collect())
}

/// `*.toml` of the folder, without hidden files.
fn settings_files(sources: &Sources, folder: &Path) -> Result<Vec<PathBuf>, String> {
    let folder = file::path(folder.as_os_str().to_owned(), file::home(&sources.environment))
        .map_err(|problem| format!("--companies {problem}"))?;
    let folder = sources.working_folder.join(folder);
    let cannot = |error| {
        format!(
            "cannot read the folder `{}` of --companies: {error}",
            folder.display()
        )
    };
    let mut files = Vec::new();
    for entry in folder.read_dir().map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        let is_hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !is_hidden && path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(format!(
            "there is no settings file (*.toml) in `{}`: each company has one",
            folder.display()
        ));
    }
    Ok(files)
}

/// What must be a company's own, by the words for it.
type Owned = Vec<(&'static str, String)>;

fn company(sources: &Sources, settings: PathBuf) -> (Company, Owned) {
    let sources = Sources {
        config_flag: Some(settings.clone()),
        is_one_of_several: true,
        ..sources.clone()
    };
    let parts = Parts::read(&sources, false);
    let owned = [
        ("company id", parts.company_id.as_ref().map(ToString::to_string)),
        ("checkpoint", parts.checkpoint.as_deref().map(one_name)),
        ("books", parts.system.as_ref().and_then(books)),
    ];
    let owned = owned.into_iter().filter_map(|(what, value)| Some((what, value?)));
    let company = Company {
        company_id: parts.company_id,
        sources,
        refused: distrust(&settings).into_iter().collect(),
        host: parts.of_fleet.host,
        longest_request: parts
            .request_timeout
            .max(parts.system.as_ref().map_or(Duration::ZERO, timeout)),
        settings,
    };
    (company, owned.collect())
}

/// A file or folder by its one name, as far as it is there.
fn one_name(path: &Path) -> String {
    files::resolved(path).to_string_lossy().into_owned()
}

/// How long one request to the accounting system may take.
const fn timeout(system: &SystemSettings) -> Duration {
    match system {
        SystemSettings::Beancount(_) => Duration::ZERO,
        SystemSettings::Odoo(settings) => settings.timeout,
        SystemSettings::Command(settings) => settings.timeout,
    }
}

/// Where the books of a company are; nothing for a connector, which may keep many.
fn books(system: &SystemSettings) -> Option<String> {
    use secrecy::ExposeSecret;
    match system {
        SystemSettings::Beancount(settings) => Some(one_name(&settings.directory)),
        // A database may hold several companies: the user of the key works in one of them.
        SystemSettings::Odoo(settings) => {
            let key = crate::host::digest::sha256(settings.api_key.expose_secret());
            let company = settings.company.as_deref().unwrap_or(&key);
            Some(format!("{} {} {company}", settings.url, settings.database))
        }
        SystemSettings::Command(_) => None,
    }
}

fn refuse_shared(companies: &mut [(Company, Owned)]) {
    let mut owners: BTreeMap<(&'static str, String), Vec<PathBuf>> = BTreeMap::new();
    for (company, owned) in &*companies {
        for thing in owned {
            owners
                .entry(thing.clone())
                .or_default()
                .push(company.settings.clone());
        }
    }
    for (company, owned) in companies {
        for thing in owned {
            let others = owners.get(thing).into_iter().flatten();
            let others: Vec<_> = others
                .filter(|other| **other != company.settings)
                .map(|other| format!("`{}`", other.display()))
                .collect();
            if !others.is_empty() {
                company.refused.push(format!(
                    "{} has the same {} as {}: each company needs its own",
                    company.settings.display(),
                    thing.0,
                    others.join(" and ")
                ));
            }
        }
    }
}
