//! The program against a real server, a real checkpoint and real books. One file a promise.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::restriction,
    clippy::disallowed_methods,
    clippy::unused_self,
    reason = "a test that cannot go on has failed, and says what it did not look at"
)]

/// The programs of examples.
#[path = "../support/built.rs"]
mod built;
/// A run in this process with an accounting system of the test's choice.
mod in_process;
/// A signal to the program at a request of its own.
#[path = "../support/interrupt.rs"]
mod interrupt;
/// What the books must add up to, from the raw payloads.
#[path = "../support/paper.rs"]
mod paper;
#[path = "../../examples/sandbox/server/mod.rs"]
mod sandbox;
#[path = "../support/mod.rs"]
mod support;
/// What a user is promised, checked from outside.
#[path = "../support/truth.rs"]
mod truth;

/// Which account each posting goes to.
mod accounts;
/// Temporary has an end: who is called, and when.
mod alarms;
/// What is wrong outside: settings, credential, answers, disks. A clear text, and nothing lost.
mod bad_input;
/// The figures in the books are right.
mod balances;
/// `check` alone finds what is wrong, with the cure in the same line.
mod check;
/// The checkpoint is lost, restored, copied, somebody else's, or two of them share the books.
mod checkpoints;
/// Several companies on one machine.
mod companies;
/// Another accounting system is a change of settings alone.
mod connector;
/// What the docs show can be typed as it stands.
mod documented;
/// What the books do not say stands in the evidence, and nothing is lost.
mod evidence;
/// Every failure type that this side can cause.
mod failure_types;
/// Books of the first version are gone on with.
mod first_version;
/// The disk is full, at any moment.
mod full_disk;
/// What is told to type can be pasted as it stands.
mod hints;
/// What comes from outside means harm.
mod hostile;
/// The same for receipts.
mod hostile_receipts;
/// How items are cut into jobs, batches and runs changes nothing.
mod invariance;
/// What the checkpoint itself will not hold.
mod invariants;
/// Bills, payments, refunds and duplicates, in one job and in several.
mod invoices;
/// What only a person can mend is found before a job is started, and never called temporary.
mod lacking;
mod lasting;
/// The ledger that a person opens, laid out her way.
mod ledgers;
/// A job lives as long as Pleo hears from us, by Pleo's clock.
mod lifetime;
/// Pleo tells of a job, and it is booked.
#[cfg(feature = "listen")]
mod listen;
/// The main job: poll, run-job, resume, status, with their exit codes.
mod main_job;
/// How it behaves: on a terminal, in pipes, towards those who mistype.
mod manners;
/// `--metrics-file`.
mod metrics;
/// Proxies, certificates and answers that are not Pleo's.
mod networks;
/// Twenty nights, each with its cause and its cure.
mod night;
/// Who is told how polls end, and that it changes no run.
mod notify;
/// A connection by OAuth: login, refresh, logout, and what goes wrong with each.
mod oauth;
/// Links, shares, other users and other programs; the log as JSON.
mod odd_places;
/// Settings that cannot be read are never taken for absent.
mod odd_settings;
/// One odd value takes down itself alone.
mod odd_values;
/// What is told about an Odoo without asking one.
mod odoo;
/// Pleo shows an item as open whose verdict it has taken.
mod open_again;
/// What a permit costs, and what is told of a job that is not ours any more.
mod permits;
/// Each poll leaves how it ended, whatever became of it.
mod polls;
/// What `preview` shows is what the next run does.
mod preview;
/// What an auditor asks, answered by the books alone.
mod queries;
/// The same expenses come again.
mod re_export;
/// One process dies, or many: the next one goes on.
mod resume;
/// What names people goes when it may be kept no longer.
mod retention;
/// Entries are taken back, by command and by hand.
mod reverse;
/// What is asked of Pleo side by side, what is not asked again, and how fast.
mod round_trips;
/// One job by its id: whose it may be, and when it is its turn.
mod run_job;
/// The credential stays where it belongs, and files are for their owner.
mod secrets;
/// The sequences of events that fool people, each by its name.
mod sequences;
/// What Pleo tells beside the data (sizes, its clock) is used.
mod sizes_and_dates;
/// What `status` says after time has passed and after what went wrong.
mod status;
/// Whom Pleo tells of jobs, and by which secret it is known.
mod subscribe;
/// What people read, word by word.
mod texts;
/// Books and checkpoint of an earlier version.
mod upgrade;
/// Every answer of the accounting system at every question, and what it means.
#[cfg(unix)]
mod verdict_table;
/// Whatever was done to one of the three sides is found afterwards.
mod verify;
