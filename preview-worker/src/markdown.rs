//! Markdown as a page that is good to read on a phone.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html};

const STYLE: &str = "\
:root{color-scheme:light dark}
body{margin:0 auto;padding:1.25rem;max-width:44rem;font:1rem/1.6 system-ui,sans-serif;color:#1f2328;background:#fff;\
overflow-wrap:break-word}
h1,h2{padding-bottom:.3em;border-bottom:1px solid #d1d9e0}
h1,h2,h3,h4{line-height:1.25;margin:1.5em 0 .6em}
h1:first-child{margin-top:0}
a{color:#0969da}
img,video{max-width:100%;height:auto}
code{padding:.15em .35em;border-radius:.35em;background:#eff1f3;font:.875em ui-monospace,monospace}
pre{padding:1rem;border-radius:.5em;overflow:auto;background:#f6f8fa}
pre code{padding:0;background:none}
blockquote{margin:0;padding:0 1em;border-left:.25em solid #d1d9e0;color:#59636e}
table{display:block;max-width:100%;overflow:auto;border-collapse:collapse}
th,td{padding:.4em .8em;border:1px solid #d1d9e0}
hr{border:0;border-top:1px solid #d1d9e0}
@media (prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}code,pre{background:#151b23}\
h1,h2,th,td,hr,blockquote{border-color:#3d444d}a{color:#4493f8}}";

/// A whole HTML document; its title is the first heading's text.
pub fn page(text: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut body = String::with_capacity(text.len() * 2);
    html::push_html(&mut body, Parser::new_ext(text, options));
    let title = escaped(&title(text));
    format!(
        "<!doctype html><html><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head><body>\n{body}</body></html>"
    )
}

fn title(text: &str) -> String {
    let mut title = String::new();
    let events = Parser::new(text).skip_while(|event| !matches!(event, Event::Start(Tag::Heading { .. })));
    for event in events.take_while(|event| !matches!(event, Event::End(TagEnd::Heading(_)))) {
        if let Event::Text(part) | Event::Code(part) = event {
            title.push_str(&part);
        }
    }
    title
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn commonmark_and_tables_become_html() {
        let html = page("# A *fine* `<day>`\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- [x] done\n");
        assert!(html.contains("<title>A fine &lt;day></title>"), "{html}");
        assert!(html.contains("<h1>A <em>fine</em> <code>&lt;day&gt;</code></h1>"), "{html}");
        assert!(html.contains("<td>2</td>") && html.contains("checkbox"), "{html}");
    }

    #[test]
    fn nothing_is_a_page_too() {
        assert!(page("").contains("<title></title>"));
    }
}
