use bytes::Bytes;
use futures::{StreamExt, stream};
use http_body_util::{BodyStream, Full, StreamBody};

use super::*;

const MIB: usize = 1024 * 1024;

/// The largest file there may be passes through an isolate that holds two parts of it at most.
#[tokio::test]
async fn a_hundred_megabytes_pass_with_memory_flat() {
    let desk = Desk::at(World::set_up().inspected().open().await).await;
    desk.world.set_tier(&desk.ada, "premium").await;
    // What is made once is made.
    desk.attach("small.txt", "x").await;
    let piece = Bytes::from(noise(MIB));
    let before = desk.world.memory().await;

    let (attachment, peak) = watched(&desk, upload(&desk, piece.clone(), 100)).await;
    assert_eq!(attachment["size_bytes"], 100 * MIB);
    assert!(peak < before + 32 * MIB, "up: from {before} to {peak} bytes");
    let (length, peak) = watched(&desk, download(&desk, &attachment, &piece)).await;
    assert_eq!(length, 100 * MIB);
    assert!(peak < before + 32 * MIB, "down: from {before} to {peak} bytes");
}

/// What comes of it, and the most that the isolate held meanwhile.
async fn watched<T>(desk: &Desk, work: impl Future<Output = T>) -> (T, usize) {
    let (mut work, mut peak, mut looks) = (std::pin::pin!(work), 0, 0);
    loop {
        match tokio::time::timeout(Duration::from_millis(50), &mut work).await {
            Ok(done) => {
                assert!(looks > 5, "it was over before it was looked at");
                return (done, peak);
            }
            Err(_) => peak = peak.max(desk.world.memory().await),
        }
        looks += 1;
    }
}

/// Sends a form whose file is so many of these pieces, never holding more than one.
async fn upload(desk: &Desk, piece: Bytes, times: usize) -> Value {
    let head = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"large.bin\"\r\n\r\n";
    let tail = "\r\n--b--\r\n";
    let pieces = [Bytes::from(head)].into_iter().chain(std::iter::repeat_n(piece, times)).chain([Bytes::from(tail)]);
    let body = StreamBody::new(stream::iter(pieces).flat_map(|piece| BodyStream::new(Full::new(piece))));
    let request = desk.world.client.post(format!("{}/api/v1{}", desk.world.url(0), desk.path));
    let request = request
        .header("authorization", format!("Bearer {}", desk.ada.access_token.as_ref().unwrap()))
        .header("content-type", "multipart/form-data; boundary=b");
    let response = request.body(reqwest::Body::wrap(body)).send().await.unwrap();
    let (status, text) = (response.status(), response.text().await.unwrap());
    assert_eq!(status, 201, "{text}");
    serde_json::from_str::<Value>(&text).unwrap()["data"].take()
}

/// How many bytes come, each as it was sent.
async fn download(desk: &Desk, attachment: &Value, piece: &[u8]) -> usize {
    let mut response = desk.world.client.get(attachment["url"].as_str().unwrap()).send().await.unwrap();
    let mut length = 0;
    while let Some(bytes) = response.chunk().await.unwrap() {
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let expected = &piece[length % piece.len()..];
            let (here, behind) = rest.split_at(rest.len().min(expected.len()));
            assert!(here == &expected[..here.len()], "what came differs at about {length}");
            (length, rest) = (length + here.len(), behind);
        }
    }
    length
}
