//! Reading everything but the export items themselves: pages, jobs, the control layer, errors, the answer to
//! an update.

use super::malformed::Malformed;
use super::reader::Field;
use super::sound;
use crate::model::export_job::{ExportJob, ExportJobItem, ItemStatus, JobStatus};
use crate::model::ids::{AccountingEntryId, CompanyId, JobId};
use crate::pleo::error::{Answer, Call, shown};

/// More items than any job can list.
const MOST_ITEMS: u64 = 10_000_000;

/// One page of a list, its elements unread.
#[derive(Debug)]
pub(in crate::pleo) struct Page<'a> {
    pub(in crate::pleo) elements: Vec<Field<'a>>,
    pub(in crate::pleo) has_next: bool,
    pub(in crate::pleo) end_cursor: Option<String>,
    /// How many elements the whole list has, where that is said.
    pub(in crate::pleo) total: Option<u64>,
}

impl<'a> Page<'a> {
    pub(in crate::pleo) fn read(body: &'a str) -> Result<Self, Malformed> {
        let body = Field::root(body).object()?;
        let pagination = body.required("pagination")?.object()?;
        Ok(Self {
            elements: body.required("data")?.array()?,
            has_next: pagination.required("hasNextPage")?.flag()?,
            end_cursor: pagination.optional_text("endCursor")?,
            total: pagination.field("total").and_then(|total| total.count().ok()),
        })
    }
}

/// One element of the data layer, not read any further than to its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawItem {
    /// The accounting entry; `None` where the element is no object or has no readable `accountingEntryId`.
    pub entry_id: Option<AccountingEntryId>,
    /// The element as it was received; empty where it is too large.
    pub payload: String,
    /// Whether it is larger than any is read, so that nothing but its key is known.
    pub is_too_large: bool,
}

impl RawItem {
    /// An element of which nothing but the key could be read.
    pub(in crate::pleo) fn too_large(entry_id: String) -> Self {
        Self {
            entry_id: Some(AccountingEntryId::new(entry_id)),
            payload: String::new(),
            is_too_large: true,
        }
    }
}

pub(in crate::pleo) fn raw_item(item: &Field<'_>) -> RawItem {
    let entry_id = sound::entry_id(item.json()).or_else(|| {
        let object = item.object().ok()?;
        object.identifier("accountingEntryId").ok()
    });
    RawItem {
        entry_id: entry_id.map(AccountingEntryId::new),
        payload: item.json().to_owned(),
        is_too_large: false,
    }
}

/// The body of the answer about one job. One that has no time to be worked on is none to begin.
pub(in crate::pleo) fn one_export_job(body: &str) -> Result<ExportJob, Malformed> {
    let data = Field::root(body).object()?.required("data")?;
    let job = export_job(&data)?;
    if job.status == JobStatus::Pending {
        return with_time(job, &data);
    }
    Ok(job)
}

fn export_job(job: &Field<'_>) -> Result<ExportJob, Malformed> {
    let job = job.object()?;
    Ok(ExportJob {
        id: JobId::new(job.identifier("id")?),
        company_id: CompanyId::new(job.identifier("companyId")?),
        status: JobStatus::from_wire(&job.required("status")?.text()?),
        created_at: job.required("createdAt")?.nearest_moment()?,
        started_at: job.optional("startedAt", Field::nearest_moment)?,
        last_updated_at: job.optional("lastUpdatedAt", Field::nearest_moment)?,
        expires_in_seconds: job.required("expiresIn")?.seconds()?,
        number_of_items: job.required("numberOfItems")?.count_up_to(MOST_ITEMS)?,
        vendor_based_bookkeeping: job.required("vendorBasedBookkeeping")?.flag()?,
        failure_reason_type: job.words("failureReasonType"),
    })
}

/// A job of the list that cannot be worked on.
#[derive(Debug)]
pub(in crate::pleo) struct LeftAside {
    /// Its id, where that can be read; made harmless.
    id: Option<String>,
    pub(in crate::pleo) problem: Malformed,
}

impl LeftAside {
    /// What it is called.
    pub(in crate::pleo) fn which(&self) -> String {
        self.id.as_ref().map_or_else(
            || "a job whose id cannot be read".to_owned(),
            |id| format!("job {id}"),
        )
    }
}

/// A job of the list. One that cannot be asked for by its id, or has no time to be worked on, is none to begin or to go on
/// with: how much time one in progress has is asked again by its id, where none is no reason to leave it.
pub(in crate::pleo) fn listed_job(job: &Field<'_>) -> Result<ExportJob, LeftAside> {
    sound_job(job).map_err(|problem| LeftAside {
        id: job.object().ok().and_then(|job| Some(shown(&job.words("id")?))),
        problem,
    })
}

fn sound_job(job: &Field<'_>) -> Result<ExportJob, Malformed> {
    let listed = export_job(job)?;
    if listed.id.as_str().parse::<JobId>().is_err() {
        return Err(job.object()?.required("id")?.is_not("a UUID"));
    }
    with_time(listed, job)
}

fn with_time(read: ExportJob, job: &Field<'_>) -> Result<ExportJob, Malformed> {
    if read.expires_in_seconds == 0 {
        let time = job.object()?.required("expiresIn")?;
        return Err(time.is_not("a time in which to work on it"));
    }
    Ok(read)
}

/// An item without a status that can be read counts as not final: it is looked up before anything is booked.
pub(in crate::pleo) fn export_job_item(item: &Field<'_>) -> Result<ExportJobItem, Malformed> {
    let item = item.object()?;
    let status = item.words("status");
    Ok(ExportJobItem {
        entry_id: AccountingEntryId::new(item.identifier("accountingEntryId")?),
        status: status.map_or(ItemStatus::Pending, |status| ItemStatus::from_wire(&status)),
        external_id: item.words("externalId"),
    })
}

/// What Pleo made of an update.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateAnswer {
    /// The items that it did not update. It has all others.
    pub rejected: Vec<Rejection>,
}

/// An item that Pleo did not update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The accounting entry.
    pub entry_id: AccountingEntryId,
    /// Pleo's word for the kind of error, such as `ACCOUNTING_ENTRY_DOES_NOT_EXIST`; made harmless, may be empty.
    pub error_type: String,
    /// Pleo's explanation; made harmless, may be empty.
    pub message: String,
}

impl Rejection {
    /// What Pleo said, for people.
    pub fn text(&self) -> String {
        match (&*self.message, &*self.error_type) {
            (message, "") => message.to_owned(),
            ("", error_type) => error_type.to_owned(),
            (message, error_type) => format!("{} ({error_type})", message.trim_end_matches('.')),
        }
    }
}

pub(in crate::pleo) fn update_answer(body: &str) -> Result<UpdateAnswer, Malformed> {
    let rejected = Field::root(body).object()?.list("errors", |error| {
        let error = error.object()?;
        Ok(Rejection {
            entry_id: AccountingEntryId::new(error.identifier("accountingEntryId")?),
            error_type: shown(&error.words("type").unwrap_or_default()),
            message: shown(&error.words("message").unwrap_or_default()),
        })
    })?;
    Ok(UpdateAnswer { rejected })
}

/// An answer that is no success. Its body says more only when it is Pleo's own, so anything else is passed over.
pub(in crate::pleo) fn answer(call: Call, status: u16, body: &str) -> Answer {
    let object = Field::root(body).object().ok();
    let word = |name| Some(shown(&object.as_ref()?.words(name)?));
    Answer {
        call,
        status,
        error_type: word("type"),
        message: word("message"),
    }
}
