//! Bytes as a batch and a way to call the kernels, and back.

use crate::batch::Batch;
use crate::call::{BackwardCall, ForwardCall, Place};

/// A batch, and how the kernels are called on it.
#[derive(Clone, Debug)]
pub struct Case {
    /// what they are called on
    pub batch: Batch,
    /// the forward call
    pub forward: ForwardCall,
    /// the backward calls
    pub backward: BackwardCall,
    /// Any `mean` and `rstd` instead of the forward pass's.
    pub saved: Option<[Vec<f32>; 2]>,
}

/// More elements than this are a large batch to the kernels.
pub const MANY: usize = 1 << 18;

/// What the first bytes are, each number one of them unless its type says otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub struct Header {
    /// See [`Header::cols`].
    pub length: u8,
    /// See [`Header::cols`].
    pub length_kind: u8,
    /// See [`Header::rows`].
    pub rows: u8,
    /// See [`Header::eps`]; bit 3: RMSNorm.
    pub eps: u8,
    /// Bits: gamma and beta present; mean, rstd, dx, dgamma and dbeta wanted; any mean and rstd saved.
    pub flags: u8,
    /// Bit 0: y over x. Bits 1 and 2: where dx stands. The rest: rows in a backward call, less one.
    pub places: u8,
    /// How x, dy, gamma and beta are made.
    pub values: [Values; 4],
}

/// How the values of an array are made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Values {
    /// 0: f32 from their bits. 1: `(mean + r / 4096) * 2^exponent` with `r` of 16 bits. 2: all `mean * 2^exponent`.
    /// 3: as 1, and every sixteenth or so a thousandfold `r`.
    pub kind: u8,
    /// a power of two
    pub exponent: i8,
    /// two bytes
    pub mean: i16,
}

impl Header {
    const BYTES: usize = 6 + 4 * 4;

    fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let [length, length_kind, rows, eps, flags, places, ..] = *bytes;
        let values = [6, 10, 14, 18].map(|at| Values {
            kind: bytes[at],
            exponent: bytes[at + 1] as i8,
            mean: i16::from_le_bytes([bytes[at + 2], bytes[at + 3]]),
        });
        Header { length, length_kind, rows, eps, flags, places, values }
    }

    /// The bytes that this header is read from.
    pub fn to_bytes(self) -> Vec<u8> {
        let Header { length, length_kind, rows, eps, flags, places, values } = self;
        let mut bytes = vec![length, length_kind, rows, eps, flags, places];
        for Values { kind, exponent, mean } in values {
            bytes.extend([kind, exponent as u8]);
            bytes.extend(mean.to_le_bytes());
        }
        bytes
    }

    /// Mostly up to 68: every tail, and more than one round of each loop. Seldom more, seldom very wide.
    pub fn cols(self) -> usize {
        let length = usize::from(self.length);
        match self.length_kind % 16 {
            0..=11 => 1 + length % 68,
            12..=14 => 1 + 4 * length,
            _ => 2049 + length,
        }
    }

    /// Few; or so many that the kernels choose their loops for large batches, which takes milliseconds.
    pub fn rows(self) -> usize {
        let cols = self.cols();
        match self.rows {
            255 if cols >= 32 && self.length_kind >> 4 == 15 => MANY / cols + 1,
            rows => (usize::from(rows) % 72).min(1024.max(cols) / cols),
        }
    }

    fn eps(self, pool: &mut Pool) -> f64 {
        match self.eps % 8 {
            0 | 1 => 0.0,
            2 => 1e-12,
            3 | 4 => 1e-5,
            5 => 1.0,
            6 => 1e30,
            _ => {
                let eps = f64::from_bits(u64::from(pool.word()) << 32 | u64::from(pool.word())).abs();
                if eps.is_finite() { eps } else { 1e-5 }
            }
        }
    }
}

/// The bytes after the header, and when they are at an end, numbers from a generator that starts from them.
struct Pool<'a> {
    bytes: &'a [u8],
    state: u32,
}

impl<'a> Pool<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let hash = |state: u32, &byte: &u8| (state ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        Pool { bytes, state: bytes.iter().fold(0x811c_9dc5, hash) | 1 }
    }

    fn short(&mut self) -> u16 {
        if let [low, high, rest @ ..] = self.bytes {
            self.bytes = rest;
            return u16::from_le_bytes([*low, *high]);
        }
        // Marsaglia, "Xorshift RNGs", 2003.
        self.state ^= self.state << 13;
        self.state ^= self.state >> 17;
        self.state ^= self.state << 5;
        (self.state >> 16) as u16
    }

    fn word(&mut self) -> u32 {
        u32::from(self.short()) | u32::from(self.short()) << 16
    }

    fn values(&mut self, count: usize, Values { kind, exponent, mean }: Values) -> Vec<f32> {
        let power = 2f64.powi(exponent.into());
        let scaled = |r: f64| ((f64::from(mean) + r) * power) as f32;
        let value = || match kind % 4 {
            0 => f32::from_bits(self.word()),
            2 => scaled(0.0),
            kind => {
                let short = self.short();
                let far = kind == 3 && short % 16 == 1;
                scaled(f64::from(short as i16) / 4096.0 * if far { 1000.0 } else { 1.0 })
            }
        };
        std::iter::repeat_with(value).take(count).collect()
    }
}

impl Case {
    /// Bytes that are missing are zeros.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut first = [0; Header::BYTES];
        let (head, rest) = bytes.split_at(bytes.len().min(Header::BYTES));
        first[..head.len()].copy_from_slice(head);
        let header = Header::from_bytes(&first);
        let mut pool = Pool::new(rest);
        let (rows, cols, eps) = (header.rows(), header.cols(), header.eps(&mut pool));
        let flag = |bit: u8| header.flags >> bit & 1 == 1;
        let [x, dy, gamma, beta] = header.values;
        let batch = Batch {
            x: pool.values(rows * cols, x),
            dy: pool.values(rows * cols, dy),
            gamma: flag(0).then(|| pool.values(cols, gamma)),
            beta: flag(1).then(|| pool.values(cols, beta)),
            cols,
            eps,
            centred: header.eps >> 3 & 1 == 0,
        };
        let bits = Values::default();
        let saved = flag(7).then(|| [pool.values(rows, bits), pool.values(rows, bits)]);
        let place = match header.places >> 1 & 3 {
            1 => Place::OverDy,
            2 => Place::OverX,
            _ => Place::Own,
        };
        Case {
            batch,
            forward: ForwardCall { over_x: header.places & 1 == 1, statistics: [flag(2), flag(3)] },
            backward: BackwardCall {
                wanted: [flag(4), flag(5), flag(6)],
                place,
                rows_per_call: 1 + usize::from(header.places >> 3),
            },
            saved,
        }
    }
}
