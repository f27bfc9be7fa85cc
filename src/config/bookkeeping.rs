//! `[bookkeeping]`, `[accounts]`, `[taxes]` and `[vendors]`: how expenses become documents.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;

use super::section::Section;
use crate::bookkeeping::{ClosedPeriods, DuplicateInvoices, Role, Settings, TaxRule};
use crate::model::document::PostingState;
use crate::receipts::Policy;

/// Reads the four tables. `role_defaults` serve roles that the file does not name.
pub(super) fn read(
    file: &mut Section,
    mut section: Section,
    role_defaults: &[(Role, &str)],
    problems: &mut Vec<String>,
) -> (Settings, Policy) {
    let posting = section
        .choice(
            "posting",
            &[("draft", PostingState::Draft), ("final", PostingState::Final)],
            problems,
        )
        .unwrap_or(PostingState::Draft);
    let closed_until = section.date("closed_until", problems);
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
    let (roles, map) = accounts(file, problems);
    let defaults = role_defaults.iter().filter(|(role, _)| !roles.contains_key(role));
    let role_defaults = defaults
        .map(|(role, account)| (*role, (*account).to_owned()))
        .collect();
    let taxes = taxes(file, problems);
    let vendor_codes = vendor_codes(file, problems);
    let settings = Settings {
        posting,
        closed_until,
        closed_periods,
        time_zone,
        duplicate_invoices,
        vendor_codes,
        roles,
        role_defaults,
        map,
        taxes,
    };
    (settings, attachments)
}

/// The zone alone.
pub(super) fn time_zone_of(file: &mut Section, problems: &mut Vec<String>) -> Tz {
    let mut section = file.section("bookkeeping", problems);
    time_zone(&mut section, problems)
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

type Accounts = (BTreeMap<Role, String>, BTreeMap<String, String>);

fn accounts(file: &mut Section, problems: &mut Vec<String>) -> Accounts {
    let mut section = file.section("accounts", problems);
    let roles = Role::ALL
        .iter()
        .filter_map(|&role| Some((role, section.text(role.as_str(), problems)?)))
        .collect();
    let mut mapping = section.section("map", problems);
    let map = mapping
        .keys()
        .into_iter()
        .filter_map(|code| mapping.text(&code, problems).map(|account| (code, account)))
        .collect();
    section.finish(problems);
    (roles, map)
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

/// Who is a vendor where the accounting system keeps no register of them.
fn vendor_codes(file: &mut Section, problems: &mut Vec<String>) -> BTreeSet<String> {
    let mut section = file.section("vendors", problems);
    let codes = section.texts("codes", problems).unwrap_or_default();
    section.finish(problems);
    codes.iter().map(|code| code.trim().to_owned()).collect()
}
