use std::fs;

use crate::support::*;

/// What a database holds, one line a table, index or trigger, however it was written.
async fn described(world: &World) -> Vec<String> {
    let query =
        "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'
                 AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type, name";
    let described = |row: &Value| {
        let sql = row["sql"].as_str().unwrap();
        let plain: Vec<&str> = sql.lines().map(|line| line.split("--").next().unwrap()).collect();
        let words = plain.join(" ").replace('"', "").replace(['(', ')', ','], " $0 ");
        format!("{} {}: {}", row["type"], row["name"], words.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    world.sql(query, &[]).await.iter().map(described).collect()
}

#[tokio::test]
async fn the_migrations_together_give_the_schema() {
    let (migrated, written) = (World::set_up().migrated().open().await, World::new().await);
    let (steps, whole) = (described(&migrated).await, described(&written).await);
    assert!(steps.len() > 10, "{steps:?}");
    assert_eq!(steps, whole);
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'
                  AND name NOT LIKE '%\\_fts%' ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let mut filled = 0;
    for table in pluck(&migrated.sql(tables, &[]).await, "name") {
        let all = format!("SELECT * FROM \"{table}\" ORDER BY 1");
        let (steps, whole) = (migrated.sql(&all, &[]).await, written.sql(&all, &[]).await);
        filled += usize::from(!steps.is_empty());
        assert_eq!(steps, whole, "{table}");
    }
    assert!(filled > 1, "some rows are there from the beginning");
}

#[test]
fn migrations_are_numbered_without_a_gap() {
    let names =
        fs::read_dir(root().join("migrations")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort_unstable();
    for (i, name) in names.iter().enumerate() {
        assert!(name.starts_with(&format!("{:04}_", i + 1)) && name.ends_with(".sql"), "{name} is the {}th", i + 1);
    }
}

#[tokio::test]
async fn every_table_is_strict_and_every_reference_has_an_index() {
    let world = World::new().await;
    let tables = world
        .sql(
            "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'
               AND name NOT LIKE '%\\_fts%' ESCAPE '\\'",
            &[],
        )
        .await;
    for table in &tables {
        let name = table["name"].as_str().unwrap();
        assert!(table["sql"].as_str().unwrap().contains("STRICT"), "{name}");
        let keys = world.sql("SELECT \"from\" AS child FROM pragma_foreign_key_list(?1)", &[json!(name)]).await;
        for key in pluck(&keys, "child") {
            let leading = "SELECT count(*) FROM pragma_index_list(?1) l, pragma_index_info(l.name) i WHERE i.seqno = 0 AND i.name = ?2";
            let indexes = world.one(leading, &[json!(name), json!(key)]).await;
            assert_ne!(indexes, 0, "deleting what {name}.{key} refers to reads all of {name}");
        }
    }
}

/// Each `sql!("…")` in the source, with where it stands.
fn literals() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for file in super::source::files("src") {
        let text = fs::read_to_string(&file).unwrap();
        for (start, _) in text.match_indices("sql!(") {
            let in_comment = text[..start].lines().next_back().is_some_and(|line| line.contains("//"));
            let rest = text[start + 5..].trim_start();
            if in_comment {
                continue;
            }
            let Some(rest) = rest.strip_prefix('"') else { continue };
            let mut literal = String::new();
            let mut chars = rest.chars();
            loop {
                match chars.next().expect("the end of the literal") {
                    '"' => break,
                    '\\' => match chars.next().expect("an escaped character") {
                        'n' => literal.push('\n'),
                        other => literal.push(other),
                    },
                    c => literal.push(c),
                }
            }
            let line = text[..start].lines().count();
            found.push((format!("{}:{line}", file.strip_prefix(root()).unwrap().display()), literal));
        }
    }
    found
}

fn parameters(sql: &str) -> usize {
    let numbers = sql.split('?').skip(1).map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
    numbers.filter_map(|number| number.parse().ok()).max().unwrap_or(0)
}

/// What reads whole tables on purpose: machines are few, and all there is of a thing is counted for an operator only.
const MAY_SCAN: [(&str, &str); 9] = [
    ("src/admin/maintenance.rs", "comments"),
    ("src/admin/maintenance.rs", "projects"),
    ("src/admin/maintenance.rs", "tasks"),
    ("src/admin/maintenance.rs", "worker_nodes"),
    ("src/admin/overview.rs", "projects"),
    ("src/admin/overview.rs", "users"),
    ("src/admin/overview.rs", "worker_nodes"),
    ("src/admin/workers.rs", "worker_nodes"),
    ("src/monitoring/metrics.rs", "worker_nodes"),
];

#[tokio::test]
async fn every_statement_fits_the_schema_and_reads_no_whole_table() {
    let world = World::new().await;
    let literals = literals();
    assert!(literals.len() > 30, "{literals:?}");
    for (at, sql) in literals {
        let nulls = vec![Value::Null; parameters(&sql)];
        let plan = world.sql(&format!("EXPLAIN QUERY PLAN {sql}"), &nulls).await;
        let details: Vec<&str> = plan.iter().map(|step| step["detail"].as_str().unwrap()).collect();
        for table in details.iter().filter_map(|detail| detail.strip_prefix("SCAN ")) {
            let derived = ["CO-ROUTINE", "MATERIALIZE"].iter().any(|how| details.contains(&&*format!("{how} {table}")));
            // What a search index is asked for with MATCH, and json_each, which is only where it is given a list.
            let asked = table.split_once(" VIRTUAL TABLE INDEX ").and_then(|(_, how)| how.split_once(':'));
            let asked = asked.is_some_and(|(plan, how)| how.contains('M') || (plan, how) == ("1", ""));
            let written = table == "CONSTANT ROW" || table.ends_with("-ROW VALUES CLAUSE");
            let name = table.split(' ').next().unwrap();
            let meant = MAY_SCAN.iter().any(|(file, whole)| at.starts_with(file) && *whole == name);
            let small = asked || written || meant;
            assert!(derived || small, "{at} reads all of {table}: {details:?}");
        }
    }
}
