//! `POST /v3/export-job-events`: which event a job takes in which state, and the rules that a client must keep even
//! where Pleo itself would let it pass. A refusal that the client could not foresee, because another instance or a
//! person acted in between, breaks no rule.

use serde_json::Value;

use super::api::find_job;
use super::exchange::{Answer, Answered, Call};
use super::fault::Trouble;
use super::fields::{Fields, json_body};
use super::job::{JobRecord, LateEvent};
use super::query::bad_request;
use super::states::{Event, ItemStatus, JOB_FAILURES, JobStatus};
use super::world::World;

const KEYS: [&str; 4] = ["event", "jobId", "failureReason", "failureReasonType"];

struct Body {
    event: Event,
    job: String,
    reason: Option<String>,
    reason_type: Option<String>,
}

fn read(body: &Value) -> Result<Body, String> {
    let fields = Fields::of(body, &KEYS)?;
    let name = fields.required("event")?;
    Ok(Body {
        event: Event::parse(&name).ok_or_else(|| format!("unknown event `{name}`"))?,
        job: fields.uuid("jobId")?,
        reason: fields.text("failureReason")?,
        reason_type: fields.one_of("failureReasonType", &JOB_FAILURES)?,
    })
}

/// Answers the call.
pub fn post(world: &mut World, call: &Call) -> Answered {
    let body = json_body(world, call)?;
    let body = read(&body).map_err(|rule| bad_request(world, call, &rule))?;
    let row = find_job(world, call, &body.job)?;
    check_reasons(world, call, &body);
    match body.event {
        Event::Started => check_start(world, call, row)?,
        Event::Failed | Event::Completed | Event::CompletedWithErrors => {
            check_end(world, call, row, body.event)?;
        }
    }
    let now = world.clock.now();
    let job = &mut world.jobs[row];
    job.events.push(body.event);
    if let Some(Trouble::LateEvent(reads_left)) = call.trouble {
        let late = LateEvent {
            event: body.event,
            reason: body.reason,
            reason_type: body.reason_type,
            reads_left,
        };
        job.late_event = Some(late);
        return Ok(Answer::empty(202));
    }
    job.apply(body.event, body.reason, body.reason_type, now);
    if body.event == Event::Started || call.is_answered() {
        // Who has sent `started` must read the job before sending it again, whatever became of the answer.
        job.seen = job.status;
    }
    Ok(Answer::empty(202))
}

fn check_reasons(world: &mut World, call: &Call, body: &Body) {
    let complete = body.reason.is_some() && body.reason_type.is_some();
    let any = body.reason.is_some() || body.reason_type.is_some();
    if body.event == Event::Failed && !complete {
        world.break_rule(call, "event `failed` without reason or type");
    }
    if body.event != Event::Failed && any {
        world.break_rule(call, &format!("failure reason with event `{}`", body.event));
    }
}

fn refused() -> Answer {
    Answer::refusal(
        422,
        "INVALID_EXPORT_JOB_STATUS_CHANGE",
        "Export Job status change failed",
    )
}

fn check_start(world: &mut World, call: &Call, row: usize) -> Result<(), Answer> {
    let job = &world.jobs[row];
    if job.status != JobStatus::Pending {
        if job.seen == job.status {
            let rule = format!("`started` sent for a job that is {}", in_words(job.status));
            world.break_rule(call, &rule);
        }
        return Err(refused());
    }
    if let Some(running) = world
        .jobs
        .iter()
        .find(|other| other.company == world.jobs[row].company && other.status == JobStatus::InProgress)
    {
        if running.seen == JobStatus::InProgress {
            world.break_rule(
                call,
                "`started` sent while another job of the company is in progress",
            );
        }
        return Err(refused());
    }
    let job = &world.jobs[row];
    let is_older = |other: &JobRecord| {
        other.company == job.company
            && other.status == JobStatus::Pending
            && (other.created_at, &other.id) < (job.created_at, &job.id)
    };
    if world.options.oldest_first && world.jobs.iter().any(is_older) {
        world.break_rule(
            call,
            "`started` sent for a job while an older one is pending: oldest first",
        );
    }
    Ok(())
}

fn check_end(world: &mut World, call: &Call, row: usize, event: Event) -> Result<(), Answer> {
    let job = &world.jobs[row];
    if job.status != JobStatus::InProgress {
        if job.seen == job.status && job.late_event.is_none() {
            let rule = format!("`{event}` sent for a job that is {}", in_words(job.status));
            world.break_rule(call, &rule);
        }
        return Err(refused());
    }
    if let Some(rule) = wrong_end(job, event, world.has_miscounted) {
        world.break_rule(call, &rule);
    }
    Ok(())
}

/// What is wrong with ending the job by this event, given the verdicts of its items. A client that was told another
/// number of items than there are may say that something is missing.
fn wrong_end(job: &JobRecord, event: Event, has_miscounted: bool) -> Option<String> {
    let count =
        |passes: fn(ItemStatus) -> bool| job.listed().filter(|item| passes(item.state.status)).count();
    let open = count(|status| !status.is_final());
    let successful = count(|status| status == ItemStatus::Successful);
    let all = job.listed().count();
    let wrong = match event {
        Event::Started => return None,
        Event::Failed => successful > 0,
        Event::Completed => successful < all,
        Event::CompletedWithErrors => open > 0 || (!has_miscounted && (successful == all || successful == 0)),
    };
    wrong.then(|| {
        let failed = all - open - successful;
        format!("`{event}` with {successful} successful, {failed} failed and {open} open items")
    })
}

fn in_words(status: JobStatus) -> &'static str {
    match status {
        JobStatus::Pending => "not started",
        JobStatus::InProgress => "in progress",
        JobStatus::Failed | JobStatus::Completed | JobStatus::CompletedWithErrors => "ended",
    }
}

/// Counts one read of the job: an event that waits for it is applied once its time has come.
pub fn count_read(world: &mut World, row: usize) {
    let now = world.clock.now();
    let job = &mut world.jobs[row];
    let Some(late) = &mut job.late_event else { return };
    match &mut late.reads_left {
        None => {}
        Some(0) => {
            let LateEvent {
                event,
                reason,
                reason_type,
                ..
            } = late.clone();
            job.apply(event, reason, reason_type, now);
        }
        Some(reads_left) => *reads_left -= 1,
    }
}
