//! Moves elements between places in memory, from one storage to another: what lies in another order, or in 16 bits,
//! becomes dense rows of f32 for the kernels, and their results go back.
//!
//! ```text
//! to[i * to.strides[0] + j * to.strides[1] + k * to.strides[2]] = from[the same with its own strides]
//! ```
//!
//! Dimensions 1 and 2 are rows and columns. There are three ways, and a box may take more than one:
//!
//! 1. Where columns are contiguous in both places, rows are converted where they are, by vectors.
//! 2. Where columns are contiguous in `from` and rows in `to`, or the other way round, four rows are transposed into a
//!    strip, in blocks of four columns, and converted from there to where each column goes.
//! 3. All else, and what is left of 1 and 2 at the edges, goes into a strip and out of it element by element.
//!
//! A conversion is up to 250 bytes of WebAssembly wherever it stands, so each stands in one place: 1, 2 and 3 call the
//! same loop. With all of it compiled for each export, f32 was transposed in two fifths of the time (10.3e9 elements a
//! second in the cache, against 4.1e9), and the file was a third larger.

use crate::element::{Element, GROUP, Unit};
use crate::vector::{Bits, LANES, Vector};
use core::array::from_fn;
use core::mem::swap;

/// Where the elements of a box are: the first one, and how many elements further on the next one of each dimension is.
#[derive(Clone, Copy, Debug)]
pub struct Place<P> {
    /// the first element
    pub first: P,
    /// in elements
    pub strides: [usize; 3],
}

/// Columns of a [`Strip`]: eight cache lines of f32 from each row, because rows are mostly in pages of their own, which no
/// processor fetches ahead.
const TILE: usize = 128;

/// Four rows of [`TILE`] columns, one column after the other: memory for units of any size.
#[repr(align(16))]
struct Strip([i32; LANES * TILE]);

/// How far apart rows and columns of a strip are, in elements.
const STRIP: [usize; 2] = [1, LANES];

/// What a copy is made of. The walk over the box is compiled once, and calls these.
struct Steps {
    gather: Gather,
    /// for the units of `from`, and of `to`
    each: [Each; 2],
    convert: Convert,
    /// in an element of `from`, and of `to`
    bytes: [usize; 2],
}

type Gather = unsafe fn(strip: *mut u8, from: *const u8, from_row: usize, cols: usize);
type Each = unsafe fn(
    size: [usize; 2],
    from: *const u8,
    from_strides: [usize; 2],
    to: *mut u8,
    to_strides: [usize; 2],
);
type Convert = unsafe fn(vectors: usize, from: *const u8, to: *mut u8, stride: usize);

/// Copies a box of `sizes` elements.
///
/// # Safety
/// Every element at `from` can be read, every element at `to` written. They do not overlap, or all are contiguous, at the
/// same place, and stay what they are.
#[inline(always)]
pub unsafe fn copy<V: Vector, From: Element, To: Element>(
    [planes, rows, cols]: [usize; 3],
    from: Place<*const From::Unit>,
    to: Place<*mut To::Unit>,
) {
    let steps = const {
        &Steps {
            gather: gather::<V::Bits, From::Unit>,
            each: [each::<From::Unit>, each::<To::Unit>],
            convert: convert::<V, From, To>,
            bytes: [size_of::<From::Unit>(), size_of::<To::Unit>()],
        }
    };
    let ([f0, f1, f2], [t0, t1, t2]) = (from.strides, to.strides);
    // SAFETY: as the caller says.
    unsafe { walk(steps, planes, rows, cols, from.first.cast(), f0, f1, f2, to.first.cast(), t0, t1, t2) }
}

/// The loops over planes, parts of rows, and rows.
///
/// # Safety
/// As of [`copy`].
#[inline(never)]
#[allow(clippy::too_many_arguments)] // arrays would go through memory, which takes more code in each export
unsafe fn walk(
    steps: &Steps,
    planes: usize,
    mut rows: usize,
    mut cols: usize,
    from: *const u8,
    from_plane: usize,
    mut from_row: usize,
    mut from_col: usize,
    to: *mut u8,
    to_plane: usize,
    mut to_row: usize,
    mut to_col: usize,
) {
    // Columns are to be what is contiguous in `from`: no element waits for another, so their order is free.
    if cols == 1 || (from_row == 1 && from_col != 1) {
        swap(&mut rows, &mut cols);
        swap(&mut from_row, &mut from_col);
        swap(&mut to_row, &mut to_col);
    }
    let in_rows = from_col == 1 && to_col == 1;
    let mut read = Strip([0; LANES * TILE]);
    let mut converted = Strip([0; LANES * TILE]);
    let (read, converted) = (read.0.as_mut_ptr().cast(), converted.0.as_mut_ptr().cast());
    for plane in 0..planes {
        let mut col = 0;
        while col < cols {
            let left = cols - col;
            let by_vectors = left >= LANES;
            // The last one to three columns, which fill no vector, are a part of their own.
            let part =
                if by_vectors { left.min(if in_rows { left } else { TILE }) / LANES * LANES } else { left };
            let height = if by_vectors && in_rows { 1 } else { LANES };
            let mut row = 0;
            while row < rows {
                let size = [(rows - row).min(height), part];
                // SAFETY: as the caller says: these are elements of the box. A strip has four rows and `part` columns.
                unsafe {
                    let from =
                        from.add((plane * from_plane + row * from_row + col * from_col) * steps.bytes[0]);
                    let to = to.add((plane * to_plane + row * to_row + col * to_col) * steps.bytes[1]);
                    if by_vectors && in_rows {
                        (steps.convert)(part / LANES, from, to, LANES);
                    } else {
                        if by_vectors && from_col == 1 && size[0] == LANES {
                            (steps.gather)(read, from, from_row, part);
                        } else {
                            (steps.each[0])(size, from, [from_row, from_col], read, STRIP);
                        }
                        if to_row == 1 && size[0] == LANES {
                            (steps.convert)(part, read, to, to_col);
                        } else {
                            (steps.convert)(part, read, converted, LANES);
                            (steps.each[1])(size, converted, STRIP, to, [to_row, to_col]);
                        }
                    }
                }
                row += size[0];
            }
            col += part;
        }
    }
}

/// Converts contiguous vectors to vectors that are `stride` elements apart.
///
/// ```text
/// to[vector * stride + lane] = from[vector * 4 + lane]
/// ```
///
/// # Safety
/// So many elements can be read, and written. They do not overlap, or are as [`copy`] allows.
unsafe fn convert<V: Vector, From: Element, To: Element>(
    vectors: usize,
    from: *const u8,
    to: *mut u8,
    stride: usize,
) {
    let (from, to) = (from.cast::<From::Unit>(), to.cast::<To::Unit>());
    // Of what changes: as a mere copy of 64 bytes it would become a call of `memory.copy`, and seven times as slow.
    let changes = size_of::<From::Unit>() != size_of::<To::Unit>();
    let grouped = if changes && stride == LANES { vectors / GROUP * GROUP } else { 0 };
    for vector in (0..grouped).step_by(GROUP) {
        // SAFETY: as the caller says.
        unsafe {
            let (from, to) = (from.add(vector * LANES), to.add(vector * LANES));
            let group = From::load_group::<V>(from);
            if !group.is_some_and(|group| To::store_group(group, to)) {
                convert_each::<V, From, To>(GROUP, from, to, LANES);
            }
        }
    }
    // SAFETY: as the caller says.
    unsafe {
        convert_each::<V, From, To>(
            vectors - grouped,
            from.add(grouped * LANES),
            to.add(grouped * stride),
            stride,
        );
    }
}

/// [`convert`], of any elements, a vector at a time. A call, for as a choice of values it would make the loop wait for
/// what it converts.
///
/// # Safety
/// As of [`convert`].
#[inline(never)]
unsafe fn convert_each<V: Vector, From: Element, To: Element>(
    vectors: usize,
    from: *const From::Unit,
    to: *mut To::Unit,
    stride: usize,
) {
    for vector in 0..vectors {
        // SAFETY: as the caller says.
        unsafe {
            let bits = From::Unit::load(from.add(vector * LANES));
            To::Unit::store(To::narrow::<V>(From::widen(bits)), to.add(vector * stride));
        }
    }
}

/// Reads four rows of `cols` contiguous elements, a multiple of four, into a strip.
///
/// ```text
/// strip[col * 4 + row] = from[row * from_row + col]
/// ```
///
/// # Safety
/// These elements can be read, and `cols` is at most [`TILE`].
unsafe fn gather<B: Bits, U: Unit>(strip: *mut u8, from: *const u8, from_row: usize, cols: usize) {
    let (strip, from) = (strip.cast::<U>(), from.cast::<U>());
    let mut at = 0;
    while at < cols {
        // SAFETY: as the caller says.
        unsafe {
            let block = B::transpose(from_fn(|row| U::load(from.add(row * from_row + at))));
            for (col, bits) in block.into_iter().enumerate() {
                U::store(bits, strip.add((at + col) * LANES));
            }
        }
        at += LANES;
    }
}

/// Copies at most four rows of any number of columns, element by element.
///
/// # Safety
/// These elements can be read, and written.
unsafe fn each<U: Unit>(
    [rows, cols]: [usize; 2],
    from: *const u8,
    [from_row, from_col]: [usize; 2],
    to: *mut u8,
    [to_row, to_col]: [usize; 2],
) {
    let (from, to) = (from.cast::<U>(), to.cast::<U>());
    let (mut row, mut col) = (0, 0);
    // One loop: of two, the compiler unrolls the inner one, to twice the code.
    for _ in 0..rows * cols {
        // SAFETY: as the caller says.
        unsafe {
            to.add(row * to_row + col * to_col).write(from.add(row * from_row + col * from_col).read());
        }
        row += 1;
        if row == rows {
            (row, col) = (0, col + 1);
        }
    }
}
