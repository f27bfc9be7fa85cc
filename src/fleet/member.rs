//! This process as one of the fleet: it takes turns, and has one company in hand at a time.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tracing::{debug, warn};

use super::database::{Database, Fault};
use super::lease::Lease;
use super::ledger::{self, Entry, Writer};
use super::schema;
use super::settings::{Settings, host_name};
use super::throttle::Throttles;
use super::turns::{self, Claim, Claimed, End, Until};
use crate::checkpoint::Contact;
use crate::host::clock::since_boot;
use crate::host::stop::Stop;
use crate::model::fleet::{Fleet, Unshared};
use crate::model::ids::{AccountingEntryId, CompanyId, JobId};
use crate::model::permit::{Permit, Withheld};
use crate::model::state::{JobEvent, JobState};
use crate::model::verdict::Verdict;

/// How long a worker waits at least for a database, before its first turn and at the end of each.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the tries for an answer are apart.
const PAUSE: Duration = Duration::from_millis(200);

/// A worker of the fleet.
#[derive(Debug)]
pub struct Member {
    settings: Settings,
    database: Arc<Mutex<Database>>,
    lease: Lease,
    stop: Stop,
    host: String,
    /// Host and process, so that nobody is taken for another.
    holder: String,
}

/// When a worker began, and which companies are none of its.
#[derive(Clone, Debug)]
pub struct Round {
    since: DateTime<Utc>,
    /// Companies that are not to be claimed.
    pub except: Vec<String>,
}

impl Member {
    /// Joins the fleet: looks whether there is one.
    ///
    /// # Errors
    /// [`Fault`] where the database cannot be used.
    pub fn join(settings: Settings, stop: Stop) -> Result<Self, Fault> {
        let host = host_name();
        let holder = format!("{host}:{}:{:08x}", std::process::id(), fastrand::u32(..));
        Ok(Self {
            database: Arc::new(Mutex::new(schema::open(&settings)?)),
            lease: Lease::new(&settings, &holder)?,
            settings,
            stop,
            host,
            holder,
        })
    }

    /// Makes companies known to all, and begins a round of turns.
    ///
    /// # Errors
    /// [`Fault`] where the database cannot be used.
    pub fn begin(&self, companies: &[String]) -> Result<Round, Fault> {
        let until = Until(Instant::now() + PATIENCE, &self.stop);
        let (since, except) = turns::register(&mut self.database(), &until, companies)?;
        Ok(Round { since, except })
    }

    /// Claims the company that is due longest; nothing where none is due.
    ///
    /// # Errors
    /// [`Fault`] where the database cannot be used for as long as a lease lasts.
    pub fn claim(&self, round: &mut Round) -> Result<Option<Turn<'_>>, Fault> {
        let until = Instant::now() + self.settings.lease;
        let mut database = self.database();
        loop {
            // Each try is a claim of its own, which lasts from when it was sent.
            let began = since_boot();
            let claim = Claim {
                holder: &self.holder,
                host: &self.host,
                since: round.since,
                except: &round.except,
            };
            match turns::claim(
                &mut database,
                &Until(Instant::now(), &self.stop),
                &self.settings,
                &claim,
            ) {
                Ok(None) => return Ok(None),
                Ok(Some(claimed)) => {
                    // The clock of the database was set back: who was served after that is not due again.
                    round.since = round.since.min(claimed.now);
                    drop(database);
                    return Ok(Some(self.turn(claimed, began)));
                }
                Err(Fault::OutOfReach(why)) if Instant::now() < until => {
                    debug!("{why}; trying again");
                    if self.stop.wait(PAUSE).is_err() {
                        return Err(Fault::OutOfReach(why));
                    }
                }
                Err(fault) => return Err(fault),
            }
        }
    }

    fn turn(&self, claimed: Claimed, began: Duration) -> Turn<'_> {
        self.lease.hold(&claimed.company, claimed.epoch, began);
        let turn = Turn {
            member: self,
            writer: Writer {
                company: claimed.company,
                epoch: claimed.epoch,
                host: self.host.clone(),
            },
            time: (claimed.now, Instant::now()),
            jobs: claimed.jobs,
            contact: claimed.contact,
            next_part: Cell::new(1),
            unwritten: RefCell::default(),
        };
        if let Some(from) = claimed.taken_from {
            warn!(
                "taking over company {} from {from}, whose lease is over",
                turn.writer.company
            );
            let detail = format!("from {from}, whose lease was over");
            turn.note(Entry::Company {
                event: "take_over",
                detail,
            });
        }
        turn
    }

    /// What is known of limits that Pleo has set.
    pub fn throttles(&self) -> Throttles {
        Throttles::new(Arc::clone(&self.database))
    }

    fn database(&self) -> MutexGuard<'_, Database> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A company in hand.
pub struct Turn<'a> {
    member: &'a Member,
    writer: Writer,
    time: (DateTime<Utc>, Instant),
    jobs: Vec<(JobId, JobState)>,
    contact: Contact,
    next_part: Cell<i32>,
    /// What the database could not be told yet, in order, each with the number of its first row.
    unwritten: RefCell<Vec<(i32, Entry)>>,
}

impl fmt::Debug for Turn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Turn").field(&self.writer).finish()
    }
}

impl Turn<'_> {
    /// Which company.
    pub const fn company(&self) -> &CompanyId {
        &self.writer.company
    }

    /// How its polls have ended so far, on whichever host.
    pub const fn contact(&self) -> &Contact {
        &self.contact
    }

    /// The database's time, and when it was so.
    pub const fn time(&self) -> (DateTime<Utc>, Instant) {
        self.time
    }

    /// The right to act for the company.
    pub fn permit(&self) -> Permit {
        self.member.lease.permit(&self.writer.company, self.writer.epoch)
    }

    /// Gives the company back. Answers whether it was still ours; where not, nothing was kept of how the poll ended.
    ///
    /// # Errors
    /// [`Fault`] where the database cannot be told before the lease is over, nor within ten seconds. The company is free some
    /// time later all the same.
    pub fn end(self, end: &End<'_>) -> Result<bool, Fault> {
        let member = self.member;
        if let Some(reason) = end.pause {
            let detail = reason.to_owned();
            self.note(Entry::Company {
                event: "pause",
                detail,
            });
        }
        // Verdicts may still be written when the lease is over, and nobody else knows them.
        let until = Instant::now() + member.lease.left().max(PATIENCE);
        let flushed = self.flush_until(until);
        let until = Until(until, &member.stop);
        let (company, epoch) = (&self.writer.company, self.writer.epoch);
        let released = turns::release(&mut member.database(), &until, company, epoch, end);
        member.lease.let_go();
        if let Err(fault) = flushed {
            warn!(
                "{} changes of company {company} were not kept, though the checkpoint of this host has them: {fault}",
                self.unwritten.borrow().len()
            );
        }
        released
    }

    /// Keeps it, now or later.
    fn note(&self, entry: Entry) {
        let part = self.next_part.get();
        self.next_part.set(part.saturating_add(entry.parts()));
        self.unwritten.borrow_mut().push((part, entry));
        if let Err(fault) = self.flush() {
            debug!("to be written later: {fault}");
        }
    }

    /// Writes what is unwritten, in order. Where another has the company by now, verdicts alone are kept of it.
    fn flush(&self) -> Result<(), Fault> {
        let mut unwritten = self.unwritten.borrow_mut();
        let mut database = self.member.database();
        while let Some((part, entry)) = unwritten.first() {
            if !ledger::write(&mut database, &self.writer, entry, *part)? {
                self.member.lease.lose(&self.writer.company, self.writer.epoch);
            }
            unwritten.remove(0);
        }
        Ok(())
    }

    fn flush_until(&self, until: Instant) -> Result<(), Fault> {
        loop {
            self.member.database().insist();
            match self.flush() {
                Err(Fault::OutOfReach(why)) if Instant::now() + PAUSE < until => {
                    debug!("{why}; trying again");
                    if self.member.stop.wait(PAUSE).is_err() {
                        return self.flush();
                    }
                }
                flushed => return flushed,
            }
        }
    }
}

impl Fleet for Turn<'_> {
    fn open_jobs(&self) -> Result<Vec<(JobId, JobState)>, Unshared> {
        Ok(self.jobs.clone())
    }

    fn will_start(&self, job: &JobId) -> Result<(), Unshared> {
        self.note(Entry::Job {
            job: job.clone(),
            event: JobEvent::Claim,
            why: String::new(),
        });
        let flushed = self.flush_until(Instant::now() + self.member.lease.left());
        flushed.map_err(|fault| {
            Unshared(format!(
                "job {job} was not started, for the others would not know: {fault}"
            ))
        })?;
        // What was not written because another has the company is no longer in the list either.
        self.permit()
            .ask()
            .map_err(|withheld| Unshared(withheld.to_string()))
    }

    fn job_event(&self, job: &JobId, event: JobEvent, why: &str) {
        self.note(Entry::Job {
            job: job.clone(),
            event,
            why: why.to_owned(),
        });
    }

    fn decided(&self, job: &JobId, verdicts: &[(AccountingEntryId, Verdict)]) {
        if !verdicts.is_empty() {
            self.note(Entry::Verdicts {
                job: job.clone(),
                verdicts: verdicts.to_vec(),
            });
        }
    }

    fn fence(&self) -> Result<(), Withheld> {
        let (company, epoch) = (&self.writer.company, self.writer.epoch);
        match turns::is_held(&mut self.member.database(), company, epoch) {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.member.lease.lose(company, epoch);
                self.permit().ask()
            }
            // The lease holds without the database, for as long as it lasts.
            Err(fault) => {
                debug!("the fence could not be asked: {fault}");
                self.permit().ask()
            }
        }
    }
}
