use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::uploads::begin_upload;
use super::*;

const BYTES: usize = 200_000;

async fn with_limits() -> Desk {
    let world = World::with(&[
        ("LIMIT_ATTACHMENT_BYTES_FREE", "200000"),
        ("LIMIT_ATTACHMENT_BYTES_PRO", "400000"),
        ("LIMIT_ATTACHMENTS_PER_TASK_FREE", "2"),
    ]);
    Desk::at(world.await).await
}

#[tokio::test]
async fn a_file_may_be_as_large_as_its_uploaders_tier_allows() {
    let desk = with_limits().await;
    let content = noise(BYTES + 1);
    desk.attach("fits.bin", &content[..BYTES]).await;
    let too_large = || desk.ada.post(&desk.path).upload("large.bin", &content);
    for call in [too_large(), too_large().in_chunks()] {
        let reply = call.refused_with(403, "TIER_LIMIT_EXCEEDED").await;
        let details = &reply.json["error"]["details"];
        assert_eq!(details["limit_type"], "bytes per attachment");
        assert_eq!((&details["limit"], &details["recommended_tier"]), (&json!(BYTES), &json!("pro")));
        assert!(details["used"].as_u64().unwrap() > BYTES as u64, "{details}");
    }
    assert_eq!(desk.world.files().await.len(), 1, "nothing is left of what was too large");

    // The uploader's tier counts, not the owner's.
    let bob = desk.world.sign_up("bob").await;
    desk.world.add_member(&desk.project, &bob).await;
    desk.world.set_tier(&bob, "pro").await;
    bob.post(&desk.path).upload("large.bin", &content).status(201).await;
}

/// Nobody waits for what is not going to be read.
#[tokio::test]
async fn what_is_too_large_is_refused_before_it_has_come() {
    let desk = with_limits().await;
    for (length, sent, recommended) in [(10_000_000, 0, "premium"), (BYTES + 60_000, BYTES + 50_000, "pro")] {
        let mut line = begin_upload(&desk, length).await;
        line.write_all(&noise(sent)).await.unwrap();
        let mut answer = vec![0; 4096];
        let read = tokio::time::timeout(Duration::from_secs(5), line.read(&mut answer));
        let count = read.await.expect("an answer before the rest is sent").unwrap();
        let answer = String::from_utf8_lossy(&answer[..count]);
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
        assert!(answer.contains(&format!("\"recommended_tier\":\"{recommended}\"")), "{answer}");
    }
    assert!(desk.is_empty().await);
}

#[tokio::test]
async fn a_task_has_as_many_attachments_as_the_uploaders_tier_allows() {
    let desk = with_limits().await;
    desk.attach("a.txt", "x").await;
    let elsewhere = json!({ "external_url": "https://example.com/a", "filename": "a.txt" });
    desk.ada.post(&desk.path).json(elsewhere.clone()).status(201).await;
    for call in [desk.ada.post(&desk.path).upload("c.txt", "x"), desk.ada.post(&desk.path).json(elsewhere)] {
        let reply = call.refused_with(403, "TIER_LIMIT_EXCEEDED").await;
        let details = &reply.json["error"]["details"];
        assert_eq!((&details["limit_type"], &details["used"]), (&json!("attachments per task"), &json!(2)));
        assert_eq!(details["upgrade_reason"], "Pro allows 20 attachments per task.");
    }
    assert_eq!((desk.rows().await, desk.world.files().await.len()), (2, 1));
    let other = desk.world.plant_task(&desk.project, "Another").await;
    desk.ada.post(&desk.path.replace(&desk.task, &other)).upload("a.txt", "x").status(201).await;
}

#[tokio::test]
async fn of_many_uploads_at_once_no_more_are_kept_than_allowed() {
    let desk = with_limits().await;
    let replies = join_all((0..8).map(|_| desk.ada.post(&desk.path).upload("a.txt", "x").any())).await;
    let kept = replies.iter().filter(|reply| reply.status == 201).count();
    let refused = replies.iter().filter(|reply| reply.code() == "TIER_LIMIT_EXCEEDED").count();
    assert_eq!((kept, refused), (2, 6));
    assert_eq!((desk.rows().await, desk.world.files().await.len()), (2, 2));
}
