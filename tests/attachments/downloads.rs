use super::*;

const TEXT: &str = "0123456789abcdef";

async fn with_text() -> (Desk, String, Person) {
    let desk = Desk::new().await;
    let attachment = desk.attach("naïve \"draft\".txt", TEXT).await;
    let anyone = desk.world.anonymous();
    (desk, link(&attachment), anyone)
}

#[tokio::test]
async fn a_file_is_given_to_be_saved_never_to_be_run() {
    let desk = Desk::new().await;
    let page = "<script>alert(1)</script>";
    let attachment = desk.attach("päge\\\".html", page).await;
    let reply = desk.world.anonymous().get(&link(&attachment)).status(200).await;
    assert_eq!((reply.text.as_str(), reply.trips()), (page, 1));
    for (header, value) in [
        ("content-type", "text/plain"),
        ("content-length", "25"),
        ("accept-ranges", "bytes"),
        ("content-disposition", "attachment; filename=\"p_ge_.html\"; filename*=UTF-8''p%C3%A4ge%22.html"),
        ("content-security-policy", "sandbox; default-src 'none'"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-site"),
        ("cache-control", "private, no-cache"),
        ("transfer-encoding", ""),
    ] {
        assert_eq!(reply.header(header), value, "{header}");
    }
    let tag = reply.header("etag");
    assert!(tag.len() > 10 && tag.starts_with('"') && tag.ends_with('"'), "{tag}");
}

#[tokio::test]
async fn a_range_is_a_part_of_the_file() {
    let (_desk, link, anyone) = with_text().await;
    let range = |range: &str| anyone.get(&link).header("range", range);
    for (asked, part, text) in [
        ("bytes=0-0", "bytes 0-0/16", "0"),
        ("bytes=4-7", "bytes 4-7/16", "4567"),
        ("bytes=10-", "bytes 10-15/16", "abcdef"),
        ("bytes=10-999", "bytes 10-15/16", "abcdef"),
        ("bytes=-3", "bytes 13-15/16", "def"),
        ("bytes=-999", "bytes 0-15/16", TEXT),
    ] {
        let reply = range(asked).status(206).await;
        let told = (reply.header("content-range"), reply.number("content-length"), reply.text.as_str());
        assert_eq!(told, (part, text.len() as i64, text), "{asked}");
        assert!(!reply.header("etag").is_empty() && !reply.header("content-disposition").is_empty());
    }
    for beyond in ["bytes=16-", "bytes=99-100", "bytes=-0"] {
        let reply = range(beyond).refused_with(416, "RANGE_NOT_SATISFIABLE").await;
        assert_eq!(reply.header("content-range"), "bytes */16", "{beyond}");
    }
    for whole in ["bytes=0-1,4-5", "bytes=9-3", "bytes=x", "lines=1-2", "bytes"] {
        let reply = range(whole).status(200).await;
        assert_eq!((reply.text.as_str(), reply.header("content-range")), (TEXT, ""), "{whole}");
    }
}

#[tokio::test]
async fn a_download_goes_on_where_it_broke_off_only_in_the_same_file() {
    let (_desk, link, anyone) = with_text().await;
    let tag = anyone.get(&link).await.header("etag").to_owned();
    let resume = |tag: &str| anyone.get(&link).header("range", "bytes=10-").header("if-range", tag);
    assert_eq!(resume(&tag).status(206).await.text, "abcdef");
    for other in ["\"another\"", &format!("W/{tag}"), "Wed, 25 Nov 2026 16:35:42 GMT"] {
        assert_eq!(resume(other).status(200).await.text, TEXT, "{other}");
    }
}

#[tokio::test]
async fn who_has_the_file_already_does_not_get_it_again() {
    let (_desk, link, anyone) = with_text().await;
    let tag = anyone.get(&link).await.header("etag").to_owned();
    let have = |tags: &str| anyone.get(&link).header("if-none-match", tags);
    for known in [tag.clone(), format!("\"x\", W/{tag}"), "*".into()] {
        let reply = have(&known).status(304).await;
        assert_eq!((reply.text.as_str(), reply.header("etag"), reply.header("content-type")), ("", tag.as_str(), ""));
    }
    assert_eq!(have(&tag).header("range", "bytes=0-1").status(304).await.text, "");
    assert_eq!(have("\"x\"").status(200).await.text, TEXT);
}

#[tokio::test]
async fn head_tells_what_get_would() {
    let (_desk, link, anyone) = with_text().await;
    let (get, head) = (anyone.get(&link).await, anyone.head(&link).header("range", "bytes=0-1").status(200).await);
    assert_eq!(head.text, "");
    let headers = ["content-length", "content-type", "etag", "accept-ranges", "content-disposition", "cache-control"];
    for header in headers {
        assert_eq!(head.header(header), get.header(header), "{header}");
    }
    assert_eq!(anyone.head(&link).header("if-none-match", get.header("etag")).status(304).await.text, "");
}

#[tokio::test]
async fn many_read_one_file_at_once() {
    let desk = Desk::new().await;
    let content = noise(300_000);
    let link = link(&desk.attach("noise.bin", &content).await);
    let parts = (0..12).map(|i| {
        let (first, last) = (i * 25_000, i * 25_000 + 24_999);
        desk.world.anonymous().get(&link).header("range", format!("bytes={first}-{last}")).status(206)
    });
    let parts: Vec<u8> = join_all(parts).await.iter().flat_map(|reply| reply.bytes.to_vec()).collect();
    assert!(parts == content);
}

#[tokio::test]
async fn a_page_of_another_origin_may_read_what_it_needs() {
    let world = World::with(&[("CORS_ORIGINS", "https://app.example.com")]).await;
    let desk = Desk::at(world).await;
    let link = link(&desk.attach("a.txt", TEXT).await);
    let reply = desk.world.anonymous().get(&link).header("origin", "https://app.example.com").await;
    assert_eq!(reply.header("access-control-allow-origin"), "https://app.example.com");
    for header in ["content-disposition", "content-range", "etag"] {
        assert!(reply.header("access-control-expose-headers").contains(header), "{header}");
    }
}
