//! Jobs of one's own from a file: a JSON list of export jobs in the contract's words, each with its `items`. What a job
//! leaves out gets a sensible value; items are handed out as they are, so that odd ones can be tried too.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::job::Job;
use super::states::JobStatus;

/// What a file holds.
#[derive(Clone, Debug)]
pub struct JobFile {
    /// The company that all jobs belong to; `None` where neither a job nor an item names one.
    pub company: Option<String>,
    /// The jobs, in the order of the file.
    pub jobs: Vec<Job>,
}

/// Why a file cannot be taken: the place in it, and what is due there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobFileError(String);

impl fmt::Display for JobFileError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for JobFileError {}

impl JobFile {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// When it is no JSON list of jobs with items, or the jobs belong to more than one company.
    pub fn read(text: &str) -> Result<Self, JobFileError> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| JobFileError(format!("it is not JSON: {error}")))?;
        let Value::Array(jobs) = value else {
            return Err(JobFileError(
                "it is not a list: it should be `[{ \"items\": [...] }]`".to_owned(),
            ));
        };
        if jobs.is_empty() {
            return Err(JobFileError("it has no jobs".to_owned()));
        }
        let mut companies = BTreeSet::new();
        let mut ids = BTreeSet::new();
        let mut read = Vec::with_capacity(jobs.len());
        for (index, job) in jobs.into_iter().enumerate() {
            let place = Place(format!("job {}", index + 1));
            let (job, company) = place.job(job)?;
            companies.extend(company);
            if job.id.as_ref().is_some_and(|id| !ids.insert(id.clone())) {
                return Err(place.says("has the id of another job"));
            }
            read.push(job);
        }
        if companies.len() > 1 {
            let companies: Vec<String> = companies.into_iter().collect();
            return Err(JobFileError(format!(
                "its jobs belong to more than one company ({}), and a sandbox serves one",
                companies.join(", ")
            )));
        }
        Ok(Self {
            company: companies.pop_first(),
            jobs: read,
        })
    }

    /// How many items the jobs have together.
    pub fn item_count(&self) -> usize {
        self.jobs.iter().map(|job| job.items.len()).sum()
    }
}

/// Where in the file, as an error says it.
struct Place(String);

impl Place {
    fn says(&self, what: &str) -> JobFileError {
        JobFileError(format!("{} {what}", self.0))
    }

    /// The job and the company that it or its first item names.
    fn job(&self, job: Value) -> Result<(Job, Option<String>), JobFileError> {
        let Value::Object(mut job) = job else {
            return Err(self.says("is not an object"));
        };
        let items = match job.remove("items") {
            Some(Value::Array(items)) => items,
            Some(_) => return Err(self.says("has `items` that are not a list")),
            None => return Err(self.says("has no `items`")),
        };
        if items.is_empty() {
            return Err(self.says("has no items: `items` is empty"));
        }
        if let Some(at) = items.iter().position(|item| !item.is_object()) {
            return Err(self.says(&format!("has an item {} that is not an object", at + 1)));
        }
        let company = self.text(&job, "companyId")?.or_else(|| {
            let mut named = items.iter().filter_map(|item| item["companyId"].as_str());
            named.next().map(ToOwned::to_owned)
        });
        let status = self.text(&job, "status")?;
        let vendor_based = match job.get("vendorBasedBookkeeping") {
            None | Some(Value::Null) => None,
            Some(Value::Bool(yes)) => Some(*yes),
            Some(_) => return Err(self.says("has a `vendorBasedBookkeeping` that is neither true nor false")),
        };
        let created_at = self.text(&job, "createdAt")?;
        let read = Job {
            id: self.text(&job, "id")?,
            items,
            created_at: created_at.map(|text| self.moment(&text)).transpose()?,
            vendor_based_bookkeeping: vendor_based,
            status: status.map_or(Ok(JobStatus::Pending), |word| self.status(&word))?,
            ..Job::default()
        };
        Ok((read, company))
    }

    fn text(&self, job: &Map<String, Value>, key: &str) -> Result<Option<String>, JobFileError> {
        match job.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if !text.trim().is_empty() => Ok(Some(text.clone())),
            Some(_) => Err(self.says(&format!("has something else than a text as `{key}`"))),
        }
    }

    fn moment(&self, text: &str) -> Result<DateTime<Utc>, JobFileError> {
        DateTime::parse_from_rfc3339(text)
            .map(|moment| moment.with_timezone(&Utc))
            .map_err(|_| {
                self.says(&format!(
                    "has a `createdAt` that is not a date with time and zone: {text}"
                ))
            })
    }

    fn status(&self, word: &str) -> Result<JobStatus, JobFileError> {
        JobStatus::parse(word)
            .ok_or_else(|| self.says(&format!("has a `status` that Pleo does not know: {word}")))
    }
}
