//! The workflow, one file a step, named as in Pleo's guide: detect, start, validate, control, data, process,
//! update, complete.
//!
//! Read from the top: [`runs`] chooses the jobs (poll, resume, one job by name), [`job`] takes one of them through the
//! steps and says what follows what; [`layers`] reads two of them side by side. Below all of them stand [`tools`] (what a
//! run works with, and the job in hand), [`halt`] (why the work stops) and [`report`] (what a run says at its end);
//! [`verdicts`] judges, [`patience`] and [`confirm`] wait for the accounting system and for Pleo.
//!
//! First run, retry, resumed run, lost checkpoint, second machine and repeated export all take the same path:
//! every item that is not final at Pleo is planned, looked up in the books, booked if it is not there, and
//! reported. The checkpoint makes that fast and explains it; the books decide it.

mod complete;
mod confirm;
mod control;
mod data;
mod deadline;
mod detect;
mod give_up;
mod halt;
mod job;
mod lacking;
mod layers;
mod look_up;
mod patience;
mod permit;
pub mod preview;
mod process;
pub mod report;
mod runs;
mod start;
mod take_over;
mod telling;
mod tools;
mod update;
mod validate;
mod verdicts;

pub use data::item_facts;
pub use halt::PANICKED;
pub use telling::{Telling, Untold};
pub use tools::{Exporter, Progress, Settings};
