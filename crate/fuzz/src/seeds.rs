//! What the fuzzer starts from: each way to call, and each kind of values, on lengths where a walk of a row changes.

use crate::case::{Header, Values};

const ALL: u8 = 0b0111_1111;
const NORMAL: Values = Values { kind: 1, exponent: 0, mean: 0 };

/// Names, and bytes.
pub fn seeds() -> Vec<(String, Vec<u8>)> {
    let mut seeds = Vec::new();
    let usual = Header { length: 16, rows: 3, eps: 3, flags: ALL, values: [NORMAL; 4], ..Header::default() };
    let mut add = |name: String, header: Header| {
        // Bytes for values as well, so that there is something to change.
        let values = (0..64u32).map(|k| (k.wrapping_mul(0x9e37_79b1) >> 24) as u8);
        seeds.push((name, header.to_bytes().into_iter().chain(values).collect()));
    };
    for length in [0, 1, 3, 6, 15, 16, 63, 67] {
        add(format!("cols-{}", length + 1), Header { length, ..usual });
    }
    add("cols-257".into(), Header { length: 64, length_kind: 12, rows: 3, ..usual });
    add("cols-2050".into(), Header { length: 1, length_kind: 15, rows: 1, ..usual });
    add("many-rows".into(), Header { length: 67, length_kind: 240, rows: 255, ..usual });
    for rows in [0, 1, 2, 33, 70] {
        add(format!("rows-{rows}"), Header { rows, length: 4, ..usual });
    }
    for bit in 0..8 {
        add(format!("flags-{bit}"), Header { flags: ALL ^ (1 << bit), ..usual });
    }
    for places in [0b001, 0b010, 0b100, 0b011, 0b1000, 0b11010] {
        add(format!("places-{places}"), Header { places, rows: 35, length: 6, ..usual });
    }
    for eps in [0, 2, 5, 6, 7] {
        add(format!("eps-{eps}"), Header { eps, ..usual });
    }
    let x = [
        ("bits", Values { kind: 0, ..NORMAL }),
        ("constant", Values { kind: 2, mean: 3, ..NORMAL }),
        ("outliers", Values { kind: 3, ..NORMAL }),
        ("mean", Values { mean: 10_000, ..NORMAL }),
        ("tiny", Values { exponent: -128, ..NORMAL }),
        ("small", Values { exponent: -45, ..NORMAL }),
        ("large", Values { exponent: 45, ..NORMAL }),
        ("huge", Values { exponent: 124, ..NORMAL }),
        ("infinite", Values { exponent: 127, mean: 2, ..NORMAL }),
    ];
    for (name, x) in x {
        add(format!("x-{name}"), Header { values: [x, NORMAL, NORMAL, NORMAL], ..usual });
        add(format!("dy-{name}"), Header { values: [NORMAL, x, NORMAL, NORMAL], ..usual });
        add(format!("x-{name}-eps-0"), Header { eps: 0, values: [x, NORMAL, NORMAL, NORMAL], ..usual });
    }
    seeds
}

#[cfg(test)]
mod tests {
    #[test]
    fn properties_hold_of_the_seeds() {
        for (name, bytes) in super::seeds() {
            // Miri is thousands of times as slow.
            if !(cfg!(miri) && ["cols-257", "cols-2050", "many-rows"].contains(&name.as_str())) {
                println!("{name}");
                crate::check(&bytes);
            }
        }
    }
}
