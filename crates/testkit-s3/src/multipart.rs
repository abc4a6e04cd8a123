//! Uploads in parts.

use crate::bucket::{Bucket, Part, Upload};
use crate::call::{Answer, Call};
use crate::checksum::{Algorithm, hex, md5};
use crate::objects::{iso_date, may_write, quoted, same_tag, template};
use crate::payload::Payload;
use crate::refusal::Refusal;
use crate::world::Scene;
use crate::xml::{self, Document};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// `CreateMultipartUpload`.
pub(crate) fn create(bucket: &mut Bucket, scene: &Scene<'_>, call: &Call) -> Result<Answer, Refusal> {
    let id = format!("upload-{:08}", scene.tick);
    let template = template(scene, call)?;
    let upload = Upload { key: call.key.clone(), initiated: scene.now, parts: BTreeMap::new(), template };
    bucket.uploads.insert(id.clone(), upload);
    let mut document = Document::new();
    document.root("InitiateMultipartUploadResult").text("Bucket", &call.bucket).text("Key", &call.key);
    document.text("UploadId", &id).close("InitiateMultipartUploadResult");
    Ok(Answer::document(document))
}

fn id(call: &Call) -> &str {
    call.query.get("uploadId").unwrap_or_default()
}

fn find<'a>(bucket: &'a Bucket, call: &Call) -> Result<&'a Upload, Refusal> {
    let found = bucket.uploads.get(id(call)).filter(|upload| upload.key == call.key);
    found.ok_or_else(|| Refusal::no_such_upload(id(call)))
}

/// `UploadPart`.
pub(crate) fn upload_part(
    bucket: &mut Bucket,
    scene: &Scene<'_>,
    call: &Call,
    payload: Payload,
) -> Result<Answer, Refusal> {
    let number = call.query.get("partNumber").and_then(|text| text.parse::<u32>().ok());
    let number = number
        .filter(|number| (1..=10_000).contains(number))
        .ok_or_else(|| Refusal::invalid_argument("Part number must be an integer between 1 and 10000, inclusive"))?;
    find(bucket, call)?;
    let mut answer = Answer::empty(200).with("ETag", &quoted(&hex(&payload.md5)));
    for (algorithm, value) in &payload.checksums {
        answer = answer.with(algorithm.header(), value);
    }
    let part =
        Part { bytes: Arc::new(payload.bytes), md5: payload.md5, modified: scene.now, checksums: payload.checksums };
    if let Some(upload) = bucket.uploads.get_mut(id(call)) {
        upload.parts.insert(number, part);
    }
    Ok(answer)
}

/// `CompleteMultipartUpload`. A refused completion leaves the upload as it is: it is the client's to abort.
pub(crate) fn complete(
    bucket: &mut Bucket,
    scene: &Scene<'_>,
    call: &Call,
    payload: &Payload,
) -> Result<Answer, Refusal> {
    let upload = find(bucket, call)?;
    let wanted: xml::Complete = xml::read(&payload.bytes).ok_or_else(Refusal::malformed_xml)?;
    let parts = chosen(upload, &wanted.parts, scene.dialect.min_part_len_bytes)?;
    may_write(bucket, scene, call)?;
    let hashes: Vec<u8> = parts.iter().flat_map(|part| part.md5).collect();
    let mut object = upload.template.clone();
    object.bytes = Arc::new(parts.iter().flat_map(|part| part.bytes.iter().copied()).collect());
    object.etag = format!("{}-{}", hex(&md5(&hashes)), parts.len());
    (object.modified, object.created_tick) = (scene.now, scene.tick);
    let mut document = Document::new();
    document.root("CompleteMultipartUploadResult").text("Location", &call.resource());
    document.text("Bucket", &call.bucket).text("Key", &call.key).text("ETag", &quoted(&object.etag));
    document.close("CompleteMultipartUploadResult");
    bucket.uploads.remove(id(call));
    bucket.set(&call.key, Some(object), scene.tick);
    Ok(Answer::document(document))
}

/// The parts a completion names, all checked.
fn chosen<'a>(upload: &'a Upload, wanted: &[xml::CompletePart], min_len_bytes: u64) -> Result<Vec<&'a Part>, Refusal> {
    if wanted.is_empty() {
        return Err(Refusal::malformed_xml());
    }
    if !wanted.is_sorted_by(|left, right| left.number < right.number) {
        let message = "The list of parts was not in ascending order. Parts must be ordered by part number.";
        return Err(Refusal::new(400, "InvalidPartOrder", message));
    }
    let mut parts = Vec::new();
    for named in wanted {
        let part = upload.parts.get(&named.number).filter(|part| same_tag(&named.etag, &hex(&part.md5)));
        let part = part.filter(|part| checksums_fit(named, part)).ok_or_else(|| {
            let message = "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.";
            Refusal::new(400, "InvalidPart", message).with_element("PartNumber", &named.number.to_string())
        })?;
        parts.push(part);
    }
    if parts.iter().rev().skip(1).any(|part| (part.bytes.len() as u64) < min_len_bytes) {
        let message = "Your proposed upload is smaller than the minimum allowed size";
        return Err(
            Refusal::new(400, "EntityTooSmall", message).with_element("MinSizeAllowed", &min_len_bytes.to_string())
        );
    }
    Ok(parts)
}

/// What a completion says of a part's checksums must be what the part came with, where it came with any.
fn checksums_fit(named: &xml::CompletePart, part: &Part) -> bool {
    let given = [
        (Algorithm::Crc32, &named.crc32),
        (Algorithm::Crc32c, &named.crc32c),
        (Algorithm::Sha1, &named.sha1),
        (Algorithm::Sha256, &named.sha256),
    ];
    given.iter().all(|(algorithm, value)| match (value, part.checksums.get(algorithm)) {
        (Some(value), Some(own)) => value == own,
        _ => true,
    })
}

/// `AbortMultipartUpload`.
pub(crate) fn abort(bucket: &mut Bucket, call: &Call) -> Result<Answer, Refusal> {
    find(bucket, call)?;
    bucket.uploads.remove(id(call));
    Ok(Answer::empty(204))
}

/// How many lines a page has.
fn page_len(scene: &Scene<'_>, call: &Call, name: &str) -> usize {
    let asked = call.query.get(name).and_then(|text| text.parse().ok()).unwrap_or(1000);
    scene.dialect.page_len.min(asked).min(1000)
}

/// `ListMultipartUploads`.
pub(crate) fn list_uploads(bucket: &Bucket, scene: &Scene<'_>, call: &Call) -> Answer {
    let prefix = call.query.get("prefix").unwrap_or_default();
    let marker = call.query.get("key-marker").filter(|marker| !marker.is_empty());
    let marker = (marker, call.query.get("upload-id-marker").filter(|marker| !marker.is_empty()));
    let is_behind = |key: &str, id: &str| match marker {
        (None, _) => true,
        (Some(own), None) => key > own,
        (Some(own), Some(own_id)) => (key, id) > (own, own_id),
    };
    let mut found: Vec<(&str, &str, &Upload)> =
        bucket.uploads.iter().map(|(id, upload)| (upload.key.as_str(), id.as_str(), upload)).collect();
    found.retain(|(key, id, _)| key.starts_with(prefix) && is_behind(key, id));
    found.sort_by_key(|(key, id, _)| (*key, *id));
    let page_len = page_len(scene, call, "max-uploads");
    let is_cut = found.len() > page_len;
    found.truncate(page_len);
    let mut document = Document::new();
    document.root("ListMultipartUploadsResult").text("Bucket", &call.bucket).text("Prefix", prefix);
    document.text("MaxUploads", &page_len.to_string()).text("IsTruncated", if is_cut { "true" } else { "false" });
    if let Some((key, id, _)) = found.last().filter(|_| is_cut) {
        document.text("NextKeyMarker", key).text("NextUploadIdMarker", id);
    }
    for (key, id, upload) in found {
        document.open("Upload").text("Key", key).text("UploadId", id);
        document.text("Initiated", &iso_date(upload.initiated)).text("StorageClass", "STANDARD").close("Upload");
    }
    document.close("ListMultipartUploadsResult");
    Answer::document(document)
}

/// `ListParts`.
pub(crate) fn list_parts(bucket: &Bucket, scene: &Scene<'_>, call: &Call) -> Result<Answer, Refusal> {
    let upload = find(bucket, call)?;
    let marker = call.query.get("part-number-marker").and_then(|text| text.parse::<u32>().ok()).unwrap_or(0);
    let mut found: Vec<(u32, &Part)> =
        upload.parts.range((Bound::Excluded(marker), Bound::Unbounded)).map(|(number, part)| (*number, part)).collect();
    let page_len = page_len(scene, call, "max-parts");
    let is_cut = found.len() > page_len;
    found.truncate(page_len);
    let mut document = Document::new();
    document.root("ListPartsResult").text("Bucket", &call.bucket).text("Key", &call.key).text("UploadId", id(call));
    document.text("MaxParts", &page_len.to_string()).text("IsTruncated", if is_cut { "true" } else { "false" });
    if let Some((number, _)) = found.last().filter(|_| is_cut) {
        document.text("NextPartNumberMarker", &number.to_string());
    }
    for (number, part) in found {
        document.open("Part").text("PartNumber", &number.to_string()).text("LastModified", &iso_date(part.modified));
        document.text("ETag", &quoted(&hex(&part.md5))).text("Size", &part.bytes.len().to_string()).close("Part");
    }
    document.close("ListPartsResult");
    Ok(Answer::document(document))
}
