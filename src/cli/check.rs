//! `check`: puts the checks together with what they look at, and shows what they found.

mod findings;

use std::path::Path;
use std::time::Duration;

use chrono::Datelike;

use super::answer::{Form, Shown};
use super::args::LogFormat;
use super::as_typed::as_typed;
use super::exit::Exit;
use super::{companies, parts, shared, signals, subscribe};
use crate::check::accounts::KnownToPleo;
use crate::check::checkpoint::Opened;
use crate::check::jobs::Here;
use crate::check::pleo::Told;
use crate::check::{self, Check, Name, State};
use crate::checkpoint::{self, Checkpoint, Contact};
use crate::config::{CheckConfig, Config, Sources, SystemSettings, receipts_folder};
use crate::export::report::Problem;
use crate::host::clock;
use crate::host::stop::Stop;
use crate::pleo::webhook::kept;
use crate::pleo::{self, Client};
use crate::systems::{AccountingSystem, Create};

/// A person waits for the answer, so no outage is waited for as a run would.
pub(super) const LONGEST_PATIENCE: Duration = Duration::from_secs(15);

const SETTINGS_FIRST: &str = "the settings must be right first";

/// Looks at everything and shows it.
pub(super) fn check(sources: &Sources, form: Form) -> Exit {
    shown(sources, form, &signals::stop_on_signals()).give(form)
}

/// The same for each company of a folder.
pub(super) fn check_each(sources: &Sources, folder: &Path, form: Form) -> Exit {
    let stop = signals::stop_on_signals();
    companies::each(sources, folder, form, |company| {
        companies::unless_refused(company, form, || shown(&company.sources, form, &stop))
    })
}

fn shown(sources: &Sources, form: Form, stop: &Stop) -> Shown {
    let mut checks = examine(sources, stop);
    checks.sort_by_key(|check| check.name);
    // Why polls fail for so long is that it is out of reach.
    if checks.iter().any(|check| check.state == State::OutOfReach) {
        let series = checks.iter_mut().filter(|check| check.name == Name::LastPoll);
        series.for_each(|check| check.state = check.state.min(State::Warning));
    }
    for check in &mut checks {
        check.message = as_typed(&check.message);
        check.remedy = check.remedy.as_deref().map(as_typed);
    }
    let exit = exit_of(&checks);
    if form.log == LogFormat::Json {
        findings::log(&checks);
    }
    Shown {
        exit,
        text: if form.json {
            findings::to_json(&checks, exit)
        } else {
            findings::to_text(&checks, form.quiet)
        },
        problems: Vec::new(),
    }
}

fn exit_of(checks: &[Check]) -> Exit {
    let worst = |state| checks.iter().any(|check| check.state == state);
    if worst(State::Failed) {
        Exit::Usage
    } else if worst(State::OutOfReach) {
        Exit::Temporary
    } else {
        Exit::Done
    }
}

fn examine(sources: &Sources, stop: &Stop) -> Vec<Check> {
    let mut config = CheckConfig::load(sources);
    let mut told = config
        .without_company
        .clone()
        .map(|way| ask_whose(way, sources, stop));
    // Everything else depends on the company, and Pleo may have told it.
    if let Some(company_id) = told.as_ref().and_then(|told| told.company.as_ref()) {
        config = CheckConfig::load_for(sources, company_id);
    }
    let mut checks = check::settings(&config.problems, &config.warnings);
    let at_work = config.checkpoint.as_deref().and_then(checkpoint::at_work);
    let opened = config.checkpoint.as_deref().map(Checkpoint::look_at);
    let whole = config.whole.as_ref();
    let known = opened.as_ref().and_then(|opened| opened.as_ref().ok()?.as_ref());
    let contact = known.and_then(|known| known.contact().ok());
    let client = whole
        .map(|config| client(config, contact.as_ref(), stop))
        .transpose();
    match &client {
        Ok(Some(client)) if told.is_none() => {
            let company_id = config.company_id.as_ref();
            told = Some(guarded_told(|| {
                check::pleo::credential(client, company_id, sources.is_one_of_several)
            }));
        }
        Ok(_) => {}
        Err(error) => told = Some(Told::stop_at(error, "Pleo cannot be asked")),
    }
    let client = client.ok().flatten();
    checks.extend(match &told {
        Some(told) => told.checks.clone(),
        None => check::not_looked_at(&[Name::Credential, Name::Scopes, Name::Company], SETTINGS_FIRST),
    });
    let mut system = begin(&config, stop, &mut checks);
    let described = system.as_ref().map(|system| system.describe());
    let refusal = described.filter(|_| config.is_of_fleet);
    let refusal = refusal.and_then(|system| shared::refusal(&system, config.is_pinned));
    checks.extend(
        refusal.map(|Problem { message, hint, .. }| Check::failed(Name::AccountingSystem, message, hint)),
    );
    let here = Here {
        checkpoint: known,
        at_work: at_work.as_deref(),
        may_adopt: system
            .as_ref()
            .is_none_or(|system| system.describe().create != Create::Search),
    };
    checks.extend(waiting(client.as_ref(), told.as_ref(), here));
    checks.extend(deliveries(client.as_ref(), told.as_ref(), whole));
    checks.extend(books(
        system.as_deref_mut(),
        &config,
        client.as_ref().zip(told.as_ref()),
        here.checkpoint,
    ));
    let owner = whole.zip(system.as_deref());
    checks.extend(kept_here(&config, opened.as_ref(), at_work.as_deref(), owner));
    checks
}

/// A client with the patience of somebody who waits.
pub(super) fn client(
    config: &Config,
    contact: Option<&Contact>,
    stop: &Stop,
) -> Result<Client, pleo::PleoError> {
    let client = Client::new(impatient(config.pleo.clone()), stop.clone())?;
    if contact.is_some_and(|contact| contact.answered_by == config.route) {
        client.answered_before();
    }
    Ok(client)
}

fn impatient(settings: pleo::Settings) -> pleo::Settings {
    pleo::Settings {
        give_up_after: settings.give_up_after.min(LONGEST_PATIENCE),
        ..settings
    }
}

/// Asks Pleo whose the credential is, where the settings do not say it.
fn ask_whose(way: pleo::Settings, sources: &Sources, stop: &Stop) -> Told {
    match Client::new(impatient(way), stop.clone()) {
        Ok(client) => guarded_told(|| check::pleo::credential(&client, None, sources.is_one_of_several)),
        Err(error) => Told::stop_at(&error, "Pleo cannot be asked"),
    }
}

fn guarded_told(ask: impl FnOnce() -> Told) -> Told {
    let mut told = None;
    let names = [Name::Credential, Name::Scopes, Name::Company];
    let checks = check::guarded(&names, || {
        let answer = ask();
        let checks = answer.checks.clone();
        told = Some(answer);
        checks
    });
    told.unwrap_or_else(|| Told::nothing(checks))
}

/// The accounting system, where the settings are good enough for it. With problems in them no program is started and
/// nothing is sent, but books on this machine can be looked at.
fn begin(config: &CheckConfig, stop: &Stop, checks: &mut Vec<Check>) -> Option<Box<dyn AccountingSystem>> {
    let is_here = books_folder(config).is_some();
    let settings = config
        .system
        .as_ref()
        .filter(|_| is_here || config.whole.is_some());
    let Some(settings) = settings else {
        let names = [Name::AccountingSystem, Name::Books];
        checks.extend(check::not_looked_at(&names, SETTINGS_FIRST));
        return None;
    };
    match parts::accounting_system(settings, stop) {
        Ok(system) => Some(system),
        Err(error) => {
            checks.extend(check::system::not_begun(&error));
            None
        }
    }
}

/// The clock and the jobs, which are asked for in the company's name.
fn waiting(client: Option<&Client>, told: Option<&Told>, here: Here<'_>) -> Vec<Check> {
    let names = [Name::Clock, Name::Jobs];
    let (Some(client), Some(told)) = (client, told) else {
        let why = told
            .and_then(|told| told.obstacle.as_deref())
            .unwrap_or(SETTINGS_FIRST);
        return check::not_looked_at(&names, why);
    };
    let mut checks = match &told.obstacle {
        Some(obstacle) => check::not_looked_at(&[Name::Jobs], obstacle),
        None => check::guarded(&[Name::Jobs], || check::jobs::jobs(client, here)),
    };
    checks.extend(check::guarded(&[Name::Clock], || check::pleo::clocks(client)));
    checks
}

/// Whether Pleo delivers to the subscriptions of ours, where there are any.
fn deliveries(client: Option<&Client>, told: Option<&Told>, config: Option<&Config>) -> Vec<Check> {
    let (Some(client), Some(config)) = (client, config) else {
        return Vec::new();
    };
    if told.is_some_and(|told| told.obstacle.is_some()) {
        return Vec::new();
    }
    let kept = kept::read(&kept::path(&config.checkpoint), &subscribe::owner(config));
    check::guarded(&[Name::Jobs], || check::jobs::deliveries(client, kept))
}

/// The accounting system, its books, and whether all that expenses need is in them.
fn books(
    system: Option<&mut (dyn AccountingSystem + 'static)>,
    config: &CheckConfig,
    pleo: Option<(&Client, &Told)>,
    checkpoint: Option<&Checkpoint>,
) -> Vec<Check> {
    let counterparts = [Name::Accounts, Name::Taxes];
    let (Some(system), Some(company_id)) = (system, &config.company_id) else {
        return check::not_looked_at(&counterparts, "the accounting system is not ready");
    };
    let receipts = config.attachments;
    let folder = books_folder(config);
    let year = |config: &Config| clock::now().with_timezone(&config.bookkeeping.time_zone).year();
    let given = checkpoint
        .zip(config.whole.as_ref())
        .filter(|(checkpoint, config)| {
            // The numbers in another one's checkpoint say nothing of these books.
            let description = system.describe();
            let former_target = description.former_target.as_deref();
            let owner = parts::owner(config, &description);
            checkpoint.refuse_others(&owner, former_target).is_ok()
        });
    let given = given.map(|(checkpoint, config)| (checkpoint, year(config)));
    let mut is_usable = false;
    let mut checks = check::guarded(&[Name::AccountingSystem, Name::Books], || {
        let examined = check::system::examine(system, company_id, receipts, folder, given);
        is_usable = examined.is_usable;
        examined.checks
    });
    let Some(whole) = config.whole.as_ref().filter(|_| is_usable) else {
        let why = if is_usable {
            SETTINGS_FIRST
        } else {
            "the accounting system is not ready"
        };
        checks.extend(check::not_looked_at(&counterparts, why));
        return checks;
    };
    checks.extend(check::guarded(&counterparts, || {
        let known = match pleo {
            Some((client, told)) if told.obstacle.is_none() => KnownToPleo::ask(client, told),
            Some((_, told)) => KnownToPleo::nothing(told.obstacle.as_deref().unwrap_or_default()),
            None => KnownToPleo::nothing(SETTINGS_FIRST),
        };
        let today = clock::now()
            .with_timezone(&whole.bookkeeping.time_zone)
            .date_naive();
        check::accounts::counterparts(system, &whole.bookkeeping, known, today)
    }));
    checks
}

/// What is kept on this machine: the checkpoint, its lock, the last polls, the disks.
fn kept_here(
    config: &CheckConfig,
    opened: Option<&Opened>,
    at_work: Option<&str>,
    owner: Option<(&Config, &(dyn AccountingSystem + 'static))>,
) -> Vec<Check> {
    let (Some(path), Some(opened)) = (config.checkpoint.as_deref(), opened) else {
        let names = [Name::Checkpoint, Name::Disk, Name::Lock, Name::LastPoll];
        return check::not_looked_at(&names, "the settings do not say where the checkpoint is");
    };
    let description = owner.map(|(config, system)| (config, system.describe()));
    let owner = description.as_ref();
    let owner = owner.map(|(config, description)| parts::owner(config, description));
    let former_target = description
        .as_ref()
        .and_then(|(_, description)| description.former_target.as_deref());
    let now = clock::now();
    let mut checks = check::guarded(&[Name::Checkpoint], || {
        check::checkpoint::file(path, opened, owner.as_ref().map(|owner| (owner, former_target)))
    });
    checks.extend(check::guarded(&[Name::Lock], || {
        check::checkpoint::lock(at_work, config.alarm_after, now)
    }));
    checks.extend(check::guarded(&[Name::LastPoll], || {
        check::checkpoint::last_poll(opened, config.alarm_after, at_work.is_some(), now)
    }));
    let parent = path.parent().unwrap_or(Path::new("")).to_owned();
    let mut folders = vec![parent, receipts_folder(path)];
    folders.extend(books_folder(config).map(Path::to_owned));
    checks.extend(check::guarded(&[Name::Disk], || check::places::room(&folders)));
    checks.extend(check::checkpoint::changed_meanwhile(opened));
    checks
}

/// Where the books lie, for systems that keep them on this machine.
fn books_folder(config: &CheckConfig) -> Option<&Path> {
    match config.system.as_ref()? {
        SystemSettings::Beancount(settings) => Some(&settings.directory),
        SystemSettings::Odoo(_) | SystemSettings::Command(_) => None,
    }
}
