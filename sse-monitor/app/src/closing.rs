//! What becomes of the window once it is asked to close: a recording is put in its file before, and of
//! many rows that are in no file the page asks the user. A page that does not ask holds nothing up.

use core::time::Duration;
use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

use tauri::{CloseRequestApi, Emitter as _, Manager as _, Window, async_runtime::spawn_blocking};

use crate::shown::Shown;

/// So many rows are not let go by one press: as many as `MANY` of the page's `leaving.ts`.
const MANY: u64 = 1000;

/// By it the page hears that the user is to be asked.
const ASK: &str = "closing";

/// What comes sooner may be the second click of two.
const ANOTHER_PRESS: Duration = Duration::from_millis(500);

/// Whether the page asks the user.
#[derive(Debug, Default)]
pub(crate) struct Closing(Mutex<Option<Told>>);

/// The page was told to ask.
#[derive(Debug)]
struct Told {
    when: Instant,
    /// It does.
    asks: bool,
}

/// What a press of the window's close does.
#[derive(Debug, PartialEq, Eq)]
enum Press {
    TellPage,
    Nothing,
    Close,
}

impl Closing {
    /// The page asks the user: it is alive.
    pub(crate) fn asks(&self) {
        if let Some(told) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            told.asks = true;
        }
    }

    /// Where the page has not answered the press before, the user is not kept any longer.
    fn press(&self, now: Instant) -> Press {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*told {
            Some(told) if !told.asks && now.duration_since(told.when) < ANOTHER_PRESS => {
                Press::Nothing
            }
            Some(told) if !told.asks => Press::Close,
            _ => {
                *told = Some(Told { when: now, asks: false });
                Press::TellPage
            }
        }
    }
}

/// The user asks the window to close.
pub(crate) fn requested(window: &Window, api: &CloseRequestApi) {
    let shown = window.state::<Shown>();
    if !shown.may_close() {
        api.prevent_close();
        let window = window.clone();
        return drop(spawn_blocking(move || {
            let shown = window.state::<Shown>();
            // What comes after the press is not asked about, and what the disk had no room for is.
            if shown.finish_to_close() && !(shown.has_stopped() && asks(&window)) {
                // It fails where the window has gone already.
                let _ = window.destroy();
            }
        }));
    }
    if asks(window) {
        api.prevent_close();
    }
}

/// Whether the page asks the user, or nothing is done for now.
fn asks(window: &Window) -> bool {
    if window.state::<Shown>().unsaved() < MANY {
        return false;
    }
    match window.state::<Closing>().press(Instant::now()) {
        Press::Close => return false,
        Press::Nothing => {}
        // Where that fails, the next press closes.
        Press::TellPage => drop(window.emit(ASK, ())),
    }
    true
}

/// Closes the window without a question, once what it records is in its file.
pub(crate) fn close(window: Window) {
    if window.state::<Shown>().may_close() {
        // It fails where the window has gone already.
        let _ = window.destroy();
    } else {
        close_soon(window);
    }
}

/// The same off the main thread, which draws it.
fn close_soon(window: Window) {
    spawn_blocking(move || {
        if window.state::<Shown>().finish_to_close() {
            // As above.
            let _ = window.destroy();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_asks_is_told_of_each_press_and_one_that_does_not_of_the_first() {
        let closing = Closing::default();
        let begun = Instant::now();
        let at = |presses: u32| begun + presses * ANOTHER_PRESS;
        closing.asks();
        for press in 0..3 {
            assert_eq!(closing.press(at(press)), Press::TellPage, "{press}");
            closing.asks();
        }
        // It hangs from now on.
        assert_eq!(closing.press(at(3)), Press::TellPage);
        assert_eq!(closing.press(at(3) + ANOTHER_PRESS / 2), Press::Nothing, "a second click");
        assert_eq!(closing.press(at(4)), Press::Close);
    }
}
