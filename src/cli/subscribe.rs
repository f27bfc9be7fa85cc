//! `subscribe`: has Pleo say of new export jobs at an address of ours, and keeps the secret that signs what it says.
//! Safe to repeat: an address that is subscribed already only has its secret fetched again.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use tracing::warn;

use super::answer::{Form, Shown, either};
use super::exit::Exit;
use super::render::{Document, document};
use super::table::{Table, safe};
use super::{run, signals};
use crate::checkpoint::Checkpoint;
use crate::config::{Config, Sources};
use crate::export::report::{Problem, ProblemKind};
use crate::host::lock_file::LockError;
use crate::host::server_url::{ServerUrl, UnsafeUrl};
use crate::pleo::webhook::kept::{self, KeptError, KeptSubscription, Owner};
use crate::pleo::webhook::key;
use crate::pleo::{Client, EXPORT_JOB_CREATED, PleoError, Subscription};

/// For how long another `subscribe` may be at the file of secrets.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is wanted.
pub(super) enum Wish<'a> {
    /// Deliveries at this address.
    Subscribe(&'a str),
    /// To see what there is.
    List,
    /// No more deliveries of the subscription with this id.
    Remove(&'a str),
}

/// Does what is wanted, and answers with the subscriptions that it was about.
pub(super) fn subscribe(sources: &Sources, wish: &Wish<'_>, form: Form) -> Exit {
    let (told, problem) = either(carry_out(sources, wish));
    let (text, subscriptions, unfinished) = told.map_or_else(Default::default, |told| {
        (told.text, told.subscriptions, told.problem)
    });
    Shown::without_jobs(problem.or(unfinished), form, text, |answer| {
        let subscriptions = subscriptions.iter().map(SubscriptionDocument::from).collect();
        document(&SubscribeDocument {
            answer,
            subscriptions,
        })
    })
    .give(form)
}

/// What was done.
struct Told {
    /// For people.
    text: String,
    /// For scripts.
    subscriptions: Vec<(Subscription, bool)>,
    /// What a person must see to.
    problem: Option<Problem>,
}

/// Where the secrets are kept, and whose.
struct Keeper {
    path: PathBuf,
    owner: Owner,
    kept: Vec<KeptSubscription>,
}

fn carry_out(sources: &Sources, wish: &Wish<'_>) -> Result<Told, Problem> {
    let config = Config::load(sources).map_err(|problems| run::wrong_settings(&problems))?;
    for warning in &config.warnings {
        warn!("{warning}");
    }
    let path = kept::path(&config.checkpoint);
    let owner = owner(&config);
    kept::read(&path, &owner).map_err(|error| about_file(&error))?;
    if let Wish::Subscribe(url) = wish {
        check_address(url, &config)?;
    }
    let stop = signals::stop_on_signals();
    // From reading to writing, or the secret of one of two would be lost.
    let _lock = match wish {
        Wish::List => None,
        Wish::Subscribe(_) | Wish::Remove(_) => Some(kept::lock(&path, PATIENCE, &stop).map_err(held)?),
    };
    let kept = kept::read(&path, &owner).map_err(|error| about_file(&error))?;
    let mut keeper = Keeper { path, owner, kept };
    let is_known = !keeper.kept.is_empty() || has_answered(&config);
    let client = Client::new(config.pleo, stop)?;
    if is_known {
        client.answered_before();
    }
    match wish {
        Wish::Subscribe(url) => add(&client, &mut keeper, url),
        Wish::List => list(&client, &keeper),
        Wish::Remove(id) => remove(&client, &mut keeper, id),
    }
}

/// Whether Pleo answered a run with these settings.
fn has_answered(config: &Config) -> bool {
    let contact = Checkpoint::look_at(&config.checkpoint)
        .ok()
        .flatten()
        .and_then(|checkpoint| checkpoint.contact().ok());
    contact.is_some_and(|contact| contact.answered_by == config.route)
}

/// Nothing was asked of Pleo.
fn held(error: LockError) -> Problem {
    let kind = match error {
        LockError::Held(_) => ProblemKind::Temporary,
        LockError::Stopped(_) => ProblemKind::Stopped,
        LockError::Io(_) => ProblemKind::Damaged,
    };
    Problem {
        kind,
        message: error.to_string(),
        hint: match kind {
            ProblemKind::Damaged => "make its folder writable for this user",
            _ => "run it again when that one is over; Pleo was not asked",
        }
        .into(),
    }
}

/// By whom the file of secrets is known.
pub(super) fn owner(config: &Config) -> Owner {
    Owner {
        company_id: config.pleo.company_id.clone(),
        host: config.pleo.base_url.host_str().unwrap_or_default().to_owned(),
    }
}

fn add(client: &Client, keeper: &mut Keeper, url: &str) -> Result<Told, Problem> {
    let known = client.subscriptions()?.into_iter().find(|known| {
        let is_ours = known.events.iter().any(|event| event == EXPORT_JOB_CREATED);
        known.url == url && is_ours
    });
    let subscription = match known {
        Some(known) if !known.is_active => {
            return Err(switched_off(&known));
        }
        Some(known) => known,
        None => client.subscribe(url)?,
    };
    let secret = client.subscription_secret(&subscription.id)?;
    if !key::is_usable(&secret) {
        return Err(Problem {
            kind: ProblemKind::NeedsPerson,
            message: format!(
                "Pleo's secret of subscription {} checks no delivery: it is no base64 of a key behind `whsec_`; nothing was kept",
                safe(&subscription.id)
            ),
            hint: format!(
                "remove it with `pleo-export subscribe --remove {}` and subscribe again; ask Pleo's support if it stays so",
                safe(&subscription.id)
            ),
        });
    }
    keeper
        .kept
        .retain(|kept| kept.id != subscription.id && kept.url != subscription.url);
    keeper.kept.push(KeptSubscription {
        id: subscription.id.clone(),
        url: subscription.url.clone(),
        secret,
    });
    keeper.write()?;
    Ok(Told {
        text: format!(
            "Pleo tells {} of new export jobs (subscription {}). Its secret is in {}.\n",
            safe(&subscription.url),
            safe(&subscription.id),
            keeper.path.display()
        ),
        subscriptions: vec![(subscription, true)],
        problem: None,
    })
}

fn list(client: &Client, keeper: &Keeper) -> Result<Told, Problem> {
    let subscriptions = client.subscriptions()?;
    let is_kept = |id: &str| keeper.kept.iter().any(|kept| kept.id == id);
    for kept in &keeper.kept {
        if !subscriptions.iter().any(|known| known.id == kept.id) {
            warn!(
                "Pleo does not know subscription {} of {} any more: run `pleo-export subscribe {2}`, or `--remove {0}`",
                kept.id,
                keeper.path.display(),
                kept.url
            );
        }
    }
    let mut table = Table::new(&["subscription", "state", "secret", "events", "address"]);
    for known in &subscriptions {
        table.row(&[
            &known.id,
            state(known),
            if is_kept(&known.id) { "here" } else { "not here" },
            &known.events.join(", "),
            &known.url,
        ]);
    }
    let text = if subscriptions.is_empty() {
        "No subscription.\n".to_owned()
    } else {
        table.render()
    };
    let off = subscriptions
        .iter()
        .find(|known| !known.is_active && is_kept(&known.id));
    let problem = off.map(switched_off);
    let told = subscriptions.into_iter().map(|known| {
        let is_kept = is_kept(&known.id);
        (known, is_kept)
    });
    Ok(Told {
        subscriptions: told.collect(),
        text,
        problem,
    })
}

fn remove(client: &Client, keeper: &mut Keeper, id: &str) -> Result<Told, Problem> {
    // As part of an address it must name one subscription and nothing else.
    if uuid::Uuid::try_parse(id).is_err() {
        return Err(unknown(id));
    }
    let was_kept = keeper.kept.len();
    keeper.kept.retain(|kept| !kept.id.eq_ignore_ascii_case(id));
    let was_kept = keeper.kept.len() < was_kept;
    match client.unsubscribe(id) {
        Ok(()) => {}
        // Gone already is as good.
        Err(PleoError::NotFound { answer } | PleoError::Rejected { answer }) if answer.status == 404 => {
            if !was_kept {
                return Err(unknown(id));
            }
        }
        Err(error) => return Err(error.into()),
    }
    if was_kept {
        keeper.write()?;
    }
    Ok(Told {
        text: format!("Subscription {} is removed.\n", safe(id)),
        subscriptions: Vec::new(),
        problem: None,
    })
}

/// Pleo tells nothing of new jobs then, and nobody else says so.
fn switched_off(known: &Subscription) -> Problem {
    Problem {
        kind: ProblemKind::NeedsPerson,
        message: format!(
            "Pleo has subscription {} of {} switched off",
            safe(&known.id),
            safe(&known.url)
        ),
        hint: format!(
            "remove it with `pleo-export subscribe --remove {}`, then subscribe again",
            safe(&known.id)
        ),
    }
}

impl Keeper {
    fn write(&self) -> Result<(), Problem> {
        kept::write(&self.path, &self.owner, &self.kept).map_err(|error| about_file(&error))
    }
}

/// Refuses an address that Pleo would reject, or that would carry what a job is about in the open.
fn check_address(text: &str, config: &Config) -> Result<(), Problem> {
    let usage = |message: String| Problem {
        kind: ProblemKind::Usage,
        message,
        hint: format!(
            "name the address by which Pleo reaches `pleo-export listen`, such as \
             https://example.com/webhooks/pleo/{}",
            config.pleo.company_id
        ),
    };
    // What stands before an @ may be a password.
    let shown = safe(text.rsplit('@').next().unwrap_or_default());
    let not_https = || {
        usage(format!(
            "Pleo cannot deliver to `{shown}`: the address must be https, and none of this machine alone"
        ))
    };
    let url: ServerUrl = text.parse().map_err(|error| match error {
        UnsafeUrl::NotHttps => not_https(),
        UnsafeUrl::MoreThanAServer => {
            usage("the address must have no user, password, query or fragment".into())
        }
        UnsafeUrl::NoUrl | UnsafeUrl::NoHost => usage(format!("`{shown}` is not an address")),
    })?;
    if url.is_loopback() && !config.pleo.base_url.is_loopback() {
        return Err(not_https());
    }
    let expected = format!("/webhooks/pleo/{}", config.pleo.company_id);
    let named = url
        .path()
        .strip_prefix("/webhooks/pleo/")
        .map(uuid::Uuid::try_parse);
    if let Some(Ok(named)) = named
        && !named
            .to_string()
            .eq_ignore_ascii_case(config.pleo.company_id.as_str())
    {
        return Err(usage(format!(
            "the address is that of company {named}, and the settings are of company {}",
            config.pleo.company_id
        )));
    }
    if !url.path().eq_ignore_ascii_case(&expected) {
        warn!(
            "`listen` answers {expected}: see that what stands before it leads `{}` there",
            safe(url.path())
        );
    }
    Ok(())
}

fn unknown(id: &str) -> Problem {
    Problem {
        kind: ProblemKind::Usage,
        message: format!("there is no subscription `{}`", safe(id)),
        hint: "`pleo-export subscribe --list` shows which there are".into(),
    }
}

/// What is wrong with the file of secrets.
pub(super) fn about_file(error: &KeptError) -> Problem {
    Problem {
        kind: match error {
            KeptError::Foreign { .. } | KeptError::Exposed { .. } => ProblemKind::Configuration,
            KeptError::Io(_) | KeptError::Malformed { .. } => ProblemKind::Damaged,
        },
        message: error.to_string(),
        hint: error.hint().into(),
    }
}

const fn state(subscription: &Subscription) -> &'static str {
    if subscription.is_active {
        "ACTIVE"
    } else {
        "INACTIVE"
    }
}

#[derive(Serialize)]
struct SubscribeDocument {
    #[serde(flatten)]
    answer: Document<()>,
    subscriptions: Vec<SubscriptionDocument>,
}

#[derive(Serialize)]
struct SubscriptionDocument {
    id: String,
    url: String,
    events: Vec<String>,
    status: &'static str,
    has_secret: bool,
}

impl From<&(Subscription, bool)> for SubscriptionDocument {
    fn from((subscription, has_secret): &(Subscription, bool)) -> Self {
        Self {
            id: subscription.id.clone(),
            url: subscription.url.clone(),
            events: subscription.events.clone(),
            status: state(subscription),
            has_secret: *has_secret,
        }
    }
}
