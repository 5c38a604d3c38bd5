//! What is true of every route.

mod contract;
mod drawing;
mod schema;
mod source;
mod steps;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use steps::{Step, steps};

use crate::support::*;

/// Who may call these is nobody's secret.
const PUBLIC: [&str; 16] = [
    "GET /health",
    "GET /monitoring/health",
    "POST /auth/register",
    "POST /auth/login",
    "POST /auth/refresh",
    "POST /auth/session-exchange",
    "GET /billing/plans",
    "POST /billing/webhook",
    "GET /files/{attachment_id}",
    "GET /previews/{job_id}/{name}",
    "POST /workers/heartbeat",
    "POST /workers/claim",
    "GET /workers/files/{file_id}",
    "PUT /workers/jobs/{job_id}/artifacts/{name}",
    "POST /workers/callback",
    "POST /worker/callback",
];

const MISTYPED_KEY: &str = "hsk_live_Zx3vQ0mTn06fEGbUh8OairZdw7kP2s0GcQxT";

/// Where no key is a credential.
const NOT_FOR_KEYS: [&str; 8] =
    ["/auth/", "/user/", "/billing/", "/api-keys", "/webhooks", "/admin/", "/monitoring/", "/ws"];

impl Step {
    fn is_public(&self) -> bool {
        PUBLIC.contains(&self.route.line().as_str())
    }
}

#[tokio::test]
async fn every_route_works_as_the_contract_says_within_its_trips() {
    let shop = Shop::open().await;
    let steps = steps(&shop).await;
    let mut walked: Vec<String> = steps.iter().map(|step| step.route.line()).collect();
    let mut all: Vec<String> = routes().iter().map(Route::line).collect();
    walked.sort_unstable();
    all.sort_unstable();
    assert_eq!(walked, all, "each route has its step");

    for step in &steps {
        let line = step.route.line();
        let reply = step.call().await;
        let budget = match (step.route.method.as_str(), reply.json["items"].is_array()) {
            // What an operator sees is written down with what they read.
            ("get", false) if ["GET /admin/", "GET /monitoring/metrics"].iter().any(|of| line.starts_with(of)) => 2,
            ("get", false) => u32::from(step.has_id() || step.who.access_token.is_some()),
            _ => 2,
        };
        assert!(reply.trips() <= budget, "{line} took {} trips of {budget}", reply.trips());
        assert_eq!(broken_promises(&step.route.method, &step.route.path, &reply), [""; 0], "{line}: {}", reply.text);
        assert!(reply.number("x-ratelimit-limit") > 0, "{line}");
    }
}

#[tokio::test]
async fn nobody_gets_401_and_costs_no_trip() {
    let shop = Shop::open().await;
    for step in steps(&shop).await {
        let line = step.route.line();
        if step.is_public() {
            assert_ne!(step.call().any().await.status, 401, "{line} is public");
            continue;
        }
        let bearing = |token: &str| shop.world.anonymous().bearing(token);
        for nobody in [shop.world.anonymous(), bearing("not.a.token"), bearing(MISTYPED_KEY)] {
            let reply = step.call_as(&nobody).refused(401).await;
            assert_eq!(reply.trips(), 0, "{line}");
            assert_eq!(broken_promises(&step.route.method, &step.route.path, &reply), [""; 0], "{line}");
            let garbage = step.call_as(&nobody).header("content-type", "text/plain").body("{");
            garbage.refused(401).await;
        }
    }
}

/// In a browser everything works by the cookie, and nothing changes for a page of somebody else's.
#[tokio::test]
async fn every_route_works_by_cookie_for_our_own_pages() {
    let shop = Shop::open().await;
    let mut changing = 0;
    for step in steps(&shop).await.iter().filter(|step| step.who.access_token.is_some()) {
        let (line, browser) = (step.route.line(), step.who.in_browser().await);
        if step.route.method != "get" {
            changing += 1;
            for site in ["cross-site", "same-site", "none"] {
                let forged = step.call_as(&browser).header("sec-fetch-site", site);
                forged.refused_with(403, "CROSS_SITE_REQUEST").await;
            }
            let form = step.call_as(&browser).header("content-type", "text/plain");
            form.refused_with(415, "UNSUPPORTED_MEDIA_TYPE").await;
        }
        let reply = step.call_as(&browser).await;
        assert_eq!(broken_promises(&step.route.method, &step.route.path, &reply), [""; 0], "{line}");
    }
    assert!(changing >= 12);
}

/// A key reads with one scope and changes things with the other, wherever keys count at all.
#[tokio::test]
async fn every_route_takes_a_key_of_the_right_scope_or_none() {
    let shop = Shop::open().await;
    let (mut read, mut written, mut closed) = (0, 0, 0);
    let mut programs: BTreeMap<i64, [Person; 2]> = BTreeMap::new();
    for step in steps(&shop).await.iter().filter(|step| !step.is_public()) {
        let line = step.route.line();
        if let Entry::Vacant(none) = programs.entry(step.who.id()) {
            none.insert([step.who.program(&["read"]).await, step.who.program(&["read", "write"]).await]);
        }
        let [reader, writer] = &programs[&step.who.id()];
        let promised = |reply: &Reply| {
            let wrong = broken_promises(&step.route.method, &step.route.path, reply);
            assert_eq!(wrong, [""; 0], "{line}: {}", reply.text);
        };
        if NOT_FOR_KEYS.iter().any(|part| step.route.path.starts_with(part)) {
            closed += 1;
            for program in [reader, writer] {
                let refused = step.call_as(program).refused_with(403, "KEY_NOT_ALLOWED").await;
                assert_eq!(refused.trips(), 0, "{line}");
                promised(&refused);
            }
            step.call().await;
            continue;
        }
        if step.route.method == "get" {
            read += 1;
            promised(&step.call_as(reader).await);
        } else {
            written += 1;
            promised(&step.call_as(reader).refused_with(403, "SCOPE_MISSING").await);
            let garbage = step.call_as(reader).header("content-type", "text/plain").body("{");
            garbage.refused_with(403, "SCOPE_MISSING").await;
        }
        promised(&step.call_as(writer).await);
    }
    assert!(read >= 15 && written >= 25 && closed >= 15, "{read} {written} {closed}");
}

#[tokio::test]
async fn a_stranger_gets_404_for_everything_with_an_id() {
    let shop = Shop::open().await;
    let steps = steps(&shop).await;
    let eve = shop.world.sign_up("eve").await;
    // That there is a desk is nobody's secret: who does not run the service may not see it.
    let desk = |step: &&Step| step.route.path.starts_with("/admin/");
    for step in steps.iter().filter(desk) {
        step.call_as(&eve).refused_with(403, "AUTH_FORBIDDEN").await;
    }
    let has_id = |step: &&Step| step.has_id() && !step.is_public() && !desk(step);
    let steps: Vec<&Step> = steps.iter().filter(has_id).collect();
    assert!(steps.len() >= 9);
    for step in &steps {
        let line = step.route.line();
        let reply = step.call_as(&eve).refused(404).await;
        assert_ne!(reply.code(), "NOT_FOUND", "{line} says what it did not find");
        assert_eq!(broken_promises(&step.route.method, &step.route.path, &reply), [""; 0], "{line}");
        let garbage = step.call_as(&eve).header("content-type", "application/json").body("{");
        garbage.refused(404).await;
    }
    for step in &steps {
        step.call().await;
    }
}

#[tokio::test]
async fn an_id_that_is_none_is_404_everywhere() {
    let shop = Shop::open().await;
    for step in steps(&shop).await.iter().filter(|step| step.has_id()) {
        for id in ["0", "nonsense", "%27", "%ff", "%zz", "0198c5f2-7d3a-7c41-9b52-1f0e6a2d9c7"] {
            let last = step.route.path.rfind('{').unwrap();
            let filled = step.path.split('/').count();
            let position = step.route.path[..last].matches('/').count();
            let path: Vec<&str> =
                step.path.split('/').enumerate().map(|(i, part)| if i == position { id } else { part }).collect();
            assert_eq!(path.len(), filled);
            let step = Step {
                path: path.join("/"),
                who: step.who.clone(),
                route: step.route.clone(),
                body: step.body.clone(),
                signed: None,
                raw: step.raw.clone(),
            };
            step.call().refused(404).await;
        }
    }
}

#[tokio::test]
async fn every_body_is_checked() {
    let shop = Shop::open().await;
    for step in steps(&shop).await.iter().filter(|step| step.body.is_some()) {
        let (line, promises) =
            (step.route.line(), |reply: &Reply| broken_promises(&step.route.method, &step.route.path, reply));
        let send = |kind: &str, body: &[u8]| step.call().header("content-type", kind).body(body);
        let json = "application/json";
        // Files may be larger than what else is said.
        let most = match &step.route.path {
            path if path.ends_with("/previews/request") => 8 << 20,
            path if path.ends_with("/ai-docs/request") => 3 << 20,
            _ => 1 << 20,
        };
        let too_long = vec![b' '; most + 1];
        let responses = &CONTRACT["paths"][&step.route.path][&step.route.method]["responses"];
        // The contract has it so for billing and one-time logins.
        let invalid = if responses["422"].is_null() { 400 } else { 422 };
        for (call, status) in [
            (send(json, b"{"), 400),
            (send(json, b""), 400),
            (send(json, b"7"), invalid),
            (send(json, b"[]"), invalid),
            (send("text/plain", b"{}"), 415),
            (send(json, &too_long), 413),
        ] {
            let reply = call.refused(status).await;
            assert_eq!(promises(&reply), [""; 0], "{line}");
        }
        let fields = step.body.as_ref().unwrap().as_object().unwrap().keys();
        for field in fields {
            let mut body = step.body.clone().unwrap();
            body[field] = json!([7]);
            let reply = step.call().json(body).any().await;
            if reply.status != 401 {
                assert_eq!(reply.status, invalid, "{line} {field}: {}", reply.text);
                // Of a list it names which.
                let named: Vec<&str> = reply.fields().iter().map(|name| name.split('[').next().unwrap()).collect();
                assert_eq!((reply.status.as_u16(), named), (invalid, vec![field.as_str()]), "{line}");
            }
            assert_eq!(promises(&reply), [""; 0], "{line}");
        }
    }
}

#[tokio::test]
async fn every_route_that_creates_takes_an_idempotency_key() {
    let shop = Shop::open().await;
    let mut created = 0;
    for step in steps(&shop).await {
        let again = || step.call().header("idempotency-key", "the-same-key");
        let operation = &CONTRACT["paths"][&step.route.path][&step.route.method];
        // A PUT may come again by itself.
        if operation["responses"]["201"].is_null() || step.route.method == "put" {
            continue;
        }
        created += 1;
        let (first, second) = (again().status(201).await, again().status(201).await);
        assert_eq!(
            (second.header("idempotency-replayed"), &second.json),
            ("true", &first.json),
            "{}",
            step.route.line()
        );
        let parameters = operation["parameters"].as_array().expect("parameters");
        assert!(parameters.iter().any(|parameter| parameter["name"] == "Idempotency-Key"), "{}", step.route.line());
    }
    assert!(created >= 3);
}

#[tokio::test]
async fn every_address_tells_its_methods() {
    let shop = Shop::open().await;
    let steps = steps(&shop).await;
    let mut by_path: BTreeMap<&str, (Vec<String>, &Step)> = BTreeMap::new();
    for step in &steps {
        let (methods, _) = by_path.entry(&step.route.path).or_insert((Vec::new(), step));
        methods.push(step.route.method.to_uppercase());
        if step.route.method == "get" {
            methods.push("HEAD".into());
        }
    }
    for (template, (mut methods, Step { who, path, .. })) in by_path {
        let told = |reply: &Reply| {
            let mut told: Vec<String> =
                reply.header("allow").split(',').map(|method| method.trim().to_owned()).collect();
            told.retain(|method| method != "OPTIONS");
            told.sort_unstable();
            told
        };
        methods.sort_unstable();
        assert_eq!(told(&who.options(path).status(204).await), methods, "OPTIONS {template}");
        let other = if methods.contains(&"PUT".to_owned()) { who.patch(path) } else { who.put(path) };
        let wrong = other.refused_with(405, "METHOD_NOT_ALLOWED").await;
        assert_eq!(told(&wrong), methods, "{template}");
        if methods.contains(&"HEAD".to_owned()) && !template.starts_with("/ws") {
            assert_eq!(who.head(path).await.text, "");
        }
    }
}

#[tokio::test]
async fn no_query_breaks_a_route() {
    let shop = Shop::open().await;
    let nasty = ["", "=", "&&", "page", "%ff=%ff", "page=1&page=2", "search=%00", "search=%ff", "search=%f0%9f%9a%80"];
    let nastier = ["sort[]=x", "page=%20", "page_size=1e3", "favorite=1", "favorite", "%", "%zz", "sort=%27%22--"];
    for step in steps(&shop).await.iter().filter(|step| step.route.method == "get") {
        for query in nasty.iter().chain(&nastier) {
            let and = if step.path.contains('?') { "&" } else { "?" };
            let reply = step.who.get(&format!("{}{and}{query}", step.path)).any().await;
            let wrong = broken_promises(&step.route.method, &step.route.path, &reply);
            assert_eq!(wrong, [""; 0], "{}?{query}: {}", step.route.line(), reply.text);
            assert!(reply.status.as_u16() < 500, "{}?{query}: {}", step.route.line(), reply.text);
        }
    }
}
