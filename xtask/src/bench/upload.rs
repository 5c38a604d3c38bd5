//! A file of 10 MB in a form, as a browser sends it.

use super::load::request_of;

pub const NAME: &str = "upload 10 MB";

pub const BYTES: usize = 10_000_000;

const BOUNDARY: &str = "----WebKitFormBoundary7MA4YWxkTrZu0gW";

pub fn request(path: &str, token: &str) -> Vec<u8> {
    let mut body = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"plan.pdf\"\r\nContent-Type: application/pdf\r\n\r\n%PDF-1.7\n"
    )
    .into_bytes();
    let start = body.len() - "%PDF-1.7\n".len();
    // No two of its pages are alike, and none is a line break and dashes only.
    let mut state = 1_u32;
    while body.len() < start + BYTES {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        body.push((state >> 24) as u8);
    }
    body.extend(format!("\r\n--{BOUNDARY}--\r\n").bytes());
    let headers = format!("Authorization: Bearer {token}\r\n");
    request_of("POST", path, &headers, &format!("multipart/form-data; boundary={BOUNDARY}"), &body)
}
