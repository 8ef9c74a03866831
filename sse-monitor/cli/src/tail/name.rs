//! What each of several streams is called.

use anstyle::{AnsiColor, Style};

use super::line::TYPE_COLOURS;

/// A prefix is cut to so many characters.
const WIDEST: usize = 24;

/// One of several streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    /// Its number among them, from 1: their URLs may be the same but for secrets.
    pub(crate) number: u64,
    /// In full, as programs are told; secrets in it are masked.
    pub(crate) url: String,
    /// Short, as people are told.
    pub(crate) label: String,
    /// The label, as wide as that of the others.
    pub(crate) prefix: String,
    pub(crate) style: Style,
}

/// Names by which the streams at these URLs can be told apart; none where there is but one.
pub(crate) fn names(urls: &[String]) -> Vec<Option<Name>> {
    if urls.len() < 2 {
        return urls.iter().map(|_| None).collect();
    }
    let labels = labels(urls);
    let width = labels.iter().map(|label| label.chars().count()).max().unwrap_or_default();
    let named = labels.into_iter().zip(urls).zip(1..).map(|((label, url), number)| {
        let prefix = format!("{label:<width$}");
        Some(Name { number, url: url.clone(), label, prefix, style: style(number as usize - 1) })
    });
    named.collect()
}

/// The first part of the URLs by which all can be told apart, or else numbers.
fn labels(urls: &[String]) -> Vec<String> {
    let parts: [fn(&str) -> String; 5] = [
        |url| split(url).0.to_owned(),
        |url| split(url).1.rsplit('/').find(|part| !part.is_empty()).unwrap_or("/").to_owned(),
        |url| split(url).2.to_owned(),
        |url| {
            let (_, path, query) = split(url);
            let last = path.rsplit('/').next().unwrap_or_default();
            if query.is_empty() { last.to_owned() } else { format!("{last}?{query}") }
        },
        |url| url.split_once("://").map_or(url, |(_, rest)| rest).to_owned(),
    ];
    for part in parts {
        let labels: Vec<_> = urls.iter().map(|url| cut(&part(url))).collect();
        let mut sorted = labels.clone();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() == urls.len() && sorted.iter().all(|label| !label.is_empty()) {
            return labels;
        }
    }
    (1..=urls.len()).map(|number| number.to_string()).collect()
}

/// Host, path and query of a URL.
fn split(url: &str) -> (&str, &str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    (host.rsplit('@').next().unwrap_or(host), path, query)
}

fn cut(label: &str) -> String {
    match label.char_indices().nth(WIDEST) {
        None => label.to_owned(),
        // The end tells more than the beginning.
        Some(_) => {
            let tail = label.chars().rev().take(WIDEST - 1).collect::<Vec<_>>();
            core::iter::once('…').chain(tail.into_iter().rev()).collect()
        }
    }
}

fn style(index: usize) -> Style {
    let colour: AnsiColor = TYPE_COLOURS[index % TYPE_COLOURS.len()];
    let style = colour.on_default();
    if (index / TYPE_COLOURS.len()).is_multiple_of(2) { style.bold() } else { style }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(urls: &[&str]) -> Vec<String> {
        let urls: Vec<_> = urls.iter().map(|&url| url.to_owned()).collect();
        names(&urls).into_iter().flatten().map(|name| name.prefix).collect()
    }

    #[test]
    fn streams_are_called_by_what_tells_them_apart() {
        assert!(of(&["http://a/"]).is_empty());
        assert_eq!(of(&["http://a/x", "https://***@bcd:81/x"]), ["a     ", "bcd:81"]);
        assert_eq!(of(&["http://a/events/news/", "http://a/events/tick"]), ["news", "tick"]);
        assert_eq!(of(&["http://a/?topic=b", "http://a/?topic=c"]), ["topic=b", "topic=c"]);
        assert_eq!(of(&["http://a/x", "http://a/x?b=c"]), ["x    ", "x?b=c"]);
        assert_eq!(of(&["http://a/x", "http://a/x", "http://b/y"]), ["1", "2", "3"]);
        let long = of(&["http://a/", "http://an.example.of.a.very.long.name/"]);
        assert_eq!(long, ["a                       ", "…ple.of.a.very.long.name"]);
    }
}
