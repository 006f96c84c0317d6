//! The sums of elements that stand beside the kernels.

use crate::row::{Operand, Row, map, neutral};
use crate::vector::Vector;

/// `sum = a + b`, which may be one of the two.
pub fn add<V: Vector>(a: Row, b: Row, sum: Row) {
    add_operand::<V>(a, b.into(), sum);
}

/// `to = 1 + from`, which may be the same.
pub fn plus_one<V: Vector>(from: Row, to: Row) {
    add_operand::<V>(from, Operand::or(None, &neutral(1.0)), to);
}

#[inline(never)]
fn add_operand<V: Vector>(a: Row, b: Operand, sum: Row) {
    map::<V, (), 1, 2, 1>((), [a.into(), b], [sum], |(), [a, b]| [a + b]);
}
