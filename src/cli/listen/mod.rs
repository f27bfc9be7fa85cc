//! `listen`: polls when Pleo says that there is a job, and every so often besides, since a delivery may be lost.
//!
//! The server has a thread of its own; here, on the main thread and with no runtime around, one poll runs after the other,
//! each exactly what `poll` runs. News that come during one are for one more.

mod desk;
mod health;
mod seen;
mod server;

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::SecretString;
use tracing::{debug, error, error_span, info, warn};

use super::answer::{Form, answer, print};
use super::args::{Global, ListenWish};
use super::as_typed::with_settings;
use super::companies;
use super::exit::Exit;
use super::metrics::{self, Sample};
use super::poll::{self, Polled, Wish};
use super::poll_end::Standing;
use super::reach::Reach;
use super::render::Answer;
use super::run::Held;
use super::shared::of_fleet;
use super::{run, signals, subscribe};
use crate::config::{Company, Config, Sources};
use crate::export::report::{Problem, ProblemKind};
use crate::host::stop::Stop;
use crate::pleo::webhook::{kept, key};
use desk::{Desk, Place};

/// How soon a poll is tried again that found another run at work.
const AFTER_ANOTHER_RUN: Duration = Duration::from_secs(1);

/// How soon a poll is tried again that failed for a reason that passes. A job lives for an hour, so `--every` may be too
/// long for it.
const AFTER_A_FAILURE: Duration = Duration::from_secs(60);

/// How often it is seen to that the server is still there.
const LOOK_AFTER_SERVER: Duration = Duration::from_secs(60);

/// Listens until the stop is requested, for one company or each of a folder.
pub(super) fn listen(sources: &Sources, wish: &ListenWish, global: &Global, form: Form) -> Exit {
    let stop = signals::stop_on_signals();
    let is_safe = wish.metrics_file.as_ref().map_or(Ok(()), |path| {
        companies::refuse_metrics_file(sources, wish.companies.as_deref(), path)
    });
    let served = is_safe.and_then(|()| match &wish.companies {
        None => place(sources).map(|place| Served {
            companies: vec![(sources.clone(), place)],
            is_someone_left_out: false,
        }),
        Some(folder) => companies::list(sources, folder).and_then(served),
    });
    match served.and_then(|served| begin(served, wish, &stop)) {
        Ok(mut running) => {
            let metrics_file = wish.metrics_file.as_ref();
            running.metrics_file = metrics_file.map(|path| sources.working_folder.join(path));
            running.run(global, &stop, form)
        }
        Err(problem) => answer(&Answer::of_problem(problem), form),
    }
}

/// The settings of each company that is served, and what is kept of it.
struct Served {
    companies: Vec<(Sources, Place)>,
    is_someone_left_out: bool,
}

/// Those that can be served. The others are told, and keep nobody from being served, unless there is none.
fn served(companies: Vec<Company>) -> Result<Served, Problem> {
    let mut served = Vec::new();
    let mut last_problem = None;
    for company in companies {
        let found = companies::refused(&company).map_or_else(|| place(&company.sources), Err);
        match found {
            Ok(place) => served.push((company.sources, place)),
            Err(problem) => {
                let (message, hint) = (&problem.message, &problem.hint);
                error!(
                    company.id = company.name(),
                    hint, "not served until the next start: {message}"
                );
                last_problem = Some(problem);
            }
        }
    }
    match last_problem {
        Some(problem) if served.is_empty() => Err(problem),
        left_out => Ok(Served {
            companies: served,
            is_someone_left_out: left_out.is_some(),
        }),
    }
}

/// A server at its address, what it shares with the polls, and whose turn is when.
struct Running {
    desk: Arc<Desk>,
    /// One for each place at the desk, in the same order.
    turns: Vec<Turn>,
    /// What the last polls have found out of reach.
    reach: Reach,
    every: Duration,
    metrics_file: Option<PathBuf>,
    server: std::thread::JoinHandle<()>,
    address: SocketAddr,
}

fn begin(of: Served, wish: &ListenWish, stop: &Stop) -> Result<Running, Problem> {
    let (bind, every) = (wish.bind, wish.every);
    let (sources, places): (Vec<_>, Vec<_>) = of.companies.into_iter().unzip();
    let unbound = |error: std::io::Error| Problem {
        kind: ProblemKind::Configuration,
        message: format!("cannot listen on {bind}: {error}"),
        hint: "name a free address of this machine with --bind".into(),
    };
    let listener = TcpListener::bind(bind).map_err(unbound)?;
    let address = listener.local_addr().map_err(unbound)?;
    if !address.ip().is_loopback() {
        warn!(
            "listening on {address}, where others can come: it speaks plain HTTP and belongs behind a reverse proxy, which \
             alone should reach it"
        );
    }
    let desk = Arc::new(Desk::new(places, of.is_someone_left_out, every, stop.clone()));
    let server = server::start(listener, Arc::clone(&desk)).map_err(unbound)?;
    let now = Instant::now();
    let turn = |sources| Turn {
        sources,
        due: now,
        is_waiting: false,
        last: None,
    };
    Ok(Running {
        desk,
        turns: sources.into_iter().map(turn).collect(),
        reach: Reach::default(),
        every,
        metrics_file: None,
        server,
        address,
    })
}

/// The company of these settings. Without a secret no delivery could be told from a forged one.
fn place(sources: &Sources) -> Result<Place, Problem> {
    let config = Config::load(sources).map_err(|problems| run::wrong_settings(&problems))?;
    if config.is_of_fleet {
        return Err(of_fleet());
    }
    let (owner, path) = (subscribe::owner(&config), kept::path(&config.checkpoint));
    let kept = kept::read(&path, &owner).map_err(|error| subscribe::about_file(&error))?;
    let secrets: Vec<SecretString> = kept.into_iter().map(|kept| kept.secret).collect();
    if !secrets.iter().any(key::is_usable) {
        return Err(Problem {
            kind: ProblemKind::Configuration,
            message: format!(
                "there is no secret to check deliveries by in `{}`: nothing is subscribed",
                path.display()
            ),
            hint: format!(
                "run `pleo-export subscribe https://YOUR-HOST/webhooks/pleo/{}` first",
                config.pleo.company_id
            ),
        });
    }
    let patience = config.alarm_after.to_std().unwrap_or_default();
    Ok(Place::new(owner, path, patience))
}

/// When a company is polled next without news, and what is known of the run that is in the way.
struct Turn {
    /// Read anew for every poll.
    sources: Sources,
    due: Instant,
    is_waiting: bool,
    /// What metrics tell of the last poll.
    last: Option<Sample>,
}

impl Running {
    fn run(&mut self, global: &Global, stop: &Stop, form: Form) -> Exit {
        for place in self.desk.places() {
            let line = format!(
                "Listening on http://{}/webhooks/pleo/{}, and polling every {} s.\n",
                self.address,
                place.owner.company_id,
                self.every.as_secs()
            );
            if !form.quiet {
                print(&line, Exit::Done);
            }
        }
        notify(&[Notice::Ready]);
        let exit = self.poll_until_stopped(global, stop, form);
        notify(&[Notice::Stopping]);
        exit
    }

    fn poll_until_stopped(&mut self, global: &Global, stop: &Stop, form: Form) -> Exit {
        let places = self.desk.places();
        loop {
            if self.server.is_finished() {
                return answer(&Answer::of_problem(server_ended()), form);
            }
            let next = places
                .iter()
                .zip(&mut self.turns)
                .min_by_key(|(place, turn)| (!place.has_news(), turn.due));
            let Some((place, turn)) = next else {
                return Exit::Done;
            };
            let wait = turn.due.saturating_duration_since(Instant::now());
            let has_news = || places.iter().any(Place::has_news);
            if !wait.is_zero() && !place.has_news() {
                if stop.wait_for(wait.min(LOOK_AFTER_SERVER), has_news).is_err() {
                    return Exit::Done;
                }
                continue;
            }
            if stop.is_requested() {
                return Exit::Done;
            }
            let exit = if turn.sources.is_one_of_several {
                let span = error_span!("company", company.id = %place.owner.company_id);
                let file = turn.sources.config_flag.clone().unwrap_or_default();
                let poll = || poll_for(place, turn, self.every, &self.reach, global, stop, form);
                span.in_scope(|| with_settings(&file, false, poll))
            } else {
                poll_for(place, turn, self.every, &Reach::default(), global, stop, form)
            };
            if let Some(path) = &self.metrics_file {
                metrics::write(path, self.turns.iter().filter_map(|turn| turn.last.as_ref()));
            }
            if stop.is_requested() {
                return exit;
            }
        }
    }
}

/// One poll of a company, and when the next one is due.
fn poll_for(
    place: &Place,
    turn: &mut Turn,
    every: Duration,
    reach: &Reach,
    global: &Global,
    stop: &Stop,
    form: Form,
) -> Exit {
    let company = &place.owner.company_id;
    if turn.is_waiting {
        debug!(company.id = %company, "polling: perhaps the other run is over");
    } else if place.has_news() {
        info!(company.id = %company, "polling: Pleo has told of a job");
    } else {
        info!(company.id = %company, "polling: it is time");
    }
    place.take_news();
    let began = Instant::now();
    place.health().begun(began);
    let wish = Wish {
        global,
        max_jobs: None,
        books_are_right: false,
        metrics_file: None,
    };
    let Polled {
        answer: polled,
        telling,
    } = poll::one(&turn.sources, wish, reach, None, stop);
    let exit = match &polled {
        Ok(polled) => {
            turn.last = poll::sample(&turn.sources, Some(company), polled, began);
            answer(polled, form)
        }
        Err(held) => {
            wait_for_another(turn, held);
            Exit::Done
        }
    };
    let is_success = polled.is_ok() && Standing::of(exit, stop) == Standing::Success;
    let now = Instant::now();
    if polled.is_ok() {
        info!(company.id = %company, exit = exit.code(), "the poll is over");
    }
    turn.is_waiting = polled.is_err();
    turn.due = now
        + match &polled {
            Err(_) => AFTER_ANOTHER_RUN,
            Ok(polled) if polled.may_pass() => every.min(AFTER_A_FAILURE),
            Ok(_) => every,
        };
    let _ = telling.wait();
    place.health().ended(is_success, now, turn.due);
    exit
}

/// Says once that another run is in the way; it has the news, or the poll after it has.
fn wait_for_another(turn: &Turn, held: &Held) {
    if !turn.is_waiting {
        warn!("{}; polling when that one is over", held.message());
    }
}

fn server_ended() -> Problem {
    Problem {
        kind: ProblemKind::Unexpected,
        message: "the server of the webhook has ended".into(),
        hint: "start `pleo-export listen` again; the log says what happened".into(),
    }
}

#[cfg(unix)]
use sd_notify::NotifyState as Notice;

/// Tells the service manager, where one has asked for it.
#[cfg(unix)]
fn notify(notices: &[Notice<'_>]) {
    if let Err(error) = sd_notify::notify(notices) {
        warn!("the service manager cannot be told: {error}");
    }
}

/// Elsewhere there is none.
#[cfg(not(unix))]
enum Notice {
    Ready,
    Stopping,
}

#[cfg(not(unix))]
fn notify(_notices: &[Notice]) {}
