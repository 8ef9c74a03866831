//! Does the work of one contender, for a profiler: `probe decode pull a 64 3`, `probe encode vec a 1000`.

#![forbid(unsafe_code)]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

use std::process::ExitCode;

use benches::{corpus, decode, encode, rounds::Contender};
use bytes::Bytes;

const USAGE: &str = "usage: probe decode CONTENDER CORPUS CHUNK_SIZE TIMES
       probe encode CONTENDER CORPUS TIMES";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["decode", name, letter, size, times] => {
            let corpus = letter.parse().ok().and_then(corpus::one);
            corpus.ok_or_else(|| format!("no corpus {letter}: a to j")).and_then(|corpus| {
                let stream = Bytes::from(corpus.bytes);
                repeat(decode::contenders(&stream, size.parse().ok()), name, times)
            })
        }
        ["encode", name, letter, times] => {
            let batch = letter.parse().ok().and_then(encode::Batch::of);
            batch
                .ok_or_else(|| format!("no corpus {letter}: a to j"))
                .and_then(|batch| repeat(encode::contenders(&batch), name, times))
        }
        _ => Err(USAGE.to_owned()),
    };
    if let Err(sentence) = result {
        eprintln!("{sentence}");
        return ExitCode::from(2);
    }
    ExitCode::SUCCESS
}

fn repeat(mut contenders: Vec<Contender<'_>>, name: &str, times: &str) -> Result<(), String> {
    let times: u64 = times.parse().map_err(|_| USAGE.to_owned())?;
    let contender = contenders.iter_mut().find(|contender| contender.name == name);
    let contender = contender.ok_or_else(|| format!("no contender {name}"))?;
    for _ in 0..times {
        (contender.work)();
    }
    Ok(())
}
