//! How many items of a job stand where, by Pleo's own count: a small answer for each state in the place of all pages.

use std::panic::resume_unwind;

use super::client::Client;
use super::error::PleoError;
use super::request::Request;
use super::wire::Page;
use crate::model::export_job::ItemStatus;
use crate::model::ids::JobId;

impl Client {
    /// Asks for one item in each state, side by side, and answers how many Pleo counts there; `None` where it does not say.
    /// What has no state, or one that is not known here, is in none of them.
    pub fn count_items(&self, id: &JobId) -> Result<Vec<(ItemStatus, Option<u64>)>, PleoError> {
        std::thread::scope(|scope| {
            let asked = ItemStatus::ALL.map(|status| scope.spawn(move || self.count(id, status)));
            let answers = asked.map(|asked| asked.join().unwrap_or_else(|panic| resume_unwind(panic)));
            let counts = ItemStatus::ALL.into_iter().zip(answers);
            counts.map(|(status, count)| Ok((status, count?))).collect()
        })
    }

    fn count(&self, id: &JobId, status: ItemStatus) -> Result<Option<u64>, PleoError> {
        let segments = ["v3", "export-jobs", id.as_str(), "items"];
        let query = [("status", status.as_str()), ("limit", "1")];
        self.transport()
            .read(&Request::reading(&segments, &query), |body| {
                let page = Page::read(body)?;
                if page.elements.is_empty() && !page.has_next {
                    return Ok(page.total.or(Some(0)));
                }
                Ok(page.total.filter(|total| *total > 0))
            })
    }
}
