//! The example requests of the documentation of S3 ("Signature Calculations for the Authorization Header"), and every
//! way to be refused.

use super::*;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn headers(more: &[(&str, &str)]) -> Headers {
    let mut headers = Headers::default();
    for (name, value) in [("Host", "examplebucket.s3.amazonaws.com"), ("x-amz-date", "20130524T000000Z")] {
        headers.push(name, value);
    }
    for (name, value) in more {
        headers.push(name, value);
    }
    headers
}

fn sign(method: &str, path: &str, query: &str, headers: &Headers) -> String {
    let query = Query::parse(query);
    let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", SECRET);
    authorize(&Signed { method, path, query: &query, headers }, &credentials, "us-east-1", "20130524T000000Z")
}

#[test]
fn the_examples_of_the_documentation_come_out() {
    let get = headers(&[("range", "bytes=0-9"), ("x-amz-content-sha256", EMPTY)]);
    assert!(
        sign("GET", "/test.txt", "", &get)
            .ends_with("Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
    );
    let put = headers(&[
        ("date", "Fri, 24 May 2013 00:00:00 GMT"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ("x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"),
    ]);
    assert!(
        sign("PUT", "/test%24file.text", "", &put)
            .ends_with("Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")
    );
    let plain = headers(&[("x-amz-content-sha256", EMPTY)]);
    assert!(
        sign("GET", "/", "lifecycle", &plain)
            .ends_with("Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")
    );
    assert!(
        sign("GET", "/", "max-keys=2&prefix=J", &plain)
            .ends_with("Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")
    );
}

/// What the server knows.
struct Own {
    credentials: Credentials,
    region: &'static str,
    wrong_region: WrongRegion,
    now: &'static str,
}

/// Signs, lets `spoil` change what the server knows or sees, and says what the server thinks of it.
fn verdict(spoil: impl FnOnce(&mut Headers, &mut Own)) -> Result<(), (u16, &'static str)> {
    let mut headers = headers(&[("x-amz-content-sha256", EMPTY)]);
    let value = sign("GET", "/key", "", &headers);
    headers.push("authorization", &value);
    let mut own = Own {
        credentials: Credentials::new("AKIAIOSFODNN7EXAMPLE", SECRET),
        region: "us-east-1",
        wrong_region: WrongRegion::Malformed,
        now: "2013-05-24T00:15:00Z",
    };
    spoil(&mut headers, &mut own);
    let verifier = Verifier {
        credentials: &own.credentials,
        region: own.region,
        wrong_region: own.wrong_region,
        now: own.now.parse().unwrap(),
    };
    let signed = Signed { method: "GET", path: "/key", query: &Query::default(), headers: &headers };
    verifier.check(&signed).map_err(|refusal| (refusal.status, refusal.code))
}

#[test]
fn only_the_right_signature_passes() {
    assert_eq!(verdict(|_, _| ()), Ok(()));
    let other = |_: &mut Headers, own: &mut Own| own.credentials.secret_key.push('x');
    assert_eq!(verdict(other), Err((403, "SignatureDoesNotMatch")));
    let other = |_: &mut Headers, own: &mut Own| own.credentials.access_key.push('x');
    assert_eq!(verdict(other), Err((403, "InvalidAccessKeyId")));
    assert_eq!(verdict(|_, own| own.region = "eu-north-1"), Err((400, "AuthorizationHeaderMalformed")));
    let elsewhere = |_: &mut Headers, own: &mut Own| {
        (own.region, own.wrong_region) = ("eu-north-1", WrongRegion::Redirect);
    };
    assert_eq!(verdict(elsewhere), Err((301, "PermanentRedirect")));
    assert_eq!(verdict(|_, own| own.now = "2013-05-24T00:15:01Z"), Err((403, "RequestTimeTooSkewed")));
    assert_eq!(verdict(|_, own| own.now = "2013-05-23T23:44:59Z"), Err((403, "RequestTimeTooSkewed")));
    assert_eq!(verdict(|headers, _| headers.push("x-amz-acl", "private")), Err((403, "AccessDenied")));
    assert_eq!(verdict(|headers, _| headers.push("x-amz-security-token", "t")), Err((400, "InvalidToken")));
    assert_eq!(verdict(|headers, _| *headers = Headers::default()), Err((403, "AccessDenied")));
}
