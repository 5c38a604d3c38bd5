use super::*;

const TEXTS: [&str; 24] = [
    "Café crème",
    "cafe noir",
    "Cafe\u{301} decomposed",
    "Die Größe der Straße",
    "STRASSE und Gasse",
    "İstanbul'da toplantı",
    "istanbul ISTANBUL",
    "Việt Nam",
    "æther or aether",
    "新しい計画を立てる",
    "東京都の会議",
    "数据库迁移完成以后再通知大家",
    "우리는 다음 주에 배포합니다",
    "Проект запуска",
    "Δοκίμασε ξανά ΣΊΣΥΦΟΣ",
    "ship it 🚀 today",
    "👩‍👩‍👧 family",
    "C++ and C#",
    "a_b is 100% done",
    "see https://example.com/b?q=1&r=2",
    "don't panic",
    "Relaunching",
    "née Öl où",
    "x",
];

/// What is looked for, and which of the texts have it.
const FOUND: [(&str, &[usize]); 45] = [
    ("cafe", &[0, 1, 2]),
    ("café", &[0, 1, 2]),
    ("CAFÉ", &[0, 1, 2]),
    ("cafe\u{301}", &[0, 1, 2]),
    ("creme", &[0]),
    ("größe", &[3]),
    ("GRÖSSE", &[3]),
    ("strasse", &[3, 4]),
    ("Straße", &[3, 4]),
    ("STRAẞE", &[3, 4]),
    ("istanbul", &[5, 6]),
    ("İstanbul", &[5, 6]),
    ("viet", &[7]),
    ("aether", &[8]),
    ("ÆTHER", &[8]),
    ("新しい計画", &[9]),
    ("計画", &[9]),
    ("画", &[9]),
    ("東京", &[10]),
    ("京都", &[10]),
    ("迁移", &[11]),
    ("完成以后", &[11]),
    ("다음", &[12]),
    ("배포합니다", &[12]),
    ("проект", &[13]),
    ("ЗАПУСК", &[13]),
    ("ПР", &[13]),
    ("σίσυφος", &[14]),
    ("🚀", &[15]),
    ("it 🚀", &[15]),
    ("👩‍👩‍👧", &[16]),
    ("C++", &[17]),
    ("c#", &[17]),
    ("a_b", &[18]),
    ("100%", &[18]),
    ("?q=1&r", &[19]),
    ("don't", &[20]),
    ("'t", &[20]),
    ("LAUNCH", &[21]),
    ("öl", &[22]),
    ("ÖL", &[22]),
    ("x", &[19, 23]),
    ("toplantı istanbul'da", &[5]),
    ("straße die", &[3]),
    ("straße cafe", &[]),
];

fn places(found: &Reply, field: &str, of: impl Fn(&str) -> Option<usize>) -> Vec<usize> {
    assert_eq!(found.total(), found.items().len() as i64);
    assert_eq!(found.trips(), 1);
    let mut places: Vec<usize> = pluck(found.items(), field).iter().map(|value| of(value).unwrap()).collect();
    places.sort_unstable();
    places
}

#[tokio::test]
async fn a_word_is_found_anywhere_in_any_script_whatever_its_case_and_accents() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Everything").await;
    world.add_tasks(&project, 100, &TEXTS.map(|text| (text, ""))).await;
    world.add_comments(&project, 200, &ada, &TEXTS).await;
    for (q, expected) in FOUND {
        let tasks = ada.search_with("tasks", q, "&page_size=50").await;
        assert_eq!(
            places(&tasks, "title", |title| TEXTS.iter().position(|text| *text == title)),
            expected,
            "'{q}' in tasks"
        );
        let comments = ada.search_with("comments", q, "&page_size=50").await;
        let place = |found: &str| (0..TEXTS.len()).find(|at| id(200 + *at as u32) == found);
        assert_eq!(places(&comments, "id", place), expected, "'{q}' in comments");
        for item in tasks.items().iter().chain(comments.items()) {
            assert!(item["snippet"].as_str().unwrap().contains("<mark>"), "'{q}': {item}");
        }
    }
}

#[tokio::test]
async fn projects_are_found_as_everything_else_is_in_their_list_too() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    for text in TEXTS {
        ada.project(text).await;
    }
    for (q, expected) in FOUND {
        let place = |name: &str| TEXTS.iter().position(|text| *text == name);
        let found = ada.search_with("projects", q, "&page_size=50").await;
        assert_eq!(places(&found, "name", place), expected, "'{q}'");
        let q: String = form_urlencoded::byte_serialize(q.as_bytes()).collect();
        let listed = ada.get(&format!("/projects?search={q}&page_size=50")).await;
        assert_eq!(places(&listed, "name", place), expected, "'{q}' in the list");
    }
}

#[tokio::test]
async fn all_words_must_occur_in_any_order_in_title_and_description_together() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Words").await;
    let tasks = [("Launch in spring", "with the whole team"), ("Spring cleaning", ""), ("Launch", "in March")];
    world.add_tasks(&project, 1, &tasks).await;
    for (q, expected) in [
        ("launch", vec!["Launch", "Launch in spring"]),
        ("spring launch", vec!["Launch in spring"]),
        ("team launch", vec!["Launch in spring"]),
        ("in launch", vec!["Launch", "Launch in spring"]),
        ("march in la", vec!["Launch"]),
        ("launch launch LAUNCH", vec!["Launch", "Launch in spring"]),
        ("launch cleaning", vec![]),
        ("in zz", vec![]),
    ] {
        let mut titles = ada.titles(q).await;
        titles.sort_unstable();
        assert_eq!(titles, expected, "{q}");
    }
}

#[tokio::test]
async fn every_accented_letter_is_found_without_its_accent_and_marked() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let project = ada.project("Letters").await;
    let source = std::fs::read_to_string(root().join("src/search/fold.rs")).unwrap();
    let table =
        source.lines().filter_map(|line| line.trim().strip_prefix("('")?.strip_suffix("\"),")?.split_once("', \""));
    let letters: Vec<(String, char)> = table
        .flat_map(|(plain, accented)| {
            let upper =
                |c: char| Some(c.to_uppercase()).filter(|upper| upper.len() == 1).and_then(|mut upper| upper.next());
            accented.chars().flat_map(move |c| upper(c).into_iter().chain([c])).map(|c| (plain.to_owned(), c))
        })
        .collect();
    assert!(letters.len() > 400, "{}", letters.len());
    let bodies: Vec<String> = letters.iter().map(|(plain, letter)| format!("letter {plain}-{letter}zq")).collect();
    world.add_comments(&project, 1, &ada, &bodies.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for plain in "abcdefghijklmnoprstuvwxyzσ".chars() {
        let mut marked = 0;
        for page in 1..=4 {
            let found = ada.search_with("comments", &format!("{plain}zq"), &format!("&page_size=50&page={page}")).await;
            marked +=
                found.items().iter().filter(|item| item["snippet"].as_str().unwrap().ends_with("zq</mark>")).count();
        }
        let expected = letters.iter().filter(|(letter, _)| *letter == plain.to_string()).count();
        assert_eq!(marked, expected, "{plain}");
    }
}
