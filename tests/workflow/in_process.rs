//! A run of the workflow in this process, on an accounting system that the test brings along, for what no
//! embedded books do: lose answers, write late, die between two calls. The other side and the checkpoint are real.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pleo_export::checkpoint::{Checkpoint, Owner, RunLock};
use pleo_export::config::{Config, Sources, SystemSettings, receipts_folder};
use pleo_export::export::preview::{EntryPreview, JobPreview, Recorded, Rehearsal, Which};
use pleo_export::export::report::{Ending, ProblemKind, RunReport};
use pleo_export::export::{Exporter, Progress, Settings, Untold};
use pleo_export::host::stop::Stop;
use pleo_export::model::document::{Part, PlannedItem};
use pleo_export::model::export_job::JobStatus;
use pleo_export::model::fleet::Alone;
use pleo_export::model::ids::{AccountingEntryId, JobId};
use pleo_export::model::permit::Permit;
use pleo_export::model::references::{Account, Candidates, References, Resolution, Vendor};
use pleo_export::pleo::Client;
use pleo_export::receipts::{self, Fetcher};
use pleo_export::systems::beancount::Beancount;
use pleo_export::systems::{
    AccountingSystem, Attachment, AttachmentLimits, BookedEntry, Create, Description, Found, JobNeeds,
    SystemError, TakingBack, Wanted,
};

use crate::support::World;

/// Follows the last job of a run: how many items it has, and how many of them have their verdict.
#[derive(Default)]
struct Follower {
    items: Cell<u64>,
    reached: Cell<u64>,
}

impl Progress for Follower {
    fn begin(&self, _: &JobId, items: u64) {
        self.items.set(items);
        self.reached.set(0);
    }

    fn reached(&self, items: u64) {
        assert!(items <= self.items.get(), "{items} of {}", self.items.get());
        self.reached.set(items);
    }

    fn end(&self) {}
}

impl World {
    fn config(&self) -> Config {
        let sources = Sources {
            working_folder: self.path(""),
            environment: self.environment().clone(),
            config_flag: None,
            is_one_of_several: false,
            is_of_fleet: false,
            fleet_file: None,
        };
        Config::load(&sources).expect("the settings are right")
    }

    /// The embedded books of this world, for systems that do to them what the test wants.
    pub fn beancount(&self) -> Beancount {
        let SystemSettings::Beancount(settings) = self.config().system else {
            panic!("this world keeps beancount books")
        };
        Beancount::new(settings, Stop::new())
    }

    /// Polls with `system` in the place of the configured one.
    pub fn poll_with(&self, system: &mut dyn AccountingSystem) -> RunReport {
        self.poll_with_stop(system, &Stop::new())
    }

    /// The same, until somebody wishes to stop.
    pub fn poll_with_stop(&self, system: &mut dyn AccountingSystem, stop: &Stop) -> RunReport {
        let config = self.config();
        let owner = Owner {
            company_id: config.pleo.company_id.clone(),
            pleo_host: "127.0.0.1".to_owned(),
            target: system.describe().target,
        };
        let settings = settings(&config);
        let receipts = fetcher(&config, receipts_folder(&config.checkpoint), stop);
        let permit = RunLock::acquire(&config.checkpoint)
            .expect("nobody else runs")
            .into_permit();
        let mut checkpoint =
            Checkpoint::open(&config.checkpoint, &owner, None, |_| None).expect("a checkpoint");
        let pleo = Client::new(config.pleo, stop.clone()).expect("a client");
        let follower = Follower::default();
        let mut exporter = Exporter {
            pleo: &pleo,
            told: &pleo,
            system,
            checkpoint: &mut checkpoint,
            receipts: &receipts,
            settings: &settings,
            stop,
            permit: &permit,
            fleet: &Alone,
            progress: &follower,
        };
        let report = exporter.poll(None);
        let last = report.jobs.last().map(|job| &job.ending);
        if matches!(last, Some(Ending::Closed(JobStatus::Completed))) {
            assert_eq!(follower.reached, follower.items, "all have their verdict");
        }
        report
    }

    /// What a preview of all open jobs shows, of a system that is only asked.
    pub fn preview_with(&self, system: Box<dyn AccountingSystem>) -> Vec<(JobPreview, Vec<EntryPreview>)> {
        self.preview_into(system, tempfile::tempfile().expect("a temporary file"))
    }

    /// The same, with what would be booked kept in this file.
    pub fn preview_into(
        &self,
        system: Box<dyn AccountingSystem>,
        file: File,
    ) -> Vec<(JobPreview, Vec<EntryPreview>)> {
        let (config, stop) = (self.config(), Stop::new());
        let recorded = Recorded::new(file);
        let mut system = Rehearsal::made_up(system, &recorded, true);
        let owner = Owner {
            company_id: config.pleo.company_id.clone(),
            pleo_host: "127.0.0.1".to_owned(),
            target: system.describe().target,
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let receipts = fetcher(&config, folder.path().join("receipts"), &stop);
        let known = Checkpoint::look_at(&config.checkpoint).expect("a sound checkpoint");
        let mut checkpoint = Checkpoint::for_rehearsal(&owner).expect("a checkpoint");
        let settings = settings(&config);
        let pleo = Client::new(config.pleo, stop.clone()).expect("a client");
        let mut exporter = Exporter {
            pleo: &pleo,
            told: &Untold(&pleo),
            system: &mut system,
            checkpoint: &mut checkpoint,
            receipts: &receipts,
            settings: &settings,
            stop: &stop,
            permit: &Permit::given_by(|| Ok(())),
            fleet: &Alone,
            progress: &Follower::default(),
        };
        let chosen = exporter.choose(Which::All, known.as_ref()).expect("Pleo answers");
        let mut shown = Vec::new();
        for job in chosen.jobs {
            let preview = exporter.preview(job, known.as_ref());
            let mut entries = Vec::new();
            exporter
                .each_entry(&preview.job.id, &recorded, |entry| entries.push(entry))
                .expect("what was kept is read back");
            recorded.take_totals();
            shown.push((preview, entries));
        }
        shown
    }

    /// Polls with a system that dies on the way, and the work on its job with it.
    pub fn die_with(&self, system: &mut dyn AccountingSystem) {
        let report = self.poll_with(system);
        let died = report.jobs.iter().any(
            |job| matches!(&job.ending, Ending::LeftOpen(problem) if problem.kind == ProblemKind::Panicked),
        );
        assert!(
            died,
            "the system did not get to the moment at which it dies: {report:?}"
        );
    }
}

fn settings(config: &Config) -> Settings {
    Settings {
        company_id: config.pleo.company_id.clone(),
        batch_size: config.batch_size,
        patience: config.patience,
        attachments: config.attachments,
        bookkeeping: config.bookkeeping.clone(),
        books_are_right: false,
    }
}

fn fetcher(config: &Config, folder: PathBuf, stop: &Stop) -> Fetcher {
    let settings = receipts::Settings {
        folder,
        largest: receipts::LARGEST_ON_PLEO,
        timeout: config.receipt_timeout,
        give_up_after: config.receipts_give_up_after,
        own_host: Some("127.0.0.1".to_owned()),
        has_proxy: false,
    };
    Fetcher::new(settings, stop.clone()).expect("a fetcher")
}

/// The kind of the problem at the end of the only job.
#[track_caller]
pub fn problem_kind(report: &RunReport) -> &'static str {
    assert_eq!(report.jobs.len(), 1, "{report:?}");
    match &report.jobs[0].ending {
        Ending::ClosedButNeedsPerson(_, problem)
        | Ending::Failed(problem)
        | Ending::EndedByPleo(problem)
        | Ending::LeftOpen(problem)
        | Ending::NotBegun(problem) => problem.kind.as_str(),
        Ending::Closed(_) | Ending::AlreadyOver(_) => "none",
    }
}

/// Real beancount books of a process that dies before it attaches: as after a power cut between the two.
#[derive(Debug)]
pub struct DiesBeforeAttaching(pub Beancount);

impl AccountingSystem for DiesBeforeAttaching {
    fn describe(&self) -> Description {
        self.0.describe()
    }

    fn ready(&mut self) -> Result<(), SystemError> {
        self.0.ready()
    }

    fn check(&mut self, job: &JobNeeds) -> Result<(), SystemError> {
        self.0.check(job)
    }

    fn resolve(&mut self, references: &References) -> Result<Resolution, SystemError> {
        self.0.resolve(references)
    }

    fn find(&mut self, entries: &[Wanted]) -> Result<Vec<Found>, SystemError> {
        self.0.find(entries)
    }

    fn book(
        &mut self,
        permit: &Permit,
        items: &[PlannedItem],
    ) -> Result<Vec<Result<BookedEntry, SystemError>>, SystemError> {
        self.0.book(permit, items)
    }

    fn attach(&mut self, _: &Permit, _: &[Attachment]) -> Result<Vec<Result<(), SystemError>>, SystemError> {
        panic!("dies here")
    }
}

/// What the next bookings do to their answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answers {
    /// They come.
    #[default]
    Come,
    /// They are lost after all was written.
    LostInTime,
    /// They are lost; the documents are written when [`SearchedBooks::land`] is called.
    LostAndLate,
    /// The process dies waiting for them; of each entry the first document is written at once, the others when
    /// [`SearchedBooks::land`] is called.
    DieInTheMiddle,
}

/// An accounting system that keeps what it is sent, knows no unique keys, and can only be searched. Clones are the
/// same books.
#[derive(Clone, Debug, Default)]
pub struct SearchedBooks {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    answers: Answers,
    /// In the order of their numbers; an entry that is there twice was booked twice.
    documents: Vec<(AccountingEntryId, Part)>,
    on_their_way: Vec<(AccountingEntryId, Part)>,
    receipts: HashMap<AccountingEntryId, usize>,
    bookings: usize,
    knows_no_vendor: bool,
}

impl SearchedBooks {
    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn answers(&self, answers: Answers) {
        self.shared().answers = answers;
    }

    /// From now on nobody is in its register of vendors.
    pub fn know_no_vendor(&self) {
        self.shared().knows_no_vendor = true;
    }

    /// What is on its way arrives.
    pub fn land(&self) {
        let mut shared = self.shared();
        let arrived = std::mem::take(&mut shared.on_their_way);
        shared.documents.extend(arrived);
    }

    /// Each document with how often it is in the books.
    pub fn documents(&self) -> BTreeMap<(String, &'static str), usize> {
        let shared = self.shared();
        let mut documents = BTreeMap::new();
        for (entry, part) in &shared.documents {
            *documents.entry((entry.to_string(), part.as_str())).or_default() += 1;
        }
        documents
    }

    /// How many items were ever sent to be booked.
    pub fn bookings(&self) -> usize {
        self.shared().bookings
    }
}

impl Shared {
    fn booked(&self, entry: &AccountingEntryId) -> Option<BookedEntry> {
        let place = self.documents.iter().position(|(other, _)| other == entry)?;
        let parts = self.documents.iter().filter(|(other, _)| other == entry);
        Some(BookedEntry {
            external_id: format!("D-{}", place + 1),
            external_url: None,
            posting_date: chrono::NaiveDate::default(),
            revision: 1,
            parts: parts.map(|(_, part)| *part).collect(),
            content_hash: None,
            amount: None,
            remark: None,
            wallet_account: None,
        })
    }

    fn book(&mut self, item: &PlannedItem) -> Result<BookedEntry, SystemError> {
        self.bookings += 1;
        let entry = item.entry_id();
        let there = self.booked(entry).map(|booked| booked.parts).unwrap_or_default();
        let mut missing: Vec<_> = item
            .parts()
            .into_iter()
            .filter(|part| !there.contains(part))
            .collect();
        let now = match self.answers {
            Answers::Come | Answers::LostInTime => missing.len(),
            Answers::LostAndLate => 0,
            Answers::DieInTheMiddle => 1,
        };
        let late = missing.split_off(now.min(missing.len()));
        self.documents
            .extend(missing.into_iter().map(|part| (entry.clone(), part)));
        self.on_their_way
            .extend(late.into_iter().map(|part| (entry.clone(), part)));
        match self.answers {
            Answers::Come => Ok(self.booked(entry).expect("just booked")),
            _ => Err(SystemError::Unknown {
                reason: "no answer came".to_owned(),
            }),
        }
    }
}

impl AccountingSystem for SearchedBooks {
    fn describe(&self) -> Description {
        Description {
            name: "Searched".to_owned(),
            target: "searched:test".to_owned(),
            former_target: None,
            create: Create::Search,
            payables: true,
            keeps_vendors: true,
            attachments: Some(AttachmentLimits {
                largest: receipts::LARGEST_ON_PLEO,
            }),
            computes_tax: false,
            taking_back: TakingBack::ByHand,
        }
    }

    fn check(&mut self, _: &JobNeeds) -> Result<(), SystemError> {
        Ok(())
    }

    fn resolve(&mut self, references: &References) -> Result<Resolution, SystemError> {
        let account = |name: &str| Candidates::one(Account::open(name, name));
        let knows_no_vendor = self.shared().knows_no_vendor;
        Ok(Resolution {
            accounts: references
                .accounts
                .keys()
                .map(|key| (key.clone(), account(key.text())))
                .collect(),
            vendors: references
                .vendors
                .iter()
                .filter(|_| !knows_no_vendor)
                .map(|(key, name)| {
                    let vendor = Vendor {
                        reference: name.as_str().into(),
                        name: name.clone(),
                    };
                    (key.clone(), vendor)
                })
                .collect(),
            tags: references
                .tags
                .iter()
                .map(|tag| (tag.clone(), tag.code.as_str().into()))
                .collect(),
            ..Resolution::default()
        })
    }

    fn find(&mut self, entries: &[Wanted]) -> Result<Vec<Found>, SystemError> {
        let shared = self.shared();
        assert!(
            shared.answers != Answers::DieInTheMiddle || shared.bookings == 0,
            "dies here"
        );
        let found = entries
            .iter()
            .map(|wanted| match shared.booked(&wanted.entry_id) {
                None => Found::Absent { next_revision: 1 },
                Some(booked) if wanted.parts.iter().all(|part| booked.parts.contains(part)) => {
                    Found::Complete(booked)
                }
                Some(booked) => Found::Incomplete(booked),
            });
        Ok(found.collect())
    }

    fn book(
        &mut self,
        _: &Permit,
        items: &[PlannedItem],
    ) -> Result<Vec<Result<BookedEntry, SystemError>>, SystemError> {
        let mut shared = self.shared();
        Ok(items.iter().map(|item| shared.book(item)).collect())
    }

    fn attach(
        &mut self,
        _: &Permit,
        entries: &[Attachment],
    ) -> Result<Vec<Result<(), SystemError>>, SystemError> {
        let mut shared = self.shared();
        for entry in entries {
            shared
                .receipts
                .insert(entry.entry_id.clone(), entry.receipts.len());
        }
        Ok(vec![Ok(()); entries.len()])
    }
}
