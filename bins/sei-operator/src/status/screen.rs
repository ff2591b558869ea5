//! Layout of screens: tables like those of `kubectl`, ages, colors only on a terminal.

use std::io::IsTerminal;

use comfy_table::{Cell, Color, ContentArrangement, Table, presets};
use jiff::Timestamp;
use sei_report::Health;

use crate::cli::{StatusArgs, StatusOutput};

/// Properties of the output.
#[derive(Clone, Debug, Default)]
pub(super) struct Look {
    /// Whether to use colours.
    pub(super) colours: bool,
    /// Width of the terminal, at which long messages are wrapped.
    pub(super) width: Option<u16>,
    /// Whether to show every column.
    pub(super) wide: bool,
    /// Whether to show namespaces.
    pub(super) namespaces: bool,
    /// Whether objects that need attention come first: a live screen shows only what fits.
    pub(super) urgent_first: bool,
}

impl Look {
    pub(super) fn of_terminal(args: &StatusArgs) -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        // The convention of https://no-color.org.
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            colours: is_terminal && !no_color,
            width: crossterm::terminal::size().ok().filter(|_| is_terminal).map(|(columns, _)| columns),
            wide: matches!(args.output, Some(StatusOutput::Wide)),
            namespaces: args.all_namespaces,
            urgent_first: args.watch && is_terminal,
        }
    }

    /// A table as text, each line ending with a line feed; empty without rows.
    pub(super) fn table(&self, header: &[&str], rows: Vec<Vec<Cell>>) -> String {
        if rows.is_empty() {
            return String::new();
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING).force_no_tty().set_header(header.iter().copied()).add_rows(rows);
        if self.colours {
            table.enforce_styling();
        }
        if let Some(width) = self.width {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        format!("{}\n", table.trim_fmt())
    }
}

/// A cell in the color of `health`.
pub(super) fn tinted(text: impl ToString, health: Health) -> Cell {
    Cell::new(text).fg(match health {
        Health::Ready => Color::Green,
        Health::Waiting => Color::Yellow,
        Health::Stalled => Color::Red,
    })
}

/// How long ago `then` was, in the format of `kubectl`; `-` if unknown.
pub(super) fn age(now: Timestamp, then: Option<Timestamp>) -> String {
    let Some(then) = then else { return "-".to_owned() };
    let seconds = now.duration_since(then).as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_one_unit_and_are_never_negative() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let ago = |seconds: i64| age(now, Timestamp::from_second(1_000_000 - seconds).ok());
        assert_eq!(
            [ago(-5), ago(119), ago(120), ago(7_199), ago(7_200), ago(172_800)],
            ["0s", "119s", "2m", "119m", "2h", "2d"]
        );
        assert_eq!(age(now, None), "-");
    }

    #[test]
    fn colors_are_used_only_on_terminals_that_allow_them() {
        let rows = || vec![vec![tinted("Stalled", Health::Stalled)]];
        let plain = Look::default().table(&["STATUS"], rows());
        assert_eq!(plain, "STATUS\nStalled\n");
        let coloured = Look { colours: true, ..Look::default() }.table(&["STATUS"], rows());
        assert!(coloured.contains("\u{1b}[38;5;9m"), "{coloured:?}");
    }
}
