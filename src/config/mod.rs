//! The settings: where they come from, what each may be, and every problem with them at once.
//!
//! Flags beat the environment, which beats `.env` in the working directory, which beats the TOML file, which
//! beats the defaults. Nothing below this module sees a variable or a file of settings: each part of the
//! program gets its own checked section.

mod accounting;
mod bookkeeping;
mod dot_env;
mod file;
mod found;
mod secret;
mod section;
mod sources;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::TimeDelta;
use secrecy::SecretString;

use crate::host::files;
use crate::host::server_url::ServerUrl;
use crate::model::ids::CompanyId;
use crate::pleo::Credential;
use crate::receipts;

pub use accounting::SystemSettings;
pub use sources::Sources;

use secret::{secret_file, sendable};
use section::Section;
use sources::Layers;

/// For how long polls may fail before a person is called, unless settings say otherwise.
const ALARM_AFTER: TimeDelta = TimeDelta::hours(6);

/// Everything a run needs to know, checked.
#[derive(Debug)]
pub struct Config {
    /// Pleo: where, for whom, with which credential, how patiently.
    pub pleo: crate::pleo::Settings,
    /// Where progress is kept.
    pub checkpoint: PathBuf,
    /// How many items are booked and reported together, 1 to 100.
    pub batch_size: usize,
    /// How expenses become documents.
    pub bookkeeping: crate::bookkeeping::Settings,
    /// What happens when a receipt cannot be had.
    pub attachments: receipts::Policy,
    /// How long a receipt's host may be silent.
    pub receipt_timeout: Duration,
    /// How long the receipts of one item may take, all tries together.
    pub receipts_give_up_after: Duration,
    /// How long the accounting system may be out of reach before the run gives up.
    pub patience: Duration,
    /// Which accounting system, and where.
    pub system: SystemSettings,
    /// Whether the environment names a proxy.
    pub has_proxy: bool,
    /// By which way Pleo is asked: a digest of its address and the proxies, so that a change of them is seen.
    pub route: String,
    /// For how long polls may fail, or another run may last, before a person is called.
    pub alarm_after: TimeDelta,
    /// What is allowed but unwise; to be logged.
    pub warnings: Vec<String>,
}

/// The settings that `status` needs: no credential, and no company where the checkpoint is named.
#[derive(Debug)]
pub struct StatusConfig {
    /// Where progress is kept.
    pub checkpoint: PathBuf,
    /// Whose it should be, where that is said.
    pub company_id: Option<CompanyId>,
    /// For how long polls may fail, or a run may last, before a person is called.
    pub alarm_after: TimeDelta,
}

/// The settings that work on the books alone needs: everything but a credential.
#[derive(Debug)]
pub struct BooksConfig {
    /// Whose books they are.
    pub company_id: CompanyId,
    /// The host of Pleo's API, by which the checkpoint is known.
    pub pleo_host: String,
    /// Where progress is kept.
    pub checkpoint: PathBuf,
    /// How expenses become documents.
    pub bookkeeping: crate::bookkeeping::Settings,
    /// Which accounting system, and where.
    pub system: SystemSettings,
    /// What is allowed but unwise; to be logged.
    pub warnings: Vec<String>,
}

/// Every problem with the settings. Nothing has been sent or written.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigProblems(pub Vec<String>);

impl fmt::Display for ConfigProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        write!(
            f,
            "{count} problem{} with the settings",
            if count == 1 { "" } else { "s" }
        )?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  - {problem}"))
    }
}

impl std::error::Error for ConfigProblems {}

impl Config {
    /// Reads and checks everything. On any problem nothing but the list of all problems comes back.
    pub fn load(sources: &Sources) -> Result<Self, ConfigProblems> {
        Self::read(sources, true)
    }

    /// Where no credential is needed, one that is wrong or missing is no problem, and an empty one stands for it.
    fn read(sources: &Sources, needs_credential: bool) -> Result<Self, ConfigProblems> {
        let mut problems = Vec::new();
        let mut warnings = Vec::new();
        let layers = Layers::read(sources, &mut problems);
        layers.check_proxies(&mut problems);
        let mut file = layers.file_section();

        let mut pleo = file.section("pleo", &mut problems);
        let company_id = company_id(&layers, &mut pleo, &mut problems);
        let base_url = base_url(&layers, &mut pleo, &mut problems);
        let mut unimportant = Vec::new();
        let credential = if needs_credential {
            credential(&layers, &mut pleo, &mut problems, &mut warnings)
        } else {
            credential(&layers, &mut pleo, &mut unimportant, &mut warnings)
                .or_else(|| Some(Credential::ApiKey(SecretString::default())))
        };
        let request_timeout = seconds(&mut pleo, "timeout_seconds", 30, &mut problems);
        let give_up_after = seconds(&mut pleo, "give_up_after_seconds", 120, &mut problems);
        let batch_size = pleo.integer("batch_size", 1..=100, &mut problems).unwrap_or(100);
        pleo.finish(&mut problems);

        let checkpoint = checkpoint(&layers, &mut file, company_id.as_ref(), &mut problems);
        let alarm_after = alarm_after(&mut file, &mut problems);
        let mut bookkeeping = file.section("bookkeeping", &mut problems);
        let (accounting, patience) = accounting::read(
            &layers,
            &mut file,
            &mut bookkeeping,
            (&mut problems, &mut warnings),
        );
        let (bookkeeping, attachments) =
            bookkeeping::read(&mut file, bookkeeping, accounting.role_defaults(), &mut problems);
        let mut receipts = file.section("receipts", &mut problems);
        let receipt_timeout = seconds(&mut receipts, "timeout_seconds", 30, &mut problems);
        let receipts_give_up_after = seconds(&mut receipts, "give_up_after_seconds", 120, &mut problems);
        receipts.finish(&mut problems);
        file.finish(&mut problems);
        let system = accounting.finished(&bookkeeping, company_id.as_ref(), &mut problems);
        if credential.is_some() {
            let of_odoo = matches!(&system, Some(SystemSettings::Odoo(_))) && layers.is_set("ODOO_API_KEY");
            let in_use = [
                Some(credential_in_use(&layers)),
                of_odoo.then_some("ODOO_API_KEY"),
            ];
            layers.refuse_misleading(&in_use.into_iter().flatten().collect::<Vec<_>>(), &mut problems);
        }

        match (company_id, base_url, credential, checkpoint, system) {
            (Some(company_id), Some(base_url), Some(credential), Some(checkpoint), Some(system))
                if problems.is_empty() =>
            {
                Ok(Self {
                    route: layers.route(&base_url),
                    alarm_after,
                    pleo: crate::pleo::Settings {
                        base_url,
                        company_id,
                        credential,
                        request_timeout,
                        give_up_after,
                    },
                    checkpoint,
                    batch_size: usize::try_from(batch_size).unwrap_or(100),
                    bookkeeping,
                    attachments,
                    receipt_timeout,
                    receipts_give_up_after,
                    patience,
                    system,
                    has_proxy: layers.has_proxy(),
                    warnings,
                })
            }
            _ => Err(ConfigProblems(problems)),
        }
    }
}

impl BooksConfig {
    /// Reads and checks everything but the credential.
    pub fn load(sources: &Sources) -> Result<Self, ConfigProblems> {
        let config = Config::read(sources, false)?;
        Ok(Self {
            company_id: config.pleo.company_id,
            pleo_host: config.pleo.base_url.host_str().unwrap_or_default().to_owned(),
            checkpoint: config.checkpoint,
            bookkeeping: config.bookkeeping,
            system: config.system,
            warnings: config.warnings,
        })
    }
}

impl StatusConfig {
    /// Reads where the checkpoint is. Problems with other settings do not matter here.
    pub fn load(sources: &Sources) -> Result<Self, ConfigProblems> {
        let mut problems = Vec::new();
        let layers = Layers::read(sources, &mut problems);
        let mut file = layers.file_section();
        let mut unimportant = Vec::new();
        let mut pleo = file.section("pleo", &mut unimportant);
        let mut company_problems = Vec::new();
        let company_id = company_id(&layers, &mut pleo, &mut company_problems);
        let checkpoint = checkpoint(&layers, &mut file, company_id.as_ref(), &mut problems);
        match checkpoint {
            Some(checkpoint) if problems.is_empty() => Ok(Self {
                alarm_after: alarm_after(&mut file, &mut unimportant),
                checkpoint,
                company_id,
            }),
            _ => {
                problems.extend(company_problems);
                Err(ConfigProblems(problems))
            }
        }
    }
}

/// Where receipts lie between download and booking: beside the checkpoint, under its whole name, so that no two
/// checkpoints share it.
pub fn receipts_folder(checkpoint: &Path) -> PathBuf {
    let mut name = checkpoint.as_os_str().to_owned();
    name.push(".pleo-export-receipts");
    PathBuf::from(name)
}

/// Where the first version kept them.
pub fn receipts_folder_of_the_first_version(checkpoint: &Path) -> PathBuf {
    checkpoint.with_extension("receipts")
}

fn company_id(layers: &Layers, pleo: &mut Section, problems: &mut Vec<String>) -> Option<CompanyId> {
    let in_file = pleo.text("company_id", problems);
    let variable = layers.variable("PLEO_COMPANY_ID", problems).ok()?;
    let (name, text) = match (variable, in_file) {
        (Some(text), _) => ("PLEO_COMPANY_ID", text),
        (None, Some(text)) => ("pleo.company_id", text),
        (None, None) => {
            problems.push(
                "PLEO_COMPANY_ID is missing: set it to your company's id on Pleo (or `company_id` under [pleo])".into(),
            );
            return None;
        }
    };
    text.parse()
        .map_err(|error| problems.push(format!("{name}: {error}")))
        .ok()
}

fn base_url(layers: &Layers, pleo: &mut Section, problems: &mut Vec<String>) -> Option<ServerUrl> {
    let in_file = pleo.text("base_url", problems);
    let variable = layers.variable("PLEO_BASE_URL", problems).ok()?;
    let (name, text) = match (variable, in_file) {
        (Some(text), _) => ("PLEO_BASE_URL", text),
        (None, Some(text)) => ("pleo.base_url", text),
        (None, None) => ("pleo.base_url", "https://external.pleo.io".to_owned()),
    };
    match text.parse() {
        Ok(url) => Some(url),
        Err(problem) => {
            // What stands before an @ may be a credential.
            let shown = text.rsplit('@').next().unwrap_or_default();
            problems.push(format!("{name} is `{shown}`: {problem}"));
            None
        }
    }
}

fn credential(
    layers: &Layers,
    pleo: &mut Section,
    problems: &mut Vec<String>,
    warnings: &mut Vec<String>,
) -> Option<Credential> {
    let key_file = pleo.path("api_key_file", layers.file_folder(), problems);
    let key = layers.variable("PLEO_API_KEY", problems);
    let token = layers.variable("PLEO_ACCESS_TOKEN", problems);
    match (key.ok()?, token.ok()?, key_file) {
        (Some(_), Some(_), _) => {
            problems.push("PLEO_API_KEY and PLEO_ACCESS_TOKEN are both set: keep the one you mean".into());
            None
        }
        (Some(key), None, _) => sendable("PLEO_API_KEY", key, problems).map(Credential::ApiKey),
        (None, Some(token), _) => sendable("PLEO_ACCESS_TOKEN", token, problems).map(Credential::AccessToken),
        (None, None, Some(path)) => {
            secret_file("pleo.api_key_file", &path, problems, warnings).map(Credential::ApiKey)
        }
        (None, None, None) => {
            problems.push(
                "PLEO_API_KEY is missing: set it to an API key made in Pleo under Settings > API Keys (or `api_key_file` \
                 under [pleo], or PLEO_ACCESS_TOKEN)"
                    .into(),
            );
            None
        }
    }
}

/// The name of the credential for Pleo that counts, where there is one.
fn credential_in_use(layers: &Layers) -> &'static str {
    let variables = ["PLEO_API_KEY", "PLEO_ACCESS_TOKEN"];
    let set = variables.into_iter().find(|name| layers.is_set(name));
    set.unwrap_or("pleo.api_key_file")
}

/// `[run] alarm_after`.
fn alarm_after(file: &mut Section, problems: &mut Vec<String>) -> TimeDelta {
    let mut run = file.section("run", problems);
    let duration = run.duration("alarm_after", problems);
    run.finish(problems);
    duration.unwrap_or(ALARM_AFTER)
}

fn seconds(section: &mut Section, key: &str, default: i64, problems: &mut Vec<String>) -> Duration {
    let seconds = section.integer(key, 1..=86_400, problems).unwrap_or(default);
    Duration::from_secs(u64::try_from(seconds).unwrap_or(1))
}

/// The checkpoint's file, in its folder's one name.
fn checkpoint(
    layers: &Layers,
    file: &mut Section,
    company_id: Option<&CompanyId>,
    problems: &mut Vec<String>,
) -> Option<PathBuf> {
    let path = named_checkpoint(layers, file, company_id, problems)?;
    Some(match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) => files::resolved(folder).join(name),
        _ => path,
    })
}

fn named_checkpoint(
    layers: &Layers,
    file: &mut Section,
    company_id: Option<&CompanyId>,
    problems: &mut Vec<String>,
) -> Option<PathBuf> {
    let mut section = file.section("checkpoint", problems);
    let in_file = section.path("path", layers.file_folder(), problems);
    section.finish(problems);
    let variable = layers.path_variable("PLEO_EXPORT_CHECKPOINT", problems).ok()?;
    if variable.is_some() {
        return variable;
    }
    if in_file.is_some() {
        return in_file;
    }
    let company_id = company_id?;
    let folder = layers.state_folder(problems).ok()?;
    if folder.is_none() {
        problems.push(
            "there is no place for the checkpoint: set PLEO_EXPORT_CHECKPOINT (neither STATE_DIRECTORY nor HOME is set)"
                .into(),
        );
    }
    Some(folder?.join(format!("pleo-export-{company_id}.sqlite3")))
}

#[cfg(test)]
mod tests;
