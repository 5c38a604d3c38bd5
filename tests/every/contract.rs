use crate::support::*;

#[test]
fn every_route_is_in_the_contract_and_back() {
    let mut routes = routes();
    let mut promised = Vec::new();
    for (path, operations) in CONTRACT["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let summary = operation["summary"].as_str().expect("a summary").to_owned();
            promised.push(Route { method: method.clone(), path: path.clone(), summary });
        }
    }
    routes.sort();
    promised.sort();
    assert_eq!(routes, promised);
}

#[test]
fn the_published_contract_is_what_the_code_says() {
    let said = hivesync_api::openapi::document();
    assert!(*CONTRACT == said, "openapi.json is not up to date: 'cargo xtask openapi' writes it anew");
}

#[test]
fn every_operation_says_who_may_call_it_how_it_fails_and_gives_an_example() {
    for route in routes() {
        let (line, operation) = (route.line(), &CONTRACT["paths"][&route.path][&route.method]);
        let security = operation["security"].as_array().unwrap_or_else(|| panic!("{line} says nothing of security"));
        assert_eq!(security.is_empty(), super::PUBLIC.contains(&line.as_str()), "{line}");
        assert_eq!(
            operation["responses"]["401"].is_null(),
            security.is_empty()
                && !["login", "refresh", "webhook", "heartbeat", "claim", "callback", "artifacts"]
                    .iter()
                    .any(|proof| line.contains(proof)),
            "{line}"
        );
        for (status, response) in operation["responses"].as_object().unwrap() {
            let content = &response["content"];
            if ["101", "204", "304"].contains(&status.as_str()) {
                assert!(content.is_null(), "{line} {status}");
                continue;
            }
            // A file is what it is.
            if content["*/*"].is_object() {
                continue;
            }
            let text = &content["text/plain"];
            let content = if text.is_null() { &content["application/json"] } else { text };
            assert!(!content["example"].is_null() || !content["examples"].is_null(), "{line} {status} has no example");
        }
        // Bytes may be called what they like; so may the payment provider's webhook.
        if !line.contains("/billing/webhook") && operation["requestBody"]["content"]["*/*"].is_null() {
            assert_eq!(operation["requestBody"].is_null(), operation["responses"]["415"].is_null(), "{line}");
        }
    }
}

#[test]
fn of_a_query_only_what_a_route_is_of_no_use_without_is_required() {
    let mut required = Vec::new();
    for route in routes() {
        let operation = &CONTRACT["paths"][&route.path][&route.method];
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if parameter["in"] == "query" && parameter["required"] == true {
                required.push(format!("{} {}", route.path, parameter["name"].as_str().unwrap()));
            }
        }
    }
    required.sort();
    assert_eq!(
        required,
        [
            "/files/{attachment_id} expires",
            "/files/{attachment_id} signature",
            "/files/{attachment_id} user",
            "/previews/{job_id}/{name} token",
            "/search/comments q",
            "/search/projects q",
            "/search/tasks q",
            "/webhooks project_id",
            "/workers/files/{file_id} bytes",
            "/workers/files/{file_id} expires",
            "/workers/files/{file_id} signature",
            "/workers/files/{file_id} start",
        ]
    );
}

/// What a browser gets besides the API.
#[tokio::test]
async fn the_contract_and_its_pages_are_served() {
    let world = World::set_up().assets().open().await;
    let anyone = world.anonymous();
    let served = anyone.fetch("/openapi.json").await;
    assert!(served.json == *CONTRACT, "openapi.json is served as it was committed");
    for page in ["/docs", "/redoc"] {
        let page = anyone.fetch(page).await;
        assert!(page.header("content-type").starts_with("text/html"), "{page:?}");
        for elsewhere in ["src=\"http", "href=\"http", "src=\"//", "href=\"//", "@import"] {
            assert!(!page.text.contains(elsewhere), "{elsewhere} in {}", page.text);
        }
        for part in page.text.split(['"', '\'']).filter(|part| part.ends_with(".js") || part.ends_with(".css")) {
            anyone.fetch(&format!("/{}", part.trim_start_matches(['.', '/']))).await;
        }
    }
    anyone.get("/health").await;
    anyone.get("/nothing").refused_with(404, "NOT_FOUND").await;
}
