//! The settings: where they come from, what each may be, and every problem with them at once.
//!
//! Flags beat the environment, which beats `.env` in the working directory, which beats the TOML file, which
//! beats the defaults. Nothing below this module sees a variable or a file of settings: each part of the
//! program gets its own checked section.

mod accounting;
mod bookkeeping;
mod check;
mod checkpoint;
mod companies;
mod credential;
mod dot_env;
mod file;
pub(crate) mod fleet;
mod found;
mod look;
mod notify;
mod oauth;
mod pleo;
mod problems;
mod secret;
mod section;
mod sources;

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::TimeDelta;
use chrono_tz::Tz;
use secrecy::SecretString;

use crate::host::files;
use crate::host::server_url::ServerUrl;
use crate::model::ids::CompanyId;
use crate::pleo::Credential;
use crate::receipts;

pub use accounting::SystemSettings;
pub use check::CheckConfig;
pub use companies::{Company, companies_in};
pub use look::NoCheckpoint;
pub use notify::NotifyConfig;
pub use oauth::{NoOAuth, OAuthConfig};
pub use problems::ConfigProblems;
pub(crate) use section::duration;
pub use sources::Sources;

use checkpoint::checkpoint;
use credential::{Found, credential, credentials_in_use, name_of};
use oauth::OAuthSection;
use pleo::{at_most, base_url, company_id, one_company, timeouts};
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
    /// For how long the payloads of a job are kept after it is over; at once where it is nothing.
    pub keep_payloads: TimeDelta,
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
    /// The way to Pleo: a digest of its address and the proxies, so that a change of them is seen.
    pub route: String,
    /// For how long polls may fail, or another run may last, before a person is called.
    pub alarm_after: TimeDelta,
    /// Whether a fleet serves the company, as far as the settings say.
    pub is_of_fleet: bool,
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
    /// The zone whose calendar the books follow.
    pub time_zone: Tz,
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

impl Config {
    /// Reads and checks everything. On any problem nothing but the list of all problems comes back.
    pub fn load(sources: &Sources) -> Result<Self, ConfigProblems> {
        Parts::read(sources, true).whole()
    }

    /// Where it is looked up afterwards.
    pub fn place(&self) -> StatusConfig {
        StatusConfig {
            checkpoint: self.checkpoint.clone(),
            company_id: Some(self.pleo.company_id.clone()),
            alarm_after: self.alarm_after,
            time_zone: self.bookkeeping.time_zone,
        }
    }
}

/// What can be read of the settings, and what is wrong with them.
#[derive(Debug)]
struct Parts {
    settings_file: Option<PathBuf>,
    company_id: Option<CompanyId>,
    /// That no company is named, where that is so.
    missing_company: Vec<String>,
    base_url: Option<ServerUrl>,
    credential: Option<Credential>,
    request_timeout: Duration,
    give_up_after: Duration,
    requests_per_minute: u32,
    batch_size: i64,
    checkpoint: Option<PathBuf>,
    keep_payloads: TimeDelta,
    bookkeeping: crate::bookkeeping::Settings,
    attachments: receipts::Policy,
    receipt_timeout: Duration,
    receipts_give_up_after: Duration,
    patience: Duration,
    system: Option<SystemSettings>,
    /// Whether a fleet serves the company, and on which host alone.
    of_fleet: fleet::OfCompany,
    has_proxy: bool,
    route: Option<String>,
    alarm_after: TimeDelta,
    problems: Vec<String>,
    warnings: Vec<String>,
}

impl Parts {
    /// Where no credential is needed, one that is wrong or missing is no problem, and an empty one stands for it.
    fn read(sources: &Sources, needs_credential: bool) -> Self {
        let mut problems = Vec::new();
        let mut warnings = Vec::new();
        let layers = Layers::read(sources, &mut problems);
        layers.check_proxies(&mut problems);
        let mut file = layers.file_section();
        let of_fleet = fleet::OfCompany::read(sources, &layers, &mut file, &mut problems);

        let mut pleo = file.section("pleo", &mut problems);
        let (mut missing_company, mut unimportant) = (Vec::new(), Vec::new());
        let company_id = company_id(&layers, &mut pleo, &mut problems, &mut missing_company);
        let base_url = base_url(&layers, &mut pleo, &mut problems);
        let mut oauth = OAuthSection::read(&layers, &mut pleo, &mut problems, &mut warnings);
        oauth.share(sources, &of_fleet, company_id.as_ref(), &mut problems);
        let timeouts = timeouts(&mut pleo, &mut problems);
        let (request_timeout, give_up_after) = timeouts;
        let about_credential = if needs_credential {
            &mut problems
        } else {
            &mut unimportant
        };
        let found = credential(
            &layers,
            &mut pleo,
            oauth.as_credential(),
            about_credential,
            &mut warnings,
        );
        let (credential, of_tokens) = match found {
            Some(Found::Tokens) => {
                let mut about_tokens = Vec::new();
                let of_tokens = oauth.company_of_tokens(base_url.as_ref(), &mut about_tokens);
                if of_tokens.is_none() && needs_credential {
                    // What is missing is a login, which brings the company.
                    missing_company.clear();
                } else if !missing_company.is_empty() {
                    missing_company.extend_from_slice(&about_tokens);
                }
                about_credential.append(&mut about_tokens);
                let whose = of_tokens.clone().or_else(|| company_id.clone());
                let settings = oauth.settings(&layers, base_url.as_ref(), whose, timeouts, about_credential);
                (
                    settings.map(|settings| Credential::OAuth(Box::new(settings))),
                    of_tokens,
                )
            }
            Some(Found::Secret(credential)) => (Some(credential), None),
            None => (None, None),
        };
        let company_id = one_company(company_id, of_tokens, &mut missing_company, &mut problems);
        let (batch_size, requests_per_minute) = at_most(&mut pleo, &mut problems);
        pleo.finish(&mut problems);

        let (checkpoint, keep_payloads) = checkpoint(&layers, &mut file, company_id.as_ref(), &mut problems);
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
        let receipt_timeout = receipts.seconds("timeout_seconds", 30, &mut problems);
        let receipts_give_up_after = receipts.seconds("give_up_after_seconds", 120, &mut problems);
        receipts.finish(&mut problems);
        let notify = NotifyConfig::read(&layers, &mut file, &mut problems);
        warnings.extend(notify.unable());
        file.finish(&mut problems);
        let system = accounting.finished(&bookkeeping, company_id.as_ref(), &mut problems);
        if credential.is_some() || !needs_credential {
            let of_pleo = credential.as_ref().and_then(|found| name_of(&layers, found));
            let is_odoo = matches!(&system, Some(SystemSettings::Odoo(_)));
            let in_use = credentials_in_use(&layers, of_pleo, is_odoo);
            layers.refuse_misleading(&in_use, &mut problems);
        }
        let stand_in = || (!needs_credential).then(|| Credential::AccessToken(SecretString::default()));
        Self {
            settings_file: layers.file_path().map(Path::to_owned),
            company_id,
            missing_company,
            route: base_url.as_ref().map(|url| layers.route(url)),
            base_url,
            credential: credential.or_else(stand_in),
            request_timeout,
            give_up_after,
            requests_per_minute,
            batch_size,
            checkpoint,
            keep_payloads,
            bookkeeping,
            attachments,
            receipt_timeout,
            receipts_give_up_after,
            patience,
            system,
            of_fleet,
            has_proxy: layers.has_proxy(),
            alarm_after,
            problems,
            warnings,
        }
    }

    fn whole(mut self) -> Result<Config, ConfigProblems> {
        // It is the first thing to be told to a newcomer.
        self.missing_company.append(&mut self.problems);
        let problems = self.missing_company;
        match (
            self.company_id,
            self.base_url,
            self.credential,
            self.checkpoint,
            self.system,
            self.route,
        ) {
            (
                Some(company_id),
                Some(base_url),
                Some(credential),
                Some(checkpoint),
                Some(system),
                Some(route),
            ) if problems.is_empty() => Ok(Config {
                route,
                alarm_after: self.alarm_after,
                pleo: crate::pleo::Settings {
                    base_url,
                    company_id,
                    credential,
                    request_timeout: self.request_timeout,
                    give_up_after: self.give_up_after,
                    requests_per_minute: self.requests_per_minute,
                    throttle: None,
                },
                checkpoint,
                keep_payloads: self.keep_payloads,
                batch_size: usize::try_from(self.batch_size).unwrap_or(100),
                bookkeeping: self.bookkeeping,
                attachments: self.attachments,
                receipt_timeout: self.receipt_timeout,
                receipts_give_up_after: self.receipts_give_up_after,
                patience: self.patience,
                system,
                has_proxy: self.has_proxy,
                is_of_fleet: self.of_fleet.is_served,
                warnings: self.warnings,
            }),
            _ => Err(ConfigProblems {
                file: self.settings_file,
                problems,
            }),
        }
    }
}

impl BooksConfig {
    /// Reads and checks everything but the credential.
    pub fn load(sources: &Sources) -> Result<Self, ConfigProblems> {
        let config = Parts::read(sources, false).whole()?;
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
        let (mut company_problems, mut missing) = (Vec::new(), Vec::new());
        let named = company_id(&layers, &mut pleo, &mut company_problems, &mut missing);
        let company_id = named.or_else(|| tokens_company(&layers, &mut pleo, &mut missing));
        company_problems.append(&mut missing);
        let (checkpoint, _) = checkpoint(&layers, &mut file, company_id.as_ref(), &mut problems);
        match checkpoint {
            Some(checkpoint) if problems.is_empty() => Ok(Self {
                alarm_after: alarm_after(&mut file, &mut unimportant),
                time_zone: bookkeeping::time_zone_of(&mut file, &mut unimportant),
                checkpoint,
                company_id,
            }),
            _ => {
                problems.extend(company_problems);
                Err(layers.problems(problems))
            }
        }
    }
}

/// Where receipts lie between download and booking: beside the checkpoint, under its whole name, so that no two
/// checkpoints share it.
pub fn receipts_folder(checkpoint: &Path) -> PathBuf {
    files::beside(checkpoint, ".pleo-export-receipts")
}

/// Where the first version kept them.
pub fn receipts_folder_of_the_first_version(checkpoint: &Path) -> PathBuf {
    checkpoint.with_extension("receipts")
}

/// The company of the tokens, where there are some. Why they cannot be read goes to `problems`.
fn tokens_company(layers: &Layers, pleo: &mut Section, problems: &mut Vec<String>) -> Option<CompanyId> {
    let (mut unimportant, mut warnings) = (Vec::new(), Vec::new());
    let section = OAuthSection::read(layers, pleo, &mut unimportant, &mut warnings);
    let tokens = section.file_content(problems)?;
    tokens.company_id
}

/// `[run] alarm_after`.
fn alarm_after(file: &mut Section, problems: &mut Vec<String>) -> TimeDelta {
    let mut run = file.section("run", problems);
    let duration = run.duration("alarm_after", problems);
    run.finish(problems);
    duration.unwrap_or(ALARM_AFTER)
}

#[cfg(test)]
mod tests;
