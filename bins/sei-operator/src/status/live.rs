//! `--watch`: the screen is redrawn when something changes.

use std::{
    io::{IsTerminal, Stdout, Write, stdout},
    pin::pin,
    time::Duration,
};

use crossterm::{cursor, execute, queue, style, terminal};
use futures::StreamExt;
use jiff::Timestamp;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Instant, sleep_until},
};

use super::{cluster::Cluster, find, screen::Look};
use crate::{cli::StatusArgs, print, words::words};

/// Minimum interval between two reads of the cluster, regardless of the number of changes.
const PAUSE: Duration = Duration::from_millis(500);
/// Interval at which the screen is redrawn without a change: ages grow, and pods and events are not watched.
const REDRAW: Duration = Duration::from_secs(5);

/// Draws until interrupted.
pub(super) async fn run(cluster: &Cluster, args: &StatusArgs) -> anyhow::Result<()> {
    let mut changes = pin!(cluster.changes().await?);
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let mut resized = signal(SignalKind::window_change())?;
    let mut canvas = Canvas::open()?;
    loop {
        let text = match find(cluster, &args.names).await {
            Ok(found) => found.screen(&Look::of_terminal(args), Timestamp::now()),
            Err(error) => format!("{}; retrying", words(&error)),
        };
        canvas.draw(&text)?;
        let pause = Instant::now() + PAUSE;
        tokio::select! {
            _ = interrupted.recv() => return Ok(()),
            _ = terminated.recv() => return Ok(()),
            _ = resized.recv() => continue,
            _ = changes.next() => {}
            () = sleep_until(Instant::now() + REDRAW) => {}
        }
        tokio::select! {
            _ = interrupted.recv() => return Ok(()),
            _ = terminated.recv() => return Ok(()),
            () = sleep_until(pause) => {}
        }
        // Changes in the meantime are included in the next read.
        while futures::FutureExt::now_or_never(changes.next()).flatten().is_some() {}
    }
}

/// The alternate screen of the terminal, or a plain stream without a terminal. Dropping it restores the main screen.
struct Canvas {
    out: Stdout,
    is_terminal: bool,
    last: String,
}

impl Canvas {
    fn open() -> std::io::Result<Self> {
        let mut out = stdout();
        let is_terminal = out.is_terminal();
        if is_terminal {
            execute!(out, terminal::EnterAlternateScreen, terminal::DisableLineWrap, cursor::Hide)?;
        }
        Ok(Self { out, is_terminal, last: String::new() })
    }

    /// Overwrites line by line: clearing the whole screen first would flicker.
    fn draw(&mut self, text: &str) -> anyhow::Result<()> {
        if !self.is_terminal {
            if self.last != text {
                print::line(&format!("{text}\n"))?;
                text.clone_into(&mut self.last);
            }
            return Ok(());
        }
        let (_, rows) = terminal::size()?;
        queue!(self.out, cursor::MoveTo(0, 0))?;
        for (row, line) in fit(text, usize::from(rows)).iter().enumerate() {
            if row > 0 {
                queue!(self.out, cursor::MoveToNextLine(1))?;
            }
            queue!(self.out, style::Print(line), terminal::Clear(terminal::ClearType::UntilNewLine))?;
        }
        queue!(self.out, terminal::Clear(terminal::ClearType::FromCursorDown))?;
        Ok(self.out.flush()?)
    }
}

impl Drop for Canvas {
    fn drop(&mut self) {
        if self.is_terminal {
            // There is nothing to do if the terminal is gone.
            let _ =
                execute!(self.out, cursor::Show, terminal::EnableLineWrap, terminal::LeaveAlternateScreen);
        }
    }
}

/// The lines of `text` that fit in `rows`; the last one is the number of those that do not fit.
fn fit(text: &str, rows: usize) -> Vec<String> {
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    if lines.len() <= rows || rows == 0 {
        return lines;
    }
    let shown = rows - 1;
    let hidden = lines.len() - shown;
    let mut fitting: Vec<_> = lines.into_iter().take(shown).collect();
    fitting.push(format!("... {hidden} more lines; enlarge the terminal, or give names"));
    fitting
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_that_is_too_tall_says_what_is_missing() {
        assert_eq!(fit("a\nb", 2), ["a", "b"]);
        assert_eq!(fit("a\nb\nc\nd", 3), ["a", "b", "... 2 more lines; enlarge the terminal, or give names"]);
    }
}
