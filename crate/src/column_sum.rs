//! Sums over rows: the gradients of gamma and beta.

use crate::row::{Row, check};
use core::cell::Cell;

/// Rows that are added in f32 before their sum goes to the f64 totals.
///
/// Fixed, and counted from the first row of the whole batch, so that the bits depend neither on how a
/// batch was cut into calls nor on who runs which block. Thirty-two additions lose at most 16 units of
/// 2^-24, and the cost of the f64 addition is spread over as many rows.
pub const BLOCK_ROWS: usize = 32;

/// A running sum of rows, column by column.
#[derive(Clone, Copy)]
pub struct ColumnSum<'a> {
    totals: &'a [Cell<f64>],
    block: Row<'a>,
}

impl<'a> ColumnSum<'a> {
    /// A sum that goes on from what `totals` and `block`, both of `cols` elements, hold: zeros to start.
    pub fn new(totals: &'a [Cell<f64>], block: Row<'a>) -> Self {
        check(totals.len() == block.len());
        ColumnSum { totals, block }
    }

    /// The row that the kernels add the next row to.
    pub fn block(&self) -> Row<'a> {
        self.block
    }

    /// Says that row `row` of the batch has been added to the block.
    pub fn row_added(&self, row: usize) {
        if (row + 1).is_multiple_of(BLOCK_ROWS) {
            self.end_block();
        }
    }

    /// Not inlined: it runs once for many rows, and its size counts.
    #[inline(never)]
    fn end_block(&self) {
        for (total, partial) in self.totals.iter().zip(self.block) {
            total.set(total.get() + f64::from(partial.take()));
        }
    }

    /// Ends the sum: writes it to `out`, or adds it to what `out` holds.
    pub fn finish(&self, out: Row, accumulate: bool) {
        check(out.len() == self.block.len());
        for ((out, total), partial) in out.iter().zip(self.totals).zip(self.block) {
            total.set(total.get() + f64::from(partial.take()));
            let before = if accumulate { f64::from(out.get()) } else { 0.0 };
            out.set((before + total.get()) as f32);
        }
    }
}
