//! Step 6: tell Pleo each verdict, in calls of at most one batch.

use tracing::{debug, warn};

use super::halt::Halt;
use super::job::JobRun;
use super::{Exporter, confirm};
use crate::host::{clock, kill};
use crate::model::ids::AccountingEntryId;
use crate::model::verdict::Verdict;
use crate::pleo::{ItemUpdate, PleoError, Refusal};

/// Sends every verdict that Pleo does not have. What Pleo refuses is tried once alone, then recorded as refused.
pub(super) fn report(exporter: &mut Exporter<'_>, run: &JobRun) -> Result<(), Halt> {
    loop {
        let unsent = exporter
            .checkpoint
            .unsent(&run.job.id, exporter.settings.batch_size)?;
        if unsent.is_empty() {
            return Ok(());
        }
        send(exporter, run, unsent)?;
    }
}

/// Sends what Pleo refused once more, each alone, and what it took and lacks all the same: a late request of ours or a
/// restored copy may have taken a verdict back. Nothing is concluded from what Pleo said before.
pub(super) fn send_again(exporter: &mut Exporter<'_>, run: &JobRun) -> Result<(), Halt> {
    let lacked = exporter.checkpoint.lacked(&run.job.id, clock::now())?;
    if lacked > 0 {
        warn!("Pleo shows {lacked} items as open whose verdicts it has taken; sending these again");
    }
    report(exporter, run)?;
    for (entry_id, verdict) in exporter.checkpoint.refused_items(&run.job.id)? {
        send_alone(exporter, run, entry_id, verdict)?;
    }
    Ok(())
}

fn send(
    exporter: &mut Exporter<'_>,
    run: &JobRun,
    unsent: Vec<(AccountingEntryId, Verdict)>,
) -> Result<(), Halt> {
    if kill::mutation("sent-before-answer") {
        let entries: Vec<_> = unsent.iter().map(|(entry_id, _)| entry_id.clone()).collect();
        exporter
            .checkpoint
            .accepted(&run.job.id, &entries, clock::now())?;
    }
    let refused = put(exporter, run, &unsent)?;
    let is_refused =
        |entry_id: &AccountingEntryId| refused.iter().any(|refusal| refusal.entry_id == *entry_id);
    let (again, accepted): (Vec<_>, Vec<_>) =
        unsent.into_iter().partition(|(entry_id, _)| is_refused(entry_id));
    let accepted: Vec<_> = accepted.into_iter().map(|(entry_id, _)| entry_id).collect();
    exporter
        .checkpoint
        .accepted(&run.job.id, &accepted, clock::now())?;
    debug!("Pleo accepted {} verdicts", accepted.len());
    for (entry_id, verdict) in again {
        send_alone(exporter, run, entry_id, verdict)?;
    }
    Ok(())
}

fn send_alone(
    exporter: &mut Exporter<'_>,
    run: &JobRun,
    entry_id: AccountingEntryId,
    verdict: Verdict,
) -> Result<(), Halt> {
    let update = [(entry_id, verdict)];
    let refused = put(exporter, run, &update)?;
    let [(entry_id, _)] = update;
    match refused.first() {
        None => exporter
            .checkpoint
            .accepted(&run.job.id, &[entry_id], clock::now())?,
        Some(refusal) => {
            warn!(item.id = %entry_id, "Pleo refuses the verdict: {} ({})", refusal.message, refusal.error_type);
            let why = format!("{}: {}", refusal.error_type, refusal.message);
            exporter
                .checkpoint
                .refused(&run.job.id, &[entry_id], clock::now(), &why)?;
        }
    }
    Ok(())
}

fn put(
    exporter: &Exporter<'_>,
    run: &JobRun,
    verdicts: &[(AccountingEntryId, Verdict)],
) -> Result<Vec<Refusal>, Halt> {
    let updates: Vec<_> = verdicts
        .iter()
        .map(|(entry_id, verdict)| ItemUpdate::Final(entry_id.clone(), verdict.clone()))
        .collect();
    match exporter.pleo.update_items(&run.permit, &run.job.id, &updates) {
        Ok(answer) => Ok(answer.refused),
        // The job is over on Pleo's side. The results stay here, and the next job finds the entries in the books.
        Err(PleoError::JobFinished { .. }) => Err(confirm::refused_as_finished(exporter, &run.job.id)),
        Err(error) => Err(error.into()),
    }
}
