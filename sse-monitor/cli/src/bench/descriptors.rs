//! How many connections the system lets one process have.

/// What a process needs beside its connections.
const OTHERS: u64 = 64;

/// Makes room for so many connections; the error is a sentence.
#[cfg(unix)]
pub(super) fn make_room(connections: u64) -> Result<(), String> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let needed = connections.saturating_add(OTHERS);
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|now| now >= needed) {
        return Ok(());
    }
    // What is set is less than what may be.
    let wanted = Rlimit { current: Some(needed), maximum: limit.maximum };
    if limit.maximum.is_none_or(|most| most >= needed)
        && setrlimit(Resource::Nofile, wanted).is_ok()
    {
        return Ok(());
    }
    let most = limit.maximum.or(limit.current).unwrap_or(0);
    Err(format!(
        "a process may have {most} files and connections open here, so that {} connections are the most; \
         ask for fewer, or raise the limit (ulimit -Hn)",
        most.saturating_sub(OTHERS)
    ))
}

/// Elsewhere there is no such limit that one meets.
#[cfg(not(unix))]
pub(super) fn make_room(_connections: u64) -> Result<(), String> {
    Ok(())
}
