use super::*;

/// Text that means something to somebody: to FTS5, to SQL, to LIKE, to a parser of queries.
const NASTY: [&str; 40] = [
    "\"",
    "\"\"",
    "\"\"\"",
    "'",
    "''",
    "' OR 1=1 --",
    "*",
    "lau*",
    "^launch",
    "-launch",
    "+launch",
    "launch AND",
    "AND",
    "OR",
    "NOT",
    "NEAR",
    "NEAR(a b, 2)",
    "launch OR nothing",
    "NOT launch",
    "(",
    ")",
    "(((",
    "{title} : x",
    "title:launch",
    "scope : \"x\"",
    ":",
    "{",
    "launch\\",
    "%",
    "_",
    "l_unch",
    "%launch%",
    "?",
    "?1",
    "[]",
    "[\"a\"]",
    "…",
    "\u{e000}\u{e000}\u{e000}",
    "\u{fffd}",
    "\u{202e}launch",
];

async fn ada_with_texts(world: &World) -> Person {
    let ada = world.sign_up("ada").await;
    let project = ada.project("Launch").await;
    world.add_tasks(&project, 1, &[("Launch", "launch")]).await;
    world.add_comments(&project, 1, &ada, &["launch"]).await;
    ada
}

#[tokio::test]
async fn any_text_is_only_text() {
    let world = World::new().await;
    let ada = ada_with_texts(&world).await;
    for kind in ["projects", "tasks", "comments"] {
        for q in NASTY {
            assert_eq!(ada.search(kind, q).await.total(), 0, "'{q}' among {kind}");
        }
        let listed = ada.search(kind, "launch").await;
        assert_eq!(listed.total(), 1);
    }
    let project = ada.project("Nasty").await;
    world.add_comments(&project, 100, &ada, &NASTY).await;
    for (q, number) in NASTY.iter().zip(100..) {
        let found = ada.search_with("comments", q, "&page_size=50").await;
        assert!(pluck(found.items(), "id").contains(&&*id(number)), "'{q}' finds itself");
    }
}

#[tokio::test]
async fn words_too_many_or_too_long_for_a_parser_are_looked_for_all_the_same() {
    let world = World::new().await;
    let ada = ada_with_texts(&world).await;
    let project = ada.project("Long").await;
    let (long, many, pairs) = ("y".repeat(100), "abc ".repeat(24) + "abce", "ab cd ".repeat(16));
    let each: Vec<String> = (0..33).map(|n| format!("{:02}", n + 10)).collect();
    let letters: Vec<String> = "abcdefghijklmnopqrstuvwxyzäöüéèêçñøåßæœ".chars().map(String::from).collect();
    let texts = [
        long,
        many,
        pairs,
        each.join(" "),
        letters.join(" "),
        "計".repeat(100),
        "🚀".repeat(100),
        format!("ä{}", "\u{345}".repeat(99)),
    ];
    world.add_comments(&project, 100, &ada, &texts.each_ref().map(String::as_str)).await;
    for (text, number) in texts.iter().zip(100..) {
        let found = ada.search("comments", text).await;
        assert_eq!((pluck(found.items(), "id"), found.trips()), (vec![&*id(number)], 1), "{text}");
    }
}

#[tokio::test]
async fn what_cannot_be_looked_for_is_refused_by_field() {
    let world = World::new().await;
    let ada = ada_with_texts(&world).await;
    for kind in ["projects", "tasks", "comments"] {
        for query in
            ["", "?q=", "?q=%20%09", "?q=a%00b", "?q=%1b[0m", "?query=launch", &format!("?q={}", "x".repeat(101))]
        {
            let reply = ada.get(&format!("/search/{kind}{query}")).refused_with(422, "VALIDATION_ERROR").await;
            assert_eq!(reply.fields(), ["q"], "{kind}{query}");
        }
        for query in ["?q=%ff", "?q=%ed%a0%80", "?q=%", "?q=%zz", "?q=a&q=b", "?q=+launch+%0a"] {
            ada.get(&format!("/search/{kind}{query}")).any().await;
        }
        assert_eq!(ada.get(&format!("/search/{kind}?q=+launch+%0a")).await.total(), 1);
    }
}

#[tokio::test]
async fn who_is_in_no_project_finds_nothing() {
    let world = World::new().await;
    ada_with_texts(&world).await;
    let bob = world.sign_up("bob").await;
    for kind in ["projects", "tasks", "comments"] {
        for q in ["launch", "la", "launch la", "---", "\""] {
            let found = bob.search(kind, q).await;
            assert_eq!((found.items().len(), found.total()), (0, 0), "{q} among {kind}");
        }
    }
    assert_eq!(bob.get("/projects?search=launch").await.total(), 0);
}
