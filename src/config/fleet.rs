//! `[fleet]`: the database that hosts share, and the host on which a company is served.
//!
//! What holds for all companies stands in a file of its own, which holds nothing else, or in the environment. A company's
//! file may name the host that serves it.

#[cfg(feature = "fleet")]
use std::sync::Arc;

use super::credential::TOKEN_FILE;
#[cfg(feature = "fleet")]
use super::problems::ConfigProblems;
#[cfg(feature = "fleet")]
use super::secret::secret_file;
use super::section::Section;
use super::sources::{Layers, Sources};
#[cfg(feature = "fleet")]
use crate::fleet::Grant;
use crate::model::ids::CompanyId;
use crate::pleo::oauth::Store;

/// The variable that names the database.
const URL: &str = "PLEO_EXPORT_FLEET_URL";

/// How to have a program that can be one of a fleet.
#[cfg(not(feature = "fleet"))]
pub(crate) const WITHOUT: &str = "this pleo-export was built without fleets: install it with `cargo install --locked --features \
                           fleet --path .`";

/// `[fleet]` as it stands in the settings of a company.
#[derive(Debug, Default)]
pub(super) struct OfCompany {
    /// The only host that serves it, where it is pinned.
    pub(super) host: Option<String>,
    /// Whether it is served by a fleet, as far as its settings say.
    pub(super) is_served: bool,
}

impl OfCompany {
    /// Reads it; what is about the database is for those who use it.
    pub(super) fn read(
        sources: &Sources,
        layers: &Layers,
        file: &mut Section,
        problems: &mut Vec<String>,
    ) -> Self {
        let is_there = file.keys().iter().any(|key| key == "fleet");
        let mut section = file.section("fleet", problems);
        #[cfg(not(feature = "fleet"))]
        if is_there {
            problems.push(format!("[fleet] stands in the settings: {WITHOUT}"));
            return Self::default();
        }
        let host = section.text("host", problems);
        for key in ["url_file", "ca_file"] {
            let _ = section.path(key, layers.file_folder(), problems);
        }
        let is_of_one_company = layers.file_section().keys().iter().any(|key| key != "fleet");
        for key in ["lease_seconds", "grace_seconds"] {
            if section.seconds_if_set(key, problems).is_some() && is_of_one_company {
                problems.push(format!(
                    "fleet.{key} holds for all companies of a fleet, and does nothing in the settings of one: write it into the \
                     file that workers are given by --config"
                ));
            }
        }
        section.finish(problems);
        Self {
            host,
            is_served: is_there || sources.is_of_fleet || layers.is_set(URL),
        }
    }

    /// A file of tokens is known to one host alone.
    pub(super) fn refuse_token_file(&self, has_token_file: bool, problems: &mut Vec<String>) {
        if self.is_served && has_token_file {
            problems.push(format!(
                "{TOKEN_FILE} is set, but a fleet keeps tokens in its database, where every host finds them: take it out, and \
                 log in once more"
            ));
        }
    }
}

/// Where a fleet keeps the tokens of a company. Its settings stand in the environment, in the file that was named for the fleet,
/// or in the company's own.
#[cfg(feature = "fleet")]
pub(super) fn grant(sources: &Sources, company: &CompanyId, problems: &mut Vec<String>) -> Option<Store> {
    let named = sources.fleet_file.clone().map(|file| Sources {
        config_flag: Some(file),
        ..sources.clone()
    });
    let layers = Layers::read(&of_fleet(named.as_ref().unwrap_or(sources)), problems);
    let mut section = layers.file_section().section("fleet", problems);
    let settings = settings(&layers, &mut section, problems, &mut Vec::new())?;
    Some(Store::Shared(Arc::new(Grant::new(settings, company.clone()))))
}

/// Without the feature nobody is served by a fleet.
#[cfg(not(feature = "fleet"))]
pub(super) fn grant(_sources: &Sources, _company: &CompanyId, _problems: &mut Vec<String>) -> Option<Store> {
    None
}

/// Whether the settings of a fleet are meant: the environment names its database, or the file that is named has `[fleet]`.
pub(crate) fn is_meant(sources: &Sources) -> bool {
    let layers = Layers::read(&of_fleet(sources), &mut Vec::new());
    layers.is_set(URL) || layers.file_section().keys().iter().any(|key| key == "fleet")
}

/// Whether the file that is named is that of a fleet, which holds nothing else. There is none without the feature.
pub(crate) fn is_file_of_fleet(sources: &Sources) -> bool {
    let layers = Layers::read(&of_fleet(sources), &mut Vec::new());
    let file = layers.file_section();
    let keys = file.keys();
    cfg!(feature = "fleet")
        && sources.config_flag.is_some()
        && !keys.is_empty()
        && keys.iter().all(|key| key == "fleet")
}

/// What is read is the environment and the file that is named; no file is looked for.
fn of_fleet(sources: &Sources) -> Sources {
    Sources {
        is_one_of_several: true,
        is_of_fleet: true,
        ..sources.clone()
    }
}

/// Reads the settings of a fleet.
///
/// # Errors
/// All that is wrong with them.
#[cfg(feature = "fleet")]
pub(crate) fn fleet(sources: &Sources) -> Result<(crate::fleet::Settings, Vec<String>), ConfigProblems> {
    let (mut problems, mut warnings) = (Vec::new(), Vec::new());
    let layers = Layers::read(&of_fleet(sources), &mut problems);
    let mut file = layers.file_section();
    let mut section = file.section("fleet", &mut problems);
    if section.text("host", &mut problems).is_some() {
        problems
            .push("fleet.host says where one company is served: it stands in that company's file".to_owned());
    }
    let settings = settings(&layers, &mut section, &mut problems, &mut warnings);
    section.finish(&mut problems);
    // It holds nothing else: what stands beside would look as if it held for all companies.
    file.finish(&mut problems);
    match settings {
        Some(settings) if problems.is_empty() => Ok((settings, warnings)),
        _ => Err(layers.problems(problems)),
    }
}

#[cfg(feature = "fleet")]
fn settings(
    layers: &Layers,
    section: &mut Section,
    problems: &mut Vec<String>,
    warnings: &mut Vec<String>,
) -> Option<crate::fleet::Settings> {
    use std::path::Path;

    use secrecy::{ExposeSecret, SecretString};

    let url_file = section.path("url_file", layers.file_folder(), problems);
    let ca_file = section.path("ca_file", layers.file_folder(), problems);
    let lease = section.seconds("lease_seconds", 90, problems);
    let grace = section.seconds_if_set("grace_seconds", problems);
    let (name, folder, url) = match (layers.variable(URL, problems).ok()?, url_file) {
        (Some(url), _) => (
            URL,
            layers.working_folder().to_owned(),
            Some(SecretString::from(url.trim().to_owned())),
        ),
        (None, Some(path)) => (
            "fleet.url_file",
            path.parent().map(Path::to_owned).unwrap_or_default(),
            secret_file("fleet.url_file", &path, problems, warnings),
        ),
        (None, None) => {
            problems.push(format!(
                "{URL} is missing: set it to the address of the fleet's database, such as postgresql://user@host/pleo_export (or \
                 `url_file` under [fleet])"
            ));
            return None;
        }
    };
    let address = crate::fleet::Address::read(url?.expose_secret(), &folder, ca_file.as_deref());
    let address = address
        .map_err(|problem| problems.push(format!("{name} {problem}")))
        .ok()?;
    Some(crate::fleet::Settings {
        address,
        lease,
        grace,
    })
}
