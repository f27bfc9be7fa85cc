//! `[bookkeeping]`, `[accounts]` and `[taxes]`: how expenses become documents.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::section::Section;
use crate::bookkeeping::{ClosedPeriods, DuplicateInvoices, Role, Settings, TaxRule};
use crate::model::document::PostingState;
use crate::receipts::Policy;

/// Reads the three tables. `role_defaults` serve roles that the file does not name; which these are is answered too.
pub(super) fn read(
    file: &mut Section,
    mut section: Section,
    role_defaults: &[(Role, &str)],
    problems: &mut Vec<String>,
) -> (Settings, Policy, BTreeSet<Role>) {
    let posting = section
        .choice(
            "posting",
            &[("draft", PostingState::Draft), ("final", PostingState::Final)],
            problems,
        )
        .unwrap_or(PostingState::Draft);
    let closed_until = date(&mut section, "closed_until", problems);
    let closed_periods = section
        .choice(
            "closed_periods",
            &[
                ("fail", ClosedPeriods::Fail),
                ("next_open", ClosedPeriods::NextOpen),
                ("today", ClosedPeriods::Today),
            ],
            problems,
        )
        .unwrap_or(ClosedPeriods::Fail);
    let time_zone = time_zone(&mut section, problems);
    let attachments = section
        .choice(
            "attachments",
            &[
                ("required", Policy::Required),
                ("best_effort", Policy::BestEffort),
                ("none", Policy::None),
            ],
            problems,
        )
        .unwrap_or(Policy::Required);
    let duplicate_invoices = section
        .choice(
            "duplicate_invoices",
            &[
                ("fail", DuplicateInvoices::Fail),
                ("warn", DuplicateInvoices::Warn),
            ],
            problems,
        )
        .unwrap_or(DuplicateInvoices::Fail);
    section.finish(problems);
    let (roles, by_default, map) = accounts(file, role_defaults, problems);
    let taxes = taxes(file, problems);
    let settings = Settings {
        posting,
        closed_until,
        closed_periods,
        time_zone,
        duplicate_invoices,
        roles,
        map,
        taxes,
    };
    (settings, attachments, by_default)
}

fn date(section: &mut Section, key: &str, problems: &mut Vec<String>) -> Option<NaiveDate> {
    let text = section.text(key, problems)?;
    let date = text.parse().ok();
    if date.is_none() {
        let name = section.name(key);
        problems.push(format!(
            "{name} is \"{text}\", but must be a date such as \"2026-03-31\""
        ));
    }
    date
}

fn time_zone(section: &mut Section, problems: &mut Vec<String>) -> Tz {
    let Some(text) = section.text("time_zone", problems) else {
        return Tz::UTC;
    };
    text.parse().unwrap_or_else(|_| {
        problems.push(format!(
            "{} is \"{text}\", but must be a zone such as \"Europe/Copenhagen\" or \"UTC\"",
            section.name("time_zone")
        ));
        Tz::UTC
    })
}

type Accounts = (BTreeMap<Role, String>, BTreeSet<Role>, BTreeMap<String, String>);

fn accounts(file: &mut Section, role_defaults: &[(Role, &str)], problems: &mut Vec<String>) -> Accounts {
    let mut section = file.section("accounts", problems);
    let mut roles: BTreeMap<Role, String> = role_defaults
        .iter()
        .map(|(role, account)| (*role, (*account).to_owned()))
        .collect();
    let mut by_default: BTreeSet<Role> = roles.keys().copied().collect();
    for &role in Role::ALL {
        if let Some(account) = section.text(role.as_str(), problems) {
            by_default.remove(&role);
            roles.insert(role, account);
        }
    }
    let mut mapping = section.section("map", problems);
    let map = mapping
        .keys()
        .into_iter()
        .filter_map(|code| mapping.text(&code, problems).map(|account| (code, account)))
        .collect();
    section.finish(problems);
    (roles, by_default, map)
}

fn taxes(file: &mut Section, problems: &mut Vec<String>) -> BTreeMap<String, TaxRule> {
    let mut section = file.section("taxes", problems);
    section
        .keys()
        .into_iter()
        .map(|tax_code| {
            let mut rule = section.section(&tax_code, problems);
            let read = TaxRule {
                account: rule.text("account", problems),
                outgoing_account: rule.text("outgoing_account", problems),
                deductible_millionths: rule.share("deductible", problems).unwrap_or(1_000_000),
                code: rule.text("code", problems),
            };
            rule.finish(problems);
            (tax_code, read)
        })
        .collect()
}
