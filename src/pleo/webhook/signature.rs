//! Whether a delivery is Pleo's own: the scheme of Standard Webhooks (Svix), which Pleo's page describes.
//!
//! The signed text is `webhook-id`, `webhook-timestamp` and the body as it came, joined by dots; the key is the base64
//! behind `whsec_`. `webhook-signature` holds one or more entries `v1,<base64>`, with blanks between them, while a
//! secret is being replaced; one that is right is enough. Entries of other versions are passed over.

use base64::Engine;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::SecretString;
use sha2::Sha256;
use thiserror::Error;

use super::key::{BASE64, key};

/// How far the time of a delivery may be off, either way.
pub const TOLERATED: TimeDelta = TimeDelta::minutes(5);

/// More entries than any delivery has: each one costs a comparison.
const MOST_ENTRIES: usize = 16;

/// What the headers of a delivery say.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// `webhook-id`, the same again when the delivery is sent again.
    pub id: &'a str,
    /// `webhook-timestamp`, seconds since 1970.
    pub timestamp: &'a str,
    /// `webhook-signature`.
    pub signature: &'a str,
}

/// Why a delivery is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// No signature is right for any of our secrets.
    #[error("its signature is not Pleo's")]
    Forged,
    /// It is Pleo's, but so far off in time that it may be an old one, sent again; or a clock is wrong.
    #[error(
        "it is signed for {at}, which is more than five minutes off: an old delivery, or this machine's clock is wrong"
    )]
    OutOfTime {
        /// When it was signed, as the header has it.
        at: String,
    },
}

/// Checks a delivery against every secret of ours. A secret that is none is passed over.
pub fn verify(
    secrets: &[SecretString],
    signed: Signed<'_>,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    if !secrets.iter().any(|secret| is_signed_with(secret, signed, body)) {
        return Err(Refusal::Forged);
    }
    let at = signed.timestamp.parse().ok();
    let at = at.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    match at {
        Some(at) if (now - at).abs() <= TOLERATED => Ok(()),
        _ => Err(Refusal::OutOfTime {
            at: at.map_or_else(|| "no time".to_owned(), |at| at.to_rfc3339()),
        }),
    }
}

fn is_signed_with(secret: &SecretString, signed: Signed<'_>, body: &[u8]) -> bool {
    let Some(mut mac) = key(secret).and_then(|key| Hmac::<Sha256>::new_from_slice(&key).ok()) else {
        return false;
    };
    for part in [
        signed.id.as_bytes(),
        b".",
        signed.timestamp.as_bytes(),
        b".",
        body,
    ] {
        mac.update(part);
    }
    let entries = signed.signature.split_ascii_whitespace().take(MOST_ENTRIES);
    entries
        .filter_map(|entry| BASE64.decode(entry.strip_prefix("v1,")?).ok())
        .any(|entry| mac.clone().verify_slice(&entry).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The public test vector of the scheme; its id, time and signature are those on Pleo's own page.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const TIMESTAMP: &str = "1614265330";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn at(offset: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_614_265_330 + offset, 0).unwrap()
    }

    fn check(secret: &str, signed: Signed<'_>, body: &[u8], now: DateTime<Utc>) -> Result<(), Refusal> {
        verify(&[SecretString::from(secret)], signed, body, now)
    }

    const SIGNED: Signed<'_> = Signed {
        id: ID,
        timestamp: TIMESTAMP,
        signature: SIGNATURE,
    };

    #[test]
    fn the_test_vector_is_right_and_any_change_of_it_is_not() {
        let forged = Err(Refusal::Forged);
        assert_eq!(check(SECRET, SIGNED, BODY, at(0)), Ok(()));
        let other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx";
        assert_eq!(check(other, SIGNED, BODY, at(0)), forged);
        for secret in ["", "whsec_", "whsec_*", "whsec"] {
            assert_eq!(check(secret, SIGNED, BODY, at(0)), forged, "{secret}");
        }
        assert_eq!(check(SECRET, SIGNED, br#"{"test":2432232314}"#, at(0)), forged);
        let id = Signed {
            id: "msg_other",
            ..SIGNED
        };
        assert_eq!(check(SECRET, id, BODY, at(0)), forged);
        let timestamp = Signed {
            timestamp: "1614265331",
            ..SIGNED
        };
        assert_eq!(check(SECRET, timestamp, BODY, at(0)), forged);
        // A dot more on one side of a joint would be the same text.
        let moved = Signed {
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330",
            timestamp: "",
            ..SIGNED
        };
        assert_eq!(check(SECRET, moved, BODY, at(0)), forged);
    }

    #[test]
    fn one_right_entry_of_several_is_enough() {
        let wrong = format!("v1,{}", "A".repeat(43));
        let without_padding = SIGNATURE.trim_end_matches('=');
        for (signature, is_right) in [
            (format!("{wrong}= {SIGNATURE}"), true),
            (format!("v1a,xyz v2,{wrong}  {without_padding}"), true),
            (format!("{wrong} {wrong}="), false),
            (SIGNATURE.replace("v1,", "v2,"), false),
            (SIGNATURE.replace("v1,", ""), false),
            (SIGNATURE.replace('/', ""), false),
            ("v1,".to_owned(), false),
            (String::new(), false),
            (format!("{}{SIGNATURE}", "v1,AAAA ".repeat(MOST_ENTRIES)), false),
        ] {
            let signed = Signed {
                signature: &signature,
                ..SIGNED
            };
            assert_eq!(
                check(SECRET, signed, BODY, at(0)).is_ok(),
                is_right,
                "{signature}"
            );
        }
    }

    #[test]
    fn every_secret_of_ours_counts() {
        let secrets = ["whsec_AAAA", SECRET].map(SecretString::from);
        assert_eq!(verify(&secrets, SIGNED, BODY, at(0)), Ok(()));
        assert_eq!(verify(&[], SIGNED, BODY, at(0)), Err(Refusal::Forged));
    }

    #[test]
    fn five_minutes_are_tolerated_either_way() {
        for (offset, is_right) in [
            (-301, false),
            (-300, true),
            (300, true),
            (301, false),
            (86_400, false),
        ] {
            let checked = check(SECRET, SIGNED, BODY, at(offset));
            let out_of_time = matches!(checked, Err(Refusal::OutOfTime { .. }));
            assert_eq!((checked.is_ok(), out_of_time), (is_right, !is_right), "{offset}");
        }
    }
}
