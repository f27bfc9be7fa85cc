//! The APIs: who may ask, which endpoint is asked, and the answers that only read. What changes jobs is in
//! `event` and `update`. `POST /v3/export-jobs` is left out: jobs are created by the web application, here by tests.

use std::cmp::Reverse;

use serde_json::{Value, json};

use super::authentication;
use super::event;
use super::exchange::{Answer, Answered, Call};
use super::fault::Trouble;
use super::job::JobRecord;
use super::oauth;
use super::paging::{self, Page, Row};
use super::platform;
use super::query::{PAGING, Query, bad_request, is_uuid};
use super::states::{ItemStatus, JobStatus};
use super::subscriptions;
use super::update;
use super::wire;
use super::world::World;

/// Answers one call, with its effect.
pub fn answer(world: &mut World, call: &mut Call) -> Answer {
    world.expire_jobs();
    if call.request.path.starts_with("/oauth/") {
        return oauth::answer(world, call).unwrap_or_else(|refusal| refusal);
    }
    let answered = authentication::check(world, call).and_then(|()| dispatch(world, call));
    answered.unwrap_or_else(|refusal| refusal)
}

fn dispatch(world: &mut World, call: &Call) -> Answered {
    let segments: Vec<&str> = call.request.path.split('/').skip(1).collect();
    match (call.request.method.as_str(), segments.as_slice()) {
        ("GET", ["v1", "introspect"]) => return platform::introspect(world, call),
        ("GET", ["v1", "installations", "me"]) => return platform::installation(world, call),
        ("POST", ["v1", "installations", "me:activate"]) => return platform::activate(world, call),
        ("DELETE", ["v1", "installations", "me"]) => return platform::disconnect(world, call),
        ("POST", ["v1", "chart-of-accounts:search"]) => return platform::accounts(world, call),
        ("POST", ["v0", "tax-codes:search"]) => return platform::tax_codes(world, call),
        ("PUT", _) | ("POST", ["v3", "export-job-events"]) => platform::require(world, "export-jobs:write")?,
        ("GET", ["v3", "export-items"]) => platform::require(world, "export-items:read")?,
        _ => platform::require(world, "export-jobs:read")?,
    }
    match (call.request.method.as_str(), segments.as_slice()) {
        ("GET", ["v3", "export-jobs"]) => list_jobs(world, call),
        ("GET", ["v3", "export-jobs", id]) => read_job(world, call, id),
        ("GET", ["v3", "export-jobs", id, "items"]) => control_layer(world, call, id),
        ("PUT", ["v3", "export-jobs", id, "items"]) => update::put_items(world, call, id),
        ("POST", ["v3", "export-job-events"]) => event::post(world, call),
        ("GET", ["v3", "export-items"]) => data_layer(world, call),
        ("GET", ["v3", "export-job-items"]) => item_of_entry(world, call),
        (_, ["v1", "subscriptions", rest @ ..]) => subscriptions::answer(world, call, rest),
        (
            _,
            [
                "v3",
                "export-jobs" | "export-job-events" | "export-items" | "export-job-items",
            ]
            | ["v3", "export-jobs", _]
            | ["v3", "export-jobs", _, "items"],
        ) => {
            world.break_rule(call, "this path does not take this method");
            Err(Answer::refusal(405, "METHOD_NOT_ALLOWED", "Method not allowed."))
        }
        _ => {
            world.break_rule(call, "the Export API has no such path");
            Err(Answer::refusal(404, "NOT_FOUND", "Not found."))
        }
    }
}

/// The position of the job that a path or query names; recorded when it is no UUID, 404 when there is none.
pub fn find_job(world: &mut World, call: &Call, id: &str) -> Result<usize, Answer> {
    if !is_uuid(id) {
        return Err(bad_request(world, call, "the job id is no UUID"));
    }
    world
        .jobs
        .iter()
        .position(|job| job.id.eq_ignore_ascii_case(id) && world.covers(call, world.company_of(job)))
        .ok_or_else(|| Answer::refusal(404, "EXPORT_NOT_FOUND", "Export job not found."))
}

fn list_jobs(world: &mut World, call: &Call) -> Answered {
    let allowed = [&["company_id", "statuses"][..], &PAGING].concat();
    let query = Query::parse(world, call, &allowed)?;
    let mut statuses = Vec::new();
    for name in query.all("statuses") {
        match JobStatus::parse(name) {
            Some(status) => statuses.push(status),
            None => return Err(bad_request(world, call, &format!("unknown job status `{name}`"))),
        }
    }
    let company = query.uuid(world, call, "company_id")?;
    let ours = company.filter(|company| world.covers(call, company));
    if ours.is_none() {
        let fault = company.map_or("`company_id` is missing", |_| "`company_id` is another company");
        world.break_rule(call, fault);
    }
    let is_ours = |job: &JobRecord| ours.is_some_and(|ours| ours.eq_ignore_ascii_case(world.company_of(job)));
    let passes = |job: &JobRecord| statuses.is_empty() || statuses.contains(&job.status);
    let rows = world.jobs.iter().enumerate().filter(|(_, job)| is_ours(job));
    let mut rows: Vec<Row> = rows.map(|(row, job)| (row, passes(job))).collect();
    rows.sort_by_key(|(row, _)| Reverse((world.jobs[*row].created_at, *row)));
    let Page { rows, pagination, .. } = paging::page(world, call, &query, &rows)?;
    let data: Vec<Value> = rows.into_iter().map(|row| show_job(world, call, row)).collect();
    Ok(Answer::json(
        200,
        json!({ "data": data, "pagination": pagination }),
    ))
}

fn read_job(world: &mut World, call: &Call, id: &str) -> Answered {
    Query::parse(world, call, &[])?;
    let row = find_job(world, call, id)?;
    event::count_read(world, row);
    let job = show_job(world, call, row);
    Ok(Answer::json(200, json!({ "data": job })))
}

/// A job as JSON; once the client has it, it knows the job's state.
fn show_job(world: &mut World, call: &Call, row: usize) -> Value {
    let job = &mut world.jobs[row];
    if call.is_answered() {
        job.seen = job.status;
    }
    let job = &world.jobs[row];
    wire::job(job, world.company_of(job), world.options.lifetime_seconds)
}

fn control_layer(world: &mut World, call: &Call, id: &str) -> Answered {
    let allowed = [&["status"][..], &PAGING].concat();
    let query = Query::parse(world, call, &allowed)?;
    let status = query.one("status").map(ItemStatus::parse);
    if status == Some(None) {
        return Err(bad_request(world, call, "unknown item status"));
    }
    let status = status.flatten();
    let row = find_job(world, call, id)?;
    let job = &world.jobs[row];
    let passes = |item: usize| status.is_none_or(|status| job.items[item].state.status == status);
    let rows: Vec<Row> = job
        .control_order
        .iter()
        .map(|item| (*item, passes(*item)))
        .collect();
    let page = paging::page(world, call, &query, &rows)?;
    let job = &mut world.jobs[row];
    if call.is_answered() {
        job.control_read.extend(page.rows.iter().copied());
        // Whoever has read all items of one state knows that the others are not in it.
        let others = rows.iter().filter(|(_, passes)| page.is_last && !passes);
        job.control_read.extend(others.map(|(item, _)| *item));
    }
    let data: Vec<Value> = page
        .rows
        .iter()
        .map(|item| &job.items[*item].state)
        .map(|item| match &call.trouble {
            Some(Trouble::StaleItems) => wire::item(&job.id, &item.before_its_end()),
            _ => wire::item(&job.id, item),
        })
        .collect();
    Ok(Answer::json(
        200,
        json!({ "data": data, "pagination": page.pagination }),
    ))
}

fn data_layer(world: &mut World, call: &Call) -> Answered {
    let allowed = [&["job_id"][..], &PAGING].concat();
    let query = Query::parse(world, call, &allowed)?;
    let Some(id) = query.uuid(world, call, "job_id")?.map(ToOwned::to_owned) else {
        return Err(bad_request(world, call, "`job_id` is missing"));
    };
    let row = find_job(world, call, &id)?;
    if let Some(Trouble::MissingContraAccounts(currencies)) = &call.trouble {
        let message = format!(
            "Contra accounts are not configured for: {}.",
            currencies.join(", ")
        );
        return Err(Answer::refusal(400, "MISSING_CONTRA_ACCOUNTS", &message));
    }
    let job = &world.jobs[row];
    if job.status.is_ended() {
        let known = job.seen.is_ended();
        if known {
            world.break_rule(
                call,
                "the items of a job were read that the client knew to be ended",
            );
        }
        let message = "Export Job is finished and can no longer be processed.";
        return Err(Answer::refusal(422, "EXPORT_JOB_STATUS_UNPROCESSABLE", message));
    }
    let rows: Vec<Row> = job.data_order.iter().map(|item| (*item, true)).collect();
    let page = paging::page(world, call, &query, &rows)?;
    let now = world.clock.now();
    let job = &mut world.jobs[row];
    if call.is_answered() {
        job.data_read.extend(page.rows.iter().copied());
    }
    let payloads: Vec<Value> = page
        .rows
        .iter()
        .filter_map(|item| job.items[*item].payload.clone())
        .collect();
    let data: Vec<Value> = payloads
        .into_iter()
        .map(|payload| world.receipts.with_fresh_addresses(payload, now))
        .collect();
    Ok(Answer::json(
        200,
        json!({ "data": data, "pagination": page.pagination }),
    ))
}

fn item_of_entry(world: &mut World, call: &Call) -> Answered {
    let query = Query::parse(world, call, &["company_id", "accounting_entry_id"])?;
    let company = query.uuid(world, call, "company_id")?;
    let entry = query.uuid(world, call, "accounting_entry_id")?;
    let (Some(company), Some(entry)) = (company, entry) else {
        return Err(bad_request(
            world,
            call,
            "`company_id` or `accounting_entry_id` is missing",
        ));
    };
    let is_covered = world.covers(call, company);
    let newest = world.jobs.iter().rev().find_map(|job| {
        let is_ours = is_covered && world.company_of(job).eq_ignore_ascii_case(company);
        let item = job.listed().find(|item| is_ours && item.state.entry == entry)?;
        Some(wire::item(&job.id, &item.state))
    });
    match newest {
        Some(item) => Ok(Answer::json(200, json!({ "data": item }))),
        None => Err(Answer::refusal(
            404,
            "EXPORT_ENTRY_NOT_FOUND",
            "Export Job Item not found",
        )),
    }
}
