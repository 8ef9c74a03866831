//! Which rows are wanted: the options that `tail` and `show` share.

use clap::Args;
use sse_monitor_engine::{
    Row,
    query::{JsonPath, JsonTest, Kind, Query, Text},
};

/// Which rows to print.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Filter {
    /// Only events of this type; can be given more than once
    #[arg(long = "type", value_name = "TYPE", help_heading = FILTER)]
    types: Vec<String>,

    /// Only events with this last event ID; can be given more than once
    #[arg(long = "id", value_name = "ID", help_heading = FILTER)]
    ids: Vec<String>,

    /// Only what has this text in its data; with several, all of them
    #[arg(long, value_name = "TEXT", help_heading = FILTER)]
    grep: Vec<String>,

    /// Only what matches this regular expression
    #[arg(long, value_name = "REGEX", help_heading = FILTER)]
    regex: Vec<String>,

    /// Not what has this text
    #[arg(long, value_name = "TEXT", help_heading = FILTER)]
    without: Vec<String>,

    /// Find the text of --grep and --without in capitals or not
    #[arg(long, help_heading = FILTER)]
    ignore_case: bool,

    /// Only events whose data is JSON that passes this test
    ///
    /// Such as '.delta.type == "text"', '.usage.total > 100', '.name ~ "^a"', or '.error' alone: that
    /// there is one.
    #[arg(long = "where", value_name = "TEST", help_heading = FILTER)]
    tests: Vec<String>,

    /// Print what stands at these paths of JSON data instead of the data, with tabs between
    ///
    /// Such as '.delta.content' or '$.user,$.price'. Texts are printed as they are, all else
    /// as JSON, numbers as they were sent. Of several columns for programs, a tab within a text is `\t`, a line break `\n` or `\r`, and a
    /// backslash `\\`.
    #[arg(long, visible_alias = "column", value_name = "PATHS", help_heading = FILTER)]
    columns: Vec<String>,

    /// Print comments too; servers send them as heartbeats
    #[arg(long, help_heading = FILTER)]
    pub(crate) comments: bool,
}

const FILTER: &str = "Filter";

/// A filter that can be used.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) query: Query,
    columns: Vec<JsonPath>,
}

impl Filter {
    /// Whether some events may not pass.
    pub(crate) fn is_given(&self) -> bool {
        let Self { types, ids, grep, regex, without, tests, .. } = self;
        [types, ids, grep, regex, without, tests].iter().any(|given| !given.is_empty())
    }

    /// The error is a sentence.
    pub(crate) fn wanted(&self) -> Result<Wanted, String> {
        let mut query = Query::new().kind(Kind::Event);
        if self.comments {
            query = query.kind(Kind::Comment);
        }
        for event_type in &self.types {
            query = query.event_type(event_type);
        }
        for id in &self.ids {
            query = query.id(id);
        }
        let text = |text: &String| {
            if self.ignore_case { Text::any_case(text) } else { Text::literal(text) }
        };
        for given in &self.grep {
            query = query.text(text(given));
        }
        for given in &self.without {
            query = query.without(text(given));
        }
        for pattern in &self.regex {
            query = query.text(Text::regex(pattern).map_err(|error| error.to_string())?);
        }
        for test in &self.tests {
            // Read once for the words, where it is wrong.
            JsonTest::new(test).map_err(|error| format!("--where '{test}': {error}"))?;
            query = query.json(test).map_err(|error| error.to_string())?;
        }
        let columns = self.columns.iter().flat_map(|paths| cut(paths)).map(JsonPath::new);
        let columns = columns.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
        Ok(Wanted { query, columns })
    }
}

impl Wanted {
    /// The row with the columns in place of its data, where columns are asked for. Between columns of which a
    /// program makes lines and fields nothing else looks like what stands between.
    pub(crate) fn shown(&self, row: &mut Row, between: &str) {
        if self.columns.is_empty() {
            return;
        }
        let is_escaped = between == "\t" && self.columns.len() > 1;
        let column = |path: &JsonPath| -> String {
            // In data that is not JSON, such as [DONE], stands nothing.
            let text = path.texts(&row.data).join(",");
            if is_escaped { escaped(&text) } else { text }
        };
        row.data = self.columns.iter().map(column).collect::<Vec<_>>().join(between);
        row.data_bytes = row.data.len() as u64;
    }
}

/// As in lines of tab-separated values.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\\' => out.push_str("\\\\"),
            other => out.push(other),
        }
    }
    out
}

/// The paths between commas. A comma in brackets is part of a key.
fn cut(paths: &str) -> Vec<&str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let split = paths.split(|c| {
        let ends = c == ',' && !is_quoted;
        is_quoted ^= c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends
    });
    split.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_has_what_stands_there_and_nothing_where_nothing_does() {
        let columns = [".", ".a"].map(|path| JsonPath::new(path).unwrap()).to_vec();
        let wanted = Wanted { query: Query::new(), columns };
        for (data, shown) in [
            ("{\"a\":\"x\"}", "{\"a\":\"x\"}|x"),
            ("{\"a\":null}", "{\"a\":null}|null"),
            ("{}", "{}|"),
            ("[DONE]", "|"),
            ("{\"a\":\"x\",\"b\":1e400}", "{\"a\":\"x\",\"b\":1e400}|x"),
            ("{\"a\":1e400}", "{\"a\":1e400}|1e400"),
            ("{\"b\":1,\"a\":1e2}", "{\"b\":1,\"a\":1e2}|1e2"),
            ("{\"a\":1.10}", "{\"a\":1.10}|1.10"),
            (
                "{\"a\":-123456789012345678901}",
                "{\"a\":-123456789012345678901}|-123456789012345678901",
            ),
            ("{ \"a\": [ 1e2,\n \"a \\\" b\" ] }", "{\"a\":[1e2,\"a \\\" b\"]}|[1e2,\"a \\\" b\"]"),
            ("{\"a\":1,\"a\":\"2\"}", "{\"a\":1,\"a\":\"2\"}|2"),
        ] {
            let mut row = Row { data: data.into(), ..Row::default() };
            wanted.shown(&mut row, "|");
            assert_eq!((row.data.as_str(), row.data_bytes), (shown, shown.len() as u64), "{data}");
        }
    }

    #[test]
    fn what_stands_between_columns_stands_in_none() {
        let shown = |paths: &[&str], between: &str| {
            let columns = paths.iter().map(|path| JsonPath::new(path).unwrap()).collect();
            let wanted = Wanted { query: Query::new(), columns };
            let mut row = Row { data: r#"{"a":"x\ty\nz\\","b":1}"#.into(), ..Row::default() };
            wanted.shown(&mut row, between);
            row.data
        };
        assert_eq!(shown(&[".a", ".b"], "\t"), "x\\ty\\nz\\\\\t1");
        // One alone is a text, as it is; so are those for people, whose eyes see what stands between.
        assert_eq!(shown(&[".a"], "\t"), "x\ty\nz\\");
        assert_eq!(shown(&[".a", ".b"], "|"), "x\ty\nz\\|1");
    }

    #[test]
    fn paths_stand_between_commas() {
        assert_eq!(cut("$.user,$.price"), ["$.user", "$.price"]);
        assert_eq!(cut(".a[\"b,\\\"c\"],.d"), [".a[\"b,\\\"c\"]", ".d"]);
        assert_eq!(cut(""), [""]);
    }
}
