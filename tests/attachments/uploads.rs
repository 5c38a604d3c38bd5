use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

#[tokio::test]
async fn a_file_is_attached_listed_and_deleted() {
    let desk = Desk::new().await;
    let (ada, path) = (&desk.ada, &desk.path);
    let reply = ada.post(path).upload("sketch.png", PNG).status(201).await;
    assert_eq!(reply.trips(), 2);
    let sketch = reply.data();
    let fields = ["content_type", "external_url", "filename", "id", "size_bytes", "task_id", "uploaded_at"];
    let more = ["uploaded_by", "url", "url_expires_at"];
    assert_eq!(keys(sketch), [&fields[..], &more[..]].concat());
    assert_eq!((&sketch["filename"], &sketch["content_type"]), (&json!("sketch.png"), &json!("image/png")));
    assert_eq!((&sketch["size_bytes"], &sketch["task_id"]), (&json!(PNG.len()), &json!(desk.task)));
    assert_eq!(sketch["uploaded_by"]["display_name"], "ada");
    assert_eq!(desk.world.files().await, [desk.key(sketch)], "keys are ids only");

    let notes = desk.attach("notes.md", "# Notes\n").await;
    assert_eq!(notes["content_type"], "text/plain");
    let list = ada.get(path).await;
    assert_eq!((pluck(list.items(), "id"), list.total(), list.trips()), (vec![id(sketch), id(&notes)], 2, 1));
    assert_eq!(list.items()[0]["uploaded_by"], sketch["uploaded_by"]);
    assert_eq!(pluck(ada.get(&format!("{path}?page=2&page_size=1")).await.items(), "id"), [id(&notes)]);

    let place = format!("{path}/{}", id(sketch));
    assert_eq!(ada.delete(&place).status(204).await.trips(), 2);
    ada.delete(&place).refused_with(404, "ATTACHMENT_NOT_FOUND").await;
    ada.get(&link(sketch)).refused_with(404, "ATTACHMENT_NOT_FOUND").await;
    assert_eq!(pluck(ada.get(path).await.items(), "id"), [id(&notes)]);
    desk.world.drain().await;
    assert_eq!(desk.world.files().await, [desk.key(&notes)], "the file goes with the event");
}

#[tokio::test]
async fn a_page_of_ours_uploads_by_its_cookie_and_no_other_does() {
    let desk = Desk::new().await;
    let browser = desk.ada.in_browser().await;
    browser.post(&desk.path).upload("note.txt", "words").status(201).await;
    for site in ["cross-site", "same-site", "none"] {
        let forged = browser.post(&desk.path).upload("note.txt", "words").header("sec-fetch-site", site);
        forged.refused_with(403, "CROSS_SITE_REQUEST").await;
    }
    assert_eq!(desk.rows().await, 1);
}

#[tokio::test]
async fn a_file_elsewhere_is_attached_by_its_address() {
    let desk = Desk::new().await;
    let body = json!({ "external_url": "https://example.com/a.pdf?x=1", "filename": "../a.pdf" });
    let reply = desk.ada.post(&desk.path).json(body).status(201).await;
    let linked = reply.data();
    assert_eq!((&linked["url"], &linked["url_expires_at"]), (&linked["external_url"], &Value::Null));
    assert_eq!((&linked["filename"], &linked["content_type"]), (&json!("a.pdf"), &Value::Null));
    assert_eq!(&desk.ada.get(&desk.path).await.items()[0], linked);
    assert!(desk.world.files().await.is_empty());
    for (body, field) in [
        (json!({ "filename": "a" }), "external_url"),
        (json!({ "external_url": "http://example.com/a", "filename": "a" }), "external_url"),
        (json!({ "external_url": "javascript:alert(1)", "filename": "a" }), "external_url"),
        (json!({ "external_url": "https://example.com/a" }), "filename"),
        (json!({ "external_url": "https://example.com/a", "filename": "../" }), "filename"),
        (json!({ "external_url": "https://example.com/a", "filename": "x".repeat(256) }), "filename"),
    ] {
        let reply = desk.ada.post(&desk.path).json(body.clone()).refused_with(422, "VALIDATION_ERROR").await;
        assert_eq!(reply.fields(), [field], "{body}");
    }
}

#[tokio::test]
async fn a_name_is_only_ever_a_name() {
    let desk = Desk::at(World::with(&[("LIMIT_ATTACHMENTS_PER_TASK_FREE", "50")]).await).await;
    for (said, name) in [
        ("../../../etc/passwd", "passwd"),
        ("C:\\temp\\x.txt", "x.txt"),
        ("..", "file"),
        ("a\tb\u{7}.txt", "ab.txt"),
        ("annexe\u{202e}txt.exe", "annexetxt.exe"),
        ("naïve 🚀.txt", "naïve 🚀.txt"),
        ("a\\\"b.txt", "a\"b.txt"),
    ] {
        let attachment = desk.attach(said, "x").await;
        assert_eq!(attachment["filename"], name, "{said:?}");
        assert!(desk.world.files().await.contains(&desk.key(&attachment)));
    }
    let long = desk.attach(&format!("{}.txt", "é".repeat(300)), "x").await;
    assert_eq!(long["filename"].as_str().unwrap().chars().count(), 255);
}

#[tokio::test]
async fn what_a_file_is_is_told_by_its_content() {
    let desk = Desk::new().await;
    let html = b"<!doctype html><script>alert(document.cookie)</script>";
    for (content, said, is) in [
        (&html[..], "image/png", "text/plain"),
        (PNG, "text/html", "image/png"),
        (b"MZ\x90\0\x03", "application/pdf", "application/octet-stream"),
    ] {
        let field = format!("form-data; name=\"file\"; filename=\"x\"\r\nContent-Type: {said}");
        let reply = desk.ada.post(&desk.path).form(&[(&field, content)]).status(201).await;
        assert_eq!(reply.data()["content_type"], is, "sent as {said}");
    }
}

/// Beyond a part of five megabytes the file is put together from several.
#[tokio::test]
async fn files_around_the_size_of_a_part_come_back_as_they_were() {
    let desk = Desk::at(World::with(&[("LIMIT_ATTACHMENT_BYTES_FREE", "20000000")]).await).await;
    const PART: usize = 5 * 1024 * 1024;
    let content = noise(2 * PART + 12_345);
    for length in [1, PART - 1, PART, PART + 1, 2 * PART + 12_345] {
        let attachment = desk.attach("noise.bin", &content[..length]).await;
        assert_eq!(attachment["size_bytes"], length);
        let back = desk.ada.get(&link(&attachment)).await;
        assert!(back.bytes == content[..length], "{length} bytes came back as {}", back.bytes.len());
        desk.ada.delete(&format!("{}/{}", desk.path, id(&attachment))).await;
    }
}

#[tokio::test]
async fn a_form_may_come_in_chunks_with_other_fields() {
    let desk = Desk::new().await;
    let file = "form-data; name=\"file\"; filename=\"a.txt\"";
    let fields: [(&str, &[u8]); 3] = [("form-data; name=\"note\"", b"x"), (file, b"hello"), ("form-data; name=b", b"")];
    let reply = desk.ada.post(&desk.path).form(&fields).in_chunks().status(201).await;
    assert_eq!((&reply.data()["filename"], &reply.data()["size_bytes"]), (&json!("a.txt"), &json!(5)));
    assert_eq!(desk.ada.get(&link(reply.data())).await.text, "hello");
}

#[tokio::test]
async fn what_is_no_file_is_refused_and_leaves_nothing() {
    let desk = Desk::new().await;
    let post = || desk.ada.post(&desk.path);
    let file = "form-data; name=\"file\"; filename=\"a.txt\"";
    for fields in [
        &[] as &[(&str, &[u8])],
        &[("form-data; name=\"other\"; filename=\"a.txt\"", b"x")],
        &[("form-data; name=\"file\"", b"x")],
        &[(file, b"")],
        &[(file, b"one"), (file, b"two")],
    ] {
        let reply = post().form(fields).refused_with(422, "VALIDATION_ERROR").await;
        assert_eq!(reply.fields(), ["file"], "{fields:?}");
    }
    let whole = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nhello\r\n--b--\r\n";
    for (content_type, body) in [
        ("multipart/form-data", whole),
        ("multipart/form-data; boundary=", whole),
        ("multipart/form-data; boundary=c", whole),
        ("multipart/form-data; boundary=b", ""),
        ("multipart/form-data; boundary=b", &whole[..60]),
        ("multipart/form-data; boundary=b", &whole[..whole.len() - 9]),
        ("multipart/form-data; boundary=b", &whole.replace("Content-Disposition", "X")),
    ] {
        post().header("content-type", content_type).body(body).refused_with(400, "BAD_REQUEST").await;
    }
    post().header("content-type", "multipart/form-data; boundary=b").refused_with(400, "BAD_REQUEST").await;
    for content_type in ["multipart/mixed; boundary=b", "image/png", "application/x-www-form-urlencoded"] {
        let call = post().header("content-type", content_type).body(whole);
        call.refused_with(415, "UNSUPPORTED_MEDIA_TYPE").await;
    }
    post().refused_with(415, "UNSUPPORTED_MEDIA_TYPE").await;
    assert!(desk.is_empty().await);
}

/// Many megabytes of header are not kept in the hope that they end.
#[tokio::test]
async fn a_head_without_end_is_refused_before_it_has_come() {
    let desk = Desk::new().await;
    let body = format!("--b\r\nX-Long: {}", "x".repeat(200_000));
    let call = desk.ada.post(&desk.path).header("content-type", "multipart/form-data; boundary=b");
    call.body(body).refused_with(400, "BAD_REQUEST").await;
    assert!(desk.is_empty().await);
}

#[tokio::test]
async fn a_caller_who_hangs_up_leaves_nothing() {
    let desk = Desk::at(World::with(&[("LIMIT_ATTACHMENT_BYTES_FREE", "20000000")]).await).await;
    for sent in [0, 1000, 6 * 1024 * 1024] {
        for politely in [true, false] {
            let mut line = begin_upload(&desk, 10_000_000).await;
            line.write_all(&noise(sent)).await.unwrap();
            if politely {
                line.shutdown().await.unwrap();
                // Whether a caller who is gone is answered is of no interest.
                let _ = line.read_to_end(&mut Vec::new()).await;
            }
        }
    }
    let later = desk.attach("later.txt", "still works").await;
    assert_eq!((desk.rows().await, desk.world.files().await), (1, vec![desk.key(&later)]));
}

/// Sends the head of an upload and of its form over a line of its own.
pub async fn begin_upload(desk: &Desk, length: usize) -> TcpStream {
    let address = desk.world.url(0);
    let address = address.strip_prefix("http://").unwrap();
    let mut line = TcpStream::connect(address).await.unwrap();
    let form = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n";
    let head = format!(
        "POST /api/v1{} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\ncontent-length: {length}\r\n\
         content-type: multipart/form-data; boundary=b\r\nconnection: close\r\n\r\n{form}",
        desk.path,
        desk.ada.access_token.as_ref().unwrap(),
    );
    line.write_all(head.as_bytes()).await.unwrap();
    line
}

#[tokio::test]
async fn the_same_upload_again_is_the_same_attachment() {
    let desk = Desk::at(World::with(&[("LIMIT_ATTACHMENTS_PER_TASK_FREE", "1")]).await).await;
    let post =
        |name: &str, content: &str| desk.ada.post(&desk.path).upload(name, content).header("idempotency-key", "once");
    let first = post("a.txt", "hello").status(201).await;
    // The task has all it may have, and the boundary is another: the file is what counts.
    let again = post("a.txt", "hello").status(201).await;
    assert_eq!((again.header("idempotency-replayed"), &again.text), ("true", &first.text));
    post("a.txt", "hullo").refused_with(422, "IDEMPOTENCY_KEY_REUSED").await;
    post("b.txt", "hello").refused_with(422, "IDEMPOTENCY_KEY_REUSED").await;
    let elsewhere = json!({ "external_url": "https://example.com/a", "filename": "a.txt" });
    let call = desk.ada.post(&desk.path).json(elsewhere).header("idempotency-key", "once");
    call.refused_with(422, "IDEMPOTENCY_KEY_REUSED").await;
    assert_eq!(desk.world.files().await, [desk.key(first.data())]);
    assert_eq!(desk.rows().await, 1);
}

#[tokio::test]
async fn of_the_same_upload_many_times_at_once_one_is_kept() {
    let desk = Desk::new().await;
    let post = || desk.ada.post(&desk.path).upload("a.txt", "hello").header("idempotency-key", "once").any();
    let replies = join_all((0..6).map(|_| post())).await;
    for reply in &replies {
        assert!([201, 409].contains(&reply.status.as_u16()), "{}", reply.text);
    }
    assert!(replies.iter().any(|reply| reply.status == 201));
    assert_eq!(desk.rows().await, 1);
    assert_eq!(desk.world.files().await.len(), 1, "what the others brought is gone");
}

#[tokio::test]
async fn a_task_deleted_during_the_upload_gets_no_file() {
    let desk = Desk::new().await;
    let body = noise(100_000);
    let tail = "\r\n--b--\r\n";
    let form = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n".len();
    let mut line = begin_upload(&desk, form + body.len() + tail.len()).await;
    line.write_all(&body).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    desk.world.sql("DELETE FROM tasks WHERE id = ?1", &[json!(desk.task)]).await;
    line.write_all(tail.as_bytes()).await.unwrap();
    let mut answer = String::new();
    line.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("TASK_NOT_FOUND"), "{answer}");
    assert!(desk.is_empty().await);
}

#[tokio::test]
async fn each_change_is_an_event_of_its_task_that_tells_no_name() {
    let desk = Desk::new().await;
    let attachment = desk.attach("private.txt", "x").await;
    desk.ada.delete(&format!("{}/{}", desk.path, id(&attachment))).await;
    let events =
        "SELECT kind, project_id, task_id, entity_id, data FROM events WHERE kind LIKE 'attachment.%' ORDER BY id";
    let events = desk.world.sql(events, &[]).await;
    assert_eq!(pluck(&events, "kind"), ["attachment.added", "attachment.deleted"]);
    for event in &events {
        let ids = (&event["project_id"], &event["task_id"], &event["entity_id"]);
        assert_eq!(ids, (&json!(desk.project), &json!(desk.task), &attachment["id"]));
        assert!(!event["data"].as_str().unwrap().contains("private"), "{event}");
    }
}
