//! What the checkpoint writes it can read, whatever stands in a column: a value that could not be read back would make
//! the whole file unusable for ever.

use proptest::prelude::*;

use super::*;
use crate::model::verdict::{JobFailure, JobFailureType, JobOutcome};

/// Any moment that there is.
fn moment() -> impl Strategy<Value = DateTime<Utc>> {
    prop_oneof![
        Just(DateTime::<Utc>::MIN_UTC),
        Just(DateTime::<Utc>::MAX_UTC),
        (-8_000_000_000_000_i64..8_000_000_000_000).prop_map(|seconds| DateTime::from_timestamp(
            seconds,
            999_000_000
        )
        .unwrap()),
        (0_i64..4_000_000_000).prop_map(|seconds| DateTime::from_timestamp(seconds, 5_000_000).unwrap()),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~]{0,40}",
        Just("\0".to_owned()),
        Just("x".repeat(100_000))
    ]
}

/// A time that fits is what was written; any other is one that fits.
fn is_read_back(read: DateTime<Utc>, written: DateTime<Utc>) -> bool {
    use chrono::Datelike;
    !(0..9999).contains(&written.year()) || read == written
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 80, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_column_can_be_read_back(
        times in prop::array::uniform4(moment()),
        texts in prop::array::uniform8(text()),
        count in any::<u64>(),
    ) {
        let [created, now, expires, exported] = times;
        let [company, error, reason, external, url, payload, entry_id, note] = texts;
        let entry_id = entry(&format!("e{entry_id}"));
        let (_folder, path, mut checkpoint) = new_checkpoint();
        checkpoint.connection.pragma_update(None, "synchronous", "OFF").unwrap();
        let asked = ExportJob {
            company_id: CompanyId::new(company),
            created_at: created,
            number_of_items: count,
            ..job("job-1", 1)
        };
        let id = asked.id.clone();
        checkpoint.claim_job(&asked, now).unwrap();
        checkpoint.job_event(&id, crate::model::state::JobEvent::Started, &note, now).unwrap();
        checkpoint.remember_deadline(&id, expires).unwrap();
        checkpoint.set_last_error(&id, Some((&error, "run again"))).unwrap();
        let others = [entry_id.clone(), entry("f")];
        for other in &others {
            let page = [listed(other.as_str(), ItemStatus::Pending)];
            checkpoint.store_control_page(&id, &page, now).unwrap();
            checkpoint.store_payloads(&id, &[ItemData {
                entry_id: other.clone(),
                payload: payload.clone(),
                facts: Some(ItemFacts {
                    supplier: Some(note.clone()),
                    link: Some(error.clone()),
                    canonical_text: reason.clone(),
                    date: now,
                    ..data("", "", "2026-11-01").facts.unwrap()
                }),
            }], now).unwrap();
        }
        prop_assert_eq!(checkpoint.in_scope_page(&id, None, 10).unwrap().len(), 2);
        checkpoint.intend(&id, &others, now).unwrap();
        let verdict = Verdict::Successful(Exported {
            external_id: external.clone(),
            external_url: Some(url),
            exported_at: exported,
        });
        let failed = Verdict::Failed(Failure::nothing_booked(ItemFailureType::ValidationFailure, &reason));
        checkpoint.decide(&id, &[(others[0].clone(), verdict), (others[1].clone(), failed)], &[].into(), now).unwrap();
        let told = checkpoint.unsent(&id, 10).unwrap();
        prop_assert_eq!(told.len(), 2);
        for (_, verdict) in told {
            match verdict {
                Verdict::Successful(read) => {
                    prop_assert_eq!(&read.external_id, &external);
                    prop_assert!(is_read_back(read.exported_at, exported));
                }
                Verdict::Failed(read) => prop_assert!(read.reason().contains(&reason)),
            }
        }
        let failure = JobFailure { failure_type: JobFailureType::ValidationFailure, reason };
        let closing = JobOutcome::Failed(failure);
        checkpoint.close_job(&id, &closing, &note, now).unwrap();
        let read = checkpoint.job(&id).unwrap().unwrap();
        prop_assert!(is_read_back(read.created_at, created) && is_read_back(read.updated_at, now));
        prop_assert!(is_read_back(read.expires_at.unwrap(), expires));
        prop_assert_eq!(read.last_error, Some(error));
        prop_assert_eq!(read.closing, Some(closing));
        drop(checkpoint);
        let read_only = Checkpoint::open_read_only(&path).unwrap().unwrap();
        prop_assert_eq!(read_only.jobs().unwrap().len(), 1);
        prop_assert_eq!(read_only.failures(&id).unwrap().len(), 1);
    }
}

#[test]
fn a_year_of_five_digits_that_the_first_version_wrote_is_read() {
    let (_folder, _, mut checkpoint) = new_checkpoint();
    checkpoint.claim_job(&job("job-1", 1), now()).unwrap();
    checkpoint
        .connection
        .execute("UPDATE job SET expires_at = '+10000-01-01T00:59:59.000Z'", [])
        .unwrap();
    assert!(checkpoint.job(&job_id()).unwrap().unwrap().expires_at.unwrap() > now());
}
