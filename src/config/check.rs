//! The settings for `check`, which looks at whatever can be looked at, however much is wrong.

use std::path::PathBuf;

use chrono::TimeDelta;

use super::{Config, Parts, Sources, SystemSettings};
use crate::model::ids::CompanyId;
use crate::receipts;

/// What can be read of the settings.
#[derive(Debug)]
pub struct CheckConfig {
    /// All problems; that no company is named is none by itself, since Pleo may tell it.
    pub problems: Vec<String>,
    /// What is allowed but unwise.
    pub warnings: Vec<String>,
    /// The company that they name.
    pub company_id: Option<CompanyId>,
    /// Where progress is kept, where that can be told.
    pub checkpoint: Option<PathBuf>,
    /// Which accounting system, where that can be told.
    pub system: Option<SystemSettings>,
    /// What happens when a receipt cannot be had.
    pub attachments: receipts::Policy,
    /// Whether a fleet serves the company, as far as the settings say.
    pub is_of_fleet: bool,
    /// Whether one host of it alone does.
    pub is_pinned: bool,
    /// For how long polls may fail, or a run may last, before a person is called.
    pub alarm_after: TimeDelta,
    /// All of them, where nothing is wrong.
    pub whole: Option<Config>,
    /// The way to Pleo for a company that is yet to be named, where nothing else is wrong.
    pub without_company: Option<crate::pleo::Settings>,
}

impl CheckConfig {
    /// Reads as much as there is.
    pub fn load(sources: &Sources) -> Self {
        let parts = Parts::read(sources, true);
        let is_nameless = parts.problems.is_empty() && !parts.missing_company.is_empty();
        let way = parts.base_url.clone().zip(parts.credential.clone());
        let without_company = way.filter(|_| is_nameless);
        let missing_company = parts.missing_company.iter().filter(|_| !is_nameless);
        Self {
            problems: missing_company.chain(&parts.problems).cloned().collect(),
            warnings: parts.warnings.clone(),
            company_id: parts.company_id.clone(),
            checkpoint: parts.checkpoint.clone(),
            system: parts.system.clone(),
            attachments: parts.attachments,
            is_of_fleet: parts.of_fleet.is_served,
            is_pinned: parts.of_fleet.host.is_some(),
            alarm_after: parts.alarm_after,
            without_company: without_company.map(|(base_url, credential)| crate::pleo::Settings {
                base_url,
                company_id: CompanyId::new(""),
                credential,
                request_timeout: parts.request_timeout,
                give_up_after: parts.give_up_after,
                requests_per_minute: parts.requests_per_minute,
                throttle: None,
            }),
            whole: parts.whole().ok(),
        }
    }

    /// Reads them as if they named this company.
    pub fn load_for(sources: &Sources, company_id: &CompanyId) -> Self {
        let mut sources = sources.clone();
        let company_id = company_id.as_str().into();
        sources
            .environment
            .insert("PLEO_COMPANY_ID".to_owned(), company_id);
        Self::load(&sources)
    }
}
