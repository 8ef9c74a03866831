//! An event as `POST /publish` takes it.

use serde_json::{Map, Value};

/// What the command line says of every event.
#[derive(Clone, Debug, Default)]
pub(crate) struct Template {
    pub(crate) topics: Vec<String>,
    pub(crate) user: Option<String>,
    pub(crate) all: bool,
    pub(crate) event: Option<String>,
}

/// Types that a hub keeps for what it says itself.
const OF_HUBS: [&str; 4] = ["connected", "reset", "heartbeat", "presence"];

/// What a line of sse tail says it is.
const KINDS: [&str; 4] = ["event", "comment", "turn", "dropped"];

/// The fields that say whom an event is for.
const TARGETS: [&str; 4] = ["topic", "topics", "user", "all"];

/// A line that can be sent.
const SUCH_AS: &str = "{\"topic\": \"a\", \"data\": 1}";

impl Template {
    pub(crate) fn names_target(&self) -> bool {
        !self.topics.is_empty() || self.user.is_some() || self.all
    }

    /// The event with this data.
    pub(crate) fn event_of(&self, data: &str) -> String {
        let mut fields = Map::new();
        self.complete(&mut fields);
        fields.insert("data".into(), data.into());
        Value::Object(fields).to_string()
    }

    /// The event that a line of JSON tells of, complete; `None` where it tells of none. The error goes on
    /// after "line 7 ".
    pub(crate) fn event_in(&self, line: &str) -> Result<Option<String>, String> {
        let value: Value = serde_json::from_str(line).map_err(|error| not_json(&error))?;
        let Value::Object(mut fields) = value else {
            return Err(format!(
                "is JSON, and no object: give one on each line, such as {SUCH_AS}"
            ));
        };
        let names_target = TARGETS.iter().any(|target| fields.contains_key(*target));
        let kind = fields.get("kind").and_then(Value::as_str);
        // What sse tail printed; with a target it is something else, of which the hub says what it is not.
        if let Some(kind) = kind.filter(|kind| KINDS.contains(kind) && !names_target) {
            let event_type = fields.get("type").and_then(Value::as_str).unwrap_or_default();
            if kind != "event" || OF_HUBS.contains(&event_type) {
                return Ok(None);
            }
            let mut event = Map::new();
            let event_type = fields.remove("type").filter(|event_type| event_type != "message");
            event.extend(event_type.map(|event_type| ("event".to_owned(), event_type)));
            event.extend(fields.remove("data").map(|data| ("data".to_owned(), data)));
            fields = event;
        }
        if !names_target && !self.names_target() {
            return Err(
                "does not say whom it is for: give --topic, --to-user or --all for all lines, or \
                        each its own \"topic\", \"user\" or \"all\""
                    .into(),
            );
        }
        self.complete(&mut fields);
        Ok(Some(Value::Object(fields).to_string()))
    }

    /// Adds what is not said yet.
    fn complete(&self, fields: &mut Map<String, Value>) {
        if !TARGETS.iter().any(|target| fields.contains_key(*target)) {
            match self.topics.as_slice() {
                [] => {}
                [topic] => drop(fields.insert("topic".into(), topic.as_str().into())),
                topics => drop(fields.insert("topics".into(), topics.into())),
            }
            if let Some(user) = &self.user {
                fields.insert("user".into(), user.as_str().into());
            }
            if self.all {
                fields.insert("all".into(), true.into());
            }
        }
        if let Some(event) = &self.event {
            fields.entry("event").or_insert_with(|| event.as_str().into());
        }
    }
}

/// What goes on after "line 7 ".
fn not_json(error: &serde_json::Error) -> String {
    let column = error.column();
    if error.is_eof() {
        return format!(
            "is cut off at column {column}: give one JSON object on each line (jq -c puts one that spans \
             lines on one)"
        );
    }
    // It is a line by itself, and not the first of them.
    let what = error.to_string();
    let what = what.rsplit_once(" at line ").map_or(what.as_str(), |(what, _)| what);
    format!(
        "is not JSON ({what}, at column {column}): give one object on each line, such as {SUCH_AS}"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_is_completed_by_the_command_line() {
        let template = Template {
            topics: vec!["a".into(), "b".into()],
            event: Some("tick".into()),
            ..Template::default()
        };
        for (line, event) in [
            ("{\"data\":1}", json!({"data": 1, "topics": ["a", "b"], "event": "tick"})),
            (
                "{\"user\":\"7\",\"event\":\"own\",\"data\":\"x\"}",
                json!({"user": "7", "event": "own", "data": "x"}),
            ),
            (
                "{\"kind\":\"event\",\"n\":1,\"type\":\"price\",\"id\":\"7\",\"data\":\"x\"}",
                json!({"topics": ["a", "b"], "event": "price", "data": "x"}),
            ),
            // What is no line of sse tail goes on as it is, and the hub says what is wrong with it.
            (
                "{\"topic\":\"c\",\"kind\":\"order\",\"data\":1}",
                json!({"topic": "c", "kind": "order", "event": "tick", "data": 1}),
            ),
            (
                "{\"kind\":\"order\",\"data\":1}",
                json!({"topics": ["a", "b"], "kind": "order", "event": "tick", "data": 1}),
            ),
            (
                "{\"kind\":\"event\",\"topic\":\"c\",\"data\":1}",
                json!({"kind": "event", "topic": "c", "event": "tick", "data": 1}),
            ),
        ] {
            let told = template.event_in(line).unwrap().unwrap();
            assert_eq!(serde_json::from_str::<Value>(&told).unwrap(), event, "{line}");
        }
        for line in [
            "{\"kind\":\"comment\",\"text\":\"\"}",
            "{\"kind\":\"turn\",\"text\":\"\"}",
            "{\"kind\":\"dropped\",\"passed\":\"line\",\"limit\":1048576,\"text\":\"\"}",
            "{\"kind\":\"event\",\"type\":\"connected\",\"data\":\"\"}",
            "{\"kind\":\"event\",\"type\":\"presence\",\"data\":\"\"}",
        ] {
            assert_eq!(template.event_in(line), Ok(None));
        }
    }

    #[test]
    fn a_line_that_cannot_be_sent_is_told() {
        let template = Template::default();
        for (line, why) in [
            ("no", "is not JSON (expected ident, at column 2): give one object on each line"),
            ("{", "is cut off at column 1: give one JSON object on each line (jq -c"),
            ("[]", "is JSON, and no object: give one on each line, such as {\"topic\": \"a\""),
            ("{\"data\":1}", "does not say whom it is for: give --topic"),
        ] {
            let told = template.event_in(line).unwrap_err();
            assert!(told.contains(why), "{line}: {told}");
        }
    }
}
