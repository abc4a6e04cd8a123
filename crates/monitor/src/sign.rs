//! Signatures of messages, each as its receiver defines it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// HMAC-SHA-256 (RFC 2104, FIPS 180-4), in Base64 (RFC 4648, section 4).
fn hmac(key: &[u8], message: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of HMAC may have any length");
    mac.update(message);
    STANDARD.encode(mac.finalize().into_bytes())
}

/// The key of a webhook: what stands behind `whsec_` is Base64, everything else is taken as it is.
fn key(secret: &[u8]) -> Vec<u8> {
    let encoded = secret.strip_prefix(b"whsec_");
    encoded.and_then(|encoded| STANDARD.decode(encoded).ok()).unwrap_or_else(|| secret.to_vec())
}

/// Signature of a webhook (Standard Webhooks 1.0, <https://www.standardwebhooks.com>): over `ID.SECONDS.BODY`.
pub fn webhook(secret: &[u8], id: &str, now_s: i64, body: &str) -> String {
    format!("v1,{}", hmac(&key(secret), format!("{id}.{now_s}.{body}").as_bytes()))
}

/// Signature of a DingTalk robot (open.dingtalk.com, "custom robot security settings"): the secret is the key, and stands in the
/// message too: `MILLISECONDS\nSECRET`. It goes into the query, encoded for it.
pub fn dingtalk(secret: &[u8], now_ms: i64) -> String {
    let mut message = format!("{now_ms}\n").into_bytes();
    message.extend_from_slice(secret);
    hmac(secret, &message).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

/// Signature of a Feishu robot (open.feishu.cn, "custom bot guide"): `SECONDS\nSECRET` is the key, and the message is empty.
pub fn feishu(secret: &[u8], now_s: i64) -> String {
    let mut key = format!("{now_s}\n").into_bytes();
    key.extend_from_slice(secret);
    hmac(&key, b"")
}

/// A name for a message that is the same at every try to send it: SHA-256 of its parts, in hexadecimal, cut to 32 digits.
pub fn message_id(parts: &[&str]) -> String {
    use sha2::Digest;
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webhooks_are_signed_as_the_specification_shows() {
        // The example of the specification's libraries.
        let body = r#"{"test": 2432232314}"#;
        let signature =
            webhook(b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn hmac_is_that_of_rfc_4231() {
        let expected = "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=";
        assert_eq!(hmac(b"Jefe", b"what do ya want for nothing?"), expected);
    }

    #[test]
    fn messages_have_names_of_their_parts() {
        assert_eq!(message_id(&["a", "bc"]), message_id(&["a", "bc"]));
        assert_ne!(message_id(&["a", "bc"]), message_id(&["ab", "c"]));
        assert_eq!(message_id(&[]).len(), 32);
    }
}
