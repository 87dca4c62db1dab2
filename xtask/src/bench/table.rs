//! Tables in Markdown.

use std::fmt;

/// A table whose first column is text and whose others are numbers.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub fn new(headings: &[&str]) -> Self {
        Self { rows: vec![headings.iter().map(|&h| h.to_owned()).collect()] }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |n: usize| self.rows.iter().filter_map(|r| r.get(n)).map(|c| c.chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(|n| width(n).max(2)).collect();
        for (at, row) in self.rows.iter().enumerate() {
            for (n, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                match n {
                    0 => write!(f, "| {cell:<width$} |")?,
                    _ => write!(f, " {cell:>width$} |")?,
                }
            }
            writeln!(f)?;
            if at == 0 {
                for (n, &width) in widths.iter().enumerate() {
                    let dashes = "-".repeat(width + 1);
                    f.write_str(&if n == 0 { format!("|{dashes}-|") } else { format!("{dashes}:|") })?;
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}
