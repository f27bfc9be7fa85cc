//! Booking a batch. The script is in [`script`], with one file for each of its stages.

pub(super) mod drafting;
pub(super) mod payments;
pub(super) mod posting;
mod refusals;
pub(super) mod script;
pub(super) mod settle;
pub(super) mod stage;
pub(super) mod undo;
pub(super) mod verify;
