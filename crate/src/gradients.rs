//! Sums over rows: the gradients of gamma and beta.

use crate::row::{Columns, Row, element, map};
use crate::vector::{LANES, Pair, Vector};
use core::array::from_fn;
use core::cell::Cell;
use core::marker::PhantomData;
use core::slice::from_raw_parts;

/// Rows that are added in f32 before their sum goes to the f64 totals.
///
/// Fixed, and counted from the first row of the whole batch, so that the bits depend neither on how a
/// batch was cut into calls nor on who runs which block. Thirty-two additions lose at most 16 units of
/// 2^-24, and the cost of the f64 addition is spread over as many rows.
pub const BLOCK_ROWS: usize = 32;

/// What four columns have in f32: `gamma`, and the sums over a block of rows of `dy * xhat` and of `dy`. Side by side,
/// because the loops over rows then need one address for all three.
type Strip = [[Cell<f32>; LANES]; 3];
/// What they have in f64: those sums over all blocks that are complete.
type Totals = [[Cell<f64>; LANES]; 2];

/// The running gradients of gamma and beta, and gamma beside them. The last four columns may be less than four.
#[derive(Clone, Copy)]
pub struct Gradients<'a> {
    totals: &'a [Totals],
    strips: &'a [Strip],
}

impl<'a> Gradients<'a> {
    /// Bytes for `cols` columns.
    pub const fn bytes(cols: usize) -> usize {
        cols.div_ceil(LANES) * (size_of::<Totals>() + size_of::<Strip>())
    }

    /// # Safety
    /// `pointer` is aligned to 8 bytes, and good for [`Gradients::bytes`].
    pub unsafe fn at(pointer: *mut f64, cols: usize) -> Self {
        let strips = cols.div_ceil(LANES);
        // SAFETY: as the caller says.
        unsafe {
            let totals = from_raw_parts(pointer.cast::<Totals>(), strips);
            Gradients { totals, strips: from_raw_parts(totals.as_ptr().add(strips).cast(), strips) }
        }
    }

    /// The columns, as loops over rows walk along them.
    #[inline(always)]
    pub fn columns(&self) -> Strips<'a> {
        let (totals, strip) = (self.totals.as_ptr().cast(), self.strips.as_ptr().cast());
        Strips { totals, strip, cols: self.strips.len() * LANES, of: PhantomData }
    }

    /// Sums of no rows, beside `gamma`.
    pub fn start<V: Vector>(&self, gamma: Option<Row>) {
        for total in self.totals.as_flattened().as_flattened() {
            total.set(0.0);
        }
        for element in self.strips.as_flattened().as_flattened() {
            element.set(0.0);
        }
        match gamma {
            Some(gamma) => map::<V, Strips, 1, 1, 0>(self.columns(), [gamma.into()], [], |strip, [gamma]| {
                strip.set_gamma(gamma);
                []
            }),
            None => self.strips.iter().for_each(|[gamma, ..]| gamma.iter().for_each(|gamma| gamma.set(1.0))),
        }
    }

    /// Adds `dy * xhat` and `dy` of one element.
    pub fn add(&self, col: usize, dgamma: f32, dbeta: f32) {
        let strips = self.strips.as_flattened().as_flattened();
        let strip = col / LANES * (3 * LANES) + col % LANES;
        for (at, gradient) in [(strip + LANES, dgamma), (strip + 2 * LANES, dbeta)] {
            let sum = element(strips, at);
            sum.set(sum.get() + gradient);
        }
    }

    /// Says that row `row` of the batch has been added.
    #[inline(always)]
    pub fn row_added<V: Vector>(&self, row: usize) {
        if (row + 1).is_multiple_of(BLOCK_ROWS) {
            self.end_block::<V>();
        }
    }

    /// Adds the sums over a block of rows to the totals.
    #[inline(never)]
    fn end_block<V: Vector>(&self) {
        for at in (0..self.columns().cols).step_by(LANES) {
            // SAFETY: there is such a column.
            unsafe { self.columns().from(at) }.end_block::<V>();
        }
    }

    /// Ends the sums: writes those that are asked for, or adds them to what is there.
    pub fn finish<V: Vector>(&self, dgamma: Option<Row>, dbeta: Option<Row>, accumulate: bool) {
        for (gradient, out) in [dgamma, dbeta].into_iter().enumerate() {
            if let Some(out) = out {
                self.write::<V>(gradient, out, accumulate);
            }
        }
    }

    /// Writes the totals of a gradient, 0 for that of gamma, or adds them to what is there.
    #[inline(never)]
    fn write<V: Vector>(&self, gradient: usize, out: Row, accumulate: bool) {
        map::<V, Strips, 1, 1, 1>(self.columns(), [out.into()], [out], |strip, [before]| {
            let before = if accumulate { before } else { V::splat(0.0) }.widen();
            let total = strip.total::<V>(gradient);
            [V::narrow([before[0] + total[0], before[1] + total[1]])]
        });
    }
}

/// What a vector of columns has.
#[derive(Clone, Copy)]
pub struct Strips<'a> {
    totals: *const f64,
    strip: *const f32,
    cols: usize,
    of: PhantomData<(&'a Totals, &'a Strip)>,
}

impl Columns for Strips<'_> {
    #[inline(always)]
    fn cols(self) -> usize {
        self.cols
    }

    #[inline(always)]
    unsafe fn from(self, at: usize) -> Self {
        // SAFETY: the caller says that there are such columns.
        unsafe { Strips { totals: self.totals.add(2 * at), strip: self.strip.add(3 * at), ..self } }
    }
}

impl Strips<'_> {
    /// `gamma`
    #[inline(always)]
    pub fn gamma<V: Vector>(self) -> V {
        self.load(0)
    }

    #[inline(always)]
    fn set_gamma<V: Vector>(self, gamma: V) {
        self.store(0, gamma);
    }

    /// Maps the sums over a block of rows.
    #[inline(always)]
    pub fn update<V: Vector>(self, dgamma: impl Fn(V) -> V, dbeta: impl Fn(V) -> V) {
        self.store(2, dbeta(self.load(2)));
        self.store(1, dgamma(self.load(1)));
    }

    /// The sums over all rows of a gradient, 0 for that of gamma.
    #[inline(always)]
    fn total<V: Vector>(self, gradient: usize) -> [V::Pair; 2] {
        let block = self.load::<V>(1 + gradient).widen();
        // SAFETY: as of `load`.
        let totals: [V::Pair; 2] =
            from_fn(|half| unsafe { V::Pair::load(self.totals.add(gradient * LANES + 2 * half)) });
        [totals[0] + block[0], totals[1] + block[1]]
    }

    /// Adds the sums over a block to the totals.
    #[inline(always)]
    fn end_block<V: Vector>(self) {
        for gradient in 0..2 {
            let [lower, upper] = self.total::<V>(gradient);
            self.store(1 + gradient, V::splat(0.0));
            // SAFETY: as of `load`; the elements are cells.
            unsafe {
                let totals = self.totals.add(gradient * LANES).cast_mut();
                lower.store(totals);
                upper.store(totals.add(2));
            }
        }
    }

    #[inline(always)]
    fn load<V: Vector>(self, vector: usize) -> V {
        // SAFETY: what four columns have begins at `strip` and `totals`, as the caller of `from` said.
        unsafe { V::load(self.strip.add(vector * LANES)) }
    }

    #[inline(always)]
    fn store<V: Vector>(self, vector: usize, value: V) {
        // SAFETY: as of `load`; the elements are cells.
        unsafe { value.store(self.strip.add(vector * LANES).cast_mut()) }
    }
}
