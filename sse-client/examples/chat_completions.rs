//! Streams the answer of a language model that speaks OpenAI's chat completions, until `[DONE]`.
//!
//! `API_KEY=… cargo run -p sse-client --features json --example chat_completions -- URL "a question"`
//!
//! The stream is asked for by POST and belongs to one answer: it is not opened again when it ends,
//! since another request would be another answer, and another bill.

#![forbid(unsafe_code)]

use core::error::Error;
use std::{
    io::{Write, stdout},
    process::ExitCode,
};

use http::Method;
use serde::Deserialize;
use sse_client::{EventSource, RetryPolicy};

#[derive(Deserialize)]
struct Chunk {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Delta,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Err(error) = ask().await else { return ExitCode::SUCCESS };
    eprintln!("chat_completions: {error}");
    ExitCode::FAILURE
}

async fn ask() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(question)) = (arguments.next(), arguments.next()) else {
        return Err(
            "say a URL, such as http://localhost:8080/v1/chat/completions, and a question".into()
        );
    };
    let request = serde_json::json!({
        "model": std::env::var("MODEL").unwrap_or_else(|_| "default".into()),
        "stream": true,
        "messages": [{ "role": "user", "content": question }],
    });
    let mut builder =
        EventSource::builder(url).method(Method::POST).json(&request).policy(RetryPolicy::never());
    if let Ok(key) = std::env::var("API_KEY") {
        builder = builder.header("Authorization", &format!("Bearer {key}"));
    }
    let mut source = builder.open()?;
    while let Some(event) = source.next().await {
        let event = event.map_err(why)?;
        if event.data() == "[DONE]" {
            writeln!(stdout())?;
            return Ok(());
        }
        let chunk: Chunk = event.json()?;
        for word in chunk.choices.into_iter().filter_map(|choice| choice.delta.content) {
            write!(stdout(), "{word}")?;
        }
        stdout().flush()?;
    }
    Err("the answer ended without [DONE]: it may not be whole".into())
}

/// The sentence, and what the API itself says is wrong with the key or the question.
fn why(error: sse_client::Error) -> String {
    let sse_client::Error::Failed(refusal) = &error else { return error.to_string() };
    format!("{refusal}\n{}", refusal.body())
}
