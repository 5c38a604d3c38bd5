use crate::support::*;

/// Ada with projects of these names, a second apart; the last is the youngest.
async fn ada_with(world: &World, names: &[&str]) -> (Person, Vec<String>) {
    world.clock().stop();
    let ada = world.sign_up("ada").await;
    let mut ids = Vec::new();
    for name in names {
        world.clock().advance(Duration::from_secs(1));
        ids.push(ada.project(name).await);
    }
    (ada, ids)
}

async fn names(person: &Person, query: &str) -> Vec<String> {
    let list = person.get(&format!("/projects{query}")).await;
    pluck(list.items(), "name").into_iter().map(Into::into).collect()
}

#[tokio::test]
async fn an_empty_list_is_a_list() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    assert_eq!(ada.get("/projects").await.json, json!({ "items": [], "total": 0, "page": 1, "page_size": 20 }));
}

#[tokio::test]
async fn the_list_holds_ones_own_projects_and_those_one_is_a_member_of() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("ada").await, world.sign_up("bob").await);
    let (shared, own) = (ada.project("Shared").await, bob.project("Own").await);
    ada.project("Private").await;
    world.add_member(&shared, &bob).await;
    let list = bob.get("/projects?sort=name").await;
    assert_eq!(
        (pluck(list.items(), "id"), pluck(list.items(), "role")),
        (vec![&*own, &*shared], vec!["owner", "member"])
    );
    assert_eq!(list.total(), 2);
    assert_eq!(&list.items()[0], bob.get(&format!("/projects/{own}")).await.data());
}

#[tokio::test]
async fn the_list_is_sorted_as_asked_and_by_youngest_otherwise() {
    let world = World::new().await;
    let (ada, ids) = ada_with(&world, &["b", "C", "a"]).await;
    world.clock().advance(Duration::from_secs(1));
    ada.patch(&format!("/projects/{}", ids[1])).json(json!({ "description": "touched" })).await;
    for (sort, expected) in [
        ("", ["a", "C", "b"]),
        ("?sort=created_at", ["b", "C", "a"]),
        ("?sort=-created_at", ["a", "C", "b"]),
        ("?sort=updated_at", ["b", "a", "C"]),
        ("?sort=-updated_at", ["C", "a", "b"]),
        ("?sort=name", ["a", "b", "C"]),
        ("?sort=-name", ["C", "b", "a"]),
    ] {
        assert_eq!(names(&ada, sort).await, expected, "{sort}");
    }
    for bad in ["owner", "name;--", "-", "", "NAME"] {
        assert_eq!(ada.get(&format!("/projects?sort={bad}")).refused(422).await.fields(), ["sort"], "{bad}");
    }
}

#[tokio::test]
async fn pages_cover_the_list_once() {
    let world = World::new().await;
    let all = ["a", "b", "c", "d", "e"];
    let (ada, _) = ada_with(&world, &all).await;
    let mut seen = Vec::new();
    for page in 1..=3 {
        let reply = ada.get(&format!("/projects?sort=name&page={page}&page_size=2")).await;
        assert_eq!((&reply.json["page"], &reply.json["page_size"]), (&json!(page), &json!(2)));
        assert_eq!(reply.total(), 5);
        seen.extend(pluck(reply.items(), "name").into_iter().map(String::from));
    }
    assert_eq!(seen, all);
    let beyond = ada.get("/projects?page=4&page_size=2").await;
    assert_eq!((beyond.items().len(), beyond.total()), (0, 5));
}

#[tokio::test]
async fn pages_cover_the_list_once_even_where_everything_sorts_the_same() {
    let world = World::new().await;
    world.clock().stop();
    let ada = world.sign_up("ada").await;
    join_all((0..9).map(|_| ada.project("Twin"))).await;
    for sort in ["created_at", "-created_at", "-updated_at", "name"] {
        let mut seen = Vec::new();
        for page in 1..=5 {
            let reply = ada.get(&format!("/projects?sort={sort}&page={page}&page_size=2")).await;
            seen.extend(pluck(reply.items(), "id").into_iter().map(String::from));
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 9, "{sort}");
    }
}

#[tokio::test]
async fn a_page_that_is_none_is_refused_by_field() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    for bad in ["0", "-1", "x", "1.5", "", "99999999999999999999"] {
        assert_eq!(ada.get(&format!("/projects?page={bad}")).refused(422).await.fields(), ["page"], "{bad}");
        let size = ada.get(&format!("/projects?page_size={bad}")).refused(422).await;
        assert_eq!(size.fields(), ["page_size"], "{bad}");
    }
}

#[tokio::test]
async fn a_page_is_no_larger_than_the_tier_allows() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let size = async || ada.get("/projects?page_size=1000").await.json["page_size"].clone();
    assert_eq!(size().await, 50);
    world.set_tier(&ada, "pro").await;
    ada.get("/auth/me").await;
    assert_eq!(size().await, 100);
    world.set_tier(&ada, "premium").await;
    ada.get("/auth/me").await;
    assert_eq!(size().await, 200);
}

#[tokio::test]
async fn a_search_looks_into_names_and_descriptions_whatever_the_case() {
    let world = World::new().await;
    let (ada, ids) = ada_with(&world, &["Launch", "Relaunch it", "Other"]).await;
    ada.patch(&format!("/projects/{}", ids[2])).json(json!({ "description": "before the LAUNCH" })).await;
    for (search, expected) in [
        ("launch", vec!["Launch", "Other", "Relaunch it"]),
        ("LAUNCH", vec!["Launch", "Other", "Relaunch it"]),
        ("relaunch%20it", vec!["Relaunch it"]),
        ("before+the", vec!["Other"]),
        ("nothing", vec![]),
        ("", vec!["Launch", "Other", "Relaunch it"]),
    ] {
        assert_eq!(names(&ada, &format!("?sort=name&search={search}")).await, expected, "{search}");
    }
    let found = ada.get("/projects?search=launch&page_size=1").await;
    assert_eq!((found.items().len(), found.total()), (1, 3));
    assert_eq!(ada.get(&format!("/projects?search={}", "x".repeat(101))).refused(422).await.fields(), ["search"]);
}

#[tokio::test]
async fn a_search_is_for_what_is_written_not_for_a_pattern() {
    let world = World::new().await;
    let (ada, _) = ada_with(&world, &["100% done", "100 done", "a_b", "axb", "it's \"quoted\" \\"]).await;
    for (search, expected) in [
        ("100%25", vec!["100% done"]),
        ("a_b", vec!["a_b"]),
        ("%27", vec!["it's \"quoted\" \\"]),
        ("%22", vec!["it's \"quoted\" \\"]),
        ("%5C", vec!["it's \"quoted\" \\"]),
        ("%25", vec!["100% done"]),
    ] {
        assert_eq!(names(&ada, &format!("?search={search}")).await, expected, "{search}");
    }
    let long = "y".repeat(100);
    ada.project(&long).await;
    assert_eq!(names(&ada, &format!("?search={long}")).await, [long]);
}

#[tokio::test]
async fn a_search_knows_other_alphabets() {
    let world = World::new().await;
    let (ada, _) = ada_with(&world, &["Größe", "проект", "計画"]).await;
    for (search, expected) in
        [("Größe", "Größe"), ("gRöSSe".replace("SS", "ß").as_str(), "Größe"), ("проект", "проект"), ("計", "計画")]
    {
        assert_eq!(names(&ada, &format!("?search={search}")).await, [expected], "{search}");
    }
}

#[tokio::test]
async fn favorites_can_be_listed_alone() {
    let world = World::new().await;
    let (ada, ids) = ada_with(&world, &["a", "b", "c"]).await;
    ada.post(&format!("/projects/{}/favorite", ids[1])).await;
    assert_eq!(names(&ada, "?favorite=true").await, ["b"]);
    assert_eq!(names(&ada, "?favorite=false&sort=name").await, ["a", "c"]);
    assert_eq!(names(&ada, "?favorite=true&search=a").await, [""; 0]);
    assert_eq!(ada.get("/projects?favorite=true").await.total(), 1);
    assert_eq!(ada.get("/projects?favorite=maybe").refused(422).await.fields(), ["favorite"]);
}

#[tokio::test]
async fn a_list_takes_one_trip_however_long_it_is() {
    let world = World::new().await;
    let (ada, ids) = ada_with(&world, &["a", "b", "c", "d"]).await;
    for id in &ids {
        ada.post(&format!("/projects/{id}/tags")).json(json!({ "name": "red" })).await;
    }
    let list = ada.get("/projects").await;
    assert_eq!(list.trips(), 1);
    for item in list.items() {
        assert_eq!(item["tags"][0]["name"], "red");
    }
}
