//! `PUT /v3/export-jobs/{jobId}/items`: one malformed object refuses the whole array; an update that an item cannot take
//! is refused alone, in `errors`. A final state stays: repeating it is harmless, changing it is not.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::api::find_job;
use super::exchange::{Answer, Answered, Call};
use super::fault::Trouble;
use super::fields::{Fields, json_body};
use super::job::{ItemState, JobRecord};
use super::query::{Query, bad_request};
use super::states::{ITEM_FAILURES, ItemStatus, JobStatus};
use super::wire;
use super::world::World;

const MOST_ITEMS: usize = 100;
const KEYS: [&str; 7] = [
    "accountingEntryId",
    "status",
    "exportedAt",
    "externalId",
    "externalUrl",
    "failureReason",
    "failureReasonType",
];

struct Update {
    entry: String,
    status: ItemStatus,
    exported_at: Option<String>,
    external_id: Option<String>,
    external_url: Option<String>,
    reason: Option<String>,
    reason_type: Option<String>,
}

fn read(value: &Value) -> Result<Update, String> {
    let fields = Fields::of(value, &KEYS)?;
    let name = fields.required("status")?;
    Ok(Update {
        entry: fields.uuid("accountingEntryId")?,
        status: ItemStatus::parse(&name).ok_or_else(|| format!("unknown item status `{name}`"))?,
        exported_at: fields.date_time("exportedAt")?,
        external_id: fields.text("externalId")?,
        external_url: fields.text("externalUrl")?,
        reason: fields.text("failureReason")?,
        reason_type: fields.one_of("failureReasonType", &ITEM_FAILURES)?,
    })
}

/// An update that one item cannot take.
struct Refusal {
    error_type: String,
    message: String,
    /// The rule that the client has broken by it, unless it could not know better.
    rule: Option<String>,
}

impl Refusal {
    fn status(message: &str, rule: Option<String>) -> Self {
        let error_type = "EXPORT_ENTRY_STATUS_UPDATE_FAILED".to_owned();
        Self {
            error_type,
            message: message.to_owned(),
            rule,
        }
    }
}

/// Answers the call.
pub fn put_items(world: &mut World, call: &Call, id: &str) -> Answered {
    Query::parse(world, call, &[])?;
    let updates = read_body(world, call)?;
    let row = find_job(world, call, id)?;
    check_job(world, call, row)?;
    let now = world.clock.now();
    let (mut data, mut errors) = (Vec::new(), Vec::new());
    for (position, update) in updates.iter().enumerate() {
        for rule in unsound(update) {
            world.break_rule(call, &rule);
        }
        let is_repeated = updates
            .iter()
            .take(position)
            .any(|earlier| earlier.entry == update.entry);
        match take(&mut world.jobs[row], update, is_repeated, call.trouble.as_ref()) {
            Ok(item) => {
                data.push(wire::item(&world.jobs[row].id, &item));
                if let Some(rule) = changed_identity(&item, update) {
                    world.break_rule(call, &rule);
                }
            }
            Err(Refusal {
                error_type,
                message,
                rule,
            }) => {
                errors.push(
                    json!({ "accountingEntryId": update.entry, "message": message, "type": error_type }),
                );
                if let Some(rule) = rule {
                    world.break_rule(call, &format!("item {}: {rule}", update.entry));
                }
            }
        }
    }
    let job = &mut world.jobs[row];
    job.last_updated_at = now;
    job.updates += 1;
    Ok(Answer::json(200, json!({ "data": data, "errors": errors })))
}

fn read_body(world: &mut World, call: &Call) -> Result<Vec<Update>, Answer> {
    let Value::Array(values) = json_body(world, call)? else {
        return Err(bad_request(world, call, "the body is no bare array"));
    };
    if values.is_empty() {
        return Err(bad_request(world, call, "the array is empty"));
    }
    if values.len() > MOST_ITEMS {
        let message = "Number of items to update is more than 100.";
        world.break_rule(
            call,
            &format!("{} items in one update; at most 100 may be", values.len()),
        );
        return Err(Answer::refusal(413, "EXPORT_JOB_ITEMS_UPDATE_LIMIT", message));
    }
    let read = values
        .iter()
        .enumerate()
        .map(|(number, value)| read(value).map_err(|rule| (number, rule)));
    read.collect::<Result<_, _>>()
        .map_err(|(number, rule)| bad_request(world, call, &format!("object {number} of the array: {rule}")))
}

/// Passes a job that takes updates, and records when the client starts to report before it has read everything.
fn check_job(world: &mut World, call: &Call, row: usize) -> Result<(), Answer> {
    let job = &world.jobs[row];
    if job.status != JobStatus::InProgress {
        let rule = match (job.status.is_ended(), job.seen.is_ended()) {
            (true, true) => Some("items updated in a job that the client knew to be ended"),
            (false, _) if job.late_event.is_none() => Some("items updated in a job that is not started"),
            _ => None,
        };
        if let Some(rule) = rule {
            world.break_rule(call, rule);
        }
        return Err(Answer::refusal(
            422,
            "EXPORT_JOB_STATUS_UNPROCESSABLE",
            "Export job is finished.",
        ));
    }
    let unread =
        |order: &[usize], read: &BTreeSet<usize>| order.iter().filter(|item| !read.contains(item)).count();
    let control = unread(&job.control_order, &job.control_read);
    let data = unread(&job.data_order, &job.data_read);
    if job.updates == 0 && control + data > 0 {
        let rule = format!(
            "items updated before all were read: {control} missing of the control layer, {data} of the data layer"
        );
        world.break_rule(call, &rule);
    }
    Ok(())
}

/// The rules that an update breaks by itself, although Pleo would take it.
fn unsound(update: &Update) -> Vec<String> {
    let complete = update.reason.is_some() && update.reason_type.is_some();
    let any_reason = update.reason.is_some() || update.reason_type.is_some();
    let mut rules = Vec::new();
    if update.status == ItemStatus::Failed && !complete {
        rules.push(format!("item {}: failed without reason or type", update.entry));
    }
    if update.status != ItemStatus::Failed && any_reason {
        rules.push(format!(
            "item {}: {} with a failure reason",
            update.entry, update.status
        ));
    }
    rules
}

/// A verdict that was given before must not come back with another identity in the books.
fn changed_identity(item: &ItemState, update: &Update) -> Option<String> {
    let is_other = update.external_id.is_some() && item.external_id != update.external_id;
    (update.status == ItemStatus::Successful && is_other).then(|| {
        let before = item.external_id.as_deref().unwrap_or("none");
        format!(
            "item {}: reported again under another external id, before: {before}",
            update.entry
        )
    })
}

/// Updates one item, or says why not. Answers the item as it now stands.
fn take(
    job: &mut JobRecord,
    update: &Update,
    is_repeated: bool,
    trouble: Option<&Trouble>,
) -> Result<ItemState, Refusal> {
    if let Some(Trouble::RefusedItems { entries, error_type }) = trouble
        && (entries.is_empty() || entries.contains(&update.entry))
    {
        let message = "The item could not be updated.".to_owned();
        return Err(Refusal {
            error_type: error_type.clone(),
            message,
            rule: None,
        });
    }
    if is_repeated {
        let rule = "twice in one array".to_owned();
        return Err(Refusal::status("The item occurs twice in the array.", Some(rule)));
    }
    let Some(item) = job.item_mut(&update.entry) else {
        let message = "The accounting entry is not in this job.".to_owned();
        let rule = Some("not in this job".to_owned());
        return Err(Refusal {
            error_type: "ACCOUNTING_ENTRY_DOES_NOT_EXIST".to_owned(),
            message,
            rule,
        });
    };
    if item.status.is_final() && item.status != update.status {
        let rule = format!("{} after it was {}", update.status, item.status);
        return Err(Refusal::status("The item has its final status.", Some(rule)));
    }
    if matches!(update.status, ItemStatus::Pending | ItemStatus::Abandoned) {
        let rule = format!("set to {}, which is not for an integration to say", update.status);
        return Err(Refusal::status(
            "The item cannot be set to this status.",
            Some(rule),
        ));
    }
    let is_news = !item.status.is_final();
    item.history.push(update.status);
    if is_news {
        item.status = update.status;
        item.exported_at.clone_from(&update.exported_at);
        item.external_id.clone_from(&update.external_id);
        item.external_url.clone_from(&update.external_url);
        item.failure_reason.clone_from(&update.reason);
        item.failure_reason_type.clone_from(&update.reason_type);
    }
    Ok(item.clone())
}
