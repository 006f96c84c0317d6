//! The exports: pointers in, kernel call, no mathematics. `ts/engine/abi.ts` is the other side.
//!
//! A pointer that is null stands for an argument or result that is absent. The caller has checked every
//! size; memory is the caller's too, from [`heap_base`] on: nothing here allocates.

use crate::copy::{Place, copy};
use crate::element::{Bf16, F16};
use crate::elementwise::{add, plus_one};
use crate::gradients::Gradients;
use crate::layer_norm::{Backward, Forward, ForwardAcross};
use crate::row::Row;
use crate::vector::Best;
use core::cell::Cell;
use core::slice::from_raw_parts;
use wasm_bindgen::prelude::wasm_bindgen;

/// # Safety
/// `elements` of them can be read, and written if the kernel writes them, at `pointer`.
unsafe fn row<'a>(pointer: *const f32, elements: usize) -> Row<'a> {
    // SAFETY: as the caller says; a cell of f32 has the layout of f32.
    unsafe { from_raw_parts(pointer.cast::<Cell<f32>>(), elements) }
}

/// # Safety
/// As of [`row`], where `pointer` is not null.
unsafe fn optional_row<'a>(pointer: *const f32, elements: usize) -> Option<Row<'a>> {
    // SAFETY: as the caller says.
    (!pointer.is_null()).then(|| unsafe { row(pointer, elements) })
}

/// The first byte of memory that is the caller's: what lies below is the module's own.
#[cfg(target_arch = "wasm32")]
#[wasm_bindgen]
pub fn heap_base() -> usize {
    unsafe extern "C" {
        static __heap_base: u8;
    }
    &raw const __heap_base as usize
}

/// `y`, `mean` and `rstd` of `rows` rows. `gamma`, `beta`, `mean` and `rstd` may be null; `y` may be `x`.
/// `centred` is false for RMSNorm, which subtracts no mean.
///
/// # Safety
/// Every pointer is null where it may be, or good for its elements.
#[allow(clippy::too_many_arguments)] // an ABI is flat
#[allow(clippy::not_unsafe_ptr_arg_deref)]
#[wasm_bindgen]
pub fn layer_norm_forward_f32(
    x: *const f32,
    gamma: *const f32,
    beta: *const f32,
    y: *mut f32,
    mean: *mut f32,
    rstd: *mut f32,
    rows: usize,
    cols: usize,
    eps: f64,
    centred: bool,
) {
    // SAFETY: the caller has checked the sizes.
    unsafe {
        Forward {
            x: row(x, rows * cols),
            gamma: optional_row(gamma, cols),
            beta: optional_row(beta, cols),
            y: row(y, rows * cols),
            mean: optional_row(mean, rows),
            rstd: optional_row(rstd, rows),
            rows,
            cols,
            eps,
            centred,
        }
        .run::<Best>();
    }
}

/// The same of rows that lie side by side: element `k` of all of them at `k * stride`, and on from there. `y` lies as `x`
/// does. Returns how many it has done, from the first on: it stops before what it leaves to [`layer_norm_forward_f32`],
/// the last few and rows out of the ordinary.
///
/// # Safety
/// As of [`layer_norm_forward_f32`].
#[allow(clippy::too_many_arguments)] // an ABI is flat
#[allow(clippy::not_unsafe_ptr_arg_deref)]
#[wasm_bindgen]
pub fn layer_norm_forward_across_f32(
    x: *const f32,
    gamma: *const f32,
    beta: *const f32,
    y: *mut f32,
    mean: *mut f32,
    rstd: *mut f32,
    rows: usize,
    cols: usize,
    stride: usize,
    eps: f64,
    centred: bool,
) -> usize {
    let elements = (cols - 1) * stride + rows;
    // SAFETY: the caller has checked the sizes.
    unsafe {
        ForwardAcross {
            x: row(x, elements),
            gamma: optional_row(gamma, cols),
            beta: optional_row(beta, cols),
            y: row(y, elements),
            mean: optional_row(mean, rows),
            rstd: optional_row(rstd, rows),
            rows,
            cols,
            stride,
            eps,
            centred,
        }
        .run::<Best>()
    }
}

/// `dx` of `rows` rows, which are added to `gradients`. `mean` is null for RMSNorm, `gamma` may be null, or what the
/// gradients were started with; `dx` may be null or `dy`. `first_row` is the number of rows already added.
///
/// # Safety
/// As of [`layer_norm_forward_f32`] and [`gradients_start`].
#[allow(clippy::too_many_arguments)] // an ABI is flat
#[allow(clippy::not_unsafe_ptr_arg_deref)]
#[wasm_bindgen]
pub fn layer_norm_backward_f32(
    dy: *const f32,
    x: *const f32,
    mean: *const f32,
    rstd: *const f32,
    gamma: *const f32,
    dx: *mut f32,
    gradients: *mut f64,
    first_row: usize,
    rows: usize,
    cols: usize,
) {
    // SAFETY: the caller has checked the sizes.
    unsafe {
        Backward {
            dy: row(dy, rows * cols),
            x: row(x, rows * cols),
            mean: optional_row(mean, rows),
            rstd: row(rstd, rows),
            gamma: optional_row(gamma, cols),
            dx: optional_row(dx, rows * cols),
            gradients: Gradients::at(gradients, cols),
            rows,
            cols,
            first_row,
        }
        .run::<Best>();
    }
}

/// Starts the sums of `dgamma` and `dbeta` over no rows. `gamma` may be null.
///
/// # Safety
/// `gradients` is good for 28 bytes for each column, their number rounded up to a multiple of four, and aligned to 8.
#[allow(clippy::not_unsafe_ptr_arg_deref)]
#[wasm_bindgen]
pub fn gradients_start(gradients: *mut f64, gamma: *const f32, cols: usize) {
    // SAFETY: the caller has checked the sizes.
    unsafe { Gradients::at(gradients, cols).start::<Best>(optional_row(gamma, cols)) }
}

/// Writes `dgamma` and `dbeta`, those that are not null, or adds to what they hold.
///
/// # Safety
/// As of [`gradients_start`].
#[allow(clippy::not_unsafe_ptr_arg_deref)]
#[wasm_bindgen]
pub fn gradients_finish_f32(
    gradients: *mut f64,
    dgamma: *mut f32,
    dbeta: *mut f32,
    cols: usize,
    accumulate: bool,
) {
    // SAFETY: the caller has checked the sizes.
    unsafe {
        let (dgamma, dbeta) = (optional_row(dgamma, cols), optional_row(dbeta, cols));
        Gradients::at(gradients, cols).finish::<Best>(dgamma, dbeta, accumulate);
    }
}

/// Exports of [`copy()`] from one storage to another.
macro_rules! copies {
    ($($(#[doc = $doc:literal])* $name:ident: $from:ident $from_unit:ident => $to:ident $to_unit:ident)*) => {$(
        $(#[doc = $doc])*
        ///
        /// # Safety
        /// As of [`copy()`].
        #[allow(clippy::too_many_arguments)] // an ABI is flat
        #[allow(clippy::not_unsafe_ptr_arg_deref)]
        #[wasm_bindgen]
        pub fn $name(
            from: *const $from_unit,
            to: *mut $to_unit,
            size0: usize,
            size1: usize,
            size2: usize,
            from_stride0: usize,
            from_stride1: usize,
            from_stride2: usize,
            to_stride0: usize,
            to_stride1: usize,
            to_stride2: usize,
        ) {
            let from = Place { first: from, strides: [from_stride0, from_stride1, from_stride2] };
            let to = Place { first: to, strides: [to_stride0, to_stride1, to_stride2] };
            // SAFETY: the caller has checked the sizes.
            unsafe { copy::<Best, $from, $to>([size0, size1, size2], from, to) }
        }
    )*};
}

copies! {
    /// Copies a box of `size0 * size1 * size2` elements; strides are in elements.
    copy_f32: f32 i32 => f32 i32
    /// The same from binary16 to f32, exactly.
    widen_f16: F16 i16 => f32 i32
    /// The same from bfloat16 to f32, exactly.
    widen_bf16: Bf16 i16 => f32 i32
    /// The same from f32 to binary16, rounded.
    narrow_f16: f32 i32 => F16 i16
    /// The same from f32 to bfloat16, rounded.
    narrow_bf16: f32 i32 => Bf16 i16
}

/// `sum = a + b` of `count` elements; `sum` may be `a` or `b`.
///
/// # Safety
/// Every pointer is good for `count` elements.
#[allow(clippy::not_unsafe_ptr_arg_deref)]
#[wasm_bindgen]
pub fn add_f32(a: *const f32, b: *const f32, sum: *mut f32, count: usize) {
    // SAFETY: the caller has checked the sizes.
    unsafe { add::<Best>(row(a, count), row(b, count), row(sum, count)) }
}

/// `to = 1 + from` of `count` elements; `to` may be `from`.
///
/// # Safety
/// Every pointer is good for `count` elements.
#[allow(clippy::not_unsafe_ptr_arg_deref)]
#[wasm_bindgen]
pub fn plus_one_f32(from: *const f32, to: *mut f32, count: usize) {
    // SAFETY: the caller has checked the sizes.
    unsafe { plus_one::<Best>(row(from, count), row(to, count)) }
}
