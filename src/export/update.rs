//! Step 6: tell Pleo each verdict, in calls of at most one batch.

use tracing::{debug, warn};

use super::halt::Halt;
use super::tools::JobRun;
use crate::host::clock;
use crate::host::counted::counted;
use crate::model::ids::AccountingEntryId;
use crate::model::verdict::Verdict;
use crate::pleo::{ItemUpdate, Rejection};

/// Sends every verdict that Pleo does not have. What Pleo rejects is tried once alone, then recorded as rejected.
pub(super) fn report(run: &mut JobRun<'_>) -> Result<(), Halt> {
    let batch_size = run.exporter.settings.batch_size;
    loop {
        let unsent = run.exporter.checkpoint.unsent(&run.job.id, batch_size)?;
        if unsent.is_empty() {
            return Ok(());
        }
        send(run, unsent)?;
    }
}

/// Sends what Pleo rejected once more, each alone, and what it took and lacks all the same: a late request of ours or a
/// restored copy may have taken a verdict back. Nothing is concluded from what Pleo said before.
pub(super) fn send_again(run: &mut JobRun<'_>) -> Result<(), Halt> {
    let lacked = run.exporter.checkpoint.lacked(&run.job.id, clock::now())?;
    if lacked > 0 {
        let lacked = counted(lacked, "item");
        warn!("Pleo shows {lacked} as open and has taken their verdicts; sending these again");
    }
    report(run)?;
    for rejected in run.exporter.checkpoint.rejected_items(&run.job.id)? {
        if let Some(rejection) = send_alone(run, rejected)? {
            debug!(item.id = %rejection.entry_id, "Pleo rejects the verdict still");
        }
    }
    Ok(())
}

fn send(run: &mut JobRun<'_>, unsent: Vec<(AccountingEntryId, Verdict)>) -> Result<(), Halt> {
    let rejected = put(run, &unsent)?;
    let is_rejected =
        |entry_id: &AccountingEntryId| rejected.iter().any(|rejection| rejection.entry_id == *entry_id);
    let (again, taken): (Vec<_>, Vec<_>) = unsent
        .into_iter()
        .partition(|(entry_id, _)| is_rejected(entry_id));
    let taken: Vec<_> = taken.into_iter().map(|(entry_id, _)| entry_id).collect();
    accepted(run, &taken)?;
    debug!("Pleo accepted {}", counted(taken.len(), "verdict"));
    for update in again {
        if let Some(rejection) = send_alone(run, update)? {
            let why = rejection.text();
            warn!(item.id = %rejection.entry_id, "Pleo rejects the verdict: {why}");
        }
    }
    Ok(())
}

/// Answers what Pleo rejected, which is noted.
fn send_alone(run: &mut JobRun<'_>, update: (AccountingEntryId, Verdict)) -> Result<Option<Rejection>, Halt> {
    let rejected = put(run, std::slice::from_ref(&update))?;
    let entry = [update.0];
    let Some(rejection) = rejected.into_iter().next() else {
        return accepted(run, &entry).map(|()| None);
    };
    let checkpoint = &mut *run.exporter.checkpoint;
    checkpoint.rejected(&run.job.id, &entry, clock::now(), &rejection.text())?;
    Ok(Some(rejection))
}

fn accepted(run: &mut JobRun<'_>, entries: &[AccountingEntryId]) -> Result<(), Halt> {
    let checkpoint = &mut *run.exporter.checkpoint;
    Ok(checkpoint.accepted(&run.job.id, entries, clock::now())?)
}

/// Where the job is over on Pleo's side the results stay here, and the next job finds the entries in the books.
fn put(run: &JobRun<'_>, verdicts: &[(AccountingEntryId, Verdict)]) -> Result<Vec<Rejection>, Halt> {
    let updates = verdicts.iter().cloned();
    let updates = updates.map(|(entry_id, verdict)| ItemUpdate::Final(entry_id, verdict));
    run.tell(&updates.collect::<Vec<_>>())
}
