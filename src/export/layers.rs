//! Steps 3 and 4: the list of the job's items, and what Pleo says of each.
//!
//! Of a job of which nothing is known here both are read side by side, and the checkpoint stays on this thread. What is told
//! of items waits until the list names them. Where that leaves a gap, or something is known of the job already, the list comes
//! first and the data after it.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, sync_channel};

use tracing::Span;

use super::control;
use super::data::{self, Layer, Reader};
use super::halt::Halt;
use super::tools::JobRun;
use crate::checkpoint::{Checkpoint, ItemData};
use crate::host::clock;
use crate::host::stop::Stopped;
use crate::model::ids::JobId;
use crate::model::references::References;

/// So many bytes of payloads wait for the list to name their items. With more of them the data layer itself waits.
const MOST_WAITING: usize = 4 * 1024 * 1024;

/// Reads both, with `once_listed` between them, and answers what the items refer to in the books.
pub(super) fn read<'a>(
    run: &mut JobRun<'a>,
    once_listed: impl FnOnce(&mut JobRun<'a>) -> Result<(), Halt>,
) -> Result<References, Halt> {
    let is_new = run.exporter.checkpoint.finality(&run.job.id)?.listed() == 0;
    let beside = if is_new {
        Some(side_by_side(run)?)
    } else {
        control::read(run, &mut |_| Ok(()))?;
        None
    };
    once_listed(run)?;
    match beside {
        Some(Err(halt)) => data::finish(run, Err(halt)),
        Some(Ok(layer)) if data::is_complete(run, &layer)? => data::finish(run, Ok(layer)),
        // An item was listed only when its page was read already.
        _ => data::read(run),
    }
}

/// Reads the list here and the data in a thread. The outer error is about the list, the inner one about the data.
fn side_by_side(run: &mut JobRun<'_>) -> Result<Result<Layer, Halt>, Halt> {
    let (reader, job, span) = (Reader::of(run), run.job.id.clone(), Span::current());
    let (to, pages) = sync_channel(1);
    std::thread::scope(|scope| {
        // Where no more pages are taken, the error stands on the side that took them.
        let on_page = move |page| to.send(page).map_err(|_| Halt::Stopped(Stopped));
        let reading = scope.spawn(move || span.in_scope(|| reader.read(on_page)));
        let mut waiting = Waiting {
            job,
            pages,
            told: Vec::new(),
            bytes: 0,
        };
        control::read(run, &mut |checkpoint| waiting.go_on(checkpoint))?;
        if !run.exporter.checkpoint.has_work(&run.job.id)? {
            return Ok(Ok(Layer::default()));
        }
        waiting.store_rest(run.exporter.checkpoint)?;
        Ok(reading.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

/// What is told of items while the list is still read.
struct Waiting {
    job: JobId,
    pages: Receiver<Vec<ItemData>>,
    told: Vec<ItemData>,
    bytes: usize,
}

impl Waiting {
    /// Takes in what has come by now, and stores what the list names.
    fn go_on(&mut self, checkpoint: Option<&mut Checkpoint>) -> Result<(), Halt> {
        while self.bytes < MOST_WAITING
            && let Ok(page) = self.pages.try_recv()
        {
            self.take(page);
        }
        let Some(checkpoint) = checkpoint else {
            return Ok(());
        };
        let unlisted = checkpoint.store_payloads(&self.job, &self.told, clock::now())?;
        let mut places = 0..;
        self.told.retain(|_| {
            places
                .next()
                .is_some_and(|place| unlisted.binary_search(&place).is_ok())
        });
        self.bytes = bytes(&self.told);
        Ok(())
    }

    /// The list is whole, and what it does not name is not of this job.
    fn store_rest(mut self, checkpoint: &mut Checkpoint) -> Result<(), Halt> {
        while let Ok(page) = self.pages.recv() {
            self.take(page);
            if self.bytes >= MOST_WAITING {
                checkpoint.store_payloads(&self.job, &self.told, clock::now())?;
                (self.told, self.bytes) = (Vec::new(), 0);
            }
        }
        checkpoint.store_payloads(&self.job, &self.told, clock::now())?;
        Ok(())
    }

    fn take(&mut self, page: Vec<ItemData>) {
        self.bytes += bytes(&page);
        self.told.extend(page);
    }
}

fn bytes(told: &[ItemData]) -> usize {
    told.iter().map(|told| told.payload.len()).sum()
}
